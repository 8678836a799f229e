#include "base_stores/rocksdb/data_scan.h"

#include <algorithm>
#include <numeric>

#include "base_stores/rocksdb/codec.h"
#include "core/chunk_pipeline.h"
#include "core/partial_documents.h"

namespace strata::rocksdb_store {
namespace {

constexpr size_t kChunkRows = 512;       // that a helper checks
constexpr size_t kChunkBytes = 1 << 20;  // about, of documents held ahead
constexpr size_t kFoldRows = 128;        // given together where only some paths are read

// What is asked of each record. Immutable.
struct Reading {
  Filter filter;
  PathSelection filter_paths;  // null: whole documents are asked
  // For a caller that only reads some paths: those and the filter's; null: it reads more.
  PathSelection all_paths;
  size_t values = 0;  // paths that the caller reads

  Reading(const Filter& f, const ScanOptions& options) : filter(f), values(options.values.size()) {
    std::optional<std::vector<Path>> paths = filter.PathsRead();
    if (!paths) return;
    if (!filter.empty()) filter_paths = SelectPaths(*paths);
    paths->insert(paths->end(), options.values.begin(), options.values.end());
    all_paths = SelectPaths(*paths);
  }
};
using ReadingPtr = std::shared_ptr<const Reading>;

// Rows of which only some paths are read.
class FoldRows final : public ColumnDocuments {
 public:
  explicit FoldRows(const Reading& reading)
      : filter_(reading.filter), documents_(reading.all_paths) {}

  void Add(std::string_view text) {
    if (!filter_.Matches(documents_.Add(text))) documents_.RemoveLast();
  }
  void Clear() { documents_.Clear(); }
  size_t size() const { return documents_.size(); }

  Value At(size_t place) const override { return documents_.At(place); }
  Document Share(size_t place) const override {
    return Document::FromTrusted(documents_.Text(place));
  }
  void Expect(size_t) const override {}

 private:
  const Filter filter_;
  PartialDocuments documents_;
};

std::shared_ptr<const ColumnRows> Given(std::shared_ptr<const FoldRows> rows, size_t values) {
  auto out = std::make_shared<ColumnRows>();
  out->selected.resize(rows->size());
  std::iota(out->selected.begin(), out->selected.end(), Column::Place{0});
  out->columns.resize(values);
  out->documents = std::move(rows);
  return out;
}

// Which documents pass. Asks the filter's paths first, as long as most documents fail.
class Sieve {
 public:
  explicit Sieve(const Reading& reading) : filter_(reading.filter) {
    if (reading.filter_paths != nullptr) partial_.emplace(reading.filter_paths);
  }

  void Add(std::string_view text, std::vector<Document>* passed) {
    if (partial_) {
      ++asked_;
      const bool matches = filter_.Matches(partial_->Add(text));
      partial_->Clear();
      if (!matches) return;
      passed->push_back(Document::FromTrusted(text));
      if (++passed_ > kTrial && 2 * passed_ > asked_) partial_.reset();
      return;
    }
    Document d = Document::FromTrusted(text);
    if (filter_.Matches(d.root())) passed->push_back(std::move(d));
  }

 private:
  static constexpr uint64_t kTrial = 256;

  const Filter filter_;
  std::optional<PartialDocuments> partial_;
  uint64_t asked_ = 0;
  uint64_t passed_ = 0;
};

// Records of a range, one behind the other.
class RangeReader {
 public:
  RangeReader(const RocksdbSnapshot& snapshot, const IdBounds& bounds, std::string_view after)
      : database_(snapshot.database()), bound_(bounds.end.value_or("")), last_(after) {
    rocksdb::ReadOptions read = snapshot.read();
    if (bounds.end) {
      end_ = ToSlice(bound_);
      read.iterate_upper_bound = &end_;
    }
    read.readahead_size = 256 << 10;
    read.fill_cache = bounds.bounded();  // a full scan must not drive out what point reads need
    it_.reset(database_.db()->NewIterator(read, database_.data()));
    if (!after.empty() && after >= bounds.from) {
      it_->Seek(ToSlice(after));
      if (it_->Valid() && id() == after) it_->Next();
    } else {
      it_->Seek(bounds.from);
    }
  }
  RangeReader(const RangeReader&) = delete;
  RangeReader& operator=(const RangeReader&) = delete;

  bool Valid() const { return it_->Valid(); }
  Status status() const { return database_.ToStatus(it_->status(), "reading"); }
  std::string_view id() const { return ToView(it_->key()); }
  std::string_view value() const { return ToView(it_->value()); }
  void Next() { it_->Next(); }
  // The same, and remembers the id.
  void Pass() {
    last_ = id();
    ++passed_;
    it_->Next();
  }
  const std::string& last() const { return last_; }
  uint64_t passed() const { return passed_; }

 private:
  const Database& database_;  // the snapshot's
  const std::string bound_;
  rocksdb::Slice end_;
  std::unique_ptr<rocksdb::Iterator> it_;
  std::string last_;
  uint64_t passed_ = 0;
};

class RangeScan final : public RecordScan {
 public:
  RangeScan(const RocksdbSnapshot& snapshot, const IdBounds& bounds, std::string_view after,
            ReadingPtr reading)
      : reading_(std::move(reading)), sieve_(*reading_), records_(snapshot, bounds, after) {}

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    while (rows->size() < max_rows) {
      ASSIGN_OR_RETURN(const bool more, Read(ctx, done));
      if (!more) return OkStatus();
      sieve_.Add(text_, rows);
      records_.Pass();
    }
    return OkStatus();
  }

  StatusOr<std::shared_ptr<const ColumnRows>> NextColumns(const Context& ctx, bool* done) override {
    *done = false;
    if (reading_->all_paths == nullptr) return std::shared_ptr<const ColumnRows>();
    if (fold_ == nullptr || fold_.use_count() > 1) fold_ = std::make_shared<FoldRows>(*reading_);
    fold_->Clear();
    while (fold_->size() < kFoldRows) {
      ASSIGN_OR_RETURN(const bool more, Read(ctx, done));
      if (!more) break;
      fold_->Add(text_);
      records_.Pass();
    }
    return Given(fold_, reading_->values);
  }

  std::string Position() const override { return records_.last(); }
  uint64_t examined() const override { return records_.passed(); }

 private:
  // Into text_, what lies at the reader. False: there is nothing, and *done says so.
  StatusOr<bool> Read(const Context& ctx, bool* done) {
    *done = !records_.Valid();
    if (*done) {
      RETURN_IF_ERROR(records_.status());
      return false;
    }
    if (records_.passed() % 256 == 0) RETURN_IF_ERROR(ctx.Check());
    ASSIGN_OR_RETURN(text_, RecordText(records_.id(), records_.value()));
    return true;
  }

  const ReadingPtr reading_;
  Sieve sieve_;
  RangeReader records_;
  std::string_view text_;
  std::shared_ptr<FoldRows> fold_;
};

// The same with helpers: this thread reads, they verify, decode and check.
class ParallelRangeScan final : public RecordScan {
 public:
  ParallelRangeScan(const RocksdbSnapshot& snapshot, const IdBounds& bounds, std::string_view after,
                    const ReadingPtr& reading, std::shared_ptr<Executor> helpers)
      : reading_(reading),
        records_(snapshot, bounds, after),
        pipeline_(std::move(helpers), [reading](Chunk& c) { c.status = Check(*reading, &c); }),
        last_(after) {}

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (at_ == chunk_.passed.size()) {
        ASSIGN_OR_RETURN(const bool more, NextChunk(ctx, false));
        if (more) continue;
        *done = true;
        return OkStatus();
      }
      rows->push_back(std::move(chunk_.passed[at_++]));
      given_ = rows->back();
    }
    return OkStatus();
  }

  StatusOr<std::shared_ptr<const ColumnRows>> NextColumns(const Context& ctx, bool* done) override {
    *done = false;
    if (reading_->all_paths == nullptr) return std::shared_ptr<const ColumnRows>();
    do {
      ASSIGN_OR_RETURN(const bool more, NextChunk(ctx, true));
      *done = !more;
      if (!more) return std::shared_ptr<const ColumnRows>();
    } while (chunk_.fold->size() == 0);
    return Given(chunk_.fold, reading_->values);
  }

  std::string Position() const override {
    // Rows of a chunk are given before the chunk has passed as a whole.
    return at_ > 0 && at_ <= chunk_.passed.size() ? StoredId(given_) : last_;
  }
  uint64_t examined() const override { return examined_; }

 private:
  struct Chunk {
    // Ids and values one behind the other, and where each ends.
    std::string bytes;
    struct Ends {
      size_t id;
      size_t value;
    };
    std::vector<Ends> records;
    bool folds = false;  // only some paths are read
    std::vector<Document> passed;
    std::shared_ptr<FoldRows> fold;
    Status status;

    std::string_view Id(size_t i) const {
      const size_t begin = i == 0 ? 0 : records[i - 1].value;
      return std::string_view(bytes).substr(begin, records[i].id - begin);
    }
    std::string_view Value(size_t i) const {
      return std::string_view(bytes).substr(records[i].id, records[i].value - records[i].id);
    }
  };

  static Status Check(const Reading& reading, Chunk* c) {
    Sieve sieve(reading);
    if (c->folds) c->fold = std::make_shared<FoldRows>(reading);
    for (size_t i = 0; i < c->records.size(); ++i) {
      ASSIGN_OR_RETURN(const std::string_view text, RecordText(c->Id(i), c->Value(i)));
      if (c->folds) {
        c->fold->Add(text);
      } else {
        sieve.Add(text, &c->passed);
      }
    }
    return OkStatus();
  }

  // False: there is none. `folds`: whether it is read by NextColumns, as all the others are.
  StatusOr<bool> NextChunk(const Context& ctx, bool folds) {
    RETURN_IF_ERROR(ctx.Check());
    if (!chunk_.records.empty()) last_ = chunk_.Id(chunk_.records.size() - 1);
    examined_ += chunk_.records.size();
    while (more_ && pipeline_.wants()) {
      ASSIGN_OR_RETURN(Chunk read, ReadChunk());
      read.folds = folds;
      pipeline_.Push(std::move(read));
    }
    std::optional<Chunk> next = pipeline_.Pop();
    chunk_ = next ? *std::move(next) : Chunk();
    at_ = 0;
    if (chunk_.records.empty()) return false;
    RETURN_IF_ERROR(chunk_.status);
    return true;
  }

  StatusOr<Chunk> ReadChunk() {
    Chunk c;
    for (; records_.Valid() && c.records.size() < kChunkRows && c.bytes.size() < kChunkBytes;
         records_.Next()) {
      c.bytes += records_.id();
      const size_t id_end = c.bytes.size();
      c.bytes += records_.value();
      c.records.push_back({id_end, c.bytes.size()});
    }
    if (!records_.Valid()) {
      RETURN_IF_ERROR(records_.status());
      more_ = false;
    }
    return c;
  }

  const ReadingPtr reading_;
  RangeReader records_;
  ChunkPipeline<Chunk> pipeline_;
  bool more_ = true;
  Chunk chunk_;  // whose rows are given
  size_t at_ = 0;
  Document given_;
  std::string last_;
  uint64_t examined_ = 0;
};

// Documents of which the ids are known.
class IdScan final : public RecordScan {
 public:
  IdScan(const RocksdbSnapshot& snapshot, std::vector<std::string> ids, const Filter& filter,
         std::string_view after)
      : snapshot_(snapshot), ids_(std::move(ids)), filter_(filter), last_(after) {
    std::erase_if(ids_, [&](const std::string& id) { return !after.empty() && id <= after; });
  }

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    for (; rows->size() < max_rows; ++next_) {
      if (next_ == ids_.size()) {
        *done = true;
        return OkStatus();
      }
      RETURN_IF_ERROR(ctx.Check());
      std::optional<Record> record;
      RETURN_IF_ERROR(snapshot_.database().Get(snapshot_.read(), ids_[next_], &record));
      last_ = ids_[next_];
      if (!record) continue;
      ++examined_;
      if (filter_.Matches(record->document.root())) rows->push_back(std::move(record->document));
    }
    return OkStatus();
  }

  std::string Position() const override { return last_; }
  uint64_t examined() const override { return examined_; }

 private:
  const RocksdbSnapshot& snapshot_;
  std::vector<std::string> ids_;
  const Filter filter_;
  size_t next_ = 0;
  std::string last_;
  uint64_t examined_ = 0;
};

}  // namespace

std::unique_ptr<RecordScan> ScanData(const RocksdbSnapshot& snapshot, const IdBounds& bounds,
                                     const Filter& filter, std::string_view after,
                                     const ScanOptions& options) {
  if (bounds.ids) return std::make_unique<IdScan>(snapshot, *bounds.ids, filter, after);
  auto reading = std::make_shared<const Reading>(filter, options);
  // Without a condition there is too little that helpers could do for what handing rows over costs.
  if (options.helpers != nullptr && !filter.empty()) {
    return std::make_unique<ParallelRangeScan>(snapshot, bounds, after, std::move(reading),
                                               options.helpers);
  }
  return std::make_unique<RangeScan>(snapshot, bounds, after, std::move(reading));
}

}  // namespace strata::rocksdb_store

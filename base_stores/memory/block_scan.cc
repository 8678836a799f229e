#include "base_stores/memory/block_scan.h"

#include <algorithm>

#include "core/chunk_pipeline.h"
#include "query/columns/column_filter.h"

namespace strata::memory {
namespace {

constexpr size_t kCollect = 512;  // versions collected under one hold of the table's lock

// What the work on a block needs to know; shared with the helpers.
struct Reading {
  ColumnCache* cache;  // null: nothing is kept
  ColumnFilter filter;
  std::vector<std::string> filter_paths;             // as keys
  std::vector<std::string> values;                   // of the columns that are to be given
  std::vector<std::pair<std::string, Path>> wanted;  // that are to be kept
};

struct Piece {
  std::optional<ColumnCache::Place> place;  // when the rows are all of its range
  std::shared_ptr<const Block> block;
  size_t begin = 0, end = 0;  // of the rows looked at
  std::vector<Column::Place> selected;
  bool by_columns = false;  // there was a condition, and no document was needed to ask it
};

void Work(const Reading& reading, Piece* p) {
  if (p->place && p->place->keep) {
    std::vector<Block::Named> made;
    for (const auto& [text, path] : reading.wanted) {
      if (p->block->Find(text) == nullptr)
        made.emplace_back(text, Column::Make(path, *p->block, p->block->rows()));
    }
    if (!made.empty()) {
      p->block = p->block->With(std::move(made));
      reading.cache->Keep(*p->place, p->block);
    }
  }
  std::vector<const Column*> columns;
  for (const std::string& path : reading.filter_paths) {
    const Block::ColumnPtr* const c = p->block->Find(path);
    columns.push_back(c == nullptr ? nullptr : c->get());
  }
  p->by_columns = reading.filter.Select(*p->block, columns, p->begin, p->end, &p->selected) &&
                  !reading.filter.empty();
}

class BlockScan final : public RecordScan {
 public:
  BlockScan(const VersionTable& table, uint64_t revision, const IdBounds& bounds,
            std::string_view after, std::shared_ptr<const Reading> reading,
            const std::shared_ptr<Executor>& helpers)
      : table_(table),
        revision_(revision),
        bounds_(bounds),
        reading_(std::move(reading)),
        last_(after) {
    inclusive_ = after.empty() || after < bounds_.from;
    from_ = inclusive_ ? bounds_.from : std::string(after);
    if (helpers != nullptr) pipeline_.emplace(helpers, [r = reading_](Piece& p) { Work(*r, &p); });
  }

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (at_ == piece_.selected.size()) {
        ASSIGN_OR_RETURN(const bool more, NextPiece(ctx));
        if (more) continue;
        *done = true;
        return OkStatus();
      }
      const Column::Place place = piece_.selected[at_];
      if (at_ + kFetch < piece_.selected.size())
        piece_.block->version(piece_.selected[at_ + kFetch]).document.PrefetchText();
      ++at_;
      passed_ = &piece_.block->version(place);
      rows->push_back(passed_->document);
    }
    return OkStatus();
  }

  StatusOr<std::shared_ptr<const ColumnRows>> NextColumns(const Context& ctx, bool* done) override {
    *done = false;
    while (at_ == piece_.selected.size()) {
      ASSIGN_OR_RETURN(const bool more, NextPiece(ctx));
      if (more) continue;
      *done = true;
      return std::shared_ptr<const ColumnRows>();
    }
    auto rows = std::make_shared<ColumnRows>();
    for (const std::string& path : reading_->values) {
      const Block::ColumnPtr* const c = piece_.block->Find(path);
      if (c == nullptr) return std::shared_ptr<const ColumnRows>();
      rows->columns.push_back(*c);
    }
    rows->documents = piece_.block;
    rows->selected.assign(piece_.selected.begin() + static_cast<std::ptrdiff_t>(at_),
                          piece_.selected.end());
    at_ = piece_.selected.size();
    passed_ = &piece_.block->version(piece_.selected.back());
    if (reading_->filter.empty()) by_columns_ += rows->selected.size();
    return std::shared_ptr<const ColumnRows>(std::move(rows));
  }

  std::string Position() const override {
    return passed_ != nullptr ? StoredId(passed_->document) : last_;
  }
  uint64_t examined() const override { return examined_; }
  uint64_t by_columns() const override { return by_columns_; }

 private:
  static constexpr size_t kFetch = 4;  // documents ahead

  // False: there is none. Piece_ then is empty.
  StatusOr<bool> NextPiece(const Context& ctx) {
    RETURN_IF_ERROR(ctx.Check());
    if (piece_.end > piece_.begin) passed_ = &piece_.block->version(piece_.end - 1);
    at_ = 0;
    if (!pipeline_) {
      if (!more_) {
        piece_ = Piece();
        return false;
      }
      ASSIGN_OR_RETURN(piece_, Read(ctx));
      Work(*reading_, &piece_);
    } else {
      while (more_ && pipeline_->wants()) {
        ASSIGN_OR_RETURN(Piece read, Read(ctx));
        pipeline_->Push(std::move(read));
      }
      std::optional<Piece> next = pipeline_->Pop();
      if (!next) {
        piece_ = Piece();
        return false;
      }
      piece_ = *std::move(next);
    }
    examined_ += piece_.end - piece_.begin;
    if (piece_.by_columns) by_columns_ += piece_.end - piece_.begin;
    return true;
  }

  // The next rows to look at: those of one range, or as many as make a piece of work.
  StatusOr<Piece> Read(const Context& ctx) {
    Piece p;
    const std::string* end = bounds_.end ? &*bounds_.end : nullptr;
    if (reading_->cache == nullptr) {
      RETURN_IF_ERROR(Collect(ctx, end, &p).status());
      return p;
    }
    ColumnCache::Place place = reading_->cache->At(from_, revision_);
    const bool cut = end != nullptr && (!place.end || *end < *place.end);
    const bool from_begin = inclusive_ && from_ == place.begin;
    if (place.block != nullptr) {
      p.block = place.block;
      p.begin = from_begin ? 0 : PlaceOf(*p.block, from_, !inclusive_);
      p.end = cut ? PlaceOf(*p.block, *end, false) : p.block->rows();
      p.end = std::max(p.begin, p.end);
    } else {
      ASSIGN_OR_RETURN(const std::optional<std::string> next,
                       Collect(ctx, cut || !place.end ? end : &*place.end, &p));
      if (next) {
        // The range has grown too large.
        if (from_begin && place.current) p.place = reading_->cache->Split(place, *next);
        return p;
      }
    }
    more_ = !cut && place.end.has_value();
    if (more_) {
      from_ = *place.end;
      inclusive_ = true;
    }
    if (from_begin && !cut) {
      if (place.current && place.block == nullptr) reading_->cache->Join(place, p.block->rows());
      p.place = std::move(place);
    }
    return p;
  }

  // Collects versions before `end`, at most as many as a block has. The id of the first one that is
  // left, with which the next piece begins; none: there is none before `end`.
  StatusOr<std::optional<std::string>> Collect(const Context& ctx, const std::string* end,
                                               Piece* p) {
    auto versions = std::make_shared<std::vector<const Version*>>();
    more_ = true;
    while (more_ && versions->size() <= ColumnCache::kBlockRows) {
      RETURN_IF_ERROR(ctx.Check());
      more_ = table_.Collect(revision_, end, kCollect, &from_, inclusive_, versions.get());
      inclusive_ = false;
    }
    std::optional<std::string> left;
    if (versions->size() > ColumnCache::kBlockRows) {
      left = StoredId((*versions)[ColumnCache::kBlockRows]->document);
      versions->resize(ColumnCache::kBlockRows);
      versions->shrink_to_fit();
      from_ = *left;
      inclusive_ = true;
      more_ = true;
    }
    p->end = versions->size();
    p->block = std::make_shared<Block>(revision_, std::move(versions));
    return left;
  }

  // The first place whose id is not before `id`, or is behind it.
  static size_t PlaceOf(const Block& block, const std::string& id, bool behind) {
    size_t low = 0, high = block.rows();
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      const std::string at = StoredId(block.version(middle).document);
      if (at < id || (behind && at == id)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  const VersionTable& table_;
  const uint64_t revision_;
  const IdBounds bounds_;
  const std::shared_ptr<const Reading> reading_;
  std::optional<ChunkPipeline<Piece>> pipeline_;
  std::string from_;
  bool inclusive_ = true;
  bool more_ = true;
  Piece piece_;  // whose rows are given
  size_t at_ = 0;
  const Version* passed_ = nullptr;  // the last one; the snapshot keeps it
  const std::string last_;
  uint64_t examined_ = 0;
  uint64_t by_columns_ = 0;
};

}  // namespace

std::unique_ptr<RecordScan> ScanBlocks(const VersionTable& table, ColumnCache* columns,
                                       uint64_t revision, const IdBounds& bounds,
                                       const Filter& filter, std::string_view after,
                                       const ScanOptions& options) {
  ColumnFilter by_columns(filter);
  std::vector<Path> paths = by_columns.paths();
  for (const Path& v : options.values) {
    if (!v.empty() && std::find(paths.begin(), paths.end(), v) == paths.end()) paths.push_back(v);
  }
  const std::vector<Path> wanted = columns->Wanted(paths);
  // Without a condition there is nothing that helpers could do.
  if (wanted.empty() && (options.helpers == nullptr || filter.empty())) return nullptr;
  auto reading = std::make_shared<Reading>(
      Reading{wanted.empty() ? nullptr : columns, std::move(by_columns), {}, {}, {}});
  for (const Path& p : reading->filter.paths())
    reading->filter_paths.push_back(ColumnCache::KeyOf(p));
  for (const Path& p : options.values) reading->values.push_back(ColumnCache::KeyOf(p));
  for (const Path& p : wanted) reading->wanted.emplace_back(ColumnCache::KeyOf(p), p);
  return std::make_unique<BlockScan>(table, revision, bounds, after, std::move(reading),
                                     options.helpers);
}

}  // namespace strata::memory

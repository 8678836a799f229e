#include "base_stores/rocksdb/rocksdb_snapshot.h"

#include <algorithm>

#include "base_stores/rocksdb/codec.h"
#include "base_stores/rocksdb/data_scan.h"
#include "base_stores/rocksdb/indexes.h"
#include "core/json_text.h"

namespace strata::rocksdb_store {
namespace {

constexpr size_t kMostFetched = 256;     // index entries read ahead
constexpr size_t kFetch = 32;            // documents asked for together
constexpr size_t kChunkBytes = 1 << 20;  // of documents held ahead, about

// Entries of an index in its order.
class EntryReader {
 public:
  EntryReader(const RocksdbSnapshot& snapshot, const IndexAccess& access)
      : database_(snapshot.database()),
        access_(access),
        prefix_(IndexPrefix(access.index->number)) {
    rocksdb::ReadOptions read = snapshot.read();
    // Nothing beyond this index is of interest; without a bound, a seek may look at the next one's.
    last_ = IndexPrefix(access.index->number + 1);
    end_ = ToSlice(last_);
    begin_ = ToSlice(prefix_);
    read.iterate_upper_bound = &end_;
    read.iterate_lower_bound = &begin_;
    it_.reset(database_.db()->NewIterator(read, database_.indexes()));
    if (access_.reverse) std::reverse(access_.ranges.begin(), access_.ranges.end());
  }

  // The next entry; false when there is none. It stays readable until the next call.
  StatusOr<bool> Next(EntryParts* out) {
    for (; range_ < access_.ranges.size(); ++range_, begun_ = false) {
      const KeyRange& range = access_.ranges[range_];
      if (access_.after && !begun_ && IsBehind(range)) continue;
      ASSIGN_OR_RETURN(const bool found,
                       access_.reverse ? Backwards(range, out) : Forwards(range, out));
      if (found) return true;
    }
    return false;
  }

 private:
  bool IsBehind(const KeyRange& r) const {
    const std::string& key = access_.after->first;
    return access_.reverse ? key < r.from : r.end && key >= *r.end;
  }

  // The entry that the iterator stands at; false when it stands at none.
  StatusOr<bool> At(EntryParts* out) {
    if (!it_->Valid()) {
      RETURN_IF_ERROR(database_.ToStatus(it_->status(), "reading an index"));
      return false;
    }
    if (!DecodeEntry(ToView(it_->key()), ToView(it_->value()), out))
      return DamagedIndex(access_.index->spec.name);
    return true;
  }

  void Seek(std::string_view key, std::string_view id = {}) {
    std::string at = prefix_;
    at += key;
    at += id;
    it_->Seek(ToSlice(at));
  }

  bool StartsBehind(const KeyRange& range) const {
    return access_.after && range.Contains(access_.after->first);
  }

  StatusOr<bool> Forwards(const KeyRange& range, EntryParts* out) {
    if (begun_) {
      it_->Next();
    } else if (StartsBehind(range)) {
      Seek(access_.after->first, access_.after->second);
      ASSIGN_OR_RETURN(const bool there, At(out));
      if (there && out->key == access_.after->first && out->id == access_.after->second)
        it_->Next();
    } else {
      Seek(range.from);
    }
    begun_ = true;
    ASSIGN_OR_RETURN(const bool there, At(out));
    return there && (!range.end || out->key < *range.end);
  }

  // Within a key forwards, then on to the key before it.
  StatusOr<bool> Backwards(const KeyRange& range, EntryParts* out) {
    if (begun_) {
      it_->Next();
    } else if (StartsBehind(range)) {
      group_ = access_.after->first;
      Seek(group_, access_.after->second);
      ASSIGN_OR_RETURN(const bool there, At(out));
      if (there && out->key == group_ && out->id == access_.after->second) it_->Next();
    } else {
      ASSIGN_OR_RETURN(const bool found, GroupBefore(range.end, range, out));
      begun_ = true;
      return found;
    }
    begun_ = true;
    ASSIGN_OR_RETURN(const bool there, At(out));
    if (there && out->key == group_) return true;
    return GroupBefore(group_, range, out);
  }

  // Goes to the first entry of the last key before `key` (none: of the last key).
  StatusOr<bool> GroupBefore(const std::optional<std::string>& key, const KeyRange& range,
                             EntryParts* out) {
    if (key) {
      const std::string at = prefix_ + *key;
      it_->SeekForPrev(ToSlice(at));
      // The very key belongs to what lies behind.
      if (it_->Valid() && ToView(it_->key()) == at) it_->Prev();
    } else {
      it_->SeekToLast();
    }
    ASSIGN_OR_RETURN(const bool there, At(out));
    if (!there || out->key < range.from) return false;
    group_ = out->key;
    Seek(group_);
    return At(out);
  }

  const Database& database_;  // the snapshot's
  IndexAccess access_;
  const std::string prefix_;
  std::string last_;
  rocksdb::Slice begin_;
  rocksdb::Slice end_;
  std::unique_ptr<rocksdb::Iterator> it_;
  size_t range_ = 0;
  bool begun_ = false;  // within the range
  std::string group_;   // backwards: the key whose entries are passed
};

// Documents in an index' order: their ids from the index, then several documents together.
class IndexScan final : public RecordScan {
 public:
  IndexScan(const RocksdbSnapshot& snapshot, IndexAccess access, const Filter& filter)
      : snapshot_(snapshot),
        access_(std::move(access)),
        entries_(snapshot, access_),
        filter_(filter) {}

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (next_ == ready_.size()) {
        if (ended_ && next_id_ == ids_.size()) {
          *done = true;
          return OkStatus();
        }
        RETURN_IF_ERROR(ctx.Check());
        RETURN_IF_ERROR(Fill(max_rows - rows->size()));
        continue;
      }
      const Document& d = ready_[next_++];
      ++examined_;
      passed_ = d;
      if (filter_.Matches(d.root())) rows->push_back(d);
    }
    if (next_ == ready_.size() && ended_ && next_id_ == ids_.size()) *done = true;
    return OkStatus();
  }

  std::string Position() const override { return passed_ ? StoredId(passed_) : ""; }
  uint64_t examined() const override { return examined_; }

 private:
  Status Fill(size_t wanted) {
    ready_.clear();
    next_ = 0;
    if (next_id_ == ids_.size()) RETURN_IF_ERROR(ReadEntries(wanted));
    // Few enough that large documents do not fill the memory.
    for (size_t bytes = 0; next_id_ < ids_.size() && bytes < kChunkBytes;) {
      const size_t n = std::min(kFetch, ids_.size() - next_id_);
      const std::span<const std::string> ids(ids_.data() + next_id_, n);
      std::vector<std::optional<Record>> records(n);
      RETURN_IF_ERROR(snapshot_.database().GetMany(snapshot_.read(), ids, records));
      for (size_t i = 0; i < n; ++i) {
        if (!records[i]) {
          return DataLoss(Concat("the index ", JsonString(access_.index->spec.name), " names ",
                                 JsonString(ids[i]), ", which is not there; ", kRestore));
        }
        bytes += records[i]->document.text().size();
        ready_.push_back(std::move(records[i]->document));
      }
      next_id_ += n;
    }
    return OkStatus();
  }

  Status ReadEntries(size_t wanted) {
    ids_.clear();
    next_id_ = 0;
    // No more than is wanted at first, since a limit often ends it there.
    chunk_ = std::min(kMostFetched, std::max(wanted, 2 * chunk_));
    EntryParts entry;
    while (ids_.size() + ready_.size() < chunk_) {
      ASSIGN_OR_RETURN(const bool more, entries_.Next(&entry));
      if (!more) {
        ended_ = true;
        break;
      }
      if (access_.covered) {
        ready_.push_back(Document::FromTrusted(entry.covered));
      } else {
        ids_.emplace_back(entry.id);
      }
    }
    return OkStatus();
  }

  const RocksdbSnapshot& snapshot_;
  const IndexAccess access_;
  EntryReader entries_;
  const Filter filter_;
  std::vector<std::string> ids_;  // read from the index, and up to where they were fetched
  size_t next_id_ = 0;
  std::vector<Document> ready_;
  size_t next_ = 0;
  size_t chunk_ = 0;
  bool ended_ = false;
  Document passed_;
  uint64_t examined_ = 0;
};

}  // namespace

RocksdbSnapshot::RocksdbSnapshot(std::shared_ptr<Database> database)
    : database_(std::move(database)), read_(IteratorOptions()) {
  read_.snapshot = database_->db()->GetSnapshot();
}

RocksdbSnapshot::~RocksdbSnapshot() { database_->db()->ReleaseSnapshot(read_.snapshot); }

Status RocksdbSnapshot::Read(const Context&, std::span<const std::string_view> ids,
                             const std::span<std::optional<Record>>& out) const {
  return database_->GetMany(read_, ids, out);
}

std::unique_ptr<RecordScan> RocksdbSnapshot::Scan(const IdBounds& bounds, const Filter& filter,
                                                  std::string_view after,
                                                  const ScanOptions& options) const {
  return ScanData(*this, bounds, filter, after, options);
}

StatusOr<std::unique_ptr<RecordScan>> RocksdbSnapshot::ScanIndex(IndexAccess access,
                                                                 const Filter& filter) const {
  return std::unique_ptr<RecordScan>(std::make_unique<IndexScan>(*this, std::move(access), filter));
}

template <typename F>
Status RocksdbSnapshot::ForEachEntry(const Context& ctx, const CatalogIndex& index,
                                     std::span<const KeyRange> ranges, const F& f) const {
  EntryReader entries(*this, {std::make_shared<const CatalogIndex>(index),
                              {ranges.begin(), ranges.end()},
                              false,
                              false,
                              std::nullopt});
  EntryParts entry;
  for (uint64_t n = 0;; ++n) {
    if (n % 256 == 0) RETURN_IF_ERROR(ctx.Check());
    ASSIGN_OR_RETURN(const bool more, entries.Next(&entry));
    if (!more || !f(entry)) return OkStatus();
  }
}

StatusOr<bool> RocksdbSnapshot::CollectIds(const Context& ctx, const CatalogIndex& index,
                                           std::span<const KeyRange> ranges, size_t budget,
                                           std::vector<std::string>* ids) const {
  size_t bytes = 0;
  RETURN_IF_ERROR(ForEachEntry(ctx, index, ranges, [&](const EntryParts& e) {
    ids->emplace_back(e.id);
    bytes += sizeof(std::string) + e.id.size();
    return bytes <= budget;
  }));
  return bytes <= budget;
}

StatusOr<uint64_t> RocksdbSnapshot::CountIndex(const Context& ctx, const CatalogIndex& index,
                                               std::span<const KeyRange> ranges) const {
  uint64_t count = 0;
  RETURN_IF_ERROR(ForEachEntry(ctx, index, ranges, [&](const EntryParts&) {
    ++count;
    return true;
  }));
  return count;
}

}  // namespace strata::rocksdb_store

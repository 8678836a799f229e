#include "base_stores/memory/memory_scan.h"

#include <algorithm>

#include "base_stores/memory/block_scan.h"

namespace strata::memory {
namespace {

constexpr size_t kChunk = 512;      // versions collected under one hold of a lock
constexpr size_t kFirstChunk = 16;  // of an index: a limit often ends it there
constexpr size_t kFetchText = 3;    // documents ahead
constexpr size_t kFetchIndex = 2;

class TableScan final : public RecordScan {
 public:
  TableScan(const VersionTable& table, uint64_t revision, const IdBounds& bounds,
            const Filter& filter, std::string_view after)
      : table_(table), revision_(revision), bounds_(bounds), filter_(filter) {
    if (bounds_.ids) {
      std::erase_if(*bounds_.ids,
                    [&](const std::string& id) { return !after.empty() && id <= after; });
    } else if (!after.empty() && after >= bounds_.from) {
      from_ = after;
      inclusive_ = false;
    } else {
      from_ = bounds_.from;
    }
    last_ = after;
  }

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (at_ == chunk_.size()) {
        RETURN_IF_ERROR(ctx.Check());
        chunk_.clear();
        at_ = 0;
        if (!more_) {
          *done = true;
          return OkStatus();
        }
        Fill();
        continue;
      }
      const Version* v = chunk_[at_];
      if (at_ + kFetchText < chunk_.size()) {
        chunk_[at_ + kFetchText]->document.PrefetchText();
        chunk_[at_ + kFetchIndex]->document.PrefetchIndex();
      }
      ++at_;
      ++examined_;
      passed_ = v;
      if (filter_.Matches(v->document.root())) rows->push_back(v->document);
    }
    if (at_ == chunk_.size() && !more_) *done = true;
    return OkStatus();
  }

  std::string Position() const override {
    return passed_ != nullptr ? StoredId(passed_->document) : last_;
  }
  uint64_t examined() const override { return examined_; }

 private:
  void Fill() {
    if (bounds_.ids) {
      for (; next_id_ < bounds_.ids->size() && chunk_.size() < kChunk; ++next_id_) {
        if (const Version* v = table_.ReadAt((*bounds_.ids)[next_id_], revision_))
          chunk_.push_back(v);
      }
      more_ = next_id_ < bounds_.ids->size();
      return;
    }
    const std::string* end = bounds_.end ? &*bounds_.end : nullptr;
    more_ = table_.Collect(revision_, end, kChunk, &from_, inclusive_, &chunk_);
    inclusive_ = false;
  }

  const VersionTable& table_;
  const uint64_t revision_;
  IdBounds bounds_;
  const Filter filter_;
  std::string from_;
  bool inclusive_ = true;
  size_t next_id_ = 0;
  bool more_ = true;
  std::vector<const Version*> chunk_;
  size_t at_ = 0;
  const Version* passed_ = nullptr;  // the snapshot keeps it
  std::string last_;
  uint64_t examined_ = 0;
};

// Documents in an index' order.
class IndexScan final : public RecordScan {
 public:
  IndexScan(std::shared_ptr<const OrderedIndex> index, uint64_t revision, IndexAccess access,
            const Filter& filter)
      : index_(std::move(index)), revision_(revision), access_(std::move(access)), filter_(filter) {
    if (access_.reverse) std::reverse(access_.ranges.begin(), access_.ranges.end());
    if (access_.after) {
      place_ = {access_.after->first, access_.after->second, UINT64_MAX};
      begun_ = true;
      // Ranges that lie wholly before the place are done.
      while (range_ < access_.ranges.size() && Behind(access_.ranges[range_])) ++range_;
    }
  }

  Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
              bool* done) override {
    *done = false;
    while (rows->size() < max_rows) {
      if (at_ == chunk_.size()) {
        RETURN_IF_ERROR(ctx.Check());
        if (range_ == access_.ranges.size()) {
          *done = true;
          return OkStatus();
        }
        Fill();
        continue;
      }
      if (at_ + kFetchText < chunk_.size()) {
        chunk_[at_ + kFetchText]->document.PrefetchText();
        chunk_[at_ + kFetchIndex]->document.PrefetchIndex();
      }
      passed_ = chunk_[at_++];
      ++examined_;
      if (filter_.Matches(passed_->document.root())) rows->push_back(passed_->document);
    }
    if (at_ == chunk_.size() && range_ == access_.ranges.size()) *done = true;
    return OkStatus();
  }

  std::string Position() const override {
    return passed_ != nullptr ? StoredId(passed_->document) : "";
  }
  uint64_t examined() const override { return examined_; }

 private:
  bool Behind(const KeyRange& r) const {
    return access_.reverse ? place_.key < r.from : r.end && place_.key >= *r.end;
  }

  void Fill() {
    chunk_.clear();
    at_ = 0;
    const KeyRange& range = access_.ranges[range_];
    const bool more =
        access_.reverse
            ? index_->CollectBackwards(revision_, range, limit_, &place_, &begun_, &chunk_)
            : index_->Collect(revision_, range, limit_, &place_, &begun_, &chunk_);
    if (!more) ++range_;
    limit_ = std::min(kChunk, 2 * limit_);
  }

  const std::shared_ptr<const OrderedIndex> index_;
  const uint64_t revision_;
  IndexAccess access_;
  const Filter filter_;
  size_t range_ = 0;
  OrderedIndex::Place place_;
  bool begun_ = false;
  size_t limit_ = kFirstChunk;
  std::vector<const Version*> chunk_;
  size_t at_ = 0;
  const Version* passed_ = nullptr;  // the snapshot keeps it
  uint64_t examined_ = 0;
};

}  // namespace

std::unique_ptr<RecordScan> ScanTable(const VersionTable& table, ColumnCache* columns,
                                      uint64_t revision, const IdBounds& bounds,
                                      const Filter& filter, std::string_view after,
                                      const ScanOptions& options) {
  if (options.whole && !bounds.ids) {
    if (auto scan = ScanBlocks(table, columns, revision, bounds, filter, after, options))
      return scan;
  }
  return std::make_unique<TableScan>(table, revision, bounds, filter, after);
}

std::unique_ptr<RecordScan> ScanOrderedIndex(std::shared_ptr<const OrderedIndex> index,
                                             uint64_t revision, IndexAccess access,
                                             const Filter& filter) {
  return std::make_unique<IndexScan>(std::move(index), revision, std::move(access), filter);
}

StatusOr<bool> CollectIndexIds(const Context& ctx, const OrderedIndex& index, uint64_t revision,
                               std::span<const KeyRange> ranges, size_t budget,
                               std::vector<std::string>* ids) {
  size_t bytes = 0;
  std::vector<const Version*> versions;
  for (const KeyRange& range : ranges) {
    OrderedIndex::Place place;
    bool begun = false;
    for (bool more = true; more;) {
      RETURN_IF_ERROR(ctx.Check());
      versions.clear();
      more = index.Collect(revision, range, kChunk, &place, &begun, &versions);
      for (size_t i = 0; i < versions.size(); ++i) {
        if (i + kFetchText < versions.size()) versions[i + kFetchText]->document.PrefetchText();
        ids->push_back(StoredId(versions[i]->document));
        bytes += sizeof(std::string) + ids->back().size();
      }
      if (bytes > budget) return false;
    }
  }
  return true;
}

StatusOr<uint64_t> CountIndexEntries(const Context& ctx, const OrderedIndex& index,
                                     uint64_t revision, std::span<const KeyRange> ranges) {
  uint64_t count = 0;
  for (const KeyRange& range : ranges) {
    OrderedIndex::Place place;
    bool begun = false;
    for (bool more = true; more;) {
      RETURN_IF_ERROR(ctx.Check());
      more = index.Count(revision, range, 4096, &place, &begun, &count);
    }
  }
  return count;
}

}  // namespace strata::memory

// Columns of documents that are often scanned, beside the table.
//
// The ids are divided into ranges of some thousand documents. A scan that reads a whole range at a
// revision may leave a block there: which versions it saw, and columns of what it read of them. The
// block serves every later scan until somebody writes into the range, which drops it. So columns
// are never maintained, never stale, and cost a writer one look-up; ranges that are written to more
// often than they are scanned have none.
//
// Safe for concurrent use.
#ifndef STRATA_BASE_STORES_MEMORY_COLUMN_CACHE_H_
#define STRATA_BASE_STORES_MEMORY_COLUMN_CACHE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base_stores/memory/memory_options.h"
#include "base_stores/memory/version_table.h"
#include "core/path.h"
#include "core/sync.h"
#include "query/columns/column.h"

namespace strata::memory {

// The versions that a scan sees in one range, in order of id, and columns of them. Immutable. Used
// only while a snapshot is registered that sees them.
class Block final : public ColumnDocuments {
 public:
  using ColumnPtr = std::shared_ptr<const Column>;
  using Named = std::pair<std::string, ColumnPtr>;  // a path's key, its column

  Block(uint64_t revision, std::shared_ptr<const std::vector<const Version*>> versions)
      : revision_(revision), versions_(std::move(versions)) {}

  Value At(size_t place) const override { return version(place).document.root(); }
  Document Share(size_t place) const override { return version(place).document; }
  void Expect(size_t place) const override;
  const Version& version(size_t place) const { return *(*versions_)[place]; }
  uint64_t revision() const { return revision_; }
  size_t rows() const { return versions_->size(); }

  // Null: nobody looked at the path. Points to null: its column is not worth having.
  const ColumnPtr* Find(std::string_view path) const;
  const std::vector<Named>& columns() const { return columns_; }
  // The same block with more columns; or without one, null when it has no other.
  std::shared_ptr<const Block> With(std::vector<Named> more) const;
  std::shared_ptr<const Block> Without(std::string_view path) const;
  size_t MemoryBytes() const;

 private:
  const uint64_t revision_;
  const std::shared_ptr<const std::vector<const Version*>> versions_;
  std::vector<Named> columns_;
};

class ColumnCache {
 public:
  static constexpr size_t kBlockRows = 4096;

  struct Range;
  // A scan's view of one range.
  struct Place {
    std::shared_ptr<Range> range;
    std::string begin;
    std::optional<std::string> end;      // none: it is the last one
    std::shared_ptr<const Block> block;  // for this reader; may be null
    bool current = false;                // nothing changed after the reader's revision
    bool keep = false;                   // a block of the whole range is worth keeping
  };

  // By which a block finds a path's column.
  static std::string KeyOf(const Path& path);

  ColumnCache(Columns mode, size_t budget) : mode_(mode), budget_(budget) {}

  // Which of the paths that a scan of everything reads should be in columns. Called once by each.
  std::vector<Path> Wanted(const std::vector<Path>& paths);

  // The range that holds `id`. Requires: a snapshot is registered at the revision.
  Place At(std::string_view id, uint64_t revision);
  // Ends the range before `id`; the part before it, or nothing when somebody else was first.
  std::optional<Place> Split(const Place& place, std::string_view id);
  // Joins the range, in which a scan found so many rows, with the one before it if both are small.
  void Join(const Place& place, size_t rows);
  // Keeps a block of the whole range, unless somebody wrote into the range after the block's
  // revision, or there is no room.
  void Keep(const Place& place, const std::shared_ptr<const Block>& block);

  // The writer, before the revision is visible: these changed (what has an `id`).
  template <typename Changes>
  void Changed(const Changes& changes, uint64_t revision) {
    last_write_.store(revision);
    if (!used_.load()) return;
    ReadLock lock(mutex_);
    for (const auto& c : changes) Touch(c.id, revision);
  }

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  using Ranges = std::map<std::string, std::shared_ptr<Range>, std::less<>>;
  struct Known {
    uint64_t scans = 0;  // that read it
    uint64_t last = 0;   // the number of the last of them
    uint64_t kept = 0;   // bytes of its columns
  };

  void Touch(std::string_view id, uint64_t revision) REQUIRES_SHARED_LOCK(mutex_);
  // Replaces the range's block. Requires: the range's lock.
  void Exchange(Range& range, std::shared_ptr<const Block> block);
  void Count(const Block& block, bool more) REQUIRES_LOCK(known_mutex_);
  // Drops the columns of a path that has not been read for long; false when there is none.
  bool MakeRoom();
  void Drop(const std::string& path);

  const Columns mode_;
  const size_t budget_;
  // A writer stores the one and reads the other; the first reader the other way round. So one of
  // them at least sees what the other does.
  std::atomic<uint64_t> last_write_{0};
  std::atomic<bool> used_{false};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> full_{false};  // there was no room; asked again after some scans
  SharedMutex mutex_;
  Ranges ranges_ STRATA_GUARDED_BY(mutex_);  // by the first id; the first one begins with ""
  Mutex known_mutex_;
  std::map<std::string, Known, std::less<>> known_ STRATA_GUARDED_BY(known_mutex_);
  uint64_t scans_ STRATA_GUARDED_BY(known_mutex_) = 0;
};

}  // namespace strata::memory

#endif  // STRATA_BASE_STORES_MEMORY_COLUMN_CACHE_H_

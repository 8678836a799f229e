// Snapshot: a base store as it was at one moment. Plans and transactions are written once over
// this.
#ifndef STRATA_STORE_SNAPSHOT_H_
#define STRATA_STORE_SNAPSHOT_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/executor.h"
#include "query/filter.h"
#include "query/id_bounds.h"
#include "store/index_catalog.h"
#include "store/query_log.h"
#include "store/store.h"

namespace strata {

// Documents in a fixed order. Belongs to one thread at a time; must not outlive its snapshot.
class RecordScan {
 public:
  virtual ~RecordScan() = default;
  // Appends up to max_rows documents that match; *done when there are no more.
  virtual Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
                      bool* done) = 0;
  // The same for as many rows as lie side by side, as columns of ScanOptions::values. Null: the
  // next rows are not in columns, so take them by Next.
  virtual StatusOr<std::shared_ptr<const ColumnRows>> NextColumns(const Context&, bool* done) {
    *done = false;
    return std::shared_ptr<const ColumnRows>();
  }
  // The last id passed; "" at the beginning.
  virtual std::string Position() const = 0;
  virtual uint64_t examined() const = 0;
  virtual uint64_t by_columns() const { return 0; }  // of those examined
};

// How a scan will be read.
struct ScanOptions {
  // Threads that may check documents ahead of the caller; null: none.
  std::shared_ptr<Executor> helpers;
  bool whole = false;        // to its end, in all likelihood
  std::vector<Path> values;  // what NextColumns is to give
};

// Which entries of an index, and in which order.
struct IndexAccess {
  CatalogIndexPtr index;
  std::vector<KeyRange> ranges;  // in order, disjoint
  bool reverse = false;  // keys from the last to the first; equal keys still by id from the first
  bool covered = false;  // rows hold the index's paths and the id, nothing else
  // Goes on behind this key and id.
  std::optional<std::pair<std::string, std::string>> after;
};

// Safe for concurrent use.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Status Read(const Context& ctx, std::span<const std::string_view> ids,
                      const std::span<std::optional<Record>>& out) const = 0;
  // Documents within the bounds in order of id, behind the id `after`, that the filter lets pass.
  virtual std::unique_ptr<RecordScan> Scan(const IdBounds& bounds, const Filter& filter,
                                           std::string_view after,
                                           const ScanOptions& options) const = 0;
  // Documents in an index' order; one that has several keys comes once for each.
  // Aborted: the index has gone.
  virtual StatusOr<std::unique_ptr<RecordScan>> ScanIndex(IndexAccess access,
                                                          const Filter& filter) const = 0;
  // Appends the ids that the ranges hold, in any order, until they take more than `budget` bytes:
  // then false.
  virtual StatusOr<bool> CollectIds(const Context& ctx, const CatalogIndex& index,
                                    std::span<const KeyRange> ranges, size_t budget,
                                    std::vector<std::string>* ids) const = 0;
  virtual StatusOr<uint64_t> CountIndex(const Context& ctx, const CatalogIndex& index,
                                        std::span<const KeyRange> ranges) const = 0;
  // The exact number of documents, when it is known without looking.
  virtual std::optional<uint64_t> documents() const = 0;
};

// What plans need to know of the store that they read.
class ScanHost {
 public:
  virtual ~ScanHost() = default;
  virtual StatusOr<std::shared_ptr<const Snapshot>> TakeSnapshot() = 0;
  virtual std::shared_ptr<const IndexCatalog> catalog() const = 0;
  virtual AccessCosts costs() const = 0;
  virtual double estimated_documents() const = 0;
  // Where queries that found no index leave a note; may be null.
  virtual QueryLog* query_log() = 0;
  // Threads for scans of many documents; may be null.
  virtual std::shared_ptr<Executor> executor() const = 0;
};

}  // namespace strata

#endif  // STRATA_STORE_SNAPSHOT_H_

// Snapshot: a base store as it was at one moment. Plans and transactions are written once over
// this.
#ifndef STRATA_STORE_SNAPSHOT_H_
#define STRATA_STORE_SNAPSHOT_H_

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "query/filter.h"
#include "query/id_bounds.h"
#include "store/store.h"

namespace strata {

// Rows in order of id. Belongs to one thread at a time; must not outlive its snapshot.
class RecordScan {
 public:
  virtual ~RecordScan() = default;
  // Appends up to max_rows documents that match; *done when there are no more.
  virtual Status Next(const Context& ctx, size_t max_rows, std::vector<Document>* rows,
                      bool* done) = 0;
  // The last id passed; "" at the beginning.
  virtual std::string Position() const = 0;
  virtual uint64_t examined() const = 0;
};

// Safe for concurrent use.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Status Read(const Context& ctx, std::span<const std::string_view> ids,
                      std::span<std::optional<Record>> out) const = 0;
  // Documents within the bounds, behind the id `after`, that the filter lets pass.
  virtual std::unique_ptr<RecordScan> Scan(const IdBounds& bounds, const Filter& filter,
                                           std::string_view after) const = 0;
};

using SnapshotSource = std::function<StatusOr<std::shared_ptr<const Snapshot>>()>;

// A plan that takes all conditions and scans a snapshot, taken when it is opened. `rows`: the
// store's documents, as an estimate.
StatusOr<std::unique_ptr<Plan>> PrepareScan(std::string stage, SnapshotSource source, double rows,
                                            const Query& query);

}  // namespace strata

#endif  // STRATA_STORE_SNAPSHOT_H_

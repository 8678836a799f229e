// The stores that hold a record's parts, read and committed together.
#ifndef STRATA_WRAPPERS_AGGREGATE_PARTS_H_
#define STRATA_WRAPPERS_AGGREGATE_PARTS_H_

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/abseil.h"
#include "core/clock.h"
#include "core/executor.h"
#include "store/store.h"
#include "wrappers/aggregate/ownership.h"

namespace strata::aggregate {

// What becomes of a record that lacks a part.
enum class MissingPart : uint8_t { kLeft, kInner };  // it is there without, it is not there

// A part as one caller sees it: the store, or a transaction over it.
struct PartView {
  Store* store = nullptr;
  Transaction* transaction = nullptr;  // null: the store itself

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) const {
    return transaction != nullptr ? transaction->Read(ctx, ids, out) : store->Read(ctx, ids, out);
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) const {
    return transaction != nullptr ? transaction->Prepare(ctx, query) : store->Prepare(ctx, query);
  }
};
using PartViews = std::vector<PartView>;
using PartTransactions = std::vector<std::unique_ptr<Transaction>>;

// One record's parts as they are stored; nothing where there is none.
using PartRecords = std::vector<std::optional<Record>>;

// What writes make of one record.
struct Touched {
  PartRecords was;              // before the first of them
  std::vector<Document> parts;  // now; nothing: no document there
  std::vector<bool> written;    // which of the parts were
  bool there = false;           // whether the record is there now
};
using TouchedRecords = StringMap<Touched>;

// One batch worked out over what is there.
struct Work {
  TouchedRecords touched;
  std::vector<WriteBatch> batches;  // for each part; whole documents and deletions
  WriteResult result;               // without revisions
};

// Safe for concurrent use.
class Parts {
 public:
  Parts(Ownership ownership, MissingPart missing, std::vector<Store*> stores,
        std::shared_ptr<Executor> executor);

  const Ownership& ownership() const { return ownership_; }
  MissingPart missing() const { return missing_; }
  Store& store(size_t part) const { return *stores_[part]; }
  size_t size() const { return stores_.size(); }
  Store& anchor() const { return *stores_[ownership_.anchor()]; }
  bool votes(size_t part) const { return votes_[part]; }
  // The stores themselves.
  PartViews Views() const;
  PartViews Views(const PartTransactions& transactions) const;

  // Reads the parts in `wanted` (one bit each); `out[part][i]` is of ids[i]. At once when parts
  // have been slow.
  Status Read(const Context& ctx, const PartViews& views, std::span<const std::string_view> ids,
              uint32_t wanted, std::vector<PartRecords>* out) const;
  // The record made of its parts; nothing when it is not there. A part that was not read counts as
  // missing and harmless.
  std::optional<Record> Whole(std::span<const std::optional<Record>> parts, uint32_t read) const;
  uint32_t all() const { return (1u << size()) - 1; }
  // The whole records with these ids; nothing where there is none.
  Status ReadWhole(const Context& ctx, const PartViews& views,
                   std::span<const std::string_view> ids,
                   const std::span<std::optional<Record>>& out) const;
  // One over each part that votes, null for the others. Requires: no commit is made meanwhile.
  StatusOr<PartTransactions> Begin(const Context& ctx, const TransactionOptions& options) const;

  // `known`: what earlier writes of the transaction touched.
  StatusOr<Work> WorkOut(const Context& ctx, const PartViews& views, const WriteBatch& batch,
                         const TouchedRecords& known, IdGenerator& ids) const;

  uint64_t parallel_reads() const { return parallel_reads_.load(std::memory_order_relaxed); }

 private:
  bool Slow(uint32_t wanted) const;

  const Ownership ownership_;
  const MissingPart missing_;
  const std::vector<Store*> stores_;
  const std::shared_ptr<Executor> executor_;
  std::vector<bool> votes_;
  // A moving average of what a read takes, in nanoseconds.
  mutable std::array<std::atomic<int64_t>, kMaxParts> read_time_{};
  mutable std::atomic<uint64_t> parallel_reads_{0};
};

}  // namespace strata::aggregate

#endif  // STRATA_WRAPPERS_AGGREGATE_PARTS_H_

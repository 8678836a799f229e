// Plans, cursors, transactions and subscriptions of an inner store with something done around each
// call: for stages that observe or disturb.
//
// A hook is called as hook(operation, call) where `call` runs the inner operation and gives its
// Status; it returns the Status that the caller sees. It is copied into everything that is handed
// out.
#ifndef STRATA_WRAPPERS_CORE_HOOKED_H_
#define STRATA_WRAPPERS_CORE_HOOKED_H_

#include <memory>
#include <utility>

#include "store/store.h"

namespace strata {

enum class Operation : uint8_t {
  kRead,
  kWrite,
  kPrepare,
  kOpen,
  kNext,
  kBegin,
  kCommit,
  kSubscribe,
  kChanges
};
inline constexpr int kOperations = 9;
inline std::string_view OperationName(Operation op) {
  static constexpr std::string_view kNames[] = {"read",  "write",  "prepare",   "open",   "next",
                                                "begin", "commit", "subscribe", "changes"};
  return kNames[static_cast<size_t>(op)];
}

// Runs a call that gives a StatusOr through a hook.
template <typename Hook, typename Call>
auto ThroughHook(const Hook& hook, Operation op, Call call) -> decltype(call()) {
  decltype(call()) result = Status(StatusCode::kInternal, "the call was not made");
  const Status s = hook(op, [&] {
    result = call();
    return result.status();
  });
  if (!s.ok()) return s;
  return result;
}

template <typename Hook>
class HookedCursor final : public Cursor {
 public:
  HookedCursor(std::unique_ptr<Cursor> inner, Hook hook)
      : inner_(std::move(inner)), hook_(std::move(hook)) {}
  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    return hook_(Operation::kNext, [&] { return inner_->Next(ctx, max_rows, batch); });
  }
  std::string Position() const override { return inner_->Position(); }
  ExplainNode Explain() const override { return hook_.Explained(inner_->Explain()); }

 private:
  std::unique_ptr<Cursor> inner_;
  const Hook hook_;
};

template <typename Hook>
class HookedPlan final : public Plan {
 public:
  HookedPlan(std::unique_ptr<Plan> inner, Hook hook)
      : inner_(std::move(inner)), hook_(std::move(hook)) {}
  const Query& residual() const override { return inner_->residual(); }
  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    ASSIGN_OR_RETURN(auto cursor, ThroughHook(hook_, Operation::kOpen,
                                              [&] { return inner_->Open(ctx, options); }));
    return std::make_unique<HookedCursor<Hook>>(std::move(cursor), hook_);
  }
  ExplainNode Explain() const override { return hook_.Explained(inner_->Explain()); }

 private:
  std::unique_ptr<Plan> inner_;
  const Hook hook_;
};

template <typename Hook>
class HookedTransaction final : public Transaction {
 public:
  HookedTransaction(std::unique_ptr<Transaction> inner, Hook hook)
      : inner_(std::move(inner)), hook_(std::move(hook)) {}
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              std::span<std::optional<Record>> out) override {
    return hook_(Operation::kRead, [&] { return inner_->Read(ctx, ids, out); });
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return ThroughHook(hook_, Operation::kWrite, [&] { return inner_->Write(ctx, batch); });
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    ASSIGN_OR_RETURN(auto plan, ThroughHook(hook_, Operation::kPrepare,
                                            [&] { return inner_->Prepare(ctx, query); }));
    return std::make_unique<HookedPlan<Hook>>(std::move(plan), hook_);
  }
  Status Savepoint(std::string_view name) override { return inner_->Savepoint(name); }
  Status RollbackTo(std::string_view name) override { return inner_->RollbackTo(name); }
  Status Vote(const Context& ctx) override {
    return hook_(Operation::kCommit, [&] { return inner_->Vote(ctx); });
  }
  StatusOr<WriteResult> Commit(const Context& ctx) override {
    return ThroughHook(hook_, Operation::kCommit, [&] { return inner_->Commit(ctx); });
  }
  Status Abort() override { return inner_->Abort(); }

 private:
  std::unique_ptr<Transaction> inner_;
  const Hook hook_;
};

template <typename Hook>
class HookedSubscription final : public Subscription {
 public:
  HookedSubscription(std::unique_ptr<Subscription> inner, Hook hook)
      : inner_(std::move(inner)), hook_(std::move(hook)) {}
  StatusOr<ChangeBatch> Next(const Context& ctx) override {
    return ThroughHook(hook_, Operation::kChanges, [&] { return inner_->Next(ctx); });
  }

 private:
  std::unique_ptr<Subscription> inner_;
  const Hook hook_;
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_HOOKED_H_

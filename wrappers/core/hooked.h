// A store, and what it hands out, with something done around each call: for stages that observe,
// throttle or disturb.
//
// A hook is called as hook(operation, info, call) where call(context) runs the inner operation and
// gives its Status; it returns the Status that the caller sees. It is copied into everything that
// is handed out.
#ifndef STRATA_WRAPPERS_CORE_HOOKED_H_
#define STRATA_WRAPPERS_CORE_HOOKED_H_

#include <memory>
#include <utility>

#include "store/store.h"
#include "wrappers/core/forwarding_store.h"

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

// What a call is about; what does not apply is empty.
struct CallInfo {
  const Context* ctx = nullptr;  // never null
  std::span<const std::string_view> ids = {};
  const WriteBatch* batch = nullptr;
  const Query* query = nullptr;
};

// Runs a call that gives a StatusOr through a hook.
template <typename Hook, typename Call>
auto ThroughHook(const Hook& hook, Operation op, const CallInfo& info, Call call)
    -> decltype(call(*info.ctx)) {
  decltype(call(*info.ctx)) result = Status(StatusCode::kInternal, "the call was not made");
  const Status s = hook(op, info, [&](const Context& ctx) {
    result = call(ctx);
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
    return hook_(Operation::kNext, {&ctx},
                 [&](const Context& c) { return inner_->Next(c, max_rows, batch); });
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
    ASSIGN_OR_RETURN(auto cursor,
                     ThroughHook(hook_, Operation::kOpen, {&ctx},
                                 [&](const Context& c) { return inner_->Open(c, options); }));
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
              const std::span<std::optional<Record>>& out) override {
    return hook_(Operation::kRead, {&ctx, ids},
                 [&](const Context& c) { return inner_->Read(c, ids, out); });
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return ThroughHook(hook_, Operation::kWrite, {&ctx, {}, &batch},
                       [&](const Context& c) { return inner_->Write(c, batch); });
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    ASSIGN_OR_RETURN(auto plan,
                     ThroughHook(hook_, Operation::kPrepare, {&ctx, {}, nullptr, &query},
                                 [&](const Context& c) { return inner_->Prepare(c, query); }));
    return std::make_unique<HookedPlan<Hook>>(std::move(plan), hook_);
  }
  Status Savepoint(std::string_view name) override { return inner_->Savepoint(name); }
  Status RollbackTo(std::string_view name) override { return inner_->RollbackTo(name); }
  Status Vote(const Context& ctx) override {
    return hook_(Operation::kCommit, {&ctx}, [&](const Context& c) { return inner_->Vote(c); });
  }
  StatusOr<WriteResult> Commit(const Context& ctx) override {
    return ThroughHook(hook_, Operation::kCommit, {&ctx},
                       [&](const Context& c) { return inner_->Commit(c); });
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
    return ThroughHook(hook_, Operation::kChanges, {&ctx},
                       [&](const Context& c) { return inner_->Next(c); });
  }

  uint64_t resume_from() const override { return inner_->resume_from(); }

 private:
  std::unique_ptr<Subscription> inner_;
  const Hook hook_;
};

// A stage that is nothing but its hook.
template <typename Hook>
class HookedStore : public ForwardingStore {
 public:
  HookedStore(StoreInfo info, Hook hook)
      : ForwardingStore(std::move(info)), hook_(std::move(hook)) {}

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    return hook_(Operation::kRead, {&ctx, ids},
                 [&](const Context& c) { return inner().Read(c, ids, out); });
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return ThroughHook(hook_, Operation::kWrite, {&ctx, {}, &batch},
                       [&](const Context& c) { return inner().Write(c, batch); });
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    ASSIGN_OR_RETURN(auto plan,
                     ThroughHook(hook_, Operation::kPrepare, {&ctx, {}, nullptr, &query},
                                 [&](const Context& c) { return inner().Prepare(c, query); }));
    return std::make_unique<HookedPlan<Hook>>(std::move(plan), hook_);
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(auto t, ThroughHook(hook_, Operation::kBegin, {&ctx}, [&](const Context& c) {
                       return inner().Begin(c, options);
                     }));
    return std::make_unique<HookedTransaction<Hook>>(std::move(t), hook_);
  }
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    ASSIGN_OR_RETURN(auto s,
                     ThroughHook(hook_, Operation::kSubscribe, {&ctx, {}, nullptr, &request.query},
                                 [&](const Context& c) { return inner().Subscribe(c, request); }));
    return std::make_unique<HookedSubscription<Hook>>(std::move(s), hook_);
  }

 protected:
  const Hook& hook() const { return hook_; }

 private:
  const Hook hook_;
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_HOOKED_H_

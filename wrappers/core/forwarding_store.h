// For stages that observe or throttle: everything goes to the one inner store. Semantic stages
// write every operation themselves instead.
#ifndef STRATA_WRAPPERS_CORE_FORWARDING_STORE_H_
#define STRATA_WRAPPERS_CORE_FORWARDING_STORE_H_

#include <memory>
#include <utility>

#include "store/store.h"

namespace strata {

class ForwardingStore : public Store {
 public:
  // Requires: info.children holds one store.
  explicit ForwardingStore(StoreInfo info)
      : info_(std::move(info)), inner_(info_.children[0].get()) {}

  const StoreInfo& info() const override { return info_; }
  Capabilities capabilities() const override { return inner_->capabilities(); }
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    return inner_->Read(ctx, ids, out);
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return inner_->Write(ctx, batch);
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return inner_->Prepare(ctx, query);
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    return inner_->Begin(ctx, options);
  }
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    return inner_->Subscribe(ctx, request);
  }

 protected:
  Store& inner() const { return *inner_; }

 private:
  const StoreInfo info_;
  Store* const inner_;  // owned by info_.children
};

// The same for transactions.
class ForwardingTransaction : public Transaction {
 public:
  // `keep_alive`: what has to outlive the inner transaction.
  explicit ForwardingTransaction(std::unique_ptr<Transaction> inner,
                                 std::shared_ptr<const void> keep_alive = nullptr)
      : keep_alive_(std::move(keep_alive)), inner_(std::move(inner)) {}

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    return inner_->Read(ctx, ids, out);
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return inner_->Write(ctx, batch);
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return inner_->Prepare(ctx, query);
  }
  Status Savepoint(std::string_view name) override { return inner_->Savepoint(name); }
  Status RollbackTo(std::string_view name) override { return inner_->RollbackTo(name); }
  Status Vote(const Context& ctx) override { return inner_->Vote(ctx); }
  StatusOr<WriteResult> Commit(const Context& ctx) override { return inner_->Commit(ctx); }
  Status Abort() override { return inner_->Abort(); }

 protected:
  Transaction& inner() const { return *inner_; }

 private:
  const std::shared_ptr<const void> keep_alive_;
  const std::unique_ptr<Transaction> inner_;
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_FORWARDING_STORE_H_

// A store, and its transactions, that show documents otherwise than they are stored.
//
// A Mapping is safe for concurrent use, shared by everything that is handed out, and has
//   Status Show(std::span<std::optional<Record>> read) const;
//   StatusOr<WriteResult> Write(T& inner, const Context&, const WriteBatch&) const;
//   static StatusOr<std::unique_ptr<Plan>> Prepare(T& inner, const Context&, const Query&,
//                                                  std::shared_ptr<const Mapping>,
//                                                  const std::string& stage);
// for T a Store and a Transaction. How changes are shown is the stage's own.
#ifndef STRATA_WRAPPERS_CORE_MAPPED_STORE_H_
#define STRATA_WRAPPERS_CORE_MAPPED_STORE_H_

#include <memory>
#include <string>
#include <utility>

#include "wrappers/core/forwarding_store.h"

namespace strata {

template <typename Mapping>
class MappedTransaction final : public ForwardingTransaction {
 public:
  MappedTransaction(std::unique_ptr<Transaction> inner, std::shared_ptr<const Mapping> mapping,
                    std::string stage)
      : ForwardingTransaction(std::move(inner)),
        mapping_(std::move(mapping)),
        stage_(std::move(stage)) {}
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    RETURN_IF_ERROR(inner().Read(ctx, ids, out));
    return mapping_->Show(out);
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return mapping_->Write(inner(), ctx, batch);
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return Mapping::Prepare(inner(), ctx, query, mapping_, stage_);
  }

 private:
  const std::shared_ptr<const Mapping> mapping_;
  const std::string stage_;
};

template <typename Mapping>
class MappedStore : public ForwardingStore {
 public:
  MappedStore(StoreInfo info, std::shared_ptr<const Mapping> mapping)
      : ForwardingStore(std::move(info)), mapping_(std::move(mapping)) {}

  Capabilities capabilities() const override {
    Capabilities c = inner().capabilities();
    c.verbatim = false;
    return c;
  }
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) override {
    RETURN_IF_ERROR(inner().Read(ctx, ids, out));
    return mapping_->Show(out);
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return mapping_->Write(inner(), ctx, batch);
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return Mapping::Prepare(inner(), ctx, query, mapping_, info().stage);
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(auto inner_transaction, inner().Begin(ctx, options));
    return std::make_unique<MappedTransaction<Mapping>>(std::move(inner_transaction), mapping_,
                                                        info().stage);
  }

 protected:
  const std::shared_ptr<const Mapping>& mapping() const { return mapping_; }

 private:
  const std::shared_ptr<const Mapping> mapping_;
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_MAPPED_STORE_H_

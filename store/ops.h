// What applications do with a store, one document or one query at a time. Target is a Store or a
// Transaction.
//
//   StatusOr<WriteOutcome> w = Put(store, ctx, *Document::Parse(R"({"id": "a1", "price": 7})"));
//   StatusOr<std::optional<Record>> r = Get(store, ctx, "a1");
//   StatusOr<std::vector<Document>> rows = Collect(store, ctx, "price=lt=10&sort(-price)");
#ifndef STRATA_STORE_OPS_H_
#define STRATA_STORE_OPS_H_

#include "query/complete.h"
#include "store/store.h"

namespace strata {

template <typename Target>
StatusOr<std::optional<Record>> Get(Target& target, const Context& ctx, std::string_view id) {
  RETURN_IF_ERROR(CheckId(id));
  std::optional<Record> out;
  RETURN_IF_ERROR(target.Read(ctx, std::span(&id, 1), std::span(&out, 1)));
  return out;
}

template <typename Target>
StatusOr<WriteOutcome> WriteOne(Target& target, const Context& ctx, WriteOp op) {
  WriteBatch batch;
  batch.ops.push_back(std::move(op));
  ASSIGN_OR_RETURN(WriteResult result, target.Write(ctx, batch));
  return std::move(result.outcomes[0]);
}

// Stores the document, whether or not its id is there already.
template <typename Target>
StatusOr<WriteOutcome> Put(Target& target, const Context& ctx, Document d, std::string id = "") {
  return WriteOne(target, ctx, {WriteKind::kPut, std::move(id), std::move(d), Presence::kAny, {}});
}
// AlreadyExists when its id is there.
template <typename Target>
StatusOr<WriteOutcome> Create(Target& target, const Context& ctx, Document d, std::string id = "") {
  return WriteOne(target, ctx,
                  {WriteKind::kPut, std::move(id), std::move(d), Presence::kMustNotExist, {}});
}
// Merges (RFC 7396) into what is there; NotFound when nothing is.
template <typename Target>
StatusOr<WriteOutcome> Update(Target& target, const Context& ctx, std::string id, Document merge) {
  return WriteOne(target, ctx,
                  {WriteKind::kMerge, std::move(id), std::move(merge), Presence::kMustExist, {}});
}
template <typename Target>
StatusOr<WriteOutcome> Delete(Target& target, const Context& ctx, std::string id) {
  return WriteOne(target, ctx, {WriteKind::kDelete, std::move(id), {}, Presence::kAny, {}});
}

// A plan whose rows are exactly the query's.
template <typename Target>
StatusOr<std::unique_ptr<Plan>> PrepareComplete(Target& target, const Context& ctx,
                                                const Query& query) {
  ASSIGN_OR_RETURN(const Query inner_query, WithoutAfter(query));
  ASSIGN_OR_RETURN(std::unique_ptr<Plan> inner, target.Prepare(ctx, inner_query));
  return Complete(std::move(inner), query);
}

// Pulls all rows of a plan; of a scalar query the one value.
StatusOr<std::vector<Document>> CollectRows(const Plan& plan, const Context& ctx,
                                            const OpenOptions& options = {});

template <typename Target>
StatusOr<std::vector<Document>> Collect(Target& target, const Context& ctx, const Query& query,
                                        const OpenOptions& options = {}) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Plan> plan, PrepareComplete(target, ctx, query));
  return CollectRows(*plan, ctx, options);
}
template <typename Target>
StatusOr<std::vector<Document>> Collect(Target& target, const Context& ctx, std::string_view rql,
                                        const OpenOptions& options = {}) {
  ASSIGN_OR_RETURN(const Query query, Query::Parse(rql));
  return Collect(target, ctx, query, options);
}

// The number of documents that match.
template <typename Target>
StatusOr<uint64_t> Count(Target& target, const Context& ctx, const Query& query = {}) {
  ASSIGN_OR_RETURN(const auto rows, Collect(target, ctx, query.Then(Node::Call(Op::kCount, {}))));
  return static_cast<uint64_t>(rows[0].root().number().int_value());
}

// Stores many documents, in batches; returns how many. Stops at the first failure.
template <typename Target>
StatusOr<uint64_t> Load(Target& target, const Context& ctx, std::span<const Document> documents,
                        size_t batch_size = 64) {
  uint64_t loaded = 0;
  for (size_t i = 0; i < documents.size(); i += batch_size) {
    WriteBatch batch;
    for (const Document& d : documents.subspan(i, std::min(batch_size, documents.size() - i)))
      batch.Put(d);
    RETURN_IF_ERROR(target.Write(ctx, batch).status());
    loaded += batch.ops.size();
  }
  return loaded;
}

}  // namespace strata

#endif  // STRATA_STORE_OPS_H_

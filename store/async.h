// The operations of store/ops.h as futures on an executor, for callers that do not want to block.
//
//   std::future<StatusOr<std::optional<Record>>> f = GetAsync(executor, store, ctx, "a1");
//   …
//   StatusOr<std::optional<Record>> r = f.get();
//
// XAsync(executor, store, ctx, …) gives what X(*store, ctx, …) gives. It keeps copies of its
// arguments. The store is kept alive until the operation is done and let go before the result is
// there. When the context ends before a thread takes the operation up, it is not begun and gives
// DeadlineExceeded or Cancelled. For what is not here (a query's options, a transaction, several
// calls one behind the other) there is Async.
//
// Safe for concurrent use. A task of the executor must not wait for a future on the same executor:
// when all of its threads wait, none works.
#ifndef STRATA_STORE_ASYNC_H_
#define STRATA_STORE_ASYNC_H_

#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/executor.h"
#include "store/ops.h"

namespace strata {

// What `task(*store)` gives, called on the executor.
template <typename Task>
auto Async(Executor& executor, std::shared_ptr<Store> store, Task task) {
  using Result = std::invoke_result_t<Task&, Store&>;
  struct Call {
    std::shared_ptr<Store> store;
    Task task;
    std::promise<Result> promise;
  };
  auto call =
      std::make_shared<Call>(Call{std::move(store), std::move(task), std::promise<Result>()});
  std::future<Result> future = call->promise.get_future();
  executor.Submit([call = std::move(call)] {
    Result result = call->task(*call->store);
    // Who has the result may want to open the store's files again.
    call->store.reset();
    call->promise.set_value(std::move(result));
  });
  return future;
}

// What `operation(*store, ctx, args…)` gives, a StatusOr.
template <typename Operation, typename... Args>
auto AsyncOperation(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                    Operation operation, Args... args) {
  using Result = std::invoke_result_t<Operation&, Store&, const Context&, Args...>;
  return Async(executor, std::move(store),
               [ctx = std::move(ctx), operation = std::move(operation),
                ... args = std::move(args)](Store& s) mutable -> Result {
                 RETURN_IF_ERROR(ctx.Check());
                 return operation(s, ctx, std::move(args)...);
               });
}

inline auto GetAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                     std::string id) {
  return AsyncOperation(executor, std::move(store), std::move(ctx), Get<Store>, std::move(id));
}
inline auto WriteAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                       WriteBatch batch) {
  const auto write = [](Store& s, const Context& c, const WriteBatch& b) { return s.Write(c, b); };
  return AsyncOperation(executor, std::move(store), std::move(ctx), write, std::move(batch));
}
inline auto WriteOneAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                          WriteOp op) {
  return AsyncOperation(executor, std::move(store), std::move(ctx), WriteOne<Store>, std::move(op));
}
inline auto PutAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx, Document d,
                     std::string id = "") {
  return AsyncOperation(executor, std::move(store), std::move(ctx), Put<Store>, std::move(d),
                        std::move(id));
}
inline auto CreateAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx, Document d,
                        std::string id = "") {
  return AsyncOperation(executor, std::move(store), std::move(ctx), Create<Store>, std::move(d),
                        std::move(id));
}
inline auto UpdateAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                        std::string id, Document merge) {
  return AsyncOperation(executor, std::move(store), std::move(ctx), Update<Store>, std::move(id),
                        std::move(merge));
}
inline auto DeleteAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                        std::string id) {
  return AsyncOperation(executor, std::move(store), std::move(ctx), Delete<Store>, std::move(id));
}
inline auto LoadAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                      std::vector<Document> documents, size_t batch_size = 64) {
  return AsyncOperation(executor, std::move(store), std::move(ctx), Load<Store>,
                        std::move(documents), batch_size);
}
inline auto CollectAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                         Query query) {
  const auto collect = [](Store& s, const Context& c, const Query& q) { return Collect(s, c, q); };
  return AsyncOperation(executor, std::move(store), std::move(ctx), collect, std::move(query));
}
inline auto CollectAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                         std::string rql) {
  const auto collect = [](Store& s, const Context& c, const std::string& q) {
    return Collect(s, c, q);
  };
  return AsyncOperation(executor, std::move(store), std::move(ctx), collect, std::move(rql));
}
inline auto CountAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                       Query query = {}) {
  return AsyncOperation(executor, std::move(store), std::move(ctx), Count<Store>, std::move(query));
}

}  // namespace strata

#endif  // STRATA_STORE_ASYNC_H_

// The operations of store/ops.h as futures on an executor, for callers that do not want to block.
//
//   std::future<StatusOr<std::optional<Record>>> f = GetAsync(executor, store, ctx, "a1");
#ifndef STRATA_STORE_ASYNC_H_
#define STRATA_STORE_ASYNC_H_

#include <future>
#include <memory>
#include <string>

#include "core/executor.h"
#include "store/ops.h"

namespace strata {

// Runs `task` on the executor. The store is kept alive until it has run.
template <typename Task>
auto Async(Executor& executor, std::shared_ptr<Store> store, Task task) {
  using Result = decltype(task(*store));
  auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> future = promise->get_future();
  executor.Submit([promise, store = std::move(store), task = std::move(task)]() mutable {
    promise->set_value(task(*store));
  });
  return future;
}

inline auto GetAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                     std::string id) {
  return Async(executor, std::move(store),
               [ctx = std::move(ctx), id = std::move(id)](Store& s) { return Get(s, ctx, id); });
}
inline auto WriteAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                       WriteBatch batch) {
  return Async(
      executor, std::move(store),
      [ctx = std::move(ctx), batch = std::move(batch)](Store& s) { return s.Write(ctx, batch); });
}
inline auto CollectAsync(Executor& executor, std::shared_ptr<Store> store, Context ctx,
                         Query query) {
  return Async(executor, std::move(store),
               [ctx = std::move(ctx), query = std::move(query)](Store& s) {
                 return Collect(s, ctx, query);
               });
}

}  // namespace strata

#endif  // STRATA_STORE_ASYNC_H_

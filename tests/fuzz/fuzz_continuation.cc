// Any text as a continuation, and any position inside a valid one, for several queries.
#include <cstdint>
#include <cstdlib>

#include "base_stores/memory/memory_store.h"
#include "query/continuation.h"
#include "store/ops.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strata;
  static const std::shared_ptr<Store>* const store = [] {
    auto* s = new std::shared_ptr<Store>(NewMemoryStore());
    for (int i = 0; i < 20; ++i) {
      const std::string n = std::to_string(i);
      if (!Put(**s, Context::Background(),
               *Document::Parse("{\"id\":\"" + n + "\",\"n\":" + n + "}"))
               .ok()) {
        std::abort();
      }
    }
    return s;
  }();
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* rql :
       {"limit(5)", "sort(-n)&limit(3,2)", "n=gt=3&distinct(n)", "aggregate(n,count())"}) {
    const Query query = *Query::Parse(rql);
    const auto plan = PrepareComplete(**store, Context::Background(), query);
    if (!plan.ok()) std::abort();
    for (const std::string& position : {text, EncodeContinuation(query.ToString(), text)}) {
      OpenOptions options;
      options.position = position;
      (void)CollectRows(**plan, Context::Background(), options);
    }
  }
  return 0;
}

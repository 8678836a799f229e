#include <iostream>

#include "base_stores/memory/memory_store.h"
#include "store/ops.h"

int main() {
  using namespace strata;
  const Context ctx = Context::Background().WithTimeout(std::chrono::seconds(5));
  std::shared_ptr<Store> store = NewMemoryStore();

  for (const char* text : {R"({"id": "a1", "category": "laptop", "price": 850, "rating": 4.5})",
                           R"({"id": "a2", "category": "laptop", "price": 1900, "rating": 4.9})"}) {
    StatusOr<WriteOutcome> written = Put(*store, ctx, Document::Parse(text).value());
    if (!written.ok()) return std::cerr << Describe(written.status()) << "\n", 1;
  }

  const Query cheap =
      Query().Where(Eq("category", "laptop") && Lt("price", 900)).Sort("-rating").Limit(10);
  StatusOr<std::vector<Document>> rows =
      Collect(*store, ctx, cheap);  // or Collect(*store, ctx, "price=lt=900")
  if (!rows.ok()) return std::cerr << Describe(rows.status()) << "\n", 1;
  for (const Document& d : *rows) std::cout << d.Find("id").String() << " " << d.text() << "\n";
}

// The options that every base store with indexes has.
#ifndef STRATA_STORE_INDEX_OPTIONS_H_
#define STRATA_STORE_INDEX_OPTIONS_H_

#include <cstdint>
#include <vector>

#include "store/index_spec.h"
#include "store/option_table.h"

namespace strata {

// kDryRun: only says what it would do.
enum class AutoIndex : uint8_t { kOff, kDryRun, kOn };

template <typename Options>
void AddIndexOptions(OptionTable<Options>* t) {
  t->Json(
      "indexes", &Options::indexes, "[]",
      R"({"type":"array","items":{"type":"object","required":["path"],"additionalProperties":false,)"
      R"("properties":{"path":{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]},)"
      R"("name":{"type":"string"},"unique":{"type":"boolean"},"multi":{"type":"boolean"},)"
      R"("sparse":{"type":"boolean"}}}})",
      "indexes: {\"path\": \"a/b\" or [\"a\", \"-b\"], \"name\", \"unique\", \"multi\", "
      "\"sparse\"}",
      ParseIndexSpecs);
  t->Enum("auto_index", &Options::auto_index, {"off", "dry_run", "on"}, AutoIndex::kOff,
          "on: indexes that queries have missed are built, and dropped when unused; dry_run: only "
          "shown by strata index");
  t->Integer("auto_index_budget", &Options::auto_index_budget, 4,
             "indexes that auto_index may hold at once")
      .Range(1, kMaxIndexes);
}

}  // namespace strata

#endif  // STRATA_STORE_INDEX_OPTIONS_H_

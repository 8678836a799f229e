// A service's main: opens a pipeline and answers one query. Usage: service PIPELINE STORE RQL
#include <iostream>

#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/ops.h"

int main(int argc, char** argv) {
  using namespace strata;
  if (argc != 4) {
    std::cerr << "usage: service PIPELINE STORE RQL\n";
    return 2;
  }
  StageRegistry registry;
  if (Status s = RegisterAll(registry); !s.ok()) return std::cerr << Describe(s) << "\n", 1;
  const auto pipeline = Pipeline::Open(argv[1], registry);
  if (!pipeline.ok()) return std::cerr << Describe(pipeline.status()) << "\n", 1;
  const auto store = (*pipeline)->Get(argv[2]);
  if (!store.ok()) return std::cerr << Describe(store.status()) << "\n", 1;
  const auto rows = Collect(**store, Context::Background(), std::string_view(argv[3]));
  if (!rows.ok()) return std::cerr << Describe(rows.status()) << "\n", 1;
  for (const Document& d : *rows) std::cout << d.text() << "\n";
}

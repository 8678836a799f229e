// The stacks under test, each built through the pipeline loader.
#ifndef STRATA_TESTS_CONFORMANCE_COMPOSITION_H_
#define STRATA_TESTS_CONFORMANCE_COMPOSITION_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/pipeline.h"
#include "store/ops.h"

namespace strata::testing {

struct Composition {
  std::string name;
  std::string config;  // the store under test is "s"
  bool persistent = false;
  int divisor = 1;          // of the number of random rounds: many compositions share the time
  bool keeps_order = true;  // of a document's members
};

std::vector<Composition> AllCompositions();
// Each wrapper over a readonly stage, over the store "below".
std::vector<Composition> OverReadonly();
// Those that the order rules forbid.
std::vector<Composition> ForbiddenCompositions();
inline void PrintTo(const Composition& c, std::ostream* out) { *out << c.config; }

// A folder of its own, and the composition's pipeline in it.
class ConformanceTest : public ::testing::TestWithParam<Composition> {
 protected:
  // `more`: further members of the pipeline's "stores", each with a comma behind it.
  explicit ConformanceTest(std::string_view more = "");
  ~ConformanceTest() override;

  Store& store() { return *store_; }
  std::shared_ptr<Store> shared_store() { return store_; }
  // Another store of the pipeline.
  Store& other(std::string_view name) { return *pipeline_->Find(name); }
  // Closes and opens again. Only a persistent composition keeps its documents.
  void Reopen();
  // So many of `full` random rounds as the composition is given.
  static int Rounds(int full) { return std::max(1, full / GetParam().divisor); }
  const Context& ctx() const { return Context::Background(); }

 private:
  void Open();

  StageRegistry registry_;
  std::string config_;
  std::filesystem::path folder_;
  std::unique_ptr<Pipeline> pipeline_;
  std::shared_ptr<Store> store_;
};

// The text as far as the composition under test promises it: where it does not keep the order of
// members, they are put in order.
std::string Shown(std::string_view text);
inline std::string Shown(const Document& d) { return Shown(d.text()); }

inline Document Doc(std::string_view text) {
  auto d = Document::Parse(text);
  EXPECT_TRUE(d.ok()) << d.status();
  return d.ok() ? *d : Document::FromTrusted("{}");
}

}  // namespace strata::testing

#define INSTANTIATE_CONFORMANCE(suite)                                                            \
  INSTANTIATE_TEST_SUITE_P(All, suite, ::testing::ValuesIn(::strata::testing::AllCompositions()), \
                           [](const auto& info) { return info.param.name; })

#endif  // STRATA_TESTS_CONFORMANCE_COMPOSITION_H_

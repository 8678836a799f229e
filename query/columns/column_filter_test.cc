#include "query/columns/column_filter.h"

#include <gtest/gtest.h>

#include <map>

#include "query/ast.h"
#include "tests/support/random_json.h"
#include "tests/support/random_query.h"

namespace strata {
namespace {

using testing::PrintedSeed;
using testing::RandomJson;
using testing::RandomQuery;

class Documents final : public ColumnDocuments {
 public:
  explicit Documents(std::vector<Document> documents) : documents_(std::move(documents)) {}
  Value At(size_t place) const override {
    ++asked;
    return documents_[place].root();
  }
  Document Share(size_t place) const override { return documents_[place]; }
  void Expect(size_t) const override {}
  size_t size() const { return documents_.size(); }
  const Document& operator[](size_t i) const { return documents_[i]; }
  mutable size_t asked = 0;

 private:
  const std::vector<Document> documents_;
};

// Numbers at the edges of what an int64 and a double hold.
constexpr const char* kEdges[] = {"0",
                                  "-0",
                                  "1",
                                  "1.0",
                                  "-1",
                                  "0.5",
                                  "-0.5",
                                  "2",
                                  "2.5",
                                  "9007199254740992",
                                  "9007199254740993",
                                  "-9007199254740993",
                                  "9223372036854775807",
                                  "-9223372036854775808",
                                  "9223372036854775808",
                                  "18446744073709551615",
                                  "18446744073709551616",
                                  "1e300",
                                  "-1e300",
                                  "5e-324",
                                  "1e18",
                                  "1.5e18",
                                  "-9223372036854777856",
                                  "4611686018427387904.5"};

std::string Edge(RandomJson& json) { return kEdges[json.Below(std::size(kEdges))]; }

Node EdgeLiteral(RandomJson& json) { return Node::Num(*Number::Parse(Edge(json))); }

// A condition on path "a" that numbers at the edges decide.
Node EdgeCondition(RandomJson& json) {
  const Node path = Node::PathNode({"a"});
  static constexpr Op kOps[] = {Op::kEq, Op::kNe, Op::kLt, Op::kLe, Op::kGt, Op::kGe};
  switch (json.Below(9)) {
    case 0:
      return Node::Call(Op::kBetween, {path, Node::Array({EdgeLiteral(json), EdgeLiteral(json)})});
    case 1:
      return Node::Call(json.Below(2) ? Op::kIn : Op::kOut,
                        {path, Node::Array({EdgeLiteral(json), Node::Str("x"), Node()})});
    default:
      return Node::Call(kOps[json.Below(6)], {path, EdgeLiteral(json)});
  }
}

TEST(ColumnFilter, AnswersAsTheDocumentsDo) {
  const uint64_t seed = PrintedSeed();
  RandomJson json(seed);
  RandomQuery conditions(seed + 1);
  size_t columns_made = 0;
  for (int round = 0; round < 4000; ++round) {
    // Each name has a few values of its own, so that they repeat.
    std::map<std::string, std::vector<std::string>> values;
    const bool numbers = json.Below(3) == 0;
    std::vector<Document> rows;
    for (int i = json.Below(120); i >= 0; --i) {
      std::string text = "{\"id\":\"" + std::to_string(i) + "\"";
      for (const char* name : {"a", "b", "n", "v", "i"}) {
        auto& pool = values[name];
        if (pool.size() < 6)
          pool.push_back(numbers || json.Below(3) == 0 ? Edge(json)
                         : json.Below(2) == 0          ? json.Any(2)
                                                       : json.String());
        if (!numbers && json.Below(8) == 0) continue;
        text += std::string(",\"") + name +
                "\":" + pool[static_cast<size_t>(json.Below(static_cast<int>(pool.size())))];
      }
      rows.push_back(Document::Parse(text + "}").value());
    }
    const Documents documents(std::move(rows));
    std::vector<Node> conjuncts;
    for (int i = 1 + json.Below(3); i > 0; --i)
      conjuncts.push_back(json.Below(2) == 0 ? EdgeCondition(json) : conditions.Condition());
    const Filter filter = Filter::Compile(conjuncts).value();
    const ColumnFilter by_columns(filter);
    std::vector<std::shared_ptr<const Column>> columns;
    std::vector<const Column*> pointers;
    for (const Path& p : by_columns.paths()) {
      columns.push_back(json.Below(6) == 0 ? nullptr
                                           : Column::Make(p, documents, documents.size()));
      columns_made += columns.back() != nullptr;
      pointers.push_back(columns.back().get());
    }
    const auto begin = static_cast<size_t>(json.Below(static_cast<int>(documents.size())));
    std::vector<Column::Place> expected;
    for (size_t i = begin; i < documents.size(); ++i) {
      if (filter.Matches(documents[i].root())) expected.push_back(static_cast<Column::Place>(i));
    }
    std::vector<Column::Place> found;
    by_columns.Select(documents, pointers, begin, documents.size(), &found);
    ASSERT_EQ(found, expected) << round << " " << conjuncts[0].is_call();
  }
  EXPECT_GT(columns_made, 4000u);
}

TEST(ColumnFilter, DocumentsAreLeftAlone) {
  std::vector<Document> rows;
  for (int i = 0; i < 1000; ++i) {
    rows.push_back(Document::Parse("{\"n\":" + std::to_string(i) + ".5,\"s\":\"" +
                                   std::to_string(i % 7) + "\"}")
                       .value());
  }
  const Documents documents(std::move(rows));
  const ColumnFilter filter(
      Filter::Compile(
          {Node::Call(Op::kLt, {Node::PathNode({"n"}), Node::Num(Number(int64_t{500}))}),
           Node::Call(Op::kEq, {Node::PathNode({"s"}), Node::Str("3")})})
          .value());
  std::vector<std::shared_ptr<const Column>> columns;
  std::vector<const Column*> pointers;
  for (const Path& p : filter.paths()) {
    columns.push_back(Column::Make(p, documents, documents.size()));
    pointers.push_back(columns.back().get());
  }
  documents.asked = 0;
  std::vector<Column::Place> found;
  EXPECT_TRUE(filter.Select(documents, pointers, 0, documents.size(), &found));
  EXPECT_EQ(found.size(), 71u);
  EXPECT_LE(documents.asked, 7u);  // once for each text
}

TEST(Column, ValuesThatAllDifferHaveNone) {
  std::vector<Document> rows;
  for (int i = 0; i < 1000; ++i)
    rows.push_back(Document::Parse("{\"s\":\"" + std::to_string(i) + "\"}").value());
  const Documents documents(std::move(rows));
  EXPECT_EQ(Column::Make(Path::Of("s"), documents, documents.size()), nullptr);
  EXPECT_NE(Column::Make(Path::Of("t"), documents, documents.size()), nullptr);
}

}  // namespace
}  // namespace strata

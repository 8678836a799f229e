#include "tools/shell.h"

#include <gtest/gtest.h>

#include "tools/app.h"

namespace strata::tools {
namespace {

class ShellTest : public ::testing::Test {
 protected:
  // The result, or the error as Describe gives it.
  std::string Run(std::string_view line) {
    const auto result = shell_.Run(line);
    return result.ok() ? *result : Describe(result.status());
  }

  std::unique_ptr<Pipeline> pipeline_ =
      Pipeline::FromText(R"({"stores":{"m":"memory:","n":"memory:"}})", ::testing::TempDir(),
                         Registry())
          .value();
  Shell shell_{*pipeline_};
};

TEST_F(ShellTest, VerbsGiveTheirResults) {
  EXPECT_EQ(Run("  "), "null");
  EXPECT_EQ(Run("stores"), R"([{"name":"m","type":"memory"},{"name":"n","type":"memory"}])");
  EXPECT_EQ(Run(R"(put m {"id":"a","n":1})"), R"({"id":"a","revision":1,"created":true})");
  EXPECT_EQ(Run(R"(update m a {"n":2})"), R"({"id":"a","revision":2,"created":false})");
  EXPECT_EQ(Run("get m a\r"), R"({"id":"a","revision":2,"document":{"id":"a","n":2}})");
  EXPECT_EQ(Run("get m b"), "null");
  EXPECT_EQ(Run("query m sum(n)"), R"({"value":2})");
  EXPECT_EQ(Run("query m n=2&select(id)"), R"({"rows":[{"id":"a"}]})");
  EXPECT_EQ(Run("delete m a"), R"({"deleted":true})");
  EXPECT_EQ(Run("delete m a"), R"({"deleted":false})");
  EXPECT_FALSE(shell_.done());
  EXPECT_EQ(Run("quit"), "null");
  EXPECT_TRUE(shell_.done());
}

TEST_F(ShellTest, SaysWhatIsWrongWithALine) {
  EXPECT_EQ(Run("gte m a"), "INVALID_ARGUMENT: unknown command \"gte\"; did you mean \"get\"?");
  EXPECT_EQ(Run("nothing"), "INVALID_ARGUMENT: unknown command \"nothing\"; see help");
  EXPECT_EQ(Run("get"), "INVALID_ARGUMENT: a store's name is needed; see stores");
  EXPECT_EQ(Run("commit now"), "INVALID_ARGUMENT: commit takes no argument");
  EXPECT_EQ(Run("commit"), "FAILED_PRECONDITION: there is no transaction; begin one first");
  EXPECT_EQ(Run("begin"), "null");
  EXPECT_EQ(Run("begin"), "FAILED_PRECONDITION: a transaction is open; commit or abort it first");
  EXPECT_EQ(Run("rollback x"), "NOT_FOUND: there is no savepoint \"x\"");
}

TEST_F(ShellTest, ACommitTellsDeletionsFromDeletionsOfNothing) {
  Run(R"(put m {"id":"a"})");
  EXPECT_EQ(Run("begin"), "null");
  EXPECT_EQ(Run("delete m missing"), R"({"deleted":false})");
  EXPECT_EQ(Run("delete m a"), R"({"deleted":true})");
  EXPECT_EQ(Run(R"(put m {"id":"brief"})"), R"({"id":"brief","revision":0,"created":true})");
  EXPECT_EQ(Run("delete m brief"), R"({"deleted":true})");
  EXPECT_EQ(Run("delete m late"), R"({"deleted":false})");
  EXPECT_EQ(Run(R"(put m {"id":"late"})"), R"({"id":"late","revision":0,"created":true})");
  EXPECT_EQ(Run("delete n missing"), R"({"deleted":false})");
  EXPECT_EQ(Run("commit"),
            R"({"writes":[{"id":"a","deleted":true},{"id":"late","revision":3,"created":true},)"
            R"({"id":"brief","deleted":false},{"id":"missing","deleted":false},)"
            R"({"id":"missing","deleted":false}]})");
  // Nothing of it is left for the next one.
  EXPECT_EQ(Run("begin"), "null");
  EXPECT_EQ(Run("get m late"), R"({"id":"late","revision":3,"document":{"id":"late"}})");
  EXPECT_EQ(Run("commit"), R"({"writes":[]})");
}

TEST_F(ShellTest, ARollbackForgetsTheDeletionsBehindItsSavepoint) {
  EXPECT_EQ(Run("begin"), "null");
  EXPECT_EQ(Run("delete m before"), R"({"deleted":false})");
  EXPECT_EQ(Run("savepoint s"), "null");
  EXPECT_EQ(Run("delete m behind"), R"({"deleted":false})");
  EXPECT_EQ(Run("delete n behind"), R"({"deleted":false})");
  EXPECT_EQ(Run("rollback s"), "null");
  EXPECT_EQ(Run("commit"), R"({"writes":[{"id":"before","deleted":false}]})");
}

}  // namespace
}  // namespace strata::tools

#include "tools/rows.h"

#include <gtest/gtest.h>

#include <sstream>

namespace strata::tools {
namespace {

std::vector<Document> Rows(std::initializer_list<const char*> texts) {
  std::vector<Document> rows;
  for (const char* t : texts) rows.push_back(Document::Parse(t).value());
  return rows;
}

std::string Printed(RowFormat format, const std::vector<std::vector<Document>>& batches) {
  std::ostringstream out;
  const auto printer = MakeRowPrinter(format, out);
  for (const auto& rows : batches) EXPECT_TRUE(printer->Print(rows).ok());
  printer->Finish();
  return out.str();
}

TEST(Csv, HasTheMembersOfLaterBatches) {
  EXPECT_EQ(Printed(RowFormat::kCsv, {Rows({R"({"a":1})"}), Rows({R"({"b":"x,y","a":2})"})}),
            "a,b\r\n1,\r\n2,\"x,y\"\r\n");
}

TEST(Csv, KeepsRowsThatAreNoObjects) {
  EXPECT_EQ(Printed(RowFormat::kCsv, {Rows({R"({"a":1})", "7", R"("x")"})}),
            "a,value\r\n1,\r\n,7\r\n,x\r\n");
  EXPECT_EQ(Printed(RowFormat::kCsv, {Rows({"1", "[2]"})}), "value\r\n1\r\n[2]\r\n");
}

TEST(Csv, ARowOfNothingIsALine) {
  EXPECT_EQ(Printed(RowFormat::kCsv, {Rows({"{}"}), Rows({"{}"})}), "value\r\n\"\"\r\n\"\"\r\n");
  EXPECT_EQ(Printed(RowFormat::kCsv, {Rows({R"({"a":""})"})}), "a\r\n\"\"\r\n");
}

TEST(Csv, NoRowsPrintNothing) { EXPECT_EQ(Printed(RowFormat::kCsv, {{}}), ""); }

TEST(Csv, RowsThatAreTooManyToHoldAreAnErrorAndPrintNothing) {
  std::ostringstream out;
  const auto printer = MakeRowPrinter(RowFormat::kCsv, out, false, 1000);
  Status s;
  for (int i = 0; i < 1000 && s.ok(); ++i) s = printer->Print(Rows({R"({"a":1})"}));
  EXPECT_EQ(s.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Message(s),
            "CSV needs all rows for its header, and these take more than 1000 bytes of memory; use "
            "--format ndjson, or select fewer members or rows");
  printer->Finish();
  EXPECT_EQ(out.str(), "");
}

TEST(Table, NewMembersBeginANewHeader) {
  EXPECT_EQ(Printed(RowFormat::kTable, {Rows({R"({"a":1,"b":"x"})"}), Rows({R"({"b":"y"})"}),
                                        Rows({R"({"c":true})", "7"})}),
            "a  b\n─  ─\n1  x\n   y\n\nc     value\n────  ─────\ntrue\n      7\n(4 rows)\n");
}

TEST(Table, KeepsRowsThatAreNoObjects) {
  EXPECT_EQ(Printed(RowFormat::kTable, {Rows({R"({"a":"x"})", "\"y\""})}),
            "a  value\n─  ─────\nx\n   y\n(2 rows)\n");
}

TEST(ScalarRow, NamesTheScalar) {
  EXPECT_EQ(ScalarRow("count", Document::Parse("7").value()).text(), R"({"count":7})");
  EXPECT_EQ(ScalarRow("first", Document::Parse(R"({"a":1})").value()).text(), R"({"a":1})");
  EXPECT_EQ(ScalarRow("first", Document::Parse("null").value()).text(), R"({"first":null})");
  EXPECT_EQ(ScalarRow("max", Document::Parse(R"({"a":1})").value()).text(), R"({"max":{"a":1}})");
}

}  // namespace
}  // namespace strata::tools

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

// What stands behind a wide text begins in the same column of the terminal.
TEST(Table, WideCharactersTakeTwoColumnsAndCombiningMarksNone) {
  EXPECT_EQ(
      Printed(RowFormat::kTable, {Rows({R"({"名":"東京タワー","n":1})", R"({"名":"café","n":2})",
                                        R"({"名":"cafe\u0301","n":3})"})}),
      "名          n\n"
      "──────────  ─\n"
      "東京タワー  1\n"
      "café        2\n"
      "cafe\u0301        3\n"
      "(3 rows)\n");
}

TEST(Table, ALongCellIsCutWhereItsColumnsEnd) {
  std::string wide, cut;
  for (int i = 0; i < 31; ++i) wide += "漢";  // 62 columns
  for (int i = 0; i < 29; ++i) cut += "漢";   // 58, and a 30th would make it 60
  std::string rule;
  for (int i = 0; i < 59; ++i) rule += "─";
  EXPECT_EQ(Printed(RowFormat::kTable, {Rows({("{\"a\":\"" + wide + "\"}").c_str()})}),
            "a\n" + rule + "\n" + cut + "…\n(1 row)\n");
  const std::string whole = wide.substr(0, wide.size() - 3);  // 60 columns
  EXPECT_EQ(Printed(RowFormat::kTable, {Rows({("{\"a\":\"" + whole + "\"}").c_str()})}),
            "a\n" + rule + "─\n" + whole + "\n(1 row)\n");
}

TEST(Table, WhatWouldMoveTheCursorIsASpace) {
  EXPECT_EQ(Printed(RowFormat::kTable, {Rows({R"({"a":"x\ty\u001b[2Jz\u009b2Jé"})"})}),
            "a\n────────────\nx y [2Jz 2Jé\n(1 row)\n");
}

TEST(ScalarRow, NamesTheScalar) {
  EXPECT_EQ(ScalarRow("count", Document::Parse("7").value()).text(), R"({"count":7})");
  EXPECT_EQ(ScalarRow("first", Document::Parse(R"({"a":1})").value()).text(), R"({"a":1})");
  EXPECT_EQ(ScalarRow("first", Document::Parse("null").value()).text(), R"({"first":null})");
  EXPECT_EQ(ScalarRow("max", Document::Parse(R"({"a":1})").value()).text(), R"({"max":{"a":1}})");
}

}  // namespace
}  // namespace strata::tools

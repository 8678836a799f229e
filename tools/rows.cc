#include "tools/rows.h"

#include <algorithm>
#include <iostream>

#include "core/json_text.h"
#include "core/path.h"
#include "tools/app.h"

namespace strata::tools {
namespace {

constexpr size_t kCell = 60;  // characters of a table's cell

// The members' names in the order in which they first come up.
std::vector<std::string> Columns(const std::vector<Document>& rows) {
  std::vector<std::string> names;
  StringSet seen;
  std::string scratch;
  for (const Document& d : rows) {
    for (MemberIterator m(d.root()); !m.done(); m.Next()) {
      std::string name(m.name(&scratch));
      if (seen.insert(name).second) names.push_back(std::move(name));
    }
  }
  return names;
}

// A string as it is, anything else as JSON, nothing for missing.
std::string CellText(Value v) {
  if (v.is_string()) return v.String();
  return std::string(v.text());
}

std::string OneLine(std::string s) {
  for (char& c : s) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (Utf8Length(s) <= kCell) return s;
  size_t at = 0;
  for (size_t n = 0; n < kCell - 1; ++n) {
    ++at;
    while (at < s.size() && (s[at] & 0xC0) == 0x80) ++at;
  }
  return s.substr(0, at) + "…";
}

class TablePrinter final : public RowPrinter {
 public:
  explicit TablePrinter(std::ostream& out) : out_(out) {}

  void Print(const std::vector<Document>& rows) override {
    if (rows.empty()) return;
    count_ += rows.size();
    std::vector<std::vector<std::string>> cells;
    if (columns_.empty() && !bare_) {
      columns_ = Columns(rows);
      bare_ = columns_.empty();
    }
    std::vector<size_t> numbers(columns_.size(), 0);
    for (const Document& d : rows) {
      std::vector<std::string> line;
      if (bare_) line.push_back(OneLine(CellText(d.root())));
      for (size_t i = 0; i < columns_.size(); ++i) {
        const Value v = d.Find(columns_[i]);
        numbers[i] += v.is_number();
        line.push_back(OneLine(CellText(v)));
      }
      cells.push_back(std::move(line));
    }
    if (widths_.empty()) Header(cells, numbers);
    for (const auto& line : cells) Line(line);
  }

  void Finish() override { out_ << "(" << count_ << (count_ == 1 ? " row)\n" : " rows)\n"); }

 private:
  void Header(const std::vector<std::vector<std::string>>& cells,
              const std::vector<size_t>& numbers) {
    widths_.assign(std::max<size_t>(1, columns_.size()), 0);
    right_.assign(widths_.size(), false);
    for (size_t i = 0; i < columns_.size(); ++i) {
      widths_[i] = Utf8Length(OneLine(columns_[i]));
      right_[i] = numbers[i] == cells.size();
    }
    for (const auto& line : cells) {
      for (size_t i = 0; i < line.size(); ++i)
        widths_[i] = std::max(widths_[i], Utf8Length(line[i]));
    }
    if (bare_) return;
    if (ColourWanted()) out_ << "\x1b[1m";
    std::vector<std::string> names;
    for (const std::string& c : columns_) names.push_back(OneLine(c));
    Line(names);
    if (ColourWanted()) out_ << "\x1b[0m";
    std::vector<std::string> rules;
    for (size_t w : widths_) {
      std::string rule;
      for (size_t i = 0; i < w; ++i) rule += "─";
      rules.push_back(rule);
    }
    Line(rules);
  }

  void Line(const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      const size_t length = Utf8Length(cells[i]);
      const std::string pad(widths_[i] > length ? widths_[i] - length : 0, ' ');
      if (i > 0) text += "  ";
      text += right_[i] ? pad + cells[i] : cells[i] + pad;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out_ << text << "\n";
  }

  std::ostream& out_;
  std::vector<std::string> columns_;
  std::vector<size_t> widths_;
  std::vector<bool> right_;
  bool bare_ = false;  // rows are no objects
  size_t count_ = 0;
};

class JsonPrinter final : public RowPrinter {
 public:
  explicit JsonPrinter(std::ostream& out) : out_(out) {}
  void Print(const std::vector<Document>& rows) override {
    for (const Document& d : rows) {
      out_ << (first_ ? "[\n" : ",\n") << d.text();
      first_ = false;
    }
  }
  void Finish() override { out_ << (first_ ? "[]\n" : "\n]\n"); }

 private:
  std::ostream& out_;
  bool first_ = true;
};

class NdjsonPrinter final : public RowPrinter {
 public:
  explicit NdjsonPrinter(std::ostream& out) : out_(out) {}
  void Print(const std::vector<Document>& rows) override {
    for (const Document& d : rows) out_ << d.text() << '\n';
  }
  void Finish() override {}

 private:
  std::ostream& out_;
};

// RFC 4180.
class CsvPrinter final : public RowPrinter {
 public:
  explicit CsvPrinter(std::ostream& out) : out_(out) {}
  void Print(const std::vector<Document>& rows) override {
    if (rows.empty()) return;
    if (!started_) {
      started_ = true;
      columns_ = Columns(rows);
      for (size_t i = 0; i < columns_.size(); ++i) out_ << (i > 0 ? "," : "") << Field(columns_[i]);
      if (columns_.empty()) out_ << "value";
      out_ << "\r\n";
    }
    for (const Document& d : rows) {
      if (columns_.empty()) out_ << Field(CellText(d.root()));
      for (size_t i = 0; i < columns_.size(); ++i)
        out_ << (i > 0 ? "," : "") << Field(CellText(d.Find(columns_[i])));
      out_ << "\r\n";
    }
  }
  void Finish() override {}

 private:
  static std::string Field(const std::string& s) {
    if (s.find_first_of(",\"\r\n") == s.npos) return s;
    std::string out = "\"";
    for (char c : s) {
      if (c == '"') out += '"';
      out += c;
    }
    return out + "\"";
  }

  std::ostream& out_;
  std::vector<std::string> columns_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<RowPrinter> MakeRowPrinter(RowFormat format, std::ostream& out) {
  switch (format) {
    case RowFormat::kTable:
      return std::make_unique<TablePrinter>(out);
    case RowFormat::kJson:
      return std::make_unique<JsonPrinter>(out);
    case RowFormat::kNdjson:
      return std::make_unique<NdjsonPrinter>(out);
    case RowFormat::kCsv:
      return std::make_unique<CsvPrinter>(out);
  }
  return nullptr;
}

}  // namespace strata::tools

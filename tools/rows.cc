#include "tools/rows.h"

#include <algorithm>
#include <iostream>

#include "core/json_text.h"
#include "core/path.h"
#include "tools/width.h"

namespace strata::tools {
namespace {

constexpr size_t kCell = 60;  // columns of a terminal that a table's cell takes at most

// Names of columns in the order in which they first come up.
class Columns {
 public:
  void Add(const Document& row) {
    if (!row.root().is_object()) return Add("value");
    std::string scratch;
    for (MemberIterator m(row.root()); !m.done(); m.Next()) Add(m.name(&scratch));
  }
  // A row is a line even when none has a member.
  void NeedOne() {
    if (names_.empty()) Add("value");
  }
  bool Has(const std::string& name) const { return seen_.contains(name); }
  const std::vector<std::string>& names() const { return names_; }

 private:
  void Add(std::string_view name) {
    if (seen_.contains(name)) return;
    names_.emplace_back(name);
    seen_.insert(names_.back());
  }

  std::vector<std::string> names_;
  StringSet seen_;
};

// What stands in a row's column; missing when nothing does.
Value CellOf(const Document& row, std::string_view column) {
  if (row.root().is_object()) return row.Find(column);
  return column == "value" ? row.root() : Value();
}

// A string as it is, anything else as JSON, nothing for missing.
std::string CellText(Value v) {
  if (v.is_string()) return v.String();
  return std::string(v.text());
}

// Fit for a cell: what would move the terminal's cursor becomes a space, also U+0080 to U+009F.
std::string OneLine(std::string_view s) {
  std::string line;
  for (size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    const bool c1 = c == 0xC2 && i + 1 < s.size() && static_cast<unsigned char>(s[i + 1]) < 0xA0;
    line += c < 0x20 || c == 0x7F || c1 ? ' ' : s[i];
    i += c1;
  }
  if (TerminalWidth(line) <= kCell) return line;
  return std::string(FitColumns(line, kCell - 1)) + "…";
}

class TablePrinter final : public RowPrinter {
 public:
  TablePrinter(std::ostream& out, bool bold) : out_(out), bold_(bold) {}

  Status Print(const std::vector<Document>& rows) override {
    if (rows.empty()) return OkStatus();
    Columns columns;
    for (const Document& d : rows) columns.Add(d);
    const bool begins = count_ == 0 || !std::all_of(columns.names().begin(), columns.names().end(),
                                                    [&](const auto& c) { return columns_.Has(c); });
    if (begins) {
      columns_ = std::move(columns);
      columns_.NeedOne();
    }
    const std::vector<std::string>& names = columns_.names();
    std::vector<std::vector<std::string>> cells;
    std::vector<size_t> numbers(names.size(), 0);
    for (const Document& d : rows) {
      std::vector<std::string> line;
      for (size_t i = 0; i < names.size(); ++i) {
        const Value v = CellOf(d, names[i]);
        numbers[i] += v.is_number();
        line.push_back(OneLine(CellText(v)));
      }
      cells.push_back(std::move(line));
    }
    if (begins) Header(cells, numbers);
    for (const auto& line : cells) Line(line);
    count_ += rows.size();
    return OkStatus();
  }

  void Finish() override { out_ << "(" << count_ << (count_ == 1 ? " row)\n" : " rows)\n"); }

 private:
  void Header(const std::vector<std::vector<std::string>>& cells,
              const std::vector<size_t>& numbers) {
    if (count_ > 0) out_ << "\n";
    std::vector<std::string> names, rules;
    for (const std::string& c : columns_.names()) names.push_back(OneLine(c));
    widths_.clear();
    right_.clear();
    for (size_t i = 0; i < names.size(); ++i) {
      widths_.push_back(TerminalWidth(names[i]));
      for (const auto& line : cells) widths_[i] = std::max(widths_[i], TerminalWidth(line[i]));
      right_.push_back(numbers[i] == cells.size());
      std::string rule;
      for (size_t n = 0; n < widths_[i]; ++n) rule += "─";
      rules.push_back(std::move(rule));
    }
    if (bold_) out_ << "\x1b[1m";
    Line(names);
    if (bold_) out_ << "\x1b[0m";
    Line(rules);
  }

  void Line(const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      const size_t width = TerminalWidth(cells[i]);
      const std::string pad(widths_[i] > width ? widths_[i] - width : 0, ' ');
      if (i > 0) text += "  ";
      text += right_[i] ? pad + cells[i] : cells[i] + pad;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out_ << text << "\n";
  }

  std::ostream& out_;
  const bool bold_;
  Columns columns_;
  std::vector<size_t> widths_;
  std::vector<bool> right_;
  size_t count_ = 0;
};

class JsonPrinter final : public RowPrinter {
 public:
  explicit JsonPrinter(std::ostream& out) : out_(out) {}
  Status Print(const std::vector<Document>& rows) override {
    for (const Document& d : rows) {
      out_ << (first_ ? "[\n" : ",\n") << d.text();
      first_ = false;
    }
    return OkStatus();
  }
  void Finish() override { out_ << (first_ ? "[]\n" : "\n]\n"); }

 private:
  std::ostream& out_;
  bool first_ = true;
};

class NdjsonPrinter final : public RowPrinter {
 public:
  explicit NdjsonPrinter(std::ostream& out) : out_(out) {}
  Status Print(const std::vector<Document>& rows) override {
    for (const Document& d : rows) out_ << d.text() << '\n';
    return OkStatus();
  }
  void Finish() override {}

 private:
  std::ostream& out_;
};

// RFC 4180. The header names the columns of all rows, so they are held until the end.
class CsvPrinter final : public RowPrinter {
 public:
  CsvPrinter(std::ostream& out, size_t max_bytes) : out_(out), max_bytes_(max_bytes) {}
  Status Print(const std::vector<Document>& rows) override {
    for (const Document& d : rows) {
      columns_.Add(d);
      bytes_ += d.MemoryBytes();
      if (bytes_ > max_bytes_) {
        rows_.clear();
        return ResourceExhausted(
            Concat("CSV needs all rows for its header, and these take more than ",
                   std::to_string(max_bytes_),
                   " bytes of memory; use --format ndjson, or select fewer members or rows"));
      }
      rows_.push_back(d);
    }
    return OkStatus();
  }
  void Finish() override {
    if (rows_.empty()) return;
    columns_.NeedOne();
    const std::vector<std::string>& names = columns_.names();
    for (size_t i = 0; i < names.size(); ++i) out_ << (i > 0 ? "," : "") << Field(names[i]);
    out_ << "\r\n";
    for (const Document& d : rows_) {
      for (size_t i = 0; i < names.size(); ++i)
        out_ << (i > 0 ? "," : "") << Field(CellText(CellOf(d, names[i])));
      out_ << "\r\n";
    }
  }

 private:
  std::string Field(const std::string& s) const {
    // A line with nothing on it would be no row to most readers.
    if (s.empty() && columns_.names().size() == 1) return "\"\"";
    if (s.find_first_of(",\"\r\n") == s.npos) return s;
    std::string out = "\"";
    for (char c : s) {
      if (c == '"') out += '"';
      out += c;
    }
    return out + "\"";
  }

  std::ostream& out_;
  const size_t max_bytes_;
  size_t bytes_ = 0;
  Columns columns_;
  std::vector<Document> rows_;
};

}  // namespace

std::unique_ptr<RowPrinter> MakeRowPrinter(RowFormat format, std::ostream& out, bool bold,
                                           size_t max_csv_bytes) {
  switch (format) {
    case RowFormat::kTable:
      return std::make_unique<TablePrinter>(out, bold);
    case RowFormat::kJson:
      return std::make_unique<JsonPrinter>(out);
    case RowFormat::kNdjson:
      return std::make_unique<NdjsonPrinter>(out);
    case RowFormat::kCsv:
      return std::make_unique<CsvPrinter>(out, max_csv_bytes);
  }
  return nullptr;
}

Document ScalarRow(std::string_view scalar, const Document& value) {
  const bool row = scalar == "first" || scalar == "one";
  if (row && value.root().is_object()) return value;
  return Document::FromTrusted(Concat("{", JsonString(scalar), ":", value.text(), "}"));
}

}  // namespace strata::tools

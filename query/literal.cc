#include "query/literal.h"

#include <re2/re2.h>

#include "core/json_text.h"
#include "query/operator_table.h"

namespace strata {
namespace {

bool IsUnreserved(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 32);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr std::string_view kConverters[] = {"string", "number", "boolean", "date", "isodate",
                                            "epoch",  "re",     "RE",      "glob"};

Status BadValue(std::string_view text, std::string_view type, std::string_view expected) {
  return InvalidArgument(
      Concat("\"", ToValidUtf8(text.substr(0, 60)), "\" is no ", type, "; expected ", expected));
}

// The text that a raw token writes.
StatusOr<Node> DecodedText(std::string_view raw) {
  if (raw.find('%') == raw.npos) [[likely]]
    return Node::Str(std::string(raw));
  ASSIGN_OR_RETURN(std::string text, DecodePercent(raw));
  return Node::Str(std::move(text));
}

StatusOr<Node> MakeRegex(std::string pattern, bool ignore_case) {
  if (pattern.size() > kMaxRegexBytes) {
    return InvalidArgument(Concat("the regular expression has ", std::to_string(pattern.size()),
                                  " bytes; at most ", std::to_string(kMaxRegexBytes),
                                  " are taken"));
  }
  RE2::Options options(RE2::Quiet);
  const RE2 re(pattern, options);
  if (!re.ok()) return InvalidArgument(Concat("bad regular expression: ", re.error()));
  return Node::Regex(std::move(pattern), ignore_case);
}

std::string GlobToRegex(std::string_view glob) {
  std::string out = "(?s)^";
  for (char c : glob) {
    if (c == '*') {
      out += ".*";
    } else if (c == '?') {
      out += '.';
    } else {
      if (std::string_view("\\^$.|+()[]{}").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out + "$";
}

StatusOr<Node> ParseNumber(const std::string& text) {
  if (auto n = Number::Parse(text)) return Node::Num(*n);
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view digits = std::string_view(text).substr(negative);
  if (digits.size() > 2 && digits.size() <= 18 && digits[0] == '0' && (digits[1] | 32) == 'x') {
    uint64_t v = 0;
    for (char c : digits.substr(2)) {
      const int d = HexDigit(c);
      if (d < 0) return BadValue(text, "number", "such as 12, -1.5e3 or 0x1F");
      v = v << 4 | static_cast<uint64_t>(d);
    }
    if (!negative) return Node::Num(Number(v));
    if (v <= uint64_t{1} << 63) return Node::Num(Number(static_cast<int64_t>(~v + 1)));
  }
  return BadValue(text, "number", "such as 12, -1.5e3 or 0x1F");
}

StatusOr<Node> Convert(std::string_view type, std::string text) {
  if (type == "string") return Node::Str(std::move(text));
  if (type == "number") return ParseNumber(text);
  if (type == "boolean") {
    if (text == "true" || text == "false") return Node::Bool(text == "true");
    return BadValue(text, "boolean", "true or false");
  }
  if (type == "date" || type == "isodate") {
    if (auto i = ParseDate(text)) return Node::Date(*i);
    return BadValue(text, "date", "such as 2009, 2009-11-21 or 2009-11-21T00:21:00.5Z");
  }
  if (type == "epoch") {
    if (auto i = ParseEpochMillis(text)) return Node::Date(*i);
    return BadValue(text, "epoch", "milliseconds since 1970");
  }
  if (type == "re" || type == "RE") return MakeRegex(std::move(text), type == "re");
  return MakeRegex(GlobToRegex(text), true);  // glob
}

StatusOr<Node> ParseParam(std::string_view raw) {
  int index = 0;
  for (char c : raw.substr(1)) {
    if (c < '0' || c > '9' || index > kMaxParam) index = kMaxParam + 1;
    if (index <= kMaxParam) index = index * 10 + (c - '0');
  }
  if (index < 1 || index > kMaxParam || raw[1] == '0') {
    return InvalidArgument(Concat("\"", raw.substr(0, 20), "\" is no parameter; they are $1 to $",
                                  std::to_string(kMaxParam), " (write %24 for a dollar sign)"));
  }
  return Node::Param(index);
}

Status UnknownPrefix(std::string_view raw, std::string_view prefix) {
  std::string message = Concat("unknown type \"", prefix, ":\"");
  if (std::string_view near = Nearest(prefix, kConverters); !near.empty()) {
    message += Concat("; did you mean \"", near, ":\"?");
  } else {
    message += Concat("; write string:", raw.substr(0, 40),
                      " (or %3A for the colon) for the text as it stands");
  }
  return InvalidArgument(message);
}

}  // namespace

StatusOr<std::string> DecodePercent(std::string_view raw) {
  // The query as a whole is valid UTF-8 and tokens end at ASCII characters.
  if (raw.find('%') == raw.npos) return std::string(raw);
  std::string out;
  out.reserve(raw.size());
  bool ascii = true;
  for (size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const int high = i + 2 < raw.size() ? HexDigit(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? HexDigit(raw[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return InvalidArgument(Concat("\"", ToValidUtf8(raw.substr(i, 3)),
                                      "\" is no percent escape; write %25 for a percent sign"));
      }
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    ascii &= static_cast<unsigned char>(c) < 0x80;
    out.push_back(c);
  }
  if (!ascii && !IsValidUtf8(out)) return InvalidArgument("the text is not valid UTF-8");
  return out;
}

void AppendPercentEncoded(std::string* out, std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (IsUnreserved(u)) {
      out->push_back(c);
    } else {
      out->push_back('%');
      out->push_back(kHex[u >> 4]);
      out->push_back(kHex[u & 15]);
    }
  }
}

StatusOr<Node> ParseLiteral(std::string_view raw) {
  if (raw.empty()) return Node::Str("");
  const char c = raw[0];
  if (c == '$') return ParseParam(raw);
  if (const size_t colon = raw.find(':'); colon != raw.npos) {
    if (auto date = ParseRfc3339(raw)) return Node::Date(*date);
    const std::string_view prefix = raw.substr(0, colon);
    for (std::string_view type : kConverters) {
      if (prefix != type) continue;
      ASSIGN_OR_RETURN(std::string text, DecodePercent(raw.substr(colon + 1)));
      return Convert(type, std::move(text));
    }
    return UnknownPrefix(raw, prefix);
  }
  if ((c >= '0' && c <= '9') || c == '-') {
    if (auto n = Number::Parse(raw)) return Node::Num(*n);
  } else if (raw == "true" || raw == "false") {
    return Node::Bool(c == 't');
  } else if (raw == "null") {
    return Node();
  }
  return DecodedText(raw);
}

StatusOr<Node> ParseText(std::string_view raw) {
  if (!raw.empty() && raw[0] == '$') return ParseParam(raw);
  if (const size_t colon = raw.find(':'); colon != raw.npos && raw.substr(0, colon) == "string") {
    raw = raw.substr(colon + 1);
  }
  return DecodedText(raw);
}

StatusOr<Node> ParseProperty(std::string_view raw) {
  if (!raw.empty() && raw[0] == '$') {
    return InvalidArgument("a parameter cannot stand for a property (write %24 for a dollar sign)");
  }
  if (const size_t colon = raw.find(':'); colon != raw.npos) {
    const std::string_view prefix = raw.substr(0, colon);
    if (prefix != "string") {
      return InvalidArgument(Concat("a property's name cannot hold a bare \":\"; write ", prefix,
                                    "%3A", raw.substr(colon + 1, 40)));
    }
    return DecodedText(raw.substr(colon + 1));
  }
  if (raw.find('/') == raw.npos) {
    if (raw.empty()) return InvalidArgument("expected a property's name");
    return DecodedText(raw);
  }
  std::vector<Node> steps;
  for (size_t begin = 0; begin <= raw.size();) {
    const size_t end = std::min(raw.find('/', begin), raw.size());
    if (end == begin)
      return InvalidArgument("a path has an empty step (write %2F for a slash in a name)");
    ASSIGN_OR_RETURN(Node step, DecodedText(raw.substr(begin, end - begin)));
    steps.push_back(std::move(step));
    begin = end + 1;
  }
  return Node::Array(std::move(steps));
}

void AppendLiteral(std::string* out, const Node& n) {
  switch (n.kind()) {
    case Node::Kind::kNull:
      out->append("null");
      return;
    case Node::Kind::kBool:
      out->append(n.bool_value() ? "true" : "false");
      return;
    case Node::Kind::kNumber:
      out->append(n.number().ToString());
      return;
    case Node::Kind::kString: {
      const std::string& s = n.text();
      const bool typed = s.empty() || s == "true" || s == "false" || s == "null" ||
                         (((s[0] >= '0' && s[0] <= '9') || s[0] == '-') && Number::Parse(s));
      if (typed) out->append("string:");
      AppendPercentEncoded(out, s);
      return;
    }
    case Node::Kind::kDate:
      out->append(n.date().ToString());
      return;
    case Node::Kind::kRegex:
      out->append(n.ignore_case() ? "re:" : "RE:");
      AppendPercentEncoded(out, n.text());
      return;
    case Node::Kind::kParam:
      out->append("$" + std::to_string(n.param()));
      return;
    case Node::Kind::kArray:
    case Node::Kind::kCall:
      return;
  }
}

}  // namespace strata

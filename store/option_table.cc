#include "store/option_table.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/json_text.h"
#include "core/path.h"
#include "query/operator_table.h"

namespace strata {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr Unit kSizes[] = {{"B", 1},         {"KiB", 1 << 10},   {"MiB", 1 << 20},
                           {"GiB", 1 << 30}, {"TiB", 1LL << 40}, {"kB", 1000},
                           {"MB", 1000000},  {"GB", 1000000000}};
constexpr Unit kDurations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

template <size_t N>
bool ParseWithUnit(std::string_view text, const Unit (&units)[N], int64_t* out) {
  int64_t n = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), n);
  if (r.ec != std::errc() || n < 0) return false;
  const std::string_view unit = text.substr(r.ptr - text.data());
  for (const Unit& u : units) {
    if (u.name == unit) return !__builtin_mul_overflow(n, u.factor, out);
  }
  return false;
}

// With the largest unit of which it is a multiple.
template <size_t N>
std::string WithUnit(int64_t n, const Unit (&units)[N]) {
  const Unit* best = &units[0];
  for (const Unit& u : units) {
    if (n != 0 && n % u.factor == 0 && u.factor > best->factor) best = &u;
  }
  return Concat(std::to_string(n / best->factor), best->name);
}

std::string Bound(const OptionSpec& s, int64_t n) {
  if (s.kind == OptionKind::kSize) return WithUnit(n, kSizes);
  if (s.kind == OptionKind::kDuration) return WithUnit(n, kDurations);
  return std::to_string(n);
}

std::string Expected(const OptionSpec& s) {
  switch (s.kind) {
    case OptionKind::kString:
      return "a string";
    case OptionKind::kPath:
      return "a path as a string";
    case OptionKind::kBool:
      return "true or false";
    case OptionKind::kInteger:
      return "a whole number";
    case OptionKind::kSize:
      return "a size such as \"64MiB\"";
    case OptionKind::kDuration:
      return "a duration such as \"30s\"";
    case OptionKind::kJson:
      return "JSON";
    case OptionKind::kEnum: {
      std::string out = "one of";
      for (const std::string& v : s.values) out += " \"" + v + "\"";
      return out;
    }
  }
  return "";
}

// Checks one value; false with *message when it does not fit.
bool Convert(const OptionSpec& s, Value v, int64_t* integer, std::string* text,
             std::string* message) {
  *message = Concat("expected ", Expected(s), ", found ", Found(v));
  switch (s.kind) {
    case OptionKind::kString:
    case OptionKind::kPath:
      if (!v.is_string()) return false;
      *text = v.String();
      if (text->empty() && s.required) {
        *message = "must not be empty";
        return false;
      }
      return true;
    case OptionKind::kBool:
      if (v.type() != Type::kTrue && v.type() != Type::kFalse) return false;
      *integer = v.type() == Type::kTrue;
      return true;
    case OptionKind::kEnum: {
      if (!v.is_string()) return false;
      *text = v.String();
      const auto it = std::find(s.values.begin(), s.values.end(), *text);
      if (it == s.values.end()) {
        std::vector<std::string_view> names(s.values.begin(), s.values.end());
        *message += DidYouMean(*text, names);
        return false;
      }
      *integer = it - s.values.begin();
      return true;
    }
    case OptionKind::kJson:
    case OptionKind::kInteger:
    case OptionKind::kSize:
    case OptionKind::kDuration:
      break;
  }
  if (v.is_string() && s.kind != OptionKind::kInteger) {
    const std::string t = v.String();
    if (!(s.kind == OptionKind::kSize ? ParseSize(t, integer) : ParseDuration(t, integer)))
      return false;
  } else if (v.is_number() && v.number().is_int() && s.kind != OptionKind::kDuration) {
    *integer = v.number().int_value();
  } else {
    return false;
  }
  if (*integer < s.min || *integer > s.max) {
    *message = Concat("must lie within ", std::to_string(s.min), " and ", std::to_string(s.max),
                      ", found ", v.text());
    return false;
  }
  return true;
}

}  // namespace

bool ParseSize(std::string_view text, int64_t* bytes) { return ParseWithUnit(text, kSizes, bytes); }
bool ParseDuration(std::string_view text, int64_t* millis) {
  return ParseWithUnit(text, kDurations, millis);
}

std::string Found(Value v) {
  const auto shown = [&] { return ToValidUtf8(v.text().substr(0, 60)); };
  if (v.is_number()) return Concat("the number ", shown());
  if (v.is_string()) return Concat("the string ", shown());
  return std::string(TypeName(v.type()));
}

std::string RangeText(const OptionSpec& spec) {
  if (spec.max != INT64_MAX) return Concat(Bound(spec, spec.min), " to ", Bound(spec, spec.max));
  return spec.min != 0 ? Concat("at least ", Bound(spec, spec.min)) : "";
}

std::string_view OptionKindName(OptionKind kind) {
  switch (kind) {
    case OptionKind::kString:
      return "string";
    case OptionKind::kPath:
      return "path";
    case OptionKind::kBool:
      return "boolean";
    case OptionKind::kInteger:
      return "integer";
    case OptionKind::kSize:
      return "size";
    case OptionKind::kDuration:
      return "duration";
    case OptionKind::kEnum:
      return "enum";
    case OptionKind::kJson:
      return "json";
  }
  return "";
}

std::string ReadOptions(const std::vector<OptionSpec>& specs, std::string_view type, Value object,
                        const std::vector<std::string_view>& skip, const std::string& pointer,
                        const std::string& base_dir, void* options, ConfigProblems* problems) {
  std::vector<std::string_view> names;
  for (const OptionSpec& s : specs) names.push_back(s.name);
  std::string scratch;
  for (MemberIterator m(object); !m.done(); m.Next()) {
    const std::string_view name = m.name(&scratch);
    if (std::find(skip.begin(), skip.end(), name) != skip.end()) continue;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    std::vector<std::string_view> all = names;
    all.insert(all.end(), skip.begin(), skip.end());
    const std::string_view near = Nearest(name, all);
    std::string message = Concat("unknown option ", JsonString(name), " of ", type);
    if (!near.empty()) {
      message += Concat("; did you mean \"", near, "\"?");
    } else if (!names.empty()) {
      message += " (options:";
      for (std::string_view n : names) message += Concat(" ", n);
      message += ")";
    }
    std::string at = pointer;
    AppendJsonPointer(&at, name);
    problems->push_back({at, message});
  }
  std::string canonical = "{";
  for (const OptionSpec& s : specs) {
    Value v = object.Find(s.name);
    Document fallback;
    std::string at = pointer;
    if (!v.exists()) {
      if (s.required) {
        problems->push_back(
            {pointer, Concat("option \"", s.name, "\" of ", type, " is missing: ", s.doc)});
        continue;
      }
      fallback = Document::FromTrusted(s.default_text);
      v = fallback.root();
    } else {
      AppendJsonPointer(&at, s.name);
    }
    if (s.kind == OptionKind::kJson) {
      s.read(options, v, at, problems);
      if (canonical.size() > 1) canonical += ',';
      canonical += JsonString(s.name) + ":" + std::string(v.text());
      continue;
    }
    int64_t integer = 0;
    std::string text;
    std::string message;
    if (!Convert(s, v, &integer, &text, &message)) {
      problems->push_back({at, message});
      continue;
    }
    if (s.kind == OptionKind::kPath && !text.empty()) {
      text = (std::filesystem::path(base_dir) / text).lexically_normal().string();
    }
    s.store(options, integer, text);
    if (canonical.size() > 1) canonical += ',';
    canonical += JsonString(s.name) + ":";
    switch (s.kind) {
      case OptionKind::kString:
      case OptionKind::kPath:
      case OptionKind::kEnum:
        canonical += JsonString(text);
        break;
      case OptionKind::kBool:
        canonical += integer != 0 ? "true" : "false";
        break;
      case OptionKind::kDuration:  // a number without its unit would not be read again
        canonical += JsonString(WithUnit(integer, kDurations));
        break;
      case OptionKind::kInteger:
      case OptionKind::kSize:
      case OptionKind::kJson:
        canonical += std::to_string(integer);
        break;
    }
  }
  return canonical + "}";
}

}  // namespace strata

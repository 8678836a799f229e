#include "tests/support/random_json.h"

#include <cstdio>
#include <cstdlib>
#include <set>

#include "core/json_text.h"

namespace strata::testing {

uint64_t PrintedSeed() {
  const char* given = std::getenv("STRATA_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("seed: STRATA_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

std::string RandomJson::String() {
  static const char* const kParts[] = {
      "a",  "b", "ab", "abc", "é", "\n", "\"",
      "\\", "0", "10", "/",   "&", "(",  ")",
      "%",  "x", "日", "😀",   " ", "~",  "long-ish text of more than sixteen bytes"};
  std::string s;
  for (int i = Below(4); i > 0; --i) s += kParts[Below(std::size(kParts))];
  if (Below(40) == 0) s.push_back('\0');
  if (Below(6) == 0) return Below(2) ? "\"\\u0061b\"" : "\"\\ud83d\\ude00\\/\"";
  return JsonString(s);
}

std::string RandomJson::Number() {
  static const char* const kOdd[] = {"0",
                                     "-0",
                                     "1.0",
                                     "1e3",
                                     "0.5",
                                     "-0.5",
                                     "9007199254740993",
                                     "9007199254740992.0",
                                     "9223372036854775807",
                                     "9223372036854775808",
                                     "18446744073709551615",
                                     "18446744073709551616",
                                     "-9223372036854775808",
                                     "123456789012345678901234567890",
                                     "5e-324",
                                     "1.7976931348623157e308",
                                     "-1.5e300",
                                     "1e-400",
                                     "0.1",
                                     "0.10",
                                     "3.5"};
  if (Below(3) == 0) return kOdd[Below(std::size(kOdd))];
  if (Below(4) == 0) return std::to_string(static_cast<int64_t>(random_()));
  return std::to_string(Below(20) - 5);
}

std::string RandomJson::Object(int depth) {
  static const char* const kNames[] = {"a",    "b", "c", "id2", "name", "price",
                                       "tags", "n", "p", "x/y", "d.e",  "é"};
  std::string out = "{";
  std::set<std::string> used;
  for (int i = Below(depth > 0 ? 6 : 2); i > 0; --i) {
    std::string name = kNames[Below(std::size(kNames))];
    if (!used.insert(name).second) continue;
    if (out.size() > 1) out += ',';
    out += Below(20) == 0 && name == "a" ? "\"\\u0061\"" : JsonString(name);
    out += ':';
    out += Any(depth - 1);
  }
  return out + "}";
}

std::string RandomJson::Any(int depth) {
  switch (Below(depth > 0 ? 9 : 6)) {
    case 0:
      return "null";
    case 1:
      return Below(2) ? "true" : "false";
    case 2:
    case 3:
      return Number();
    case 4:
    case 5:
      return String();
    case 6: {
      std::string out = "[";
      for (int i = Below(4); i > 0; --i) out += (out.size() > 1 ? "," : "") + Any(depth - 1);
      return out + "]";
    }
    default:
      return Object(depth - 1);
  }
}

}  // namespace strata::testing

// Small things on JSON text: finding ends, decoding and writing strings.
#ifndef STRATA_CORE_JSON_TEXT_H_
#define STRATA_CORE_JSON_TEXT_H_

#include <emmintrin.h>

#include <string>
#include <string_view>

namespace strata {

// The closing quote of the string that opens at p; *escapes tells whether it holds a backslash.
// Requires: valid text with 16 readable bytes behind it.
inline const char* StringClose(const char* p, bool* escapes) {
  ++p;
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  for (;;) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const int quotes = _mm_movemask_epi8(_mm_cmpeq_epi8(chunk, quote));
    const int slashes = _mm_movemask_epi8(_mm_cmpeq_epi8(chunk, slash));
    if ((quotes | slashes) == 0) {
      p += 16;
      continue;
    }
    const int first = __builtin_ctz(quotes | slashes);
    if (quotes >> first & 1) return p + first;
    *escapes = true;
    p += first + 2;
  }
}

// One past the closing quote of the string that opens at p. Requires: as StringClose.
inline const char* StringEnd(const char* p) {
  bool escapes;
  return StringClose(p, &escapes) + 1;
}

// One past the scalar at p. Requires: valid, minified text with padding.
inline const char* ScalarEnd(const char* p) {
  if (*p == '"') return StringEnd(p);
  while (*p != ',' && *p != '}' && *p != ']' && *p != '\0') ++p;
  return p;
}

// One past the value at p. Requires: valid, minified text with padding.
const char* ValueEnd(const char* p);

// The text of a string, from its raw form with quotes. Requires: valid.
std::string DecodeJsonString(std::string_view raw);

// Appends `s` as a JSON string with quotes, escaping what must be escaped. Requires: valid UTF-8.
void AppendJsonString(std::string* out, std::string_view s);
inline std::string JsonString(std::string_view s) {
  std::string out;
  AppendJsonString(&out, s);
  return out;
}

// Bytes before the first sequence that is not UTF-8 (surrogates and overlong forms are not).
size_t ValidUtf8Prefix(std::string_view s);
inline bool IsValidUtf8(std::string_view s) { return ValidUtf8Prefix(s) == s.size(); }
// Length of a valid text in code points.
size_t Utf8Length(std::string_view s);
// A copy in which every invalid sequence is replaced, fit for messages and JSON.
std::string ToValidUtf8(std::string_view s);
// Appends a code point.
void AppendUtf8(std::string* out, uint32_t code_point);

}  // namespace strata

#endif  // STRATA_CORE_JSON_TEXT_H_

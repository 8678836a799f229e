// Values as binary keys whose bytewise order is the order of value_order.h.
//
// A key is self-delimiting, so keys of several values may be joined. One byte of type, then
//   numbers   the number as sign, exponent and 64 bits of mantissa: 11 bytes, equal for equal
//   numbers strings   the bytes with 00 written as 00 FF, then 00 01 arrays    the elements, then
//   00 objects   the members sorted by name: 01, name as a string, value; then 00
// A descending key has every bit turned over.
#ifndef STRATA_CORE_KEY_ENCODING_H_
#define STRATA_CORE_KEY_ENCODING_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/document.h"

namespace strata {

enum class SortDirection : uint8_t { kAscending, kDescending };

void AppendKey(std::string* out, Value v, SortDirection direction = SortDirection::kAscending);
// The same for a text that is no document.
void AppendStringKey(std::string* out, std::string_view text,
                     SortDirection direction = SortDirection::kAscending);
// What the keys of all values of a type begin with: one byte.
char KeyTypeByte(Type type);
// The bytes of the first value's key at the beginning of `key`; 0 when it is damaged.
size_t KeyLength(std::string_view key, SortDirection direction = SortDirection::kAscending);
// The first value's key as JSON, for people: "" for missing, numbers in their shortest spelling.
std::string KeyText(std::string_view key, SortDirection direction = SortDirection::kAscending);
// The first text beyond all that begin with `prefix`; none when there is no such text.
std::optional<std::string> AfterPrefix(std::string prefix);
// Turns every bit over.
void InvertKey(std::string* key, size_t from = 0);

}  // namespace strata

#endif  // STRATA_CORE_KEY_ENCODING_H_

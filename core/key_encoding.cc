#include "core/key_encoding.h"

#include <cmath>
#include <cstdint>

#include "core/json_text.h"
#include "core/sorted_members.h"

namespace strata {
namespace {

void AppendBigEndian(std::string* out, uint64_t v, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(v >> shift));
}

void AppendNumber(std::string* out, const Number& n) {
  uint64_t mantissa = 0;  // the number's leading 64 bits, the first of them set
  int exponent = 0;       // the number is mantissa * 2^(exponent - 63)
  bool negative = false;
  switch (n.kind()) {
    case Number::Kind::kInt:
      negative = n.int_value() < 0;
      mantissa = negative ? ~static_cast<uint64_t>(n.int_value()) + 1
                          : static_cast<uint64_t>(n.int_value());
      exponent = 63;
      break;
    case Number::Kind::kUint:
      mantissa = n.uint_value();
      exponent = 63;
      break;
    case Number::Kind::kDouble: {
      const double d = n.ToDouble();
      negative = d < 0;
      const double fraction = std::frexp(std::fabs(d), &exponent);  // in [0.5, 1), or 0
      mantissa = static_cast<uint64_t>(std::ldexp(fraction, 64));
      exponent -= 1;
      break;
    }
  }
  std::string bytes;
  if (mantissa == 0) {
    bytes.assign(11, '\0');
    bytes[0] = 1;
  } else {
    const int shift = __builtin_clzll(mantissa);
    mantissa <<= shift;
    exponent -= shift;
    bytes.push_back(2);
    AppendBigEndian(&bytes, static_cast<uint64_t>(exponent + 0x4000), 2);
    AppendBigEndian(&bytes, mantissa, 8);
    if (negative) {
      for (char& c : bytes) c = static_cast<char>(~c);
      bytes[0] = 0;
    }
  }
  out->append(bytes);
}

void AppendString(std::string* out, std::string_view s) {
  for (char c : s) {
    out->push_back(c);
    if (c == '\0') out->push_back('\xFF');
  }
  out->push_back('\0');
  out->push_back('\x01');
}

void Append(std::string* out, Value v) {
  const Type type = v.type();
  out->push_back(KeyTypeByte(type));
  switch (type) {
    case Type::kMissing:
    case Type::kNull:
    case Type::kFalse:
    case Type::kTrue:
      return;
    case Type::kNumber:
      AppendNumber(out, v.number());
      return;
    case Type::kString: {
      std::string scratch;
      AppendString(out, v.StringView(&scratch));
      return;
    }
    case Type::kArray:
      for (uint32_t i = 0; i < v.size(); ++i) Append(out, v.At(i));
      out->push_back('\0');
      return;
    case Type::kObject:
      for (const auto& [name, value] : SortedMembers(v)) {
        out->push_back('\x01');
        AppendString(out, name);
        Append(out, value);
      }
      out->push_back('\0');
      return;
  }
}

// Where the string whose bytes begin at `at` ends, behind its terminator; npos: nowhere. `flip` is
// combined with every byte that is read.
size_t EndOfString(std::string_view key, size_t at, char flip) {
  for (; at + 1 < key.size(); ++at) {
    if ((key[at] ^ flip) != 0) continue;
    if ((key[at + 1] ^ flip) == 1) return at + 2;
    ++at;  // an escaped zero
  }
  return key.npos;
}

size_t EndOfKey(std::string_view key, size_t at, char flip, int depth) {
  if (at >= key.size() || depth > kMaxDepth) return key.npos;
  const auto byte = [&](size_t i) { return static_cast<char>(key[i] ^ flip); };
  const char type = byte(at++);
  if (type < KeyTypeByte(Type::kMissing) || type > KeyTypeByte(Type::kObject)) return key.npos;
  if (type < KeyTypeByte(Type::kNumber)) return at;
  if (type == KeyTypeByte(Type::kNumber)) return at + 11 <= key.size() ? at + 11 : key.npos;
  if (type == KeyTypeByte(Type::kString)) return EndOfString(key, at, flip);
  while (at < key.size() && byte(at) != 0) {
    if (type == KeyTypeByte(Type::kObject)) {
      at = EndOfString(key, at + 1, flip);
      if (at == key.npos) return at;
    }
    at = EndOfKey(key, at, flip, depth + 1);
    if (at == key.npos) return at;
  }
  return at < key.size() ? at + 1 : key.npos;
}

std::string NumberText(std::string bytes) {
  if (bytes[0] == 1) return "0";
  const bool negative = bytes[0] == 0;
  if (negative) {
    for (char& c : bytes) c = static_cast<char>(~c);
  }
  const auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])); };
  const int exponent = static_cast<int>(byte(1) << 8 | byte(2)) - 0x4000;
  uint64_t mantissa = 0;
  for (size_t i = 3; i < 11; ++i) mantissa = mantissa << 8 | byte(i);
  // A whole number within 64 bits is exact as such.
  if (exponent >= 0 && exponent <= 63 && (exponent == 63 || (mantissa << (exponent + 1)) == 0)) {
    const std::string digits = std::to_string(mantissa >> (63 - exponent));
    return negative ? "-" + digits : digits;
  }
  const double d = std::ldexp(static_cast<double>(mantissa), exponent - 63);
  return Number(negative ? -d : d).ToString();
}

std::string DecodeString(std::string_view key, size_t* at) {
  const size_t end = EndOfString(key, *at, 0);
  std::string out;
  for (size_t i = *at; i + 2 < end; ++i) {
    out.push_back(key[i]);
    if (key[i] == 0) ++i;
  }
  *at = end;
  return out;
}

// Requires: a whole key.
void DecodeKey(std::string_view key, size_t* at, std::string* out) {
  const auto type = static_cast<Type>(key[(*at)++] - 2);
  switch (type) {
    case Type::kMissing:
      return;
    case Type::kNull:
    case Type::kFalse:
    case Type::kTrue:
      *out += TypeName(type);
      return;
    case Type::kNumber:
      *out += NumberText(std::string(key.substr(*at, 11)));
      *at += 11;
      return;
    case Type::kString:
      AppendJsonString(out, DecodeString(key, at));
      return;
    case Type::kArray:
    case Type::kObject:
      break;
  }
  const bool object = type == Type::kObject;
  *out += object ? '{' : '[';
  for (bool first = true; key[*at] != 0; first = false) {
    if (!first) *out += ',';
    if (object) {
      ++*at;
      AppendJsonString(out, DecodeString(key, at));
      *out += ':';
    }
    DecodeKey(key, at, out);
  }
  ++*at;
  *out += object ? '}' : ']';
}

}  // namespace

char KeyTypeByte(Type type) {
  return static_cast<char>(static_cast<int>(type) + 2);  // above every terminator
}

void AppendKey(std::string* out, Value v, SortDirection direction) {
  const size_t start = out->size();
  Append(out, v);
  if (direction == SortDirection::kDescending) InvertKey(out, start);
}

void AppendStringKey(std::string* out, std::string_view text, SortDirection direction) {
  const size_t start = out->size();
  out->push_back(KeyTypeByte(Type::kString));
  AppendString(out, text);
  if (direction == SortDirection::kDescending) InvertKey(out, start);
}

std::string KeyText(std::string_view key, SortDirection direction) {
  std::string plain(key.substr(0, KeyLength(key, direction)));
  if (direction == SortDirection::kDescending) InvertKey(&plain);
  std::string out;
  size_t at = 0;
  if (!plain.empty()) DecodeKey(plain, &at, &out);
  return out;
}

std::optional<std::string> AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

void InvertKey(std::string* key, size_t from) {
  for (size_t i = from; i < key->size(); ++i) (*key)[i] = static_cast<char>(~(*key)[i]);
}

size_t KeyLength(std::string_view key, SortDirection direction) {
  const size_t end = EndOfKey(key, 0, direction == SortDirection::kDescending ? '\xFF' : '\0', 0);
  return end == key.npos ? 0 : end;
}

}  // namespace strata

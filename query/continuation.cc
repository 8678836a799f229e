#include "query/continuation.h"

#include <xxhash.h>

#include <cstdint>
#include <cstring>

namespace strata {
namespace {

// Binary form: version (1 byte), hash of the query (8), position, check sum of all before (8); then
// base64url.
constexpr char kVersion = 1;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

uint64_t Hash(std::string_view s, uint64_t seed) {
  return XXH3_64bits_withSeed(s.data(), s.size(), seed);
}

std::string Encode(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (have += 8; have >= 6; have -= 6) out.push_back(kDigits[bits >> (have - 6) & 63]);
  }
  if (have > 0) out.push_back(kDigits[bits << (6 - have) & 63]);
  return out;
}

bool Decode(std::string_view text, std::string* out) {
  uint32_t bits = 0;
  int have = 0;
  for (char c : text) {
    const size_t d = kDigits.find(c);
    if (d == kDigits.npos) return false;
    bits = bits << 6 | static_cast<uint32_t>(d);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out->push_back(static_cast<char>(bits >> have));
    }
  }
  // What is left over is padding, and one text stands for one continuation.
  return have < 6 && (bits & ((1u << have) - 1)) == 0;
}

}  // namespace

Status BadContinuation() {
  return InvalidArgument("this is no continuation; take one from an earlier page as it is");
}

std::string EncodeContinuation(std::string_view query_text, std::string_view position) {
  std::string bytes(1, kVersion);
  const uint64_t query = Hash(query_text, 1);
  bytes.append(reinterpret_cast<const char*>(&query), 8);
  bytes.append(position);
  const uint64_t check = Hash(bytes, 2);
  bytes.append(reinterpret_cast<const char*>(&check), 8);
  return Encode(bytes);
}

StatusOr<std::string> DecodeContinuation(std::string_view query_text,
                                         std::string_view continuation) {
  std::string bytes;
  if (!Decode(continuation, &bytes) || bytes.size() < 17) return BadContinuation();
  if (bytes[0] != kVersion)
    return InvalidArgument("the continuation is from another version; ask from the beginning");
  uint64_t check = 0;
  std::memcpy(&check, bytes.data() + bytes.size() - 8, 8);
  bytes.resize(bytes.size() - 8);
  if (check != Hash(bytes, 2)) return BadContinuation();
  uint64_t query = 0;
  std::memcpy(&query, bytes.data() + 1, 8);
  if (query != Hash(query_text, 1)) {
    return InvalidArgument("the continuation belongs to another query; only after(…) may differ");
  }
  return bytes.substr(9);
}

}  // namespace strata

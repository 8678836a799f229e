// How the tables that a point read goes through find an id. Short and in line: the processor works
// on the next read while memory answers this one, as far as its window of some two hundred
// instructions reaches, so each instruction between two look-ups counts more than it seems
// (bench/foundation_bench, "memory point read").
#ifndef STRATA_CORE_ID_HASH_H_
#define STRATA_CORE_ID_HASH_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace strata {

namespace internal {

// Where it lies differs from process to process, so nobody outside knows which ids collide.
inline constexpr char kIdHashSeed = 0;

inline uint64_t Load8(const char* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
uint64_t HashUnusualId(std::string_view id, uint64_t seed);

}  // namespace internal

// Ids of 8 to 16 bytes as wyhash does them: the halves of a product of 64 by 64 bits are multiplied
// once more (Wang Yi, github.com/wangyi-fudan/wyhash, with the constants of its default secret;
// once alone leaves decimal numbers crowded in the lowest bits). Others by XXH3.
inline uint64_t HashId(std::string_view id) {
  constexpr uint64_t kSecret[] = {0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu};
  const auto seed = reinterpret_cast<uintptr_t>(&internal::kIdHashSeed);
  if (id.size() - 8 > 8) [[unlikely]]
    return internal::HashUnusualId(id, seed);
  using Product = unsigned __int128;
  Product p = Product{internal::Load8(id.data()) ^ kSecret[1]} *
              (internal::Load8(id.data() + id.size() - 8) ^ seed);
  p = Product{static_cast<uint64_t>(p) ^ kSecret[0] ^ id.size()} *
      (static_cast<uint64_t>(p >> 64) ^ kSecret[1]);
  return static_cast<uint64_t>(p) ^ static_cast<uint64_t>(p >> 64);
}

// a == b. No call in it: what a call needs kept would be spilled to memory within the look-up.
inline bool SameId(std::string_view a, std::string_view b) {
  const size_t n = a.size();
  if (n != b.size()) return false;
  const char* p = a.data();
  const char* q = b.data();
  if (n < 8) [[unlikely]] {
    for (const char* const end = p + n; p != end; ++p, ++q) {
      if (*p != *q) return false;
    }
    return true;
  }
  for (const char* const last = p + n - 8; p < last; p += 8, q += 8) {
    if (internal::Load8(p) != internal::Load8(q)) return false;
  }
  return internal::Load8(a.data() + n - 8) == internal::Load8(b.data() + n - 8);
}

}  // namespace strata

#endif  // STRATA_CORE_ID_HASH_H_

// Documents for benchmarks: products, deterministic, some 500 bytes each (bench/README.md says what
// is in them).
#ifndef STRATA_TOOLS_PRODUCT_DATA_H_
#define STRATA_TOOLS_PRODUCT_DATA_H_

#include <cstdint>
#include <string>

namespace strata::tools {

inline std::string ProductId(uint64_t i) {
  std::string n = std::to_string(i);
  return "p-" + std::string(9 - n.size(), '0') + n;
}

inline std::string ProductText(uint64_t i) {
  static const char* const kCategories[] = {"laptop", "phone", "camera",  "audio",
                                            "tablet", "watch", "printer", "router"};
  static const char* const kCountries[] = {"DE", "US", "JP", "KR", "FR"};
  const uint64_t h = (i + 1) * 0x9E3779B97F4A7C15ULL;
  const std::string price = std::to_string(10 + h % 2000) + "." + std::to_string(10 + h / 7 % 90);
  return "{\"id\":\"" + ProductId(i) + "\",\"sku\":\"S" + std::to_string(h % 1000003) + "-" +
         std::to_string(i) + "\",\"name\":\"Product number " + std::to_string(i) +
         " of the catalogue\",\"category\":\"" + kCategories[h >> 20 & 7] +
         "\",\"price\":" + price + ",\"stock\":" + std::to_string(h >> 30 & 1023) +
         ",\"rating\":" + std::to_string(1 + (h >> 40 & 3)) + "." + std::to_string(h >> 44 & 7) +
         ",\"tags\":[\"new\",\"t" + std::to_string(h >> 50 & 31) +
         "\",\"sale\"],\"vendor\":{\"name\":\"Vendor " + std::to_string(h >> 12 & 255) +
         "\",\"country\":\"" + kCountries[(h >> 25) % 5] +
         "\",\"since\":" + std::to_string(1950 + (h >> 33 & 63)) +
         "},\"description\":\"A thing that people buy when they need one, described here at the "
         "length that such texts "
         "usually have in a catalogue, with a few words on what it is good "
         "for.\",\"updated\":\"2024-05-17T09:30:00Z\","
         "\"active\":" +
         (h & 1 ? "true" : "false") + "}";
}

}  // namespace strata::tools

#endif  // STRATA_TOOLS_PRODUCT_DATA_H_

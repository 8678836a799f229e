// What a store promises: a handful of ordered enums. A wrapper's promise is the least of its
// children's, then raised by what it adds. The conformance suite tests every claim.
#ifndef STRATA_STORE_CAPABILITIES_H_
#define STRATA_STORE_CAPABILITIES_H_

#include <algorithm>
#include <cstdint>
#include <string>

namespace strata {

// What is written together or not at all.
enum class WriteAtomicity : uint8_t { kNone, kDocument, kBatch };
// What a transaction sees.
enum class Isolation : uint8_t { kNone, kSnapshot };
// What a read sees of acknowledged writes through the same store.
enum class Freshness : uint8_t { kEventual, kLatest };
// What an acknowledged write survives.
enum class Durability : uint8_t { kNone, kProcess, kMachine };
// Changes for subscribers.
enum class ChangeFeed : uint8_t { kNone, kOrdered, kResumable };  // resumable: also after a restart
// Rows of a query without a sort.
enum class OrderedScan : uint8_t { kNone, kById };

struct Capabilities {
  WriteAtomicity write_atomicity = WriteAtomicity::kNone;
  Isolation isolation = Isolation::kNone;
  Freshness freshness = Freshness::kEventual;
  Durability durability = Durability::kNone;
  ChangeFeed change_feed = ChangeFeed::kNone;
  OrderedScan ordered_scan = OrderedScan::kNone;
  bool writable = true;
  // A document is read back exactly as it was written: no stage adds to it or spells it otherwise.
  bool verbatim = true;

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

inline Capabilities Min(const Capabilities& a, const Capabilities& b) {
  return {std::min(a.write_atomicity, b.write_atomicity),
          std::min(a.isolation, b.isolation),
          std::min(a.freshness, b.freshness),
          std::min(a.durability, b.durability),
          std::min(a.change_feed, b.change_feed),
          std::min(a.ordered_scan, b.ordered_scan),
          a.writable && b.writable,
          a.verbatim && b.verbatim};
}

// {"write_atomicity":"batch",…}
inline std::string CapabilitiesJson(const Capabilities& c) {
  static constexpr const char* kAtomicity[] = {"none", "document", "batch"};
  static constexpr const char* kIsolation[] = {"none", "snapshot"};
  static constexpr const char* kFreshness[] = {"eventual", "latest"};
  static constexpr const char* kDurability[] = {"none", "process", "machine"};
  static constexpr const char* kFeed[] = {"none", "ordered", "resumable"};
  static constexpr const char* kScan[] = {"none", "by_id"};
  const auto i = [](auto e) { return static_cast<size_t>(e); };
  return std::string("{\"write_atomicity\":\"") + kAtomicity[i(c.write_atomicity)] +
         "\",\"isolation\":\"" + kIsolation[i(c.isolation)] + "\",\"freshness\":\"" +
         kFreshness[i(c.freshness)] + "\",\"durability\":\"" + kDurability[i(c.durability)] +
         "\",\"change_feed\":\"" + kFeed[i(c.change_feed)] + "\",\"ordered_scan\":\"" +
         kScan[i(c.ordered_scan)] + "\",\"writable\":" + (c.writable ? "true" : "false") +
         ",\"verbatim\":" + (c.verbatim ? "true" : "false") + "}";
}

}  // namespace strata

#endif  // STRATA_STORE_CAPABILITIES_H_

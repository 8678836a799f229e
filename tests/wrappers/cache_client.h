// What the tests of a cache's table have in common.
#ifndef STRATA_TESTS_WRAPPERS_CACHE_CLIENT_H_
#define STRATA_TESTS_WRAPPERS_CACHE_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/wrappers/stack.h"
#include "wrappers/cache/cache_table.h"

namespace strata::testing {

inline int64_t NoClock() { return 0; }

inline Document Version(const std::string& id, int64_t v, size_t bytes = 0) {
  return Doc("{\"id\":\"" + id + "\",\"v\":" + std::to_string(v) + ",\"fill\":\"" +
             std::string(bytes, 'x') + "\"}");
}

// Uses a table as a cache does.
class Client {
 public:
  explicit Client(const cache::TableOptions& options) : table_(options) {}

  // True for a hit. Else keeps what is below.
  bool Read(const std::string& id, const std::optional<Record>& below,
            std::optional<Record>* found) {
    if (table_.Hit(id, NoClock, found)) return true;
    std::shared_ptr<cache::Flight> flight;
    EXPECT_EQ(table_.Find(id, NoClock, found, &flight), cache::CacheTable::Found::kLead);
    table_.Fill(flight, id, below, {}, false, &dropped_);
    *found = below;
    return false;
  }
  bool Read(const std::string& id) {
    std::optional<Record> found;
    return Read(id, Record{small_, 1}, &found);
  }
  void Write(const std::string& id, const std::optional<Record>& left) {
    table_.BeginWrite(id);
    table_.EndWrite(id, &left, {}, &dropped_);
  }
  bool Holds(const std::string& id, std::optional<Record>* found) {
    std::shared_ptr<cache::Flight> flight;
    return table_.Find(id, NoClock, found, &flight, /*lead=*/false) ==
           cache::CacheTable::Found::kHit;
  }
  // How many of the ids PREFIX + from … are there.
  int Held(const std::string& prefix, int from, int to) {
    std::optional<Record> found;
    int n = 0;
    for (int i = from; i < to; ++i) n += Holds(prefix + std::to_string(i), &found);
    return n;
  }
  cache::CacheTable& table() { return table_; }

 private:
  cache::CacheTable table_;
  std::vector<std::string> dropped_;
  const Document small_ = Doc("{\"v\":1}");
};

}  // namespace strata::testing

#endif  // STRATA_TESTS_WRAPPERS_CACHE_CLIENT_H_

// The cache that others are compared with: it drops what was not used for longest.
#ifndef STRATA_TESTS_SUPPORT_LRU_H_
#define STRATA_TESTS_SUPPORT_LRU_H_

#include <cstddef>
#include <list>
#include <unordered_map>

namespace strata::testing {

template <typename Key>
class Lru {
 public:
  explicit Lru(size_t entries) : entries_(entries) {}
  // True for a hit. Else the key is kept.
  bool Read(const Key& key) {
    const auto it = places_.find(key);
    if (it != places_.end()) {
      order_.splice(order_.begin(), order_, it->second);
      return true;
    }
    order_.push_front(key);
    places_[key] = order_.begin();
    if (places_.size() > entries_) {
      places_.erase(order_.back());
      order_.pop_back();
    }
    return false;
  }

 private:
  const size_t entries_;
  std::list<Key> order_;
  std::unordered_map<Key, typename std::list<Key>::iterator> places_;
};

}  // namespace strata::testing

#endif  // STRATA_TESTS_SUPPORT_LRU_H_

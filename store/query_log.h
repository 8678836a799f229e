// QueryLog: which index would have helped the queries that ran, and by how much. Bounded; when it
// is full, the candidate that would have saved least makes room. Safe for concurrent use.
#ifndef STRATA_STORE_QUERY_LOG_H_
#define STRATA_STORE_QUERY_LOG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sync.h"
#include "query/query.h"
#include "store/index_spec.h"

namespace strata {

// The index that would answer these conditions and this sort: paths with one value first, then the
// sort's keys, or else the first path with a range. None when no path qualifies.
std::optional<IndexSpec> IdealIndex(const std::vector<Node>& conjuncts,
                                    const std::optional<Node>& sort);

class QueryLog {
 public:
  static constexpr size_t kMaxCandidates = 256;

  struct Candidate {
    std::string paths;      // as IndexFromPaths reads it; "[]" behind a path: a multi index
    uint64_t queries = 0;   // that it would have served
    uint64_t examined = 0;  // documents that they looked at
    uint64_t rows = 0;      // documents that they wanted
    uint64_t wasted() const { return examined > rows ? examined - rows : 0; }
  };

  void Record(const IndexSpec& ideal, uint64_t examined, uint64_t rows);
  // The most wasteful first.
  std::vector<Candidate> Candidates() const;
  void Forget(std::string_view paths);
  // Counts queries that an index served.
  void Use(std::string_view index);
  uint64_t Uses(std::string_view index) const;

  std::string Serialize() const;
  bool Parse(std::string_view json);

 private:
  mutable Mutex mutex_;
  std::map<std::string, Candidate, std::less<>> by_paths_ STRATA_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t, std::less<>> uses_ STRATA_GUARDED_BY(mutex_);
};

// The index that a candidate stands for.
StatusOr<IndexSpec> IndexOfCandidate(std::string_view paths);

}  // namespace strata

#endif  // STRATA_STORE_QUERY_LOG_H_

#include "store/query_log.h"

#include <algorithm>

#include "core/json_text.h"
#include "query/sort_position.h"

namespace strata {
namespace {

std::string CandidateText(const IndexSpec& spec) {
  std::string out;
  for (const IndexPart& p : spec.parts) {
    if (!out.empty()) out += ',';
    out += (p.descending() ? "-" : "") + p.path.ToString();
  }
  return spec.multi ? out + "[]" : out;
}

// Whether a path can be written as text and read again.
bool IsPlain(const Path& path) {
  if (path.empty() || path.size() > 16) return false;
  for (size_t i = 0; i < path.size(); ++i) {
    const std::string& name = path.name(i);
    if (name.empty() || name.size() > 200 || name.find_first_of("/,[]") != name.npos) return false;
    if (i == 0 && (name[0] == '-' || name[0] == '+')) return false;
  }
  return !(path.size() == 1 && path.name(0) == "id");
}

}  // namespace

std::optional<IndexSpec> IdealIndex(const std::vector<Node>& conjuncts,
                                    const std::optional<Node>& sort) {
  IndexSpec spec;
  const auto add = [&](const Path& path, bool descending) {
    if (!IsPlain(path) || spec.parts.size() == kMaxIndexParts) return false;
    for (const IndexPart& p : spec.parts) {
      if (p.path == path) return true;
    }
    spec.parts.push_back(
        {path, descending ? SortDirection::kDescending : SortDirection::kAscending});
    return true;
  };
  std::optional<Path> range;
  std::optional<Path> element;
  for (const Node& n : conjuncts) {
    if (n.size() != 2) continue;
    switch (n.op()) {
      case Op::kEq:
      case Op::kIn:
        if (n.arg(1).kind() != Node::Kind::kRegex) add(PathOf(n.arg(0)), false);
        break;
      case Op::kLt:
      case Op::kLe:
      case Op::kGt:
      case Op::kGe:
      case Op::kBetween:
      case Op::kPrefix:
        if (!range) range = PathOf(n.arg(0));
        break;
      case Op::kContains:
        if (!element && !n.arg(1).is_call()) element = PathOf(n.arg(0));
        break;
      default:
        break;
    }
  }
  bool sorted = sort.has_value();
  if (sort) {
    for (const SortKey& k : SortKeysOf(*sort)) sorted = sorted && add(k.path, k.descending);
  }
  if (!sort && range) add(*range, false);
  if (spec.parts.empty() && element && IsPlain(*element)) {
    spec.multi = true;
    spec.parts.push_back({*element, SortDirection::kAscending});
  }
  if (spec.parts.empty()) return std::nullopt;
  spec.name = CandidateText(spec);
  return spec;
}

StatusOr<IndexSpec> IndexOfCandidate(std::string_view paths) {
  const bool multi = paths.ends_with("[]");
  if (multi) paths.remove_suffix(2);
  ASSIGN_OR_RETURN(IndexSpec spec, IndexFromPaths(paths));
  if (multi && spec.parts.size() != 1) return InvalidArgument("a multi index has one path");
  spec.multi = multi;
  if (multi) spec.name += "[]";
  return spec;
}

void QueryLog::Record(const IndexSpec& ideal, uint64_t examined, uint64_t rows) {
  MutexLock lock(mutex_);
  auto it = by_paths_.find(ideal.name);
  if (it == by_paths_.end()) {
    if (by_paths_.size() == kMaxCandidates) {
      by_paths_.erase(std::min_element(
          by_paths_.begin(), by_paths_.end(),
          [](const auto& a, const auto& b) { return a.second.wasted() < b.second.wasted(); }));
    }
    it = by_paths_.emplace(ideal.name, Candidate{ideal.name}).first;
  }
  ++it->second.queries;
  it->second.examined += examined;
  it->second.rows += rows;
}

std::vector<QueryLog::Candidate> QueryLog::Candidates() const {
  std::vector<Candidate> out;
  {
    MutexLock lock(mutex_);
    for (const auto& [paths, c] : by_paths_) out.push_back(c);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Candidate& a, const Candidate& b) { return a.wasted() > b.wasted(); });
  return out;
}

void QueryLog::Forget(std::string_view paths) {
  MutexLock lock(mutex_);
  if (const auto it = by_paths_.find(paths); it != by_paths_.end()) by_paths_.erase(it);
}

void QueryLog::Use(std::string_view index) {
  MutexLock lock(mutex_);
  const auto it = uses_.find(index);
  if (it != uses_.end()) {
    ++it->second;
  } else {
    uses_.emplace(index, 1);
  }
}

uint64_t QueryLog::Uses(std::string_view index) const {
  MutexLock lock(mutex_);
  const auto it = uses_.find(index);
  return it == uses_.end() ? 0 : it->second;
}

std::string QueryLog::Serialize() const {
  MutexLock lock(mutex_);
  std::string out = "{";
  for (const auto& [paths, c] : by_paths_) {
    if (out.size() > 1) out += ',';
    out += JsonString(paths) + ":[" + std::to_string(c.queries) + "," + std::to_string(c.examined) +
           "," + std::to_string(c.rows) + "]";
  }
  return out + "}";
}

bool QueryLog::Parse(std::string_view json) {
  const StatusOr<Document> d = Document::Parse(json);
  if (!d.ok()) return false;
  std::map<std::string, Candidate, std::less<>> read;
  std::string scratch;
  for (MemberIterator m(d->root()); !m.done(); m.Next()) {
    const Value v = m.value();
    if (v.size() != 3) return false;
    for (uint32_t i = 0; i < 3; ++i) {
      if (!v.At(i).is_number() || !v.At(i).number().is_int()) return false;
    }
    const auto figure = [&](uint32_t i) {
      return static_cast<uint64_t>(v.At(i).number().int_value());
    };
    const std::string paths(m.name(&scratch));
    read[paths] = {paths, figure(0), figure(1), figure(2)};
  }
  MutexLock lock(mutex_);
  by_paths_ = std::move(read);
  return true;
}

}  // namespace strata

#include "wrappers/fulltext/text_search.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "core/json_text.h"
#include "core/key_encoding.h"
#include "query/filter.h"
#include "store/index_bounds.h"
#include "store/record.h"
#include "wrappers/fulltext/progress.h"
#include "wrappers/fulltext/text_query.h"
#include "wrappers/fulltext/value_counter.h"
#include "wrappers/fulltext/xapian_errors.h"

namespace strata::fulltext {
namespace {

// A condition as a query over terms and slots that every matching document satisfies; empty: the
// index cannot tell.
Xapian::Query NarrowQuery(const Shared& shared, const Node& c) {
  const auto term = [&](const Path& path, const Node& literal) -> Xapian::Query {
    for (size_t i = 0; i < shared.schema.terms.size(); ++i) {
      if (!(shared.schema.terms[i] == path)) continue;
      const bool plain = !literal.is_call() && literal.kind() != Node::Kind::kRegex &&
                         literal.kind() != Node::Kind::kDate &&
                         literal.kind() != Node::Kind::kArray;
      if (!plain) return {};
      std::string key;
      AppendKey(&key, LiteralDocument(literal).root());
      return Xapian::Query(BoundedTerm(TermPrefix(i), key));
    }
    return {};
  };
  if ((c.is(Op::kEq) || c.is(Op::kIn)) && c.size() == 2) {
    const Path path = PathOf(c.arg(0));
    if (c.is(Op::kEq)) {
      if (Xapian::Query q = term(path, c.arg(1)); !q.empty()) return q;
    } else if (c.arg(1).size() > 0) {
      Xapian::Query any;
      bool all = true;
      for (const Node& literal : c.arg(1).args()) {
        const Xapian::Query q = term(path, literal);
        all = all && !q.empty();
        if (!all) break;
        any = any.empty() ? q : Xapian::Query(Xapian::Query::OP_OR, any, q);
      }
      if (all) return any;
    }
  }
  for (size_t i = 0; i < shared.slots.size(); ++i) {
    const IndexBounds bounds = BoundsOf(shared.slots[i], {c});
    if (!bounds.narrowed) continue;
    const auto slot = static_cast<Xapian::valueno>(i);
    // A slot holds the beginning of a key, so what is not less than `from` may seem to be; what is
    // less than `end` cannot seem greater.
    const auto cut = [](std::string key) {
      if (key.size() > kMaxSlotBytes) key.resize(kMaxSlotBytes);
      return key;
    };
    Xapian::Query any = Xapian::Query::MatchNothing;
    for (const KeyRange& r : bounds.ranges) {
      const Xapian::Query one =
          r.end ? Xapian::Query(Xapian::Query::OP_VALUE_RANGE, slot, cut(r.from), *r.end)
                : Xapian::Query(Xapian::Query::OP_VALUE_GE, slot, cut(r.from));
      any = Xapian::Query(Xapian::Query::OP_OR, any, one);
    }
    return any;
  }
  return {};
}

// Strings of a value, also those in arrays, one after the other.
std::string TextOf(Value v) {
  if (v.is_string()) return v.String();
  std::string out;
  if (v.is_array()) {
    for (uint32_t i = 0; i < v.size(); ++i) {
      const std::string one = TextOf(v.At(i));
      if (!one.empty()) out += (out.empty() ? "" : " ") + one;
    }
  }
  return out;
}

// Whether what it walks over is not what its terms say: all documents, or words that begin so.
bool IsBroad(const Xapian::Query& query) {
  const auto type = query.get_type();
  if (type == Xapian::Query::LEAF_MATCH_ALL || type == Xapian::Query::OP_WILDCARD) return true;
  for (size_t i = 0; i < query.get_num_subqueries(); ++i) {
    if (IsBroad(query.get_subquery(i))) return true;
  }
  return false;
}

// All documents, and so nothing that changes a search that it filters; but each document that comes
// into question is asked of it, before phrases are looked for, and there it looks at the clock.
// Xapian's own time limit ends nothing (xapian/enquire.h).
class Watch final : public Xapian::PostingSource {
 public:
  // `limit`: how long ranking may take; nothing for what has no end but the deadline.
  Watch(const Context& ctx, std::optional<std::chrono::seconds> limit) : ctx_(ctx), limit_(limit) {}

  // Asking costs some 25 ns a candidate, so what cannot take long goes without.
  Xapian::Query Over(const Xapian::Query& query, const Xapian::Database& database) {
    using std::chrono::steady_clock;
    std::chrono::nanoseconds left = std::min(limit_.value_or(kLong), kLong);
    if (ctx_.has_deadline())
      left = std::min<std::chrono::nanoseconds>(left, ctx_.deadline() - steady_clock::now());
    uint64_t candidates = 0;
    for (auto t = query.get_unique_terms_begin(); t != query.get_unique_terms_end(); ++t)
      candidates += database.get_termfreq(*t);
    if (candidates > 0 && candidates * kWorstCandidate < left && !IsBroad(query)) return query;
    return Xapian::Query(Xapian::Query::OP_FILTER, query, Xapian::Query(this));
  }

  void init(const Xapian::Database& database) override {
    count_ = database.get_doccount();
    last_ = database.get_lastdocid();
    at_ = 0;
  }
  Xapian::doccount get_termfreq_min() const override { return count_; }
  Xapian::doccount get_termfreq_est() const override { return count_; }
  Xapian::doccount get_termfreq_max() const override { return count_; }
  void next(double) override { MoveTo(at_ + 1); }
  void skip_to(Xapian::docid to, double) override { MoveTo(std::max(at_, to)); }
  bool at_end() const override { return at_ > last_; }
  Xapian::docid get_docid() const override { return at_; }

 private:
  static constexpr uint32_t kEvery = 128;
  static constexpr std::chrono::seconds kLong{1};
  // One whose words' places are compared.
  static constexpr std::chrono::nanoseconds kWorstCandidate = std::chrono::microseconds(10);

  void MoveTo(Xapian::docid to) {
    at_ = to;
    if (++looked_ % kEvery != 0) return;
    if (Status s = ctx_.Check(); !s.ok()) throw Stopped{std::move(s)};
    if (limit_ && std::chrono::steady_clock::now() > began_ + *limit_) {
      throw Stopped{ResourceExhausted(Concat("fulltext: ranking takes more than ",
                                             std::to_string(limit_->count()),
                                             " seconds; look for fewer or rarer words"))};
    }
  }

  const Context& ctx_;
  const std::optional<std::chrono::seconds> limit_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Xapian::doccount count_ = 0;
  Xapian::docid last_ = 0;
  Xapian::docid at_ = 0;
  uint32_t looked_ = 0;
};

}  // namespace

Search::Search(std::shared_ptr<const Shared> shared, Reader reader)
    : shared_(std::move(shared)), reader_(std::move(reader)) {}

Status Search::Run(std::string_view doing, const std::function<Status()>& action) {
  Status s = reader_.Read(doing, action);
  if (!prepared_ || s.code() != StatusCode::kAborted) return s;
  return Unavailable(Concat(Message(s), "; search again"));
}

Status Search::Prepare(const TextRequest& request) {
  ranked_ = request.ranked;
  limit_ = request.limit;
  const Status s = Run("preparing a search", [&]() -> Status {
    const Xapian::Database& database = reader_.database();
    if (request.whole && reader_.generation() != nullptr && !ReadProgress(database).whole())
      return Aborted("the full-text index is being built");
    const bool all = !request.all.empty();
    std::optional<Xapian::Query> query, plain;
    const auto join = [&](std::optional<Xapian::Query>* to, const Xapian::Query& q) {
      const auto op = all ? Xapian::Query::OP_AND : Xapian::Query::OP_OR;
      *to = *to ? Xapian::Query(op, **to, q) : q;
    };
    for (const TextCondition& c : all ? request.all : request.any) {
      ASSIGN_OR_RETURN(const ParsedText parsed,
                       ParseText(c, shared_->schema, shared_->languages, database));
      join(&query, parsed.query);
      join(&plain, parsed.plain);
      if (!parsed.suggestion.empty()) suggestion_ = parsed.suggestion;
    }
    query_ = query.value_or(Xapian::Query());
    plain_ = plain.value_or(Xapian::Query());
    for (const Node& c : request.narrow) {
      const Xapian::Query q = NarrowQuery(*shared_, c);
      if (q.empty()) continue;
      query_ = Xapian::Query(Xapian::Query::OP_FILTER, query_, q);
      narrowed_.push_back(c);
    }
    return OkStatus();
  });
  prepared_ = s.ok();
  return s;
}

StatusOr<std::vector<TextHit>> Search::Ranked(const Context& ctx, size_t from, size_t count) {
  // Whole levels of equal score, so that they can be put in order of their ids.
  std::vector<TextHit> hits;
  for (size_t want = from + count + 16;; want = want * 2 + 256) {
    bool exhausted = false;
    ASSIGN_OR_RETURN(hits, Fetch(ctx, want, &exhausted));
    if (!exhausted && !hits.empty()) {
      // The last level may not be whole; it may be left out when there is enough before it.
      const double last = hits.back().score;
      size_t whole = hits.size();
      while (whole > 0 && hits[whole - 1].score == last) --whole;
      if (whole < from + count) continue;
      hits.resize(whole);
    }
    break;
  }
  std::sort(hits.begin(), hits.end(), [](const TextHit& a, const TextHit& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  if (reader_.moved() && !given_.empty()) {
    // Places are others now: what was not given yet comes next.
    const StringSet given(given_.begin(), given_.end());
    std::erase_if(hits, [&](const TextHit& h) { return given.contains(h.id); });
  } else {
    const auto next = hits.begin() + static_cast<std::ptrdiff_t>(std::min(from, hits.size()));
    if (given_.empty()) {  // whoever goes on with another search was given these
      for (auto it = hits.begin(); it != next; ++it) given_.push_back(it->id);
    }
    hits.erase(hits.begin(), next);
  }
  for (const TextHit& h : hits) given_.push_back(h.id);
  return hits;
}

StatusOr<std::vector<TextHit>> Search::All(const Context& ctx) {
  bool exhausted;
  return Fetch(ctx, SIZE_MAX, &exhausted);
}

StatusOr<std::string> Search::Snippet(const Document& document, size_t length) {
  std::string out;
  RETURN_IF_ERROR(Run("making a snippet", [&] {
    Xapian::Enquire enquire(reader_.database());
    enquire.set_query(plain_);
    const Xapian::MSet set = enquire.get_mset(0, 0);  // the words' weights alone; ranks nothing
    for (const bool must_match : {true, false}) {
      for (const TextField& f : shared_->schema.fields) {
        const std::string text = TextOf(f.path.Get(document.root()));
        if (text.empty()) continue;
        out = set.snippet(
            text, length, f.language == "none" ? Xapian::Stem() : Xapian::Stem(f.language),
            must_match ? Xapian::MSet::SNIPPET_BACKGROUND_MODEL | Xapian::MSet::SNIPPET_EXHAUSTIVE |
                             Xapian::MSet::SNIPPET_EMPTY_WITHOUT_MATCH
                       : 0,
            "<b>", "</b>", "…");
        if (!out.empty()) return OkStatus();
      }
    }
    return OkStatus();
  }));
  return out;
}

double Search::estimated() {
  double estimate = 0;
  const Status s = Run("estimating", [&] {
    Xapian::Enquire enquire(reader_.database());
    enquire.set_query(query_);
    estimate = enquire.get_mset(0, 1, 100).get_matches_estimated();
    return OkStatus();
  });
  return s.ok() ? estimate : 0;
}

StatusOr<std::vector<ValueCount>> Search::Count(const Context& ctx, Xapian::valueno slot,
                                                size_t limit) {
  std::vector<ValueCount> out;
  RETURN_IF_ERROR(Run("counting values", [&] {
    ValueCounter counter(slot);
    Watch watch(ctx, std::nullopt);
    Xapian::Enquire enquire(reader_.database());
    enquire.add_matchspy(&counter);
    enquire.set_query(watch.Over(query_, reader_.database()));
    enquire.get_mset(0, 0, reader_.database().get_doccount());
    out = counter.Top(limit);
    return OkStatus();
  }));
  return out;
}

StatusOr<std::vector<TextHit>> Search::Fetch(const Context& ctx, size_t count, bool* exhausted) {
  std::vector<TextHit> out;
  RETURN_IF_ERROR(Run("searching", [&] {
    RETURN_IF_ERROR(ctx.Check());
    Watch watch(ctx, ranked_ ? std::optional(limit_) : std::nullopt);
    Xapian::Enquire enquire(reader_.database());
    enquire.set_query(watch.Over(query_, reader_.database()));
    if (ranked_) {
      enquire.set_weighting_scheme(Xapian::BM25Weight());
    } else {
      enquire.set_weighting_scheme(Xapian::BoolWeight());
      enquire.set_docid_order(Xapian::Enquire::DONT_CARE);
    }
    const auto most =
        static_cast<Xapian::doccount>(std::min<size_t>(count, reader_.database().get_doccount()));
    const Xapian::MSet set = enquire.get_mset(0, most);
    *exhausted = set.size() < most || most == reader_.database().get_doccount();
    out.reserve(set.size());
    size_t looked = 0;
    for (auto it = set.begin(); it != set.end(); ++it) {
      if (++looked % 1024 == 0) RETURN_IF_ERROR(ctx.Check());
      const std::string id = it.get_document().get_data();
      if (id.empty()) {
        if (*it == kNobodyNumber) continue;
        // Of a table that cannot be opened Xapian thinks that it is not there.
        return Unavailable(
            "full-text index: searching: a document has no data; are there too many open files?");
      }
      TextHit hit;
      hit.number = !id.starts_with('"');
      hit.id = hit.number ? id : Document::FromTrusted(id).root().String();
      hit.score = it.get_weight();
      out.push_back(std::move(hit));
    }
    return OkStatus();
  }));
  return out;
}

}  // namespace strata::fulltext

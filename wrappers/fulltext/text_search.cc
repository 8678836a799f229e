#include "wrappers/fulltext/text_search.h"

#include <algorithm>

#include "core/json_text.h"
#include "core/key_encoding.h"
#include "query/filter.h"
#include "store/index_bounds.h"
#include "store/record.h"
#include "wrappers/fulltext/text_query.h"

namespace strata::fulltext {
namespace {

constexpr int kReopenAttempts = 8;

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
    const auto cut = [](std::string key) {
      if (key.size() > kMaxSlotBytes) key.resize(kMaxSlotBytes);
      return key;
    };
    Xapian::Query any = Xapian::Query::MatchNothing;
    for (const KeyRange& r : bounds.ranges) {
      const Xapian::Query one =
          r.end ? Xapian::Query(Xapian::Query::OP_VALUE_RANGE, slot, cut(r.from), cut(*r.end))
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

}  // namespace

Status Guarded(std::string_view doing, const std::function<Status()>& action) {
  try {
    return action();
  } catch (const Xapian::Error& e) {
    return FromXapian(e, doing);
  } catch (const std::bad_alloc&) {
    return ResourceExhausted(Concat("full-text index: ", doing, ": out of memory"));
  }
}

Search::Search(std::shared_ptr<const Shared> shared, Xapian::Database database,
               std::function<void(Xapian::Database)> give_back)
    : shared_(std::move(shared)),
      database_(std::move(database)),
      give_back_(std::move(give_back)) {}
Search::~Search() {
  if (give_back_) give_back_(std::move(database_));
}

Status Search::Prepare(const TextRequest& request) {
  ranked_ = request.ranked;
  const bool all = !request.all.empty();
  for (const TextCondition& c : all ? request.all : request.any) {
    ASSIGN_OR_RETURN(ParsedText parsed, ParseText(c, shared_->schema, database_));
    const auto join = [&](Xapian::Query* to, Xapian::Query q) {
      *to = to->empty() && query_first_
                ? std::move(q)
                : Xapian::Query(all ? Xapian::Query::OP_AND : Xapian::Query::OP_OR, *to, q);
    };
    join(&query_, parsed.query);
    join(&plain_, parsed.plain);
    query_first_ = false;
    if (!parsed.suggestion.empty()) suggestion_ = parsed.suggestion;
  }
  for (const Node& c : request.narrow) {
    const Xapian::Query q = NarrowQuery(*shared_, c);
    if (q.empty()) continue;
    query_ = Xapian::Query(Xapian::Query::OP_FILTER, query_, q);
    narrowed_.push_back(c);
  }
  return OkStatus();
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
  hits.erase(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(std::min(from, hits.size())));
  return hits;
}

StatusOr<std::vector<TextHit>> Search::All(const Context& ctx) {
  bool exhausted;
  return Fetch(ctx, database_.get_doccount(), &exhausted);
}

std::string Search::Snippet(const Document& document, size_t length) {
  std::string out;
  const Status s = Guarded("making a snippet", [&] {
    Xapian::Enquire enquire(database_);
    enquire.set_query(plain_);
    const Xapian::MSet set = enquire.get_mset(0, 1);
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
  });
  return s.ok() ? out : std::string();
}

double Search::estimated() {
  double estimate = 0;
  const Status s = Guarded("estimating", [&] {
    Xapian::Enquire enquire(database_);
    enquire.set_query(query_);
    estimate = enquire.get_mset(0, 1, 100).get_matches_estimated();
    return OkStatus();
  });
  return s.ok() ? estimate : 0;
}

StatusOr<std::vector<ValueCount>> Search::Count(Xapian::valueno slot, size_t limit) {
  std::vector<ValueCount> out;
  RETURN_IF_ERROR(Guarded("counting values", [&] {
    Xapian::ValueCountMatchSpy spy(slot);
    Xapian::Enquire enquire(database_);
    enquire.add_matchspy(&spy);
    enquire.set_query(query_);
    enquire.get_mset(0, 0, database_.get_doccount());
    for (auto it = spy.top_values_begin(limit); it != spy.top_values_end(limit); ++it)
      out.push_back({KeyText(*it), it.get_termfreq()});
    return OkStatus();
  }));
  return out;
}

StatusOr<std::vector<TextHit>> Search::Fetch(const Context& ctx, size_t count, bool* exhausted) {
  std::vector<TextHit> out;
  for (int attempt = 0;; ++attempt) {
    RETURN_IF_ERROR(ctx.Check());
    out.clear();
    Status s = Guarded("searching", [&] {
      Xapian::Enquire enquire(database_);
      enquire.set_query(query_);
      if (ranked_) {
        enquire.set_weighting_scheme(Xapian::BM25Weight());
        enquire.set_time_limit(kMaxSeconds);
      } else {
        enquire.set_weighting_scheme(Xapian::BoolWeight());
        enquire.set_docid_order(Xapian::Enquire::DONT_CARE);
      }
      const auto most =
          static_cast<Xapian::doccount>(std::min<size_t>(count, database_.get_doccount()));
      const Xapian::MSet set = enquire.get_mset(0, most);
      *exhausted = set.size() < most || most == database_.get_doccount();
      out.reserve(set.size());
      size_t looked = 0;
      for (auto it = set.begin(); it != set.end(); ++it) {
        if (++looked % 1024 == 0) RETURN_IF_ERROR(ctx.Check());
        const std::string id = it.get_document().get_data();
        if (id.empty()) continue;  // nobody
        TextHit hit;
        hit.number = !id.starts_with('"');
        hit.id = hit.number ? id : Document::FromTrusted(id).root().String();
        hit.score = it.get_weight();
        out.push_back(std::move(hit));
      }
      return OkStatus();
    });
    if (s.ok()) return out;
    // A writer has moved on twice since this search opened the database.
    if (s.code() != StatusCode::kUnavailable || attempt >= kReopenAttempts) return s;
    RETURN_IF_ERROR(Guarded("opening again", [&] {
      database_.reopen();
      return OkStatus();
    }));
  }
}

}  // namespace strata::fulltext

#include "wrappers/fulltext/fulltext_plan.h"

#include <algorithm>
#include <charconv>

#include "core/json_patch.h"
#include "core/json_text.h"
#include "query/continuation.h"
#include "query/filter.h"
#include "query/operator_table.h"
#include "query/print.h"
#include "store/ops.h"

namespace strata::fulltext {
namespace {

constexpr std::string_view kScore = "score";
constexpr std::string_view kSnippet = "snippet";
constexpr size_t kMaxTextConditions = 16;

TextCondition ConditionOf(const Node& n) {
  if (n.size() == 1) return {"", n.arg(0).text()};
  return {PathOf(n.arg(0)).ToString(), n.arg(1).text()};
}

// What of a query is about text.
struct TextParts {
  std::vector<TextCondition> all;       // conjuncts
  std::vector<TextCondition> nested;    // elsewhere in the conditions
  std::vector<TextCondition> positive;  // of these, those that are not under a not
  std::vector<Node> others;             // conjuncts that are more than one fulltext
  std::vector<Node> plain;              // of these, those without any fulltext
};

void FindNested(const Node& n, bool positive, TextParts* parts) {
  if (n.is(Op::kFulltext)) {
    parts->nested.push_back(ConditionOf(n));
    if (positive) parts->positive.push_back(parts->nested.back());
    return;
  }
  for (const Node& a : n.args()) FindNested(a, positive != n.is(Op::kNot), parts);
}

StatusOr<TextParts> PartsOf(const std::vector<Node>& conjuncts) {
  TextParts parts;
  for (const Node& c : conjuncts) {
    if (c.is(Op::kFulltext)) {
      parts.all.push_back(ConditionOf(c));
      continue;
    }
    parts.others.push_back(c);
    if (HasText(c)) {
      FindNested(c, true, &parts);
    } else {
      parts.plain.push_back(c);
    }
  }
  if (parts.all.size() + parts.nested.size() > kMaxTextConditions) {
    return InvalidArgument(
        Concat("a query takes at most ", std::to_string(kMaxTextConditions), " fulltext(…)"));
  }
  return parts;
}

// Which of the made members the stages read.
struct Uses {
  bool score = false;
  bool snippet = false;
  bool any() const { return score || snippet; }
};
Uses UsesOf(const std::vector<Node>& stages) {
  Uses uses;
  for (const Node& s : stages) {
    std::vector<Path> paths;
    bool everything = false;
    CollectPaths(s, &paths, &everything);
    for (const Path& p : paths) {
      if (p.empty()) continue;
      uses.score = uses.score || p.name(0) == kScore;
      uses.snippet = uses.snippet || p.name(0) == kSnippet;
    }
  }
  return uses;
}

bool SortsByScore(const Node& stage) {
  if (!stage.is(Op::kSort) || stage.size() != 1) return false;
  const SortKey key = SortKeyOf(stage.arg(0));
  return key.descending && key.path.size() == 1 && key.path.name(0) == kScore;
}

// The condition with each fulltext(…) replaced by what `ids` says of it.
Node ReplaceText(const Node& n, const std::vector<TextCondition>& conditions,
                 const std::vector<Node>& ids) {
  if (n.is(Op::kFulltext)) {
    const auto it = std::find(conditions.begin(), conditions.end(), ConditionOf(n));
    return Node::Call(Op::kIn, {Node::PathNode({std::string(kIdProperty)}),
                                ids[static_cast<size_t>(it - conditions.begin())]});
  }
  if (!HasText(n)) return n;
  std::vector<Node> args;
  for (const Node& a : n.args()) args.push_back(ReplaceText(a, conditions, ids));
  return Node::Call(n.op(), std::move(args));
}

// The ids as a list of literals.
Node IdList(const std::vector<TextHit>& hits) {
  std::vector<Node> ids;
  ids.reserve(hits.size());
  for (const TextHit& h : hits) {
    if (h.number) {
      ids.push_back(Node::Num(Document::FromTrusted(h.id).root().number()));
    } else {
      ids.push_back(Node::Str(h.id));
    }
  }
  return Node::Array(std::move(ids));
}

StatusOr<Document> WithMade(Document d, Uses uses, double score, TextSearch& search,
                            size_t length) {
  if (uses.snippet) {
    ASSIGN_OR_RETURN(const std::string snippet, search.Snippet(d, length));
    d = WithLastMember(d, kSnippet, JsonString(ToValidUtf8(snippet)));
  }
  if (uses.score) d = WithLastMember(d, kScore, Number(score).ToString());
  return d;
}

void DescribeSearch(TextSearch& search, uint64_t behind, ExplainNode* n) {
  for (const Node& c : search.narrowed()) n->narrowed.push_back(PrintNode(c));
  if (const std::string better = search.Suggestion(); !better.empty())
    n->operation += Concat(", did you mean ", JsonString(better), "?");
  if (behind > 0) n->operation += Concat(", ", std::to_string(behind), " changes behind");
}

// Rows best first.
template <typename Target>
class RankedCursor final : public Cursor {
 public:
  RankedCursor(Target& inner, std::unique_ptr<TextSearch> search, Filter filter, Uses uses,
               size_t snippet_length, size_t from, size_t hint, ExplainNode explain)
      : inner_(inner),
        search_(std::move(search)),
        filter_(std::move(filter)),
        uses_(uses),
        snippet_length_(snippet_length),
        hint_(hint),
        place_(from),
        explain_(std::move(explain)) {}

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    batch->rows.clear();
    batch->end = EndReason::kMore;
    const size_t want = std::max<size_t>(1, std::min(max_rows, hint_));
    while (batch->rows.size() < want) {
      RETURN_IF_ERROR(ctx.Check());
      if (at_ == hits_.size()) {
        ASSIGN_OR_RETURN(hits_, search_->Ranked(ctx, place_, std::max(want, fetch_)));
        fetch_ = std::min<size_t>(fetch_ * 2, 4096);
        at_ = 0;
        if (hits_.empty()) {
          batch->end = EndReason::kExhausted;
          break;
        }
      }
      const size_t take = std::min(hits_.size() - at_, want - batch->rows.size());
      std::vector<std::string_view> ids;
      for (size_t i = 0; i < take; ++i) ids.push_back(hits_[at_ + i].id);
      std::vector<std::optional<Record>> records(take);
      RETURN_IF_ERROR(inner_.Read(ctx, ids, records));
      for (size_t i = 0; i < take; ++i, ++at_, ++place_) {
        ++examined_;
        if (!records[i] || !filter_.Matches(records[i]->document.root())) continue;
        ASSIGN_OR_RETURN(Document row, WithMade(records[i]->document, uses_, hits_[at_].score,
                                                *search_, snippet_length_));
        batch->rows.push_back(std::move(row));
      }
    }
    rows_ += batch->rows.size();
    return OkStatus();
  }
  std::string Position() const override { return std::to_string(place_); }
  ExplainNode Explain() const override {
    ExplainNode n = explain_;
    n.rows = rows_;
    n.examined = examined_;
    return n;
  }

 private:
  Target& inner_;
  const std::unique_ptr<TextSearch> search_;
  const Filter filter_;
  const Uses uses_;
  const size_t snippet_length_;
  const size_t hint_;  // more rows will hardly be asked for
  std::vector<TextHit> hits_;
  size_t at_ = 0;      // in hits_
  size_t fetch_ = 16;  // how many to fetch next
  size_t place_;       // in all hits
  uint64_t rows_ = 0;
  uint64_t examined_ = 0;
  const ExplainNode explain_;
};

// Rows of a plan that it keeps, with the made members when they are wanted.
class FoundCursor final : public Cursor {
 public:
  FoundCursor(std::unique_ptr<Plan> plan, std::unique_ptr<Cursor> cursor,
              std::unique_ptr<TextSearch> search, StringMap<double> scores, Uses uses,
              size_t snippet_length, ExplainNode explain)
      : plan_(std::move(plan)),
        cursor_(std::move(cursor)),
        search_(std::move(search)),
        scores_(std::move(scores)),
        uses_(uses),
        snippet_length_(snippet_length),
        explain_(std::move(explain)) {}

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    RETURN_IF_ERROR(cursor_->Next(ctx, max_rows, batch));
    if (!uses_.any()) return OkStatus();
    for (Document& row : batch->rows) {
      const auto it = scores_.find(StoredId(row));
      ASSIGN_OR_RETURN(row, WithMade(std::move(row), uses_, it == scores_.end() ? 0 : it->second,
                                     *search_, snippet_length_));
    }
    return OkStatus();
  }
  std::string Position() const override { return cursor_->Position(); }
  ExplainNode Explain() const override {
    ExplainNode n = explain_;
    n.children.push_back(cursor_->Explain());
    return n;
  }

 private:
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Cursor> cursor_;
  std::unique_ptr<TextSearch> search_;
  const StringMap<double> scores_;
  const Uses uses_;
  const size_t snippet_length_;
  const ExplainNode explain_;
};

template <typename Target>
class TextPlan final : public Plan {
 public:
  TextPlan(Target& inner, std::shared_ptr<TextSource> source, const Query& query, std::string stage)
      : inner_(inner), source_(std::move(source)), query_(query), stage_(std::move(stage)) {
    uses_ = UsesOf(query.stages());
    bool top = false;
    for (const Node& c : query.conjuncts()) top = top || c.is(Op::kFulltext);
    ranked_ = top && !query.stages().empty() && SortsByScore(query.stages()[0]);
    if (ranked_) {
      residual_ = Query::Of({}, {query.stages().begin() + 1, query.stages().end()});
      uses_ = UsesOf(residual_.stages());
      if (!residual_.stages().empty() && residual_.stages()[0].is(Op::kLimit)) {
        const Node& limit = residual_.stages()[0];
        bool known = true;
        for (const Node& a : limit.args()) known = known && a.kind() == Node::Kind::kNumber;
        if (known) {
          const LimitSpec spec = LimitOf(limit);
          hint_ = static_cast<size_t>(std::min<uint64_t>(spec.count + spec.start, kBatchRows));
        }
      }
    } else if (uses_.any()) {
      residual_ = Query::Of({}, query.stages());
    }
  }

  const Query& residual() const override { return residual_; }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    ASSIGN_OR_RETURN(const Query bound, BindParameters(query_, options.params));
    ASSIGN_OR_RETURN(const TextParts parts, PartsOf(bound.conjuncts()));
    // What stands nested is looked up whole.
    std::vector<Node> lists;
    for (const TextCondition& c : parts.nested) {
      TextRequest request;
      request.all = {c};
      request.ranked = false;
      ASSIGN_OR_RETURN(const auto search, source_->Search(ctx, request));
      ASSIGN_OR_RETURN(const auto hits, search->All(ctx));
      lists.push_back(IdList(hits));
    }
    TextRequest request;
    request.all = parts.all;
    request.any = parts.positive;
    if (!parts.all.empty()) request.narrow = parts.plain;
    request.ranked = uses_.score || ranked_;
    ExplainNode explain;
    explain.stage = stage_;
    std::unique_ptr<TextSearch> search;
    if (!parts.all.empty() || (uses_.any() && !parts.positive.empty())) {
      ASSIGN_OR_RETURN(search, source_->Search(ctx, request));
    }
    explain.operation = ranked_ ? "text search, best first" : "text search";
    Describe(bound, &explain);
    if (search != nullptr) DescribeSearch(*search, 0, &explain);
    if (ranked_) {
      size_t from = 0;
      const std::string& at = options.position;
      if (!at.empty()) {
        const auto r = std::from_chars(at.data(), at.data() + at.size(), from);
        if (r.ec != std::errc() || r.ptr != at.data() + at.size()) return BadContinuation();
      }
      std::vector<Node> others;
      for (const Node& c : parts.others) others.push_back(ReplaceText(c, parts.nested, lists));
      ASSIGN_OR_RETURN(Filter filter, Filter::Compile(others));
      return std::make_unique<RankedCursor<Target>>(inner_, std::move(search), std::move(filter),
                                                    uses_, source_->snippet_length(), from, hint_,
                                                    std::move(explain));
    }
    return OpenFound(ctx, options, bound, parts, std::move(lists), std::move(search),
                     std::move(explain));
  }

  ExplainNode Explain() const override {
    ExplainNode n;
    n.stage = stage_;
    n.operation = ranked_ ? "text search, best first" : "text search, then by id";
    Describe(query_, &n);
    const auto bound = BindParameters(query_, {});
    if (!bound.ok()) return n;
    const auto parts = PartsOf(bound->conjuncts());
    if (!parts.ok()) return n;
    TextRequest request;
    request.all = parts->all;
    request.any = parts->positive;
    if (!parts->all.empty()) request.narrow = parts->plain;
    if (request.all.empty() && request.any.empty()) return n;
    if (const auto search = source_->SearchNow(request); search.ok()) {
      DescribeSearch(**search, source_->Behind(), &n);
      n.estimated_rows = (*search)->estimated();
    }
    return n;
  }

 private:
  void Describe(const Query& query, ExplainNode* n) const {
    for (const Node& c : query.conjuncts()) n->taken.push_back(PrintNode(c));
    const size_t taken = query.stages().size() - residual_.stages().size();
    for (size_t i = 0; i < query.stages().size(); ++i)
      (i < taken ? n->taken : n->left).push_back(PrintNode(query.stages()[i]));
    if (ranked_) n->order = "-score";
  }

  StatusOr<std::unique_ptr<Cursor>> OpenFound(const Context& ctx, const OpenOptions& options,
                                              const Query& bound, const TextParts& parts,
                                              std::vector<Node> lists,
                                              std::unique_ptr<TextSearch> search,
                                              ExplainNode explain) const {
    // Lists of ids travel as parameters, so that the inner plan's text stays short.
    std::vector<Node> params;
    const auto param = [&](Node list) {
      params.push_back(std::move(list));
      return Node::Param(static_cast<int>(params.size()));
    };
    std::vector<Node> conjuncts;
    StringMap<double> scores;
    if (!parts.all.empty()) {
      std::vector<TextHit> hits;
      if (uses_.score) {
        ASSIGN_OR_RETURN(hits, search->Ranked(ctx, 0, SIZE_MAX / 4));
      } else {
        ASSIGN_OR_RETURN(hits, search->All(ctx));
      }
      if (uses_.score) {
        for (const TextHit& h : hits) scores.emplace(h.id, h.score);
      }
      conjuncts.push_back(
          Node::Call(Op::kIn, {Node::PathNode({std::string(kIdProperty)}), param(IdList(hits))}));
    } else if (uses_.score && search != nullptr) {
      ASSIGN_OR_RETURN(const auto hits, search->Ranked(ctx, 0, SIZE_MAX / 4));
      for (const TextHit& h : hits) scores.emplace(h.id, h.score);
    }
    std::vector<Node> placeholders;
    for (Node& list : lists) placeholders.push_back(param(std::move(list)));
    for (const Node& c : parts.others)
      conjuncts.push_back(ReplaceText(c, parts.nested, placeholders));
    const std::vector<Node> none;
    const std::vector<Node>& stages = uses_.any() ? none : bound.stages();
    ASSIGN_OR_RETURN(auto prepared, inner_.Prepare(ctx, Query::Of(std::move(conjuncts), stages)));
    // Continuations are this query's, not those of the ids that happened to be found.
    auto plan = Complete(std::move(prepared), Query::Of(bound.conjuncts(), stages));
    OpenOptions inner_options = options;
    inner_options.params = params;
    ASSIGN_OR_RETURN(auto cursor, plan->Open(ctx, inner_options));
    // Without a search, what is wanted of it is nothing.
    const Uses uses = search != nullptr ? uses_ : Uses{};
    return std::make_unique<FoundCursor>(std::move(plan), std::move(cursor), std::move(search),
                                         std::move(scores), uses, source_->snippet_length(),
                                         std::move(explain));
  }

  Target& inner_;
  const std::shared_ptr<TextSource> source_;
  const Query query_;
  const std::string stage_;
  Query residual_;
  Uses uses_;
  bool ranked_ = false;
  size_t hint_ = SIZE_MAX;
};

}  // namespace

bool HasText(const Node& n) {
  if (n.is(Op::kFulltext)) return true;
  return std::any_of(n.args().begin(), n.args().end(), [](const Node& a) { return HasText(a); });
}

bool HasText(const Query& query) {
  return std::any_of(query.conjuncts().begin(), query.conjuncts().end(),
                     [](const Node& c) { return HasText(c); });
}

template <typename Target>
StatusOr<std::unique_ptr<Plan>> PrepareText(Target& inner, std::shared_ptr<TextSource> source,
                                            const Query& query, std::string stage) {
  RETURN_IF_ERROR(PartsOf(query.conjuncts()).status());
  return std::make_unique<TextPlan<Target>>(inner, std::move(source), query, std::move(stage));
}

template StatusOr<std::unique_ptr<Plan>> PrepareText(Store&, std::shared_ptr<TextSource>,
                                                     const Query&, std::string);
template StatusOr<std::unique_ptr<Plan>> PrepareText(Transaction&, std::shared_ptr<TextSource>,
                                                     const Query&, std::string);

}  // namespace strata::fulltext

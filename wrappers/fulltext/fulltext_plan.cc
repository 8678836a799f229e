#include "wrappers/fulltext/fulltext_plan.h"

#include <algorithm>
#include <charconv>

#include "core/json_patch.h"
#include "core/json_text.h"
#include "query/continuation.h"
#include "query/filter.h"
#include "query/print.h"
#include "store/ops.h"
#include "wrappers/core/read_node.h"
#include "wrappers/fulltext/text_parts.h"

namespace strata::fulltext {
namespace {

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
  RankedCursor(Target& inner, const Store& below, std::unique_ptr<TextSearch> search, Filter filter,
               Uses uses, size_t snippet_length, size_t from, size_t hint, ExplainNode explain)
      : inner_(inner),
        below_(below),
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
        read_ += records[i].has_value();
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
    ExplainNode read = ReadNode(below_);
    read.rows = read_;
    read.examined = examined_;
    n.children.push_back(std::move(read));
    return n;
  }

 private:
  Target& inner_;
  const Store& below_;
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
  uint64_t read_ = 0;  // of those examined: found in the inner store
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
  TextPlan(Target& inner, const Store& below, std::shared_ptr<TextSource> source,
           const Query& query, std::string stage)
      : inner_(inner),
        below_(below),
        source_(std::move(source)),
        query_(query),
        stage_(std::move(stage)) {
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
      return std::make_unique<RankedCursor<Target>>(
          inner_, below_, std::move(search), std::move(filter), uses_, source_->snippet_length(),
          from, hint_, std::move(explain));
    }
    return OpenFound(ctx, options, bound, parts, std::move(lists), std::move(search),
                     std::move(explain));
  }

  ExplainNode Explain() const override {
    ExplainNode n;
    n.stage = stage_;
    n.operation = ranked_ ? "text search, best first" : "text search, then by id";
    Describe(query_, &n);
    if (const auto parts = PartsOf(query_.conjuncts()); parts.ok()) ExplainBelow(*parts, &n);
    const auto bound = BindParameters(query_, {});
    if (!bound.ok()) return n;
    const auto parts = PartsOf(bound->conjuncts());
    if (!parts.ok()) return n;
    TextRequest request;
    request.all = parts->all;
    request.any = parts->positive;
    if (!parts->all.empty()) request.narrow = parts->plain;
    if (request.all.empty() && request.any.empty()) return n;
    request.whole = false;
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

  // What is asked of the inner store, before it is known which ids are found.
  void ExplainBelow(const TextParts& parts, ExplainNode* n) const {
    if (ranked_ || !parts.all.empty()) {
      n->children.push_back(ReadNode(below_));
      return;
    }
    // Text stands only beneath or(…) and not(…), so the inner store goes its own way.
    if (query_.param_count() > 0) return;
    std::vector<Node> lists;
    for (size_t i = 0; i < parts.nested.size(); ++i)
      lists.push_back(Node::Param(static_cast<int>(i + 1)));
    const Query query = InnerQuery({}, parts, lists, query_.stages());
    auto plan = inner_.Prepare(Context::Background(), query);
    if (plan.ok()) n->children.push_back(Complete(*std::move(plan), query)->Explain());
  }

  // The query for the inner store. `found`: what every row's id has to satisfy; `lists`: what
  // stands for the texts that are nested.
  Query InnerQuery(std::vector<Node> found, const TextParts& parts, const std::vector<Node>& lists,
                   const std::vector<Node>& stages) const {
    for (const Node& c : parts.others) found.push_back(ReplaceText(c, parts.nested, lists));
    return Query::Of(std::move(found), uses_.any() ? std::vector<Node>() : stages);
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
    const Query query = InnerQuery(std::move(conjuncts), parts, placeholders, bound.stages());
    ASSIGN_OR_RETURN(auto prepared, inner_.Prepare(ctx, query));
    // Continuations are this query's, not those of the ids that happened to be found.
    auto plan = Complete(std::move(prepared), Query::Of(bound.conjuncts(), query.stages()));
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
  const Store& below_;
  const std::shared_ptr<TextSource> source_;
  const Query query_;
  const std::string stage_;
  Query residual_;
  Uses uses_;
  bool ranked_ = false;
  size_t hint_ = SIZE_MAX;
};

}  // namespace

template <typename Target>
StatusOr<std::unique_ptr<Plan>> PrepareText(Target& inner, const Store& below,
                                            std::shared_ptr<TextSource> source, const Query& query,
                                            std::string stage) {
  RETURN_IF_ERROR(PartsOf(query.conjuncts()).status());
  return std::make_unique<TextPlan<Target>>(inner, below, std::move(source), query,
                                            std::move(stage));
}

template StatusOr<std::unique_ptr<Plan>> PrepareText(Store&, const Store&,
                                                     std::shared_ptr<TextSource>, const Query&,
                                                     std::string);
template StatusOr<std::unique_ptr<Plan>> PrepareText(Transaction&, const Store&,
                                                     std::shared_ptr<TextSource>, const Query&,
                                                     std::string);

}  // namespace strata::fulltext

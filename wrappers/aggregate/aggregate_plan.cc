#include "wrappers/aggregate/aggregate_plan.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "query/continuation.h"
#include "query/filter.h"
#include "query/print.h"
#include "store/ops.h"
#include "wrappers/core/read_node.h"

namespace strata::aggregate {
namespace {

// A part whose conditions keep more rows than this times the fewest is not asked for its ids: its
// conditions are asked of the records that the others leave.
constexpr double kWorthJoining = 20;

// A part that gives rows, with the conditions that it is asked.
struct Driver {
  size_t part = 0;
  std::vector<Node> conjuncts;
};

std::vector<Path> PathsOf(const Node& condition, bool* everything) {
  std::vector<Path> paths;
  CollectPaths(condition, &paths, everything);
  return paths;
}

// Where the condition could be asked; parts.size() for nowhere but of whole records.
size_t PartFor(const Node& condition, const Parts& parts) {
  bool everything = false;
  const std::vector<Path> paths = PathsOf(condition, &everything);
  if (everything) return parts.size();
  const size_t part = parts.ownership().OwnerOf(paths);
  if (part == parts.size() || part == parts.ownership().anchor()) return part;
  if (parts.missing() == MissingPart::kInner) return part;
  // Records without this part satisfy it too when an empty document does, or their id may.
  const bool reads_id = std::any_of(paths.begin(), paths.end(), [](const Path& p) {
    return !p.empty() && p.name(0) == kIdProperty;
  });
  if (reads_id) return parts.size();
  const StatusOr<Filter> filter = Filter::Compile({condition});
  if (!filter.ok() || filter->Matches(Document::FromTrusted("{}").root())) return parts.size();
  return part;
}

std::vector<Driver> DriversOf(const std::vector<Node>& conjuncts, const Parts& parts) {
  std::vector<Driver> out;
  for (size_t p = 0; p < parts.size(); ++p) {
    Driver d{p, {}};
    for (const Node& c : conjuncts) {
      if (PartFor(c, parts) == p) d.conjuncts.push_back(c);
    }
    if (!d.conjuncts.empty()) out.push_back(std::move(d));
  }
  if (out.empty()) out.push_back({parts.ownership().anchor(), {}});
  return out;
}

bool Owned(const Node& stage, const Parts& parts, size_t part) {
  bool everything = false;
  const std::vector<Path> paths = PathsOf(stage, &everything);
  return !everything && parts.ownership().OwnerOf(paths) == part;
}

// A driver while it runs.
struct Stream {
  size_t part = 0;
  std::unique_ptr<Plan> plan;
  std::unique_ptr<Cursor> cursor;
  std::vector<Document> rows;
  size_t at = 0;
  bool ended = false;

  bool empty() const { return at == rows.size(); }
  Status Fill(const Context& ctx, size_t max_rows) {
    if (!empty() || ended) return OkStatus();
    RowBatch batch;
    RETURN_IF_ERROR(cursor->Next(ctx, max_rows, &batch));
    rows = std::move(batch.rows);
    at = 0;
    ended = batch.end != EndReason::kMore;
    return OkStatus();
  }
};

// The parts in `needed` that none of the streams gives.
uint32_t Fetched(uint32_t needed, const std::vector<Stream>& streams) {
  for (const Stream& s : streams) needed &= ~(1u << s.part);
  return needed;
}

class AggregateCursor final : public Cursor {
 public:
  // Several streams are in order of ids. `joined_to`: what is joined up to this id was given
  // before; nothing when the one stream was opened at its own position.
  AggregateCursor(const Parts& parts, QueryViews views, std::vector<Stream> streams, Filter filter,
                  uint32_t needed, std::optional<std::string> joined_to, ExplainNode explain)
      : parts_(parts),
        views_(std::move(views)),
        streams_(std::move(streams)),
        filter_(std::move(filter)),
        needed_(needed),
        joined_to_(std::move(joined_to)),
        fetched_(parts.size()),
        explain_(std::move(explain)) {}
  ~AggregateCursor() override {
    streams_.clear();  // before the transactions that they read
  }

  Status Next(const Context& ctx, size_t max_rows, RowBatch* batch) override {
    batch->rows.clear();
    batch->end = EndReason::kMore;
    std::vector<std::string> ids;
    while (batch->rows.empty()) {
      RETURN_IF_ERROR(ctx.Check());
      std::vector<PartRecords> columns(parts_.size());
      ids.clear();
      RETURN_IF_ERROR(Candidates(ctx, max_rows, &ids, &columns));
      if (ids.empty()) {
        batch->end = EndReason::kExhausted;
        break;
      }
      RETURN_IF_ERROR(Rest(ctx, ids, &columns));
      for (size_t i = 0; i < ids.size(); ++i) {
        PartRecords row;
        for (PartRecords& c : columns) row.push_back(c.empty() ? std::nullopt : std::move(c[i]));
        const std::optional<Record> whole = parts_.Whole(row, needed_);
        if (whole && filter_.Matches(whole->document.root()))
          batch->rows.push_back(whole->document);
      }
      examined_ += ids.size();
    }
    rows_ += batch->rows.size();
    return OkStatus();
  }

  std::string Position() const override {
    if (joined_to_) return "J" + *joined_to_;
    return Concat("S", std::to_string(streams_[0].part), ";", streams_[0].cursor->Position());
  }
  ExplainNode Explain() const override {
    ExplainNode n = explain_;
    n.rows = rows_;
    n.examined = examined_;
    for (const Stream& s : streams_) n.children.push_back(s.cursor->Explain());
    const uint32_t wanted = Fetched(needed_, streams_);
    for (size_t p = 0; p < parts_.size(); ++p) {
      if ((wanted >> p & 1) == 0) continue;
      n.children.push_back(ReadNode(parts_.store(p)));
      n.children.back().rows = fetched_[p];
      n.children.back().examined = examined_;
    }
    return n;
  }

 private:
  // The next ids that all streams have, with the streams' documents. None at the end.
  Status Candidates(const Context& ctx, size_t max_rows, std::vector<std::string>* ids,
                    std::vector<PartRecords>* columns) {
    while (ids->empty()) {
      for (Stream& s : streams_) {
        RETURN_IF_ERROR(s.Fill(ctx, max_rows));
        if (s.empty() && s.ended) return OkStatus();
      }
      if (std::any_of(streams_.begin(), streams_.end(), [](const Stream& s) { return s.empty(); }))
        continue;
      Join(ids, columns);
    }
    return OkStatus();
  }

  // Over what has been fetched.
  void Join(std::vector<std::string>* ids, std::vector<PartRecords>* columns) {
    for (;;) {
      std::string most;
      for (const Stream& s : streams_) {
        if (s.empty()) return;
        if (joined_to_) most = std::max(most, StoredId(s.rows[s.at]));
      }
      if (!joined_to_) {
        most = StoredId(streams_[0].rows[streams_[0].at]);
      } else {
        bool met = most > *joined_to_;
        for (Stream& s : streams_) {
          while (!s.empty() && StoredId(s.rows[s.at]) < most) ++s.at;
          if (s.empty() || StoredId(s.rows[s.at]) != most) {
            met = false;
          } else if (most <= *joined_to_) {
            ++s.at;
          }
        }
        if (!met) continue;
        joined_to_ = most;
      }
      for (Stream& s : streams_) (*columns)[s.part].push_back(Record{std::move(s.rows[s.at++]), 0});
      ids->push_back(std::move(most));
    }
  }

  // Fetches the parts that are needed and that no stream gave.
  Status Rest(const Context& ctx, const std::vector<std::string>& ids,
              std::vector<PartRecords>* columns) {
    const uint32_t wanted = Fetched(needed_, streams_);
    if (wanted == 0) return OkStatus();
    const std::vector<std::string_view> views(ids.begin(), ids.end());
    std::vector<PartRecords> found;
    RETURN_IF_ERROR(parts_.Read(ctx, views_.views, views, wanted, &found));
    for (size_t p = 0; p < found.size(); ++p) {
      if ((wanted >> p & 1) == 0) continue;
      fetched_[p] += static_cast<uint64_t>(std::count_if(
          found[p].begin(), found[p].end(), [](const auto& record) { return record.has_value(); }));
      (*columns)[p] = std::move(found[p]);
    }
    return OkStatus();
  }

  const Parts& parts_;
  const QueryViews views_;
  std::vector<Stream> streams_;
  const Filter filter_;
  const uint32_t needed_;
  std::optional<std::string> joined_to_;
  uint64_t rows_ = 0;
  uint64_t examined_ = 0;
  std::vector<uint64_t> fetched_;  // documents of each part that Rest found
  const ExplainNode explain_;
};

class AggregatePlan final : public Plan {
 public:
  AggregatePlan(const Parts& parts, const Query& query, PartViews now, Snapshots snapshots,
                std::string stage)
      : parts_(parts),
        query_(query),
        now_(std::move(now)),
        snapshots_(std::move(snapshots)),
        stage_(std::move(stage)),
        residual_(Query::Of({}, query.stages())) {
    needed_ = parts_.all();
    if (const auto paths = PathsRead(query); paths && parts_.missing() == MissingPart::kLeft) {
      needed_ = 1u << parts_.ownership().anchor();
      for (const Path& p : *paths) {
        if (p.empty()) {
          needed_ = parts_.all();
        } else if (p.name(0) != kIdProperty) {
          needed_ |= 1u << parts_.ownership().OwnerOf(p.name(0));
        }
      }
    }
    // The anchor alone gives the rows: it can also give them in order.
    const size_t anchor = parts_.ownership().anchor();
    if (query.stages().empty() || !query.stages()[0].is(Op::kSort)) return;
    if (!Owned(query.stages()[0], parts_, anchor)) return;
    for (const Node& c : query.conjuncts()) {
      if (!Owned(c, parts_, anchor)) return;
    }
    in_order_ = true;
    residual_ = Query::Of({}, {query.stages().begin() + 1, query.stages().end()});
  }

  const Query& residual() const override { return residual_; }

  StatusOr<std::unique_ptr<Cursor>> Open(const Context& ctx,
                                         const OpenOptions& options) const override {
    ASSIGN_OR_RETURN(const Query bound, BindParameters(query_, options.params));
    // Conditions are asked of the whole record once more: a part may be asked for less than it
    // could, and a cheap question twice is simpler than two lists that must agree.
    ASSIGN_OR_RETURN(Filter filter, Filter::Compile(bound.conjuncts()));
    ASSIGN_OR_RETURN(QueryViews views, snapshots_(ctx));
    std::optional<std::string> joined_to;
    OpenOptions own;
    own.memory_budget = options.memory_budget;
    own.spill_folder = options.spill_folder;
    own.timed = options.timed;
    std::optional<size_t> only;
    if (options.position.starts_with('J')) {
      joined_to = options.position.substr(1);
    } else if (!options.position.empty()) {
      const size_t end = options.position.find(';');
      size_t part = 0;
      const char* const text = options.position.data();
      if (end == options.position.npos || text[0] != 'S' ||
          std::from_chars(text + 1, text + end, part).ptr != text + end) {
        return BadContinuation();
      }
      only = part;
      own.position = options.position.substr(end + 1);
    }
    ASSIGN_OR_RETURN(std::vector<Stream> streams,
                     Plans(ctx, bound, views.views, joined_to.value_or(""), only));
    if (streams.empty()) return BadContinuation();
    if (streams.size() > 1 && !joined_to) joined_to.emplace();
    ExplainNode explain = Describe(bound);
    for (Stream& s : streams) {
      ASSIGN_OR_RETURN(s.cursor, s.plan->Open(ctx, own));
    }
    return std::make_unique<AggregateCursor>(parts_, std::move(views), std::move(streams),
                                             std::move(filter), needed_, std::move(joined_to),
                                             std::move(explain));
  }

  ExplainNode Explain() const override {
    ExplainNode n = Describe(query_);
    Query known = query_;
    if (query_.param_count() > 0) {
      n.operation += ", unless the parameters show a better way";
      std::vector<Node> conjuncts = query_.conjuncts();
      std::erase_if(conjuncts, [](const Node& c) { return Query::Of({c}, {}).param_count() > 0; });
      known = Query::Of(std::move(conjuncts), query_.stages());
    }
    const auto streams = Plans(Context::Background(), known, now_, "", std::nullopt);
    if (!streams.ok()) return n;
    for (const Stream& s : *streams) {
      n.children.push_back(s.plan->Explain());
      if (const auto estimate = n.children.back().estimated_rows)
        n.estimated_rows = std::min(n.estimated_rows.value_or(*estimate), *estimate);
    }
    const uint32_t wanted = Fetched(needed_, *streams);
    for (size_t p = 0; p < parts_.size(); ++p) {
      if ((wanted >> p & 1) != 0) n.children.push_back(ReadNode(parts_.store(p)));
    }
    return n;
  }

 private:
  ExplainNode Describe(const Query& query) const {
    ExplainNode n;
    n.stage = stage_;
    n.operation = in_order_ ? "join, in the order of the part that owns all else"
                            : "join by id, fetch the other parts";
    for (const Node& c : query.conjuncts()) n.taken.push_back(PrintNode(c));
    const size_t taken = query.stages().size() - residual_.stages().size();
    for (size_t i = 0; i < query.stages().size(); ++i)
      (i < taken ? n.taken : n.left).push_back(PrintNode(query.stages()[i]));
    n.order = in_order_ ? PrintNode(query.stages()[0]) : "+id";
    return n;
  }

  // Without cursors. `last`: ids up to this one are not wanted. `only`: the one part that is to
  // give the rows.
  StatusOr<std::vector<Stream>> Plans(const Context& ctx, const Query& bound,
                                      const PartViews& views, const std::string& last,
                                      std::optional<size_t> only) const {
    std::vector<Driver> drivers = DriversOf(bound.conjuncts(), parts_);
    // Only parts that give rows in order of ids can be joined.
    const auto ordered = [&](const Driver& d) {
      return parts_.store(d.part).capabilities().ordered_scan == OrderedScan::kById;
    };
    if (only) {
      std::erase_if(drivers, [&](const Driver& d) { return d.part != *only; });
    } else if (std::any_of(drivers.begin(), drivers.end(), ordered)) {
      std::erase_if(drivers, [&](const Driver& d) { return !ordered(d); });
    } else {
      drivers.resize(1);
    }
    std::vector<Stream> streams;
    std::vector<double> estimates;
    for (Driver& d : drivers) {
      // Ids that are stored as numbers do not compare with a text; they stand before all others.
      if (!last.empty() && last[0] > '9') {
        const Node id = Node::PathNode({std::string(kIdProperty)});
        d.conjuncts.push_back(Node::Call(Op::kGt, {id, Node::Str(last)}));
      }
      std::vector<Node> stages;
      if (in_order_) stages.push_back(bound.stages()[0]);
      Stream s;
      s.part = d.part;
      const PartView& view = views[d.part];
      ASSIGN_OR_RETURN(
          s.plan, PrepareComplete(view, ctx, Query::Of(std::move(d.conjuncts), std::move(stages))));
      estimates.push_back(
          s.plan->Explain().estimated_rows.value_or(std::numeric_limits<double>::infinity()));
      streams.push_back(std::move(s));
    }
    if (streams.size() < 2) return streams;
    const double fewest = *std::min_element(estimates.begin(), estimates.end());
    for (size_t i = streams.size(); i-- > 0;) {
      if (estimates[i] > kWorthJoining * std::max(fewest, 1.0))
        streams.erase(streams.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return streams;
  }

  const Parts& parts_;
  const Query query_;
  const PartViews now_;
  const Snapshots snapshots_;
  const std::string stage_;
  Query residual_;
  uint32_t needed_ = 0;
  bool in_order_ = false;
};

}  // namespace

StatusOr<std::unique_ptr<Plan>> PrepareAggregate(const Parts& parts, const Context& ctx,
                                                 const Query& query, const PartViews& now,
                                                 Snapshots snapshots, std::string stage) {
  const size_t anchor = parts.ownership().anchor();
  if (parts.missing() == MissingPart::kLeft) {
    // The anchor has all that the query reads.
    const auto paths = PathsRead(query);
    if (paths && parts.ownership().OwnerOf(*paths) == anchor)
      return now[anchor].Prepare(ctx, query);
  }
  return std::make_unique<AggregatePlan>(parts, query, now, std::move(snapshots), std::move(stage));
}

}  // namespace strata::aggregate

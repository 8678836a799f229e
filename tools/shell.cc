#include "tools/shell.h"

#include <algorithm>
#include <iostream>

#include "core/json_text.h"
#include "query/operator_table.h"
#include "store/ops.h"
#include "tools/app.h"

namespace strata::tools {
namespace {

constexpr std::string_view kHelp =
    "help                     this text\n"
    "stores                   the pipeline's stores\n"
    "get S ID                 one document\n"
    "put S JSON               stores a document (\"id\" in it, else one is made)\n"
    "create S JSON            as put, but the id must be new\n"
    "update S ID JSON         merges into a document that is there (RFC 7396)\n"
    "delete S ID              deletes a document\n"
    "query S RQL              rows, or one value\n"
    "explain S RQL            how a query is answered\n"
    "begin                    from here on the verbs act in a transaction\n"
    "savepoint N, rollback N  a named point, and back to it\n"
    "commit, abort            end the transaction\n"
    "watch S [RQL]            changes; with --json: those since the same line was last given\n"
    "quit                     leaves (as does the end of the input)\n";

const Context& ctx() { return InterruptibleContext(); }

std::string NothingDeleted(std::string_view id) {
  return Concat("{\"id\":", JsonString(id), ",\"deleted\":false}");
}

}  // namespace

std::string_view TakeWord(std::string_view* line) {
  const size_t begin = std::min(line->find_first_not_of(" \t"), line->size());
  const size_t end = std::min(line->find_first_of(" \t", begin), line->size());
  const std::string_view word = line->substr(begin, end - begin);
  const size_t rest = std::min(line->find_first_not_of(" \t", end), line->size());
  *line = line->substr(rest);
  return word;
}

std::vector<std::string> Shell::StoreNames() const {
  std::vector<std::string> out;
  for (const auto& s : pipeline_.config().stores) out.push_back(s.first);
  return out;
}

std::vector<std::string_view> Shell::Verbs() {
  std::vector<std::string_view> out;
  for (const auto& [name, verb] : VerbTable()) out.push_back(name);
  return out;
}

StatusOr<std::string> Shell::Run(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
    line.remove_suffix(1);
  const std::string_view name = TakeWord(&line);
  if (name.empty()) return std::string("null");
  const auto& table = VerbTable();
  const auto it = table.find(name);
  if (it == table.end()) {
    const std::string_view near = Nearest(name, Verbs());
    return InvalidArgument(
        near.empty() ? Concat("unknown command \"", ToValidUtf8(name.substr(0, 40)), "\"; see help")
                     : Concat("unknown command \"", name, "\"; did you mean \"", near, "\"?"));
  }
  static constexpr std::string_view kAlone[] = {"help",   "stores", "begin",
                                                "commit", "abort",  "quit"};
  if (!line.empty() && std::find(std::begin(kAlone), std::end(kAlone), name) != std::end(kAlone)) {
    return InvalidArgument(Concat(name, " takes no argument"));
  }
  return it->second(*this, line);
}

Status Shell::Follow(std::string_view rest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Subscription> s, Subscribe(rest));
  for (;;) {
    ASSIGN_OR_RETURN(const ChangeBatch b, s->Next(InterruptibleContext()));
    for (const Change& c : b.changes) std::cout << ChangeJson(c) << "\n";
    std::cout.flush();
  }
}

const std::map<std::string_view, Shell::Verb>& Shell::VerbTable() {
  static const auto* const kTable = new std::map<std::string_view, Verb>{
      {"help", [](Shell&, std::string_view) { return StatusOr<std::string>(JsonString(kHelp)); }},
      {"stores", [](Shell& s, std::string_view) { return s.Stores(); }},
      {"get", [](Shell& s, std::string_view l) { return s.Get(l); }},
      {"put", [](Shell& s, std::string_view l) { return s.Write(l, Presence::kAny); }},
      {"create", [](Shell& s, std::string_view l) { return s.Write(l, Presence::kMustNotExist); }},
      {"update", [](Shell& s, std::string_view l) { return s.Update(l); }},
      {"delete", [](Shell& s, std::string_view l) { return s.Delete(l); }},
      {"query", [](Shell& s, std::string_view l) { return s.RunQuery(l); }},
      {"explain", [](Shell& s, std::string_view l) { return s.Explain(l); }},
      {"begin", [](Shell& s, std::string_view) { return s.Begin(); }},
      {"savepoint", [](Shell& s, std::string_view l) { return s.Savepoint(l); }},
      {"rollback", [](Shell& s, std::string_view l) { return s.Rollback(l); }},
      {"commit", [](Shell& s, std::string_view) { return s.Commit(); }},
      {"abort", [](Shell& s, std::string_view) { return s.Abort(); }},
      {"watch", [](Shell& s, std::string_view l) { return s.Watch(l); }},
      {"quit", [](Shell& s, std::string_view) { return s.Quit(); }},
  };
  return *kTable;
}

template <typename F>
auto Shell::With(std::string_view name, F f) -> decltype(f(std::declval<Store&>())) {
  if (name.empty()) return InvalidArgument("a store's name is needed; see stores");
  ASSIGN_OR_RETURN(const std::shared_ptr<Store> store, StoreOf(pipeline_, std::string(name)));
  if (!in_transaction_) return f(*store);
  auto it = transactions_.find(name);
  if (it == transactions_.end()) {
    ASSIGN_OR_RETURN(std::unique_ptr<Transaction> t, store->Begin(ctx(), {}));
    for (const NamedPoint& p : savepoints_) RETURN_IF_ERROR(t->Savepoint(p.name));
    it = transactions_.emplace(name, std::move(t)).first;
  }
  return f(*it->second);
}

StatusOr<std::string> Shell::Stores() {
  std::string out = "[";
  for (const auto& [name, index] : pipeline_.config().stores) {
    if (out.size() > 1) out += ',';
    out += "{\"name\":" + JsonString(name) +
           ",\"type\":" + JsonString(pipeline_.config().stages[index].type->name) + "}";
  }
  return out + "]";
}

StatusOr<std::string> Shell::Get(std::string_view rest) {
  const std::string_view store = TakeWord(&rest);
  const std::string id(rest);
  return With(store, [&](auto& target) -> StatusOr<std::string> {
    ASSIGN_OR_RETURN(const auto record, strata::Get(target, ctx(), id));
    return RecordJson(id, record);
  });
}

StatusOr<std::string> Shell::Write(std::string_view rest, Presence presence) {
  const std::string_view store = TakeWord(&rest);
  ASSIGN_OR_RETURN(Document d, Document::Parse(rest));
  return With(store, [&](auto& target) -> StatusOr<std::string> {
    ASSIGN_OR_RETURN(const auto w, WriteOne(target, ctx(), {WriteKind::kPut, "", d, presence, {}}));
    return WriteJson(w);
  });
}

StatusOr<std::string> Shell::Update(std::string_view rest) {
  const std::string_view store = TakeWord(&rest);
  const std::string id(TakeWord(&rest));
  RETURN_IF_ERROR(CheckId(id));
  ASSIGN_OR_RETURN(Document d, Document::Parse(rest));
  return With(store, [&](auto& target) -> StatusOr<std::string> {
    ASSIGN_OR_RETURN(const auto w, strata::Update(target, ctx(), id, d));
    return WriteJson(w);
  });
}

StatusOr<std::string> Shell::Delete(std::string_view rest) {
  const std::string_view store = TakeWord(&rest);
  const std::string id(rest);
  return With(store, [&](auto& target) -> StatusOr<std::string> {
    ASSIGN_OR_RETURN(const auto w, strata::Delete(target, ctx(), id));
    if (in_transaction_) deletes_[std::string(store)].insert(id);
    return std::string(w.deleted ? "{\"deleted\":true}" : "{\"deleted\":false}");
  });
}

StatusOr<std::string> Shell::RunQuery(std::string_view rest) {
  const std::string_view store = TakeWord(&rest);
  ASSIGN_OR_RETURN(const Query query, Query::Parse(rest));
  return With(store, [&](auto& target) -> StatusOr<std::string> {
    ASSIGN_OR_RETURN(const auto rows, Collect(target, ctx(), query));
    if (query.is_scalar()) return Concat("{\"value\":", rows[0].text(), "}");
    std::string out = "{\"rows\":[";
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i > 0) out += ',';
      out += rows[i].text();
    }
    return out + "]}";
  });
}

StatusOr<std::string> Shell::Explain(std::string_view rest) {
  const std::string_view store = TakeWord(&rest);
  ASSIGN_OR_RETURN(const Query query, Query::Parse(rest));
  return With(store, [&](auto& target) -> StatusOr<std::string> {
    ASSIGN_OR_RETURN(const auto plan, PrepareComplete(target, ctx(), query));
    return ExplainJson(plan->Explain());
  });
}

Status Shell::NeedsTransaction() const {
  return in_transaction_ ? OkStatus()
                         : FailedPrecondition("there is no transaction; begin one first");
}

StatusOr<std::string> Shell::Begin() {
  if (in_transaction_) return FailedPrecondition("a transaction is open; commit or abort it first");
  in_transaction_ = true;
  return std::string("null");
}

void Shell::End() {
  in_transaction_ = false;
  transactions_.clear();
  deletes_.clear();
  savepoints_.clear();
}

StatusOr<std::string> Shell::Savepoint(std::string_view name) {
  RETURN_IF_ERROR(NeedsTransaction());
  if (name.empty()) return InvalidArgument("a savepoint needs a name");
  for (auto& [store, t] : transactions_) RETURN_IF_ERROR(t->Savepoint(name));
  savepoints_.push_back({std::string(name), deletes_});
  return std::string("null");
}

StatusOr<std::string> Shell::Rollback(std::string_view name) {
  RETURN_IF_ERROR(NeedsTransaction());
  size_t at = savepoints_.size();
  while (at > 0 && savepoints_[at - 1].name != name) --at;
  if (at == 0) return NotFound(Concat("there is no savepoint \"", name, "\""));
  for (auto& [store, t] : transactions_) RETURN_IF_ERROR(t->RollbackTo(name));
  savepoints_.resize(at);
  deletes_ = savepoints_.back().deletes;
  return std::string("null");
}

StatusOr<std::string> Shell::Commit() {
  RETURN_IF_ERROR(NeedsTransaction());
  // Several stores: nobody commits before all have promised to.
  if (transactions_.size() > 1) {
    for (auto& [store, t] : transactions_) {
      if (Status s = t->Vote(ctx()); !s.ok()) {
        End();
        return s;
      }
    }
  }
  std::string out = "{\"writes\":[";
  Status failed;
  std::string done, undone;
  for (auto& [store, t] : transactions_) {
    // Not interruptible: after the votes it is all or nothing.
    const auto committed = t->Commit(Context::Background());
    if (!committed.ok()) {
      failed = committed.status();
      undone += " " + store;
      continue;
    }
    done += " " + store;
    const auto add = [&](const std::string& write) {
      out += (out.back() == '[' ? "" : ",") + write;
    };
    // A commit leaves out, or calls no deletion, what came to nothing: the document was not there,
    // or was made and deleted again.
    std::set<std::string> deletes = deletes_[store];
    for (const WriteOutcome& w : committed->outcomes) {
      const bool nothing = deletes.erase(w.id) > 0 && !w.deleted && w.revision == 0;
      add(nothing ? NothingDeleted(w.id) : WriteJson(w));
    }
    for (const std::string& id : deletes) add(NothingDeleted(id));
  }
  End();
  if (!failed.ok() && !done.empty()) {
    // All had voted, so this is a failure of a machine; running again would not mend it.
    return Internal(Concat("committed in", done, ", but not in", undone, ": ", Message(failed)));
  }
  if (!failed.ok()) return failed;
  return out + "]}";
}

StatusOr<std::string> Shell::Abort() {
  RETURN_IF_ERROR(NeedsTransaction());
  End();
  return std::string("null");
}

StatusOr<std::unique_ptr<Subscription>> Shell::Subscribe(std::string_view rest) {
  const std::string_view store = TakeWord(&rest);
  if (store.empty()) return InvalidArgument("a store's name is needed; see stores");
  SubscribeRequest request;
  ASSIGN_OR_RETURN(request.query, Query::Parse(rest));
  ASSIGN_OR_RETURN(const std::shared_ptr<Store> found, StoreOf(pipeline_, std::string(store)));
  return found->Subscribe(ctx(), request);
}

StatusOr<std::string> Shell::Watch(std::string_view rest) {
  auto it = watches_.find(rest);
  ChangeBatch batch;
  if (it == watches_.end()) {
    ASSIGN_OR_RETURN(std::unique_ptr<Subscription> s, Subscribe(rest));
    watches_.emplace(rest, std::move(s));
  } else {
    // What is there already; a moment's patience lets a filter pass over what it does not want.
    StatusOr<ChangeBatch> next = it->second->Next(ctx().WithTimeout(std::chrono::milliseconds(20)));
    if (next.ok()) {
      batch = *std::move(next);
    } else if (next.status().code() != StatusCode::kDeadlineExceeded) {
      return next.status();
    }
  }
  std::string out = Concat("{\"gap\":", batch.gap ? "true" : "false", ",\"changes\":[");
  for (size_t i = 0; i < batch.changes.size(); ++i)
    out += (i > 0 ? "," : "") + ChangeJson(batch.changes[i]);
  return out + "]}";
}

StatusOr<std::string> Shell::Quit() {
  done_ = true;
  return std::string("null");
}

}  // namespace strata::tools

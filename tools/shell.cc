// strata shell: the verbs, interactively or driven by a program.
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>

#include "core/json_print.h"
#include "core/json_text.h"
#include "query/operator_table.h"
#include "store/ops.h"
#include "tools/app.h"
#include "tools/commands.h"
#include "tools/prompt.h"

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

// Takes the next word off a line.
std::string_view Word(std::string_view* line) {
  const size_t begin = std::min(line->find_first_not_of(" \t"), line->size());
  const size_t end = std::min(line->find_first_of(" \t", begin), line->size());
  const std::string_view word = line->substr(begin, end - begin);
  const size_t rest = std::min(line->find_first_not_of(" \t", end), line->size());
  *line = line->substr(rest);
  return word;
}

class Shell {
 public:
  explicit Shell(Pipeline& pipeline) : pipeline_(pipeline) {}

  bool done() const { return done_; }
  std::vector<std::string> StoreNames() const {
    std::vector<std::string> out;
    for (const auto& s : pipeline_.config().stores) out.push_back(s.first);
    return out;
  }
  static std::vector<std::string_view> Verbs() {
    std::vector<std::string_view> out;
    for (const auto& [name, verb] : VerbTable()) out.push_back(name);
    return out;
  }

  // The result as JSON.
  StatusOr<std::string> Run(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.remove_suffix(1);
    const std::string_view name = Word(&line);
    if (name.empty()) return std::string("null");
    const auto& table = VerbTable();
    const auto it = table.find(name);
    if (it == table.end()) {
      const std::string_view near = Nearest(name, Verbs());
      return InvalidArgument(
          near.empty()
              ? Concat("unknown command \"", ToValidUtf8(name.substr(0, 40)), "\"; see help")
              : Concat("unknown command \"", name, "\"; did you mean \"", near, "\"?"));
    }
    static constexpr std::string_view kAlone[] = {"help",   "stores", "begin",
                                                  "commit", "abort",  "quit"};
    if (!line.empty() &&
        std::find(std::begin(kAlone), std::end(kAlone), name) != std::end(kAlone)) {
      return InvalidArgument(Concat(name, " takes no argument"));
    }
    return it->second(*this, line);
  }
  bool in_transaction() const { return in_transaction_; }

  // Streams changes until Ctrl-C; for terminals.
  Status Follow(std::string_view rest) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Subscription> s, Subscribe(rest));
    for (;;) {
      ASSIGN_OR_RETURN(const ChangeBatch b, s->Next(InterruptibleContext()));
      for (const Change& c : b.changes) std::cout << ChangeJson(c) << "\n";
      std::cout.flush();
    }
  }

 private:
  using Verb = std::function<StatusOr<std::string>(Shell&, std::string_view)>;

  static const std::map<std::string_view, Verb>& VerbTable() {
    static const auto* const kTable = new std::map<std::string_view, Verb>{
        {"help", [](Shell&, std::string_view) { return StatusOr<std::string>(JsonString(kHelp)); }},
        {"stores", [](Shell& s, std::string_view) { return s.Stores(); }},
        {"get", [](Shell& s, std::string_view l) { return s.Get(l); }},
        {"put", [](Shell& s, std::string_view l) { return s.Write(l, Presence::kAny); }},
        {"create",
         [](Shell& s, std::string_view l) { return s.Write(l, Presence::kMustNotExist); }},
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

  const Context& ctx() const { return InterruptibleContext(); }

  // Calls `f` with the store, or with its transaction after `begin`.
  template <typename F>
  auto With(std::string_view name, F f) -> decltype(f(std::declval<Store&>())) {
    if (name.empty()) return InvalidArgument("a store's name is needed; see stores");
    ASSIGN_OR_RETURN(const std::shared_ptr<Store> store, StoreOf(pipeline_, std::string(name)));
    if (!in_transaction_) return f(*store);
    auto it = transactions_.find(name);
    if (it == transactions_.end()) {
      ASSIGN_OR_RETURN(std::unique_ptr<Transaction> t, store->Begin(ctx(), {}));
      for (const std::string& s : savepoints_) RETURN_IF_ERROR(t->Savepoint(s));
      it = transactions_.emplace(name, std::move(t)).first;
    }
    return f(*it->second);
  }

  StatusOr<std::string> Stores() {
    std::string out = "[";
    for (const auto& [name, index] : pipeline_.config().stores) {
      if (out.size() > 1) out += ',';
      out += "{\"name\":" + JsonString(name) +
             ",\"type\":" + JsonString(pipeline_.config().stages[index].type->name) + "}";
    }
    return out + "]";
  }

  StatusOr<std::string> Get(std::string_view rest) {
    const std::string_view store = Word(&rest);
    const std::string id(rest);
    return With(store, [&](auto& target) -> StatusOr<std::string> {
      ASSIGN_OR_RETURN(const auto record, strata::Get(target, ctx(), id));
      return RecordJson(id, record);
    });
  }

  StatusOr<std::string> Write(std::string_view rest, Presence presence) {
    const std::string_view store = Word(&rest);
    ASSIGN_OR_RETURN(Document d, Document::Parse(rest));
    return With(store, [&](auto& target) -> StatusOr<std::string> {
      ASSIGN_OR_RETURN(const auto w,
                       WriteOne(target, ctx(), {WriteKind::kPut, "", d, presence, {}}));
      return WriteJson(w);
    });
  }

  StatusOr<std::string> Update(std::string_view rest) {
    const std::string_view store = Word(&rest);
    const std::string id(Word(&rest));
    RETURN_IF_ERROR(CheckId(id));
    ASSIGN_OR_RETURN(Document d, Document::Parse(rest));
    return With(store, [&](auto& target) -> StatusOr<std::string> {
      ASSIGN_OR_RETURN(const auto w, strata::Update(target, ctx(), id, d));
      return WriteJson(w);
    });
  }

  StatusOr<std::string> Delete(std::string_view rest) {
    const std::string_view store = Word(&rest);
    return With(store, [&](auto& target) -> StatusOr<std::string> {
      ASSIGN_OR_RETURN(const auto w, strata::Delete(target, ctx(), std::string(rest)));
      return std::string(w.deleted ? "{\"deleted\":true}" : "{\"deleted\":false}");
    });
  }

  StatusOr<std::string> RunQuery(std::string_view rest) {
    const std::string_view store = Word(&rest);
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

  StatusOr<std::string> Explain(std::string_view rest) {
    const std::string_view store = Word(&rest);
    ASSIGN_OR_RETURN(const Query query, Query::Parse(rest));
    return With(store, [&](auto& target) -> StatusOr<std::string> {
      ASSIGN_OR_RETURN(const auto plan, PrepareComplete(target, ctx(), query));
      return ExplainJson(plan->Explain());
    });
  }

  Status NeedsTransaction() const {
    return in_transaction_ ? OkStatus()
                           : FailedPrecondition("there is no transaction; begin one first");
  }

  StatusOr<std::string> Begin() {
    if (in_transaction_)
      return FailedPrecondition("a transaction is open; commit or abort it first");
    in_transaction_ = true;
    return std::string("null");
  }

  void End() {
    in_transaction_ = false;
    transactions_.clear();
    savepoints_.clear();
  }

  StatusOr<std::string> Savepoint(std::string_view name) {
    RETURN_IF_ERROR(NeedsTransaction());
    if (name.empty()) return InvalidArgument("a savepoint needs a name");
    for (auto& [store, t] : transactions_) RETURN_IF_ERROR(t->Savepoint(name));
    savepoints_.emplace_back(name);
    return std::string("null");
  }

  StatusOr<std::string> Rollback(std::string_view name) {
    RETURN_IF_ERROR(NeedsTransaction());
    size_t at = savepoints_.size();
    while (at > 0 && savepoints_[at - 1] != name) --at;
    if (at == 0) return NotFound(Concat("there is no savepoint \"", name, "\""));
    for (auto& [store, t] : transactions_) RETURN_IF_ERROR(t->RollbackTo(name));
    savepoints_.resize(at);
    return std::string("null");
  }

  StatusOr<std::string> Commit() {
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
      for (const WriteOutcome& w : committed->outcomes)
        out += (out.back() == '[' ? "" : ",") + WriteJson(w);
    }
    End();
    if (!failed.ok() && !done.empty()) {
      // All had voted, so this is a failure of a machine; running again would not mend it.
      return Internal(Concat("committed in", done, ", but not in", undone, ": ", Message(failed)));
    }
    if (!failed.ok()) return failed;
    return out + "]}";
  }

  StatusOr<std::string> Abort() {
    RETURN_IF_ERROR(NeedsTransaction());
    End();
    return std::string("null");
  }

  StatusOr<std::unique_ptr<Subscription>> Subscribe(std::string_view rest) {
    const std::string_view store = Word(&rest);
    if (store.empty()) return InvalidArgument("a store's name is needed; see stores");
    SubscribeRequest request;
    ASSIGN_OR_RETURN(request.query, Query::Parse(rest));
    ASSIGN_OR_RETURN(const std::shared_ptr<Store> found, StoreOf(pipeline_, std::string(store)));
    return found->Subscribe(ctx(), request);
  }

  StatusOr<std::string> Watch(std::string_view rest) {
    auto it = watches_.find(rest);
    ChangeBatch batch;
    if (it == watches_.end()) {
      ASSIGN_OR_RETURN(std::unique_ptr<Subscription> s, Subscribe(rest));
      watches_.emplace(rest, std::move(s));
    } else {
      // What is there already; a moment's patience lets a filter pass over what it does not want.
      StatusOr<ChangeBatch> next =
          it->second->Next(ctx().WithTimeout(std::chrono::milliseconds(20)));
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

  StatusOr<std::string> Quit() {
    done_ = true;
    return std::string("null");
  }

  Pipeline& pipeline_;
  bool done_ = false;
  bool in_transaction_ = false;
  std::map<std::string, std::unique_ptr<Transaction>, std::less<>> transactions_;
  std::vector<std::string> savepoints_;
  std::map<std::string, std::unique_ptr<Subscription>, std::less<>> watches_;
};

Status PrintForPeople(std::string_view verb, const std::string& result) {
  const auto d = Document::Parse(result);
  RETURN_IF_ERROR(d.status());
  if (result == "null") {
    if (verb == "get") std::cout << "(nothing)\n";
  } else if (d->root().is_string()) {
    std::cout << d->root().String();
  } else if (const Value rows = d->Find("rows"); rows.is_array()) {
    std::vector<Document> documents;
    for (uint32_t i = 0; i < rows.size(); ++i)
      documents.push_back(Document::FromTrusted(rows.At(i).text()));
    const auto printer = MakeRowPrinter(RowFormat::kTable, std::cout, ColourWanted());
    RETURN_IF_ERROR(printer->Print(documents));
    printer->Finish();
  } else {
    std::cout << PrettyJson(d->root()) << "\n";
  }
  return OkStatus();
}

// Whether it went well.
bool RunForPeople(Shell& shell, std::string_view line) {
  std::string_view rest = line;
  const std::string_view verb = Word(&rest);
  Status status;
  if (verb == "watch") {
    status = shell.Follow(rest);
    if (Interrupted()) return true;  // the usual end
  } else {
    const auto result = shell.Run(line);
    status = result.ok() ? PrintForPeople(verb, *result) : result.status();
  }
  std::cout.flush();
  if (status.ok()) return true;
  std::cerr << (Interrupted() ? "interrupted" : Describe(status)) << "\n";
  return false;
}

bool WarnOfTransaction(const Shell& shell) {
  if (shell.in_transaction()) std::cerr << "strata: the transaction that was open is aborted\n";
  return shell.in_transaction();
}

// Ctrl-C ends what a line does, not the shell.
int DrivenShell(Shell& shell) {
  LineReader lines(STDIN_FILENO);
  while (!shell.done()) {
    const auto line = lines.Read();
    if (line) {
      const auto result = shell.Run(*line);
      std::cout << (result.ok() ? "{\"ok\":true,\"result\":" + *result + "}"
                                : ErrorJson(result.status()))
                << std::endl;
    } else if (!Interrupted()) {
      return kOk;
    }
    ForgetInterruption();
    if (Interrupted()) return kInterrupted;
  }
  return kOk;
}

int TerminalShell(Shell& shell) {
  std::vector<std::string> words = shell.StoreNames();
  for (std::string_view v : Shell::Verbs()) words.emplace_back(v);
  Prompt prompt(std::move(words));
  std::cout << "help lists the commands; Tab completes; Ctrl-C drops a line; Ctrl-D leaves\n";
  while (!shell.done()) {
    const auto line = prompt.Read();
    if (!line) break;
    RunForPeople(shell, *line);
    ForgetInterruption();
  }
  WarnOfTransaction(shell);
  return Interrupted() ? kInterrupted : kOk;
}

int ScriptShell(Shell& shell) {
  LineReader lines(STDIN_FILENO);
  bool failed = false;
  while (!shell.done()) {
    const auto line = lines.Read();
    if (!line) break;
    failed |= !RunForPeople(shell, *line);
  }
  failed |= WarnOfTransaction(shell);
  return Interrupted() ? kInterrupted : failed ? kNegative : kOk;
}

}  // namespace

int ShellCommand(const std::string& file, bool json) {
  const auto pipeline = OpenPipeline(file);
  if (!pipeline.ok()) return Fail(pipeline.status());
  Shell shell(**pipeline);
  if (json) return DrivenShell(shell);
  return isatty(STDIN_FILENO) != 0 ? TerminalShell(shell) : ScriptShell(shell);
}

}  // namespace strata::tools

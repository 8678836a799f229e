// The shell's verbs over an open pipeline, with their transaction. docs/shell.md says what each
// gives. For tools/ only.
#ifndef STRATA_TOOLS_SHELL_H_
#define STRATA_TOOLS_SHELL_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/pipeline.h"

namespace strata::tools {

// Takes the next word off a line.
std::string_view TakeWord(std::string_view* line);

// For one thread. What it does ends with InterruptibleContext().
class Shell {
 public:
  // `pipeline` must outlive it.
  explicit Shell(Pipeline& pipeline) : pipeline_(pipeline) {}

  // Does what a line says; gives the result as JSON.
  StatusOr<std::string> Run(std::string_view line);
  // `watch` for terminals: prints changes until Ctrl-C. `rest`: the line behind the verb.
  Status Follow(std::string_view rest);

  bool done() const { return done_; }  // `quit` was given
  bool in_transaction() const { return in_transaction_; }
  std::vector<std::string> StoreNames() const;
  static std::vector<std::string_view> Verbs();

 private:
  using Verb = std::function<StatusOr<std::string>(Shell&, std::string_view)>;
  // Of each store, the ids that `delete` was given within the transaction.
  using Deletes = std::map<std::string, std::set<std::string>, std::less<>>;
  struct NamedPoint {
    std::string name;
    Deletes deletes;  // as they were
  };

  static const std::map<std::string_view, Verb>& VerbTable();

  // Calls `f` with the store, or with its transaction after `begin`.
  template <typename F>
  auto With(std::string_view name, F f) -> decltype(f(std::declval<Store&>()));

  StatusOr<std::string> Stores();
  StatusOr<std::string> Get(std::string_view rest);
  StatusOr<std::string> Write(std::string_view rest, Presence presence);
  StatusOr<std::string> Update(std::string_view rest);
  StatusOr<std::string> Delete(std::string_view rest);
  StatusOr<std::string> RunQuery(std::string_view rest);
  StatusOr<std::string> Explain(std::string_view rest);
  StatusOr<std::string> Begin();
  StatusOr<std::string> Savepoint(std::string_view name);
  StatusOr<std::string> Rollback(std::string_view name);
  StatusOr<std::string> Commit();
  StatusOr<std::string> Abort();
  StatusOr<std::string> Watch(std::string_view rest);
  StatusOr<std::string> Quit();

  Status NeedsTransaction() const;
  void End();
  StatusOr<std::unique_ptr<Subscription>> Subscribe(std::string_view rest);

  Pipeline& pipeline_;
  bool done_ = false;
  bool in_transaction_ = false;
  std::map<std::string, std::unique_ptr<Transaction>, std::less<>> transactions_;
  Deletes deletes_;
  std::vector<NamedPoint> savepoints_;
  std::map<std::string, std::unique_ptr<Subscription>, std::less<>> watches_;
};

}  // namespace strata::tools

#endif  // STRATA_TOOLS_SHELL_H_

// strata shell: the verbs, interactively or driven by a program.
#include <unistd.h>

#include <iostream>

#include "core/json_print.h"
#include "tools/app.h"
#include "tools/commands.h"
#include "tools/line_reader.h"
#include "tools/prompt.h"
#include "tools/shell.h"

namespace strata::tools {
namespace {

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
bool Ended(const Status& status) {
  std::cout.flush();
  if (status.ok()) return true;
  std::cerr << (Interrupted() ? "interrupted" : Describe(status)) << "\n";
  return false;
}
bool RunForPeople(Shell& shell, std::string_view line) {
  std::string_view rest = line;
  const std::string_view verb = TakeWord(&rest);
  Status status;
  if (verb == "watch") {
    status = shell.Follow(rest);
    if (Interrupted()) return true;  // the usual end
  } else {
    const auto result = shell.Run(line);
    status = result.ok() ? PrintForPeople(verb, *result) : result.status();
  }
  return Ended(status);
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
      const StatusOr<std::string> result = line->ok() ? shell.Run(**line) : line->status();
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
    failed |= !(line->ok() ? RunForPeople(shell, **line) : Ended(line->status()));
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

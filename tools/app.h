// What the commands share: opening pipelines, exit statuses, signals, printing. For tools/ only.
#ifndef STRATA_TOOLS_APP_H_
#define STRATA_TOOLS_APP_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/pipeline.h"

namespace strata::tools {

inline constexpr int kOk = 0;
inline constexpr int kNegative = 1;  // the answer is no, or the operation failed
inline constexpr int kMisuse = 2;    // the command, query or pipeline is wrong
inline constexpr int kInterrupted = 130;

// Prints a status to stderr ("strata: …", or as ErrorJson) and gives the exit status for it.
int Fail(const Status& s);
// From now on Fail prints JSON.
void FailInJson();

// {"ok":false,"code":"NOT_FOUND","message":"…","frames":["…"]}
std::string ErrorJson(const Status& s);

const StageRegistry& Registry();
StatusOr<std::unique_ptr<Pipeline>> OpenPipeline(const std::string& file);
// The store of that name; InvalidArgument when there is none, since then the command is wrong.
StatusOr<std::shared_ptr<Store>> StoreOf(const Pipeline& pipeline, const std::string& name);

// From the first call on, Ctrl-C (or SIGTERM) cancels this context instead of ending the process; a
// second one ends it.
const Context& InterruptibleContext();
bool Interrupted();
// Forgets Ctrl-C, but not SIGTERM: InterruptibleContext gives one that is not cancelled. For a
// shell, between its commands.
void ForgetInterruption();

// Whether stderr is a terminal (for progress) and stdout is one (for colour).
bool ProgressWanted();
bool ColourWanted();

// {"id":…,"revision":…,"document":…} or null.
std::string RecordJson(std::string_view id, const std::optional<Record>& record);
// {"id":…,"revision":…,"created":…} or {"id":…,"deleted":true}
std::string WriteJson(const WriteOutcome& w);
// {"kind":"create","sequence":…,"id":…,"before":…,"after":…}
std::string ChangeJson(const Change& c);

// RQL values ("12", "string:12", "(a,b)") to values for $1, $2, …. InvalidArgument says how a text
// is written.
StatusOr<std::vector<Node>> ParseParams(const std::vector<std::string>& texts);

}  // namespace strata::tools

#endif  // STRATA_TOOLS_APP_H_

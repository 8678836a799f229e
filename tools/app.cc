#include "tools/app.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <optional>

#include "core/json_text.h"
#include "pipeline/all_stages.h"
#include "query/literal.h"
#include "query/parser.h"

namespace strata::tools {
namespace {

bool fail_in_json = false;
std::atomic<int> interrupted{0};  // the signal
std::atomic<CancelSource*> cancel_source{nullptr};

void OnInterrupt(int signal) {
  if (interrupted.exchange(signal) != 0) _exit(kInterrupted);
  cancel_source.load()->Cancel();  // one atomic store
}

Context& CurrentContext() {
  static Context* const kContext = new Context(Context::Background());
  return *kContext;
}

// The sources that were there before are kept: a handler may be using one.
void RenewContext() {
  static auto* const kSources = new std::deque<CancelSource>();
  CancelSource& source = kSources->emplace_back();
  CurrentContext() = Context::Background().WithCancel(source);
  cancel_source.store(&source);
}

// What is no value of RQL, and how it is written as a text.
Status NoValue(const std::string& text, std::string_view why) {
  constexpr size_t kShown = 60;
  const bool whole = text.size() <= kShown;
  std::string encoded;
  AppendPercentEncoded(&encoded, ToValidUtf8(text.substr(0, kShown)));
  const char* const more = whole ? "" : "…";
  return InvalidArgument(Concat("\"", ToValidUtf8(text.substr(0, kShown)), more,
                                "\" is no RQL value: ", why,
                                "; as a text it is written string:", encoded, more));
}

bool IsValue(const Node& n) {
  return !n.is_call() && n.kind() != Node::Kind::kParam &&
         std::all_of(n.args().begin(), n.args().end(), IsValue);
}

// A literal or a list, by the grammar of what stands behind a comparison.
StatusOr<Node> ParseValue(const std::string& text) {
  if (!IsValidUtf8(text)) return InvalidArgument("the value is not valid UTF-8");
  if (const size_t at = text.find_first_of("&|;"); at != text.npos)
    return NoValue(text, Concat("\"", text.substr(at, 1), "\" joins conditions"));
  const StatusOr<Node> root = ParseQuery(Concat("x==", text));
  if (!root.ok()) {
    // Without the place, which is one in the longer text.
    std::string_view why = Message(root.status());
    why = why.substr(0, why.find('\n'));
    return NoValue(text, why.substr(why.find(": ") + 2));
  }
  const Node& value = root->arg(0).arg(1);
  if (value.kind() == Node::Kind::kParam)
    return InvalidArgument("a parameter cannot stand for a parameter");
  if (!IsValue(value)) return NoValue(text, "a list holds values only");
  return value;
}

}  // namespace

void FailInJson() { fail_in_json = true; }

int Fail(const Status& s) {
  const bool interruption = s.code() == StatusCode::kCancelled && Interrupted();
  if (fail_in_json) {
    std::cerr << ErrorJson(s) << "\n";
  } else if (interruption) {
    std::cerr << "strata: interrupted\n";
  } else {
    std::string text(Message(s));
    const std::string frames = Frames(s);
    if (!frames.empty()) text += "\n" + frames;
    std::cerr << "strata: " << text << "\n";
  }
  if (interruption) return kInterrupted;
  return s.code() == StatusCode::kInvalidArgument || s.code() == StatusCode::kUnimplemented
             ? kMisuse
             : kNegative;
}

std::string ErrorJson(const Status& s) {
  std::string out = "{\"ok\":false,\"code\":" + JsonString(CodeName(s.code())) +
                    ",\"message\":" + JsonString(ToValidUtf8(Message(s)));
  const std::string frames = ToValidUtf8(Frames(s));
  if (!frames.empty()) {
    out += ",\"frames\":[";
    for (size_t at = 0; at < frames.size();) {
      const size_t end = std::min(frames.find('\n', at), frames.size());
      if (at > 0) out += ',';
      std::string_view line = std::string_view(frames).substr(at, end - at);
      while (line.starts_with(' ')) line.remove_prefix(1);
      out += JsonString(line);
      at = end + 1;
    }
    out += ']';
  }
  return out + "}";
}

const StageRegistry& Registry() {
  static const StageRegistry* const kRegistry = [] {
    auto* registry = new StageRegistry();
    if (Status s = RegisterAll(*registry); !s.ok()) {
      std::cerr << "strata: " << Describe(s) << "\n";
      std::abort();
    }
    return registry;
  }();
  return *kRegistry;
}

StatusOr<std::unique_ptr<Pipeline>> OpenPipeline(const std::string& file) {
  InterruptibleContext();  // so that Ctrl-C meanwhile ends what follows, cleanly
  return Pipeline::Open(file, Registry());
}

StatusOr<std::shared_ptr<Store>> StoreOf(const Pipeline& pipeline, const std::string& name) {
  StatusOr<std::shared_ptr<Store>> store = pipeline.Get(name);
  return store.ok() ? store : InvalidArgument(Message(store.status()));
}

const Context& InterruptibleContext() {
  [[maybe_unused]] static const bool kHandled = [] {
    RenewContext();
    struct sigaction action = {};
    action.sa_handler = OnInterrupt;  // without SA_RESTART: what waits in poll is woken
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  return CurrentContext();
}

void ForgetInterruption() {
  if (interrupted.load() != SIGINT) return;
  RenewContext();
  interrupted.store(0);
}

bool Interrupted() { return interrupted.load() != 0; }
bool ProgressWanted() { return isatty(STDERR_FILENO) != 0; }
bool ColourWanted() { return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr; }

std::string RecordJson(std::string_view id, const std::optional<Record>& record) {
  if (!record) return "null";
  return "{\"id\":" + JsonString(id) + ",\"revision\":" + std::to_string(record->revision) +
         ",\"document\":" + std::string(record->document.text()) + "}";
}

std::string WriteJson(const WriteOutcome& w) {
  if (w.deleted) return "{\"id\":" + JsonString(w.id) + ",\"deleted\":true}";
  return "{\"id\":" + JsonString(w.id) + ",\"revision\":" + std::to_string(w.revision) +
         ",\"created\":" + (w.created ? "true" : "false") + "}";
}

std::string ChangeJson(const Change& c) {
  static constexpr std::string_view kKinds[] = {"create", "update", "delete"};
  std::string out =
      Concat("{\"kind\":\"", kKinds[static_cast<size_t>(c.kind)],
             "\",\"sequence\":", std::to_string(c.sequence), ",\"id\":", JsonString(c.id));
  if (c.before) out += Concat(",\"before\":", c.before.text());
  if (c.after) out += Concat(",\"after\":", c.after.text());
  if (!c.origin.empty()) out += ",\"origin\":" + JsonString(c.origin);
  return out + "}";
}

StatusOr<std::vector<Node>> ParseParams(const std::vector<std::string>& texts) {
  std::vector<Node> out;
  for (size_t i = 0; i < texts.size(); ++i) {
    StatusOr<Node> n = ParseValue(texts[i]);
    if (!n.ok())
      return WithMessage(n.status(), Concat("$", std::to_string(i + 1), ": ", Message(n.status())));
    out.push_back(*std::move(n));
  }
  return out;
}

}  // namespace strata::tools

#include "tools/app.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "core/json_text.h"
#include "pipeline/all_stages.h"
#include "query/literal.h"

namespace strata::tools {
namespace {

bool fail_in_json = false;
std::atomic<bool> interrupted{false};
CancelSource* cancel_source = nullptr;

void OnInterrupt(int) {
  if (interrupted.exchange(true)) _exit(kInterrupted);
  cancel_source->Cancel();  // one atomic store
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
  return Pipeline::Open(file, Registry());
}

StatusOr<std::shared_ptr<Store>> StoreOf(const Pipeline& pipeline, const std::string& name) {
  StatusOr<std::shared_ptr<Store>> store = pipeline.Get(name);
  return store.ok() ? store : InvalidArgument(Message(store.status()));
}

const Context& InterruptibleContext() {
  static const Context* const kContext = [] {
    cancel_source = new CancelSource();
    auto* context = new Context(Context::Background().WithCancel(*cancel_source));
    struct sigaction action = {};
    action.sa_handler = OnInterrupt;  // without SA_RESTART: a blocked read of stdin ends
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return context;
  }();
  return *kContext;
}

bool Interrupted() { return interrupted.load(); }
bool ProgressWanted() { return isatty(STDERR_FILENO) != 0; }
bool ColourWanted() { return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr; }

std::string RecordJson(std::string_view id, const std::optional<Record>& record) {
  if (!record) return "null";
  return "{\"id\":" + JsonString(id) + ",\"revision\":" + std::to_string(record->revision) +
         ",\"document\":" + std::string(record->document.text()) + "}";
}

std::string WriteJson(const WriteOutcome& w) {
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
    StatusOr<Node> n = IsValidUtf8(texts[i]) ? ParseLiteral(texts[i])
                                             : InvalidArgument("the value is not valid UTF-8");
    if (n.ok() && n->kind() == Node::Kind::kParam)
      n = InvalidArgument("a parameter cannot stand for a parameter");
    if (!n.ok())
      return WithMessage(n.status(), Concat("$", std::to_string(i + 1), ": ", Message(n.status())));
    out.push_back(*std::move(n));
  }
  return out;
}

}  // namespace strata::tools

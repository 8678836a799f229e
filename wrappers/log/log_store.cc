#include "wrappers/log/log_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>

#include "core/file_error.h"
#include "core/file_io.h"
#include "core/instant.h"
#include "core/json_text.h"
#include "core/status.h"
#include "query/operator_table.h"
#include "query/print.h"
#include "store/introspection.h"
#include "wrappers/core/hooked.h"

namespace strata {
namespace {

constexpr size_t kMaxIds = 8;
constexpr size_t kMaxText = 2000;

struct LogOptions {
  std::string path;
  int64_t sample = 0;
  int64_t slower_than = 0;
  bool redact = false;
};

// The query with every value replaced.
Node Shape(const Node& n) {
  if (n.is_call()) {
    std::vector<Node> args;
    for (size_t i = 0; i < n.size(); ++i) {
      const Node& a = n.arg(i);
      const OperatorSpec* spec = FindOperator(n.name());
      const Place place = PlaceOf(spec, i, n.size());
      const bool value = place == Place::kValue || place == Place::kText || place == Place::kOpen;
      args.push_back(value && !a.is_call() ? Node::Str("?") : Shape(a));
    }
    return Node::Call(n.name(), std::move(args));
  }
  return n;
}

// Safe for concurrent use.
class Journal {
 public:
  Journal(const LogOptions& options, std::string stage, int file, bool owned, const Clock& clock)
      : options_(options), stage_(std::move(stage)), file_(file), owned_(owned), clock_(clock) {}
  ~Journal() {
    if (owned_) ::close(file_);
  }

  // Each operation is counted by itself: when several take turns, counted together it could always
  // be the same one's turn to be written.
  bool Sampled(Operation op) {
    if (options_.sample == 0) return false;
    const uint64_t n = calls_[static_cast<size_t>(op)].fetch_add(1, std::memory_order_relaxed);
    return n % static_cast<uint64_t>(options_.sample) == 0;
  }
  bool Slow(int64_t micros) const {
    return options_.slower_than > 0 && micros > options_.slower_than * 1000;
  }

  void Write(Operation op, const CallInfo& info, int64_t micros, const Status& s) {
    std::string line =
        "{\"time\":" + JsonString(Instant::FromUnixMillis(clock_.UnixMillis()).ToString()) +
        ",\"stage\":" + JsonString(stage_) + ",\"operation\":" + JsonString(OperationName(op));
    std::vector<std::string> ids(info.ids.begin(), info.ids.end());
    if (info.batch != nullptr) {
      for (const WriteOp& o : info.batch->ops) {
        const bool own = o.id.empty() && o.document && o.document.root().is_object();
        ids.push_back(own ? IdOfDocument(o.document).value_or("") : o.id);
      }
    }
    if (!ids.empty()) {
      if (!options_.redact) {
        line += ",\"ids\":[";
        for (size_t i = 0; i < std::min(ids.size(), kMaxIds); ++i)
          line += (i > 0 ? "," : "") + JsonString(ToValidUtf8(ids[i]));
        line += "]";
      }
      line += ",\"count\":" + std::to_string(ids.size());
    }
    if (info.query != nullptr) {
      std::string text =
          options_.redact ? PrintQuery(Shape(info.query->ToAst())) : info.query->ToString();
      if (text.size() > kMaxText) text.resize(kMaxText);
      line += ",\"query\":" + JsonString(ToValidUtf8(text));
    }
    line += ",\"micros\":" + std::to_string(micros) + ",\"code\":" + JsonString(CodeName(s.code()));
    if (!s.ok() && !options_.redact)
      line += ",\"message\":" + JsonString(ToValidUtf8(Message(s).substr(0, kMaxText)));
    if (!info.ctx->trace_id().empty())
      line += ",\"trace\":" + JsonString(ToValidUtf8(info.ctx->trace_id()));
    if (!info.ctx->principal().empty() && !options_.redact)
      line += ",\"principal\":" + JsonString(ToValidUtf8(info.ctx->principal()));
    line += "}\n";
    const bool written = WriteAll(file_, line, options_.path).ok();
    (written ? lines_ : failed_).fetch_add(1, std::memory_order_relaxed);
  }

  std::vector<Metric> Metrics() const {
    return {{"lines", MetricKind::kCounter, static_cast<double>(lines_.load()), "lines written"},
            {"failed", MetricKind::kCounter, static_cast<double>(failed_.load()),
             "lines that could not be written"}};
  }

 private:
  const LogOptions options_;
  const std::string stage_;
  const int file_;
  const bool owned_;
  const Clock& clock_;
  std::array<std::atomic<uint64_t>, kOperations> calls_{};  // those that succeeded
  std::atomic<uint64_t> lines_{0};
  std::atomic<uint64_t> failed_{0};
};

struct LogHook {
  std::shared_ptr<Journal> journal;

  template <typename Call>
  Status operator()(Operation op, const CallInfo& info, Call call) const {
    const auto start = std::chrono::steady_clock::now();
    Status s = call(*info.ctx);
    // A subscriber that gives up waiting is no failure.
    if (op == Operation::kChanges &&
        (s.code() == StatusCode::kDeadlineExceeded || s.code() == StatusCode::kCancelled)) {
      return s;
    }
    const int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(
                               std::chrono::steady_clock::now() - start)
                               .count();
    const bool slow = op != Operation::kChanges && journal->Slow(micros);
    if (!s.ok() || slow || journal->Sampled(op)) journal->Write(op, info, micros, s);
    return s;
  }
  ExplainNode Explained(ExplainNode n) const { return n; }
};

class LogStore final : public HookedStore<LogHook>, public Introspection {
 public:
  using HookedStore::HookedStore;
  std::vector<Metric> Metrics() const override { return hook().journal->Metrics(); }
};

OptionTable<LogOptions> Table() {
  OptionTable<LogOptions> t;
  t.Path("path", &LogOptions::path, "\"\"", "the file to append to; \"\": standard error");
  t.Integer("sample", &LogOptions::sample, 1,
            "one successful operation of each kind in so many; 0: failures only")
      .Range(0, 1000000000);
  t.Duration("slower_than", &LogOptions::slower_than, "0ms",
             "operations slower than this are always written; 0ms: not for being slow");
  t.Bool("redact", &LogOptions::redact, false,
         "keeps ids, values in queries, messages and principals out");
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const LogOptions& options, StoreInfo info,
                                       const BuildContext& context) {
  int file = STDERR_FILENO;
  if (!options.path.empty()) {
    file = ::open(options.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) return FileError(Concat("cannot open ", options.path), errno);
  }
  LogHook hook{
      std::make_shared<Journal>(options, info.stage, file, !options.path.empty(), *context.clock)};
  return std::make_shared<LogStore>(std::move(info), std::move(hook));
}

}  // namespace

Status RegisterLog(StageRegistry& registry) {
  return registry.Register(
      MakeStageType<LogOptions>("log", "writes a line of JSON for an operation", "//wrappers/log",
                                Children::kOne, Table(), Build));
}

}  // namespace strata

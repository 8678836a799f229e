#include "tools/importer.h"

#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <thread>
#include <vector>

#include "core/json_text.h"
#include "core/sync.h"

namespace strata::tools {
namespace {

constexpr size_t kQueued = 8;            // batches between the two threads
constexpr size_t kBatchBytes = 4 << 20;  // a batch ends early when its documents are large

using SteadyClock = std::chrono::steady_clock;

struct Batch {
  std::vector<SourceItem>
      items;  // beside the operations; texts are kept only when rejects are wanted
  WriteBatch write;
  uint64_t bytes_read = 0;
};

class Progress {
 public:
  Progress(bool wanted, uint64_t total) : wanted_(wanted), total_(total) {}

  void Show(uint64_t documents, uint64_t bytes) {
    const auto now = SteadyClock::now();
    if (!wanted_ || now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    char line[160];
    if (total_ > 0) {
      const double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total_));
      const int bar = static_cast<int>(share * 24);
      const double left = share > 0 ? seconds / share - seconds : 0;
      std::snprintf(line, sizeof line,
                    "\r[%.*s%.*s] %3.0f %%  %llu documents  %.0f/s  %.0f s left   ", bar,
                    "########################", 24 - bar, "                        ", share * 100,
                    static_cast<unsigned long long>(documents),
                    static_cast<double>(documents) / seconds, left);
    } else {
      std::snprintf(line, sizeof line, "\r%llu documents  %.1f MB  %.0f/s   ",
                    static_cast<unsigned long long>(documents), static_cast<double>(bytes) / 1e6,
                    static_cast<double>(documents) / seconds);
    }
    std::cerr << line << std::flush;
    any_ = true;
  }
  void Clear() {
    if (any_) std::cerr << "\r\x1b[K" << std::flush;
  }
  double seconds() const {
    return std::chrono::duration<double>(SteadyClock::now() - start_).count();
  }

 private:
  const bool wanted_;
  const uint64_t total_;
  const SteadyClock::time_point start_ = SteadyClock::now();
  SteadyClock::time_point shown_ = start_;
  bool any_ = false;
};

class Importer {
 public:
  Importer(Store& store, const Context& ctx, const ImportOptions& options)
      : store_(store),
        ctx_(ctx),
        options_(options),
        progress_(options.progress, options.total_bytes) {}

  ImportResult Run(const std::function<StatusOr<std::optional<SourceItem>>()>& next,
                   const std::function<uint64_t()>& bytes,
                   const std::function<std::string()>& unit) {
    unit_ = unit;
    std::thread writer([this] { WriteBatches(); });
    Status read = ReadAll(next, bytes);
    {
      MutexLock lock(mutex_);
      finished_ = true;
    }
    changed_.NotifyAll();
    writer.join();
    if (result_.status.ok()) result_.status = read;
    // The batches were written without waiting for the disk each; now once for all.
    WriteBatch sync;
    sync.durability = WriteDurability::kSync;
    if (store_.capabilities().durability == Durability::kMachine) {
      const Status synced = store_.Write(Context::Background(), sync).status();
      if (result_.status.ok()) result_.status = synced;
    }
    progress_.Clear();
    result_.seconds = progress_.seconds();
    return result_;
  }

 private:
  std::string Place(uint64_t number) const { return Concat(unit_(), " ", std::to_string(number)); }

  // With the id that the document names, so that the writer need not look for it.
  static StatusOr<WriteOp> Parse(const SourceItem& item) {
    if (item.kind == SourceItem::Kind::kTooLong) {
      return ResourceExhausted(Concat("it is longer than ", std::to_string(kMaxDocumentBytes),
                                      " bytes, the most that a document may have"));
    }
    ASSIGN_OR_RETURN(Document d, Document::Parse(item.text));
    if (!d.root().is_object()) {
      return InvalidArgument(
          Concat("a document is a JSON object, found ", TypeName(d.root().type())));
    }
    ASSIGN_OR_RETURN(std::string id, IdOfDocument(d));
    return WriteOp{WriteKind::kPut, std::move(id), std::move(d), Presence::kAny, {}};
  }

  Status ReadAll(const std::function<StatusOr<std::optional<SourceItem>>()>& next,
                 const std::function<uint64_t()>& bytes) {
    Batch batch;
    size_t batch_bytes = 0;
    for (;;) {
      if (Status s = ctx_.Check(); !s.ok()) {
        Push(std::move(batch), bytes());
        return s;
      }
      StatusOr<std::optional<SourceItem>> item = next();
      if (!item.ok() || !item->has_value()) {
        Push(std::move(batch), bytes());
        return item.status();
      }
      if ((*item)->kind == SourceItem::Kind::kNotYet) {
        // What has come is not kept waiting for what may never come.
        batch_bytes = 0;
        if (!batch.items.empty() && !Push(std::exchange(batch, Batch()), bytes()))
          return OkStatus();  // the writer says why
        continue;
      }
      StatusOr<WriteOp> op = Parse(**item);
      if (!op.ok()) {
        if (!options_.reject) {
          Push(std::move(batch), bytes());
          return WithMessage(op.status(),
                             Concat(Place((*item)->number), ": ", Message(op.status())));
        }
        if (Status s = Reject(**item, op.status()); !s.ok()) {
          Push(std::move(batch), bytes());
          return s;
        }
        continue;
      }
      batch_bytes += op->document.text().size();
      batch.write.ops.push_back(*std::move(op));
      if (!options_.reject) (*item)->text = std::string();
      batch.items.push_back(*std::move(*item));
      if (batch.items.size() >= options_.batch || batch_bytes >= kBatchBytes) {
        batch_bytes = 0;
        if (!Push(std::exchange(batch, Batch()), bytes()))
          return OkStatus();  // the writer says why
      }
    }
  }

  // False when the writer has given up.
  bool Push(Batch batch, uint64_t bytes_read) {
    batch.bytes_read = bytes_read;
    batch.write.durability = WriteDurability::kAsync;
    std::vector<Batch> spent;  // ends behind the lock
    MutexLock lock(mutex_);
    spent.swap(spent_);
    while (queue_.size() >= kQueued && !failed_) changed_.Wait(mutex_);
    if (failed_) return false;
    if (!batch.items.empty()) queue_.push_back(std::move(batch));
    changed_.NotifyAll();
    return true;
  }

  void WriteBatches() {
    for (;;) {
      Batch batch;
      {
        MutexLock lock(mutex_);
        while (queue_.empty() && !finished_) changed_.Wait(mutex_);
        if (queue_.empty()) return;
        batch = std::move(queue_.front());
        queue_.pop_front();
      }
      changed_.NotifyAll();
      if (Status s = WriteOne(batch); !s.ok()) {
        MutexLock lock(mutex_);
        result_.status = s;
        failed_ = true;
        queue_.clear();
        changed_.NotifyAll();
        return;
      }
      progress_.Show(result_.imported, batch.bytes_read);
      MutexLock lock(mutex_);
      spent_.push_back(std::move(batch));
    }
  }

  Status WriteOne(Batch& batch) {
    // An interruption ends the reading; what has been read is still written.
    Status s = store_.Write(Context::Background(), batch.write).status();
    if (s.ok()) {
      result_.imported += batch.items.size();
      return s;
    }
    if (!IsOfDocument(s)) return s;
    // One of them is bad: one by one, so that the others get in and the bad one is named.
    for (size_t i = 0; i < batch.items.size(); ++i) {
      WriteBatch single;
      single.durability = WriteDurability::kAsync;
      single.ops.push_back(batch.write.ops[i]);
      s = store_.Write(Context::Background(), single).status();
      if (s.ok()) {
        ++result_.imported;
      } else if (IsOfDocument(s) && options_.reject) {
        RETURN_IF_ERROR(Reject(batch.items[i], s));
      } else {
        return WithMessage(s, Concat(Place(batch.items[i].number), ": ", Message(s)));
      }
    }
    return OkStatus();
  }

  // Whether a document is to blame (it is bad, or has a value that is to be unique), not the store.
  static bool IsOfDocument(const Status& s) {
    return s.code() == StatusCode::kInvalidArgument || s.code() == StatusCode::kAlreadyExists;
  }

  Status Reject(const SourceItem& item, const Status& why) {
    MutexLock lock(mutex_);
    ++result_.rejected;
    std::string line = "{\"" + unit_() + "\":" + std::to_string(item.number) +
                       ",\"error\":" + JsonString(ToValidUtf8(Message(why))) +
                       ",\"text\":" + JsonString(ToValidUtf8(item.text)) + "}\n";
    return options_.reject(line);
  }

  Store& store_;
  const Context& ctx_;
  const ImportOptions& options_;
  std::function<std::string()> unit_;
  Progress progress_;
  ImportResult result_;  // the writer's while it runs; `rejected` under the lock

  Mutex mutex_;
  CondVar changed_;
  std::deque<Batch> queue_ STRATA_GUARDED_BY(mutex_);
  // Freed by the thread that made them, so that the two do not contend for its memory.
  std::vector<Batch> spent_ STRATA_GUARDED_BY(mutex_);
  bool finished_ STRATA_GUARDED_BY(mutex_) = false;
  bool failed_ STRATA_GUARDED_BY(mutex_) = false;
};

}  // namespace

ImportResult Import(Store& store, const Context& ctx,
                    const std::function<StatusOr<std::optional<SourceItem>>()>& next,
                    const std::function<uint64_t()>& bytes,
                    const std::function<std::string()>& unit, const ImportOptions& options) {
  return Importer(store, ctx, options).Run(next, bytes, unit);
}

}  // namespace strata::tools

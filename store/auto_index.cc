#include "store/auto_index.h"

#include <algorithm>
#include <chrono>

namespace strata {
namespace {

constexpr uint64_t kMinQueries = 16;

bool IsAutomatic(const IndexReport& r) {
  return r.origin == IndexOrigin::kAutomatic &&
         (r.state == IndexState::kReady || r.state == IndexState::kBuilding);
}

// Whether an index begins with all paths that another would have.
bool Serves(const IndexSpec& index, const IndexSpec& wanted) {
  if (index.multi != wanted.multi || index.sparse || index.parts.size() < wanted.parts.size())
    return false;
  for (size_t i = 0; i < wanted.parts.size(); ++i) {
    if (!(index.parts[i].path == wanted.parts[i].path)) return false;
  }
  return true;
}

}  // namespace

std::vector<IndexProposal> ProposeIndexes(const std::vector<IndexReport>& indexes,
                                          const std::vector<QueryLog::Candidate>& candidates,
                                          double documents) {
  std::vector<IndexProposal> out;
  for (const QueryLog::Candidate& c : candidates) {
    if (c.queries < kMinQueries || static_cast<double>(c.wasted()) < 2 * documents) continue;
    const StatusOr<IndexSpec> spec = IndexOfCandidate(c.paths);
    if (!spec.ok()) continue;
    const bool served = std::any_of(indexes.begin(), indexes.end(), [&](const IndexReport& r) {
      return r.state != IndexState::kDropping &&
             (r.spec.name == spec->name || Serves(r.spec, *spec));
    });
    if (!served) out.push_back({*spec, c, "build '" + c.paths + "'"});
  }
  return out;
}

std::string AutoIndexer::Round(double documents) {
  status_ = OkStatus();
  if (mode_ == AutoIndex::kOff) return "";
  const std::vector<IndexReport> indexes = admin_->Indexes();
  size_t held = 0;
  std::string unused;
  for (const IndexReport& r : indexes) {
    if (!IsAutomatic(r)) continue;
    ++held;
    Idle& idle = idle_[r.spec.name];
    const uint64_t uses = admin_->queries().Uses(r.spec.name);
    idle.rounds = uses == idle.uses ? idle.rounds + 1 : 0;
    idle.uses = uses;
    if (idle.rounds >= kIdleRounds && r.state == IndexState::kReady && unused.empty())
      unused = r.spec.name;
  }
  const auto proposals = ProposeIndexes(indexes, admin_->queries().Candidates(), documents);
  if (proposals.empty()) return "";
  const bool dry = mode_ == AutoIndex::kDryRun;
  if (held >= budget_) {
    if (unused.empty()) return "";
    if (dry) return "would drop " + unused;
    idle_.erase(unused);
    status_ = admin_->DropIndex(unused);
    return status_.ok() ? "dropped " + unused
                        : "could not drop " + unused + ": " + std::string(Message(status_));
  }
  const IndexSpec& spec = proposals[0].spec;
  if (dry) return "would build " + spec.name;
  status_ = admin_->CreateIndex(spec, IndexOrigin::kAutomatic);
  // One that cannot be built would be tried for ever.
  admin_->queries().Forget(proposals[0].saved.paths);
  return status_.ok() ? "builds " + spec.name
                      : "could not build " + spec.name + ": " + std::string(Message(status_));
}

AutoIndexThread::AutoIndexThread(IndexAdmin* admin, AutoIndex mode, size_t budget,
                                 std::function<double()> documents) {
  if (mode != AutoIndex::kOn) return;  // a dry run is asked for by hand
  thread_ = std::thread([this, admin, mode, budget, documents = std::move(documents)] {
    AutoIndexer indexer(admin, mode, budget);
    for (;;) {
      {
        MutexLock lock(mutex_);
        if (!stop_) {
          changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::seconds(1));
        }
        if (stop_) return;
      }
      (void)indexer.Round(documents());
      if (!indexer.status().ok()) failures_.fetch_add(1, std::memory_order_relaxed);
    }
  });
}

AutoIndexThread::~AutoIndexThread() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace strata

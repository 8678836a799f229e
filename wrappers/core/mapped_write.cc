#include "wrappers/core/mapped_write.h"

#include <chrono>
#include <thread>

#include "core/abseil.h"
#include "core/json_text.h"
#include "store/apply.h"

namespace strata {
namespace {

constexpr int kAttempts = 64;

// A record as the operations of one batch leave it, one after the other.
struct Touched {
  std::optional<Record> stored;
  bool written = false;  // by an earlier operation of the batch
};

// One batch worked out over what is stored.
struct WorkedOut {
  WriteBatch batch;
  WriteResult result;          // what the callers see; revisions are filled in later
  std::vector<int> inner_of;   // each operation's place in `batch`, or -1 for none
  std::vector<uint64_t> read;  // the revisions that were looked at; 0: nothing was there
};

template <typename Target>
StatusOr<WorkedOut> WorkOut(Target& inner, const Context& ctx, const WriteBatch& batch,
                            const WriteMapping& mapping, std::span<const std::string> ids,
                            bool guarded) {
  std::vector<std::string_view> views(ids.begin(), ids.end());
  std::vector<std::optional<Record>> records(ids.size());
  RETURN_IF_ERROR(inner.Read(ctx, views, records));
  StringMap<Touched> touched;
  for (size_t i = 0; i < ids.size(); ++i) touched.try_emplace(ids[i], Touched{records[i], false});
  WorkedOut out;
  for (const auto& r : records) out.read.push_back(r ? r->revision : 0);
  out.batch.origin = batch.origin;
  out.batch.request_id = batch.request_id;
  out.batch.durability = batch.durability;
  for (size_t i = 0; i < ids.size(); ++i) {
    const WriteOp& op = batch.ops[i];
    const std::string& id = ids[i];
    Touched& t = touched[id];
    ASSIGN_OR_RETURN(const std::optional<Record> visible, mapping.Visible(t.stored));
    StatusOr<Document> after = ApplyOp(op, id, visible);
    if (!after.ok()) return InBatch(after.status(), batch, i);
    WriteOutcome outcome;
    outcome.id = id;
    outcome.created = *after && !visible;
    outcome.deleted = !*after && visible;
    out.result.outcomes.push_back(std::move(outcome));
    if (!*after && !visible) {
      out.inner_of.push_back(-1);
      continue;
    }
    StatusOr<Document> stored = mapping.Stored(id, t.stored, *after);
    if (!stored.ok()) return InBatch(stored.status(), batch, i);
    const auto add = [&](WriteOp down) {
      // 0 says that nothing is there, so a guard that fails always gives FailedPrecondition.
      if (guarded && !t.written) down.if_revision = t.stored ? t.stored->revision : 0;
      t.written = true;
      out.batch.ops.push_back(std::move(down));
    };
    const WriteOp removal{WriteKind::kDelete, id, {}, Presence::kAny, {}};
    // Subscribers hear that what was not visible has gone, then of something new.
    if (*stored && t.stored && !visible) add(removal);
    WriteOp down = *stored ? WriteOp{WriteKind::kPut, id, *stored, Presence::kAny, {}} : removal;
    down.min_revision = op.min_revision;
    add(std::move(down));
    out.inner_of.push_back(static_cast<int>(out.batch.ops.size()) - 1);
    // The new revision is known to nobody yet; 0 matches no precondition.
    t.stored.reset();
    if (*stored) t.stored = Record{*stored, 0};
  }
  return out;
}

// What the inner store refused, and over which revisions.
struct Refusal {
  Status status;
  std::vector<uint64_t> read;
};

// *refused is set when it may have been because others were faster.
template <typename Target>
StatusOr<WriteResult> WriteOnce(Target& inner, const Context& ctx, const WriteBatch& batch,
                                const WriteMapping& mapping, std::span<const std::string> ids,
                                bool guarded, std::optional<Refusal>* refused) {
  ASSIGN_OR_RETURN(WorkedOut work, WorkOut(inner, ctx, batch, mapping, ids, guarded));
  if (work.batch.ops.empty()) return std::move(work.result);
  StatusOr<WriteResult> written = inner.Write(ctx, work.batch);
  if (!written.ok()) {
    const StatusCode code = written.status().code();
    // The guards are this stage's own: every precondition of the caller held when it was looked at.
    if (guarded && (code == StatusCode::kFailedPrecondition || code == StatusCode::kAlreadyExists ||
                    code == StatusCode::kNotFound)) {
      *refused = Refusal{written.status(), std::move(work.read)};
    }
    return written.status();
  }
  for (size_t i = 0; i < work.inner_of.size(); ++i) {
    if (work.inner_of[i] < 0) continue;
    work.result.outcomes[i].revision =
        written->outcomes[static_cast<size_t>(work.inner_of[i])].revision;
  }
  return std::move(work.result);
}

StatusOr<std::vector<std::string>> ResolveIds(const WriteBatch& batch, IdGenerator& ids) {
  RETURN_IF_ERROR(CheckSize(batch));
  std::vector<std::string> out;
  out.reserve(batch.ops.size());
  for (size_t i = 0; i < batch.ops.size(); ++i) {
    StatusOr<std::string> id = ResolveId(batch.ops[i], ids);
    if (!id.ok()) return InBatch(id.status(), batch, i);
    out.push_back(*std::move(id));
  }
  return out;
}

}  // namespace

StatusOr<WriteResult> WriteMapped(Store& inner, const Context& ctx, const WriteBatch& batch,
                                  const WriteMapping& mapping, IdGenerator& ids) {
  ASSIGN_OR_RETURN(const std::vector<std::string> resolved, ResolveIds(batch, ids));
  std::optional<Refusal> last;
  bool unchanged = false;  // between the last two looks
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    RETURN_IF_ERROR(ctx.Check());
    std::optional<Refusal> refused;
    StatusOr<WriteResult> r =
        WriteOnce(inner, ctx, batch, mapping, resolved, /*guarded=*/true, &refused);
    if (!refused) return r;
    unchanged = last && last->read == refused->read;
    // Not by a guard, and over what is still there: the inner store's own refusal, as of a second
    // document with a unique value.
    if (unchanged && last->status.code() != StatusCode::kFailedPrecondition) return last->status;
    last = std::move(refused);
    // Whoever is behind lets the others finish.
    if (attempt > 2)
      std::this_thread::sleep_for(std::chrono::microseconds(20 << std::min(attempt, 8)));
  }
  // What was created and deleted between two looks at it may have failed a guard, but not so often.
  if (unchanged) return last->status;
  return Aborted("other writers of the same documents were faster again and again");
}

StatusOr<WriteResult> WriteMapped(Transaction& inner, const Context& ctx, const WriteBatch& batch,
                                  const WriteMapping& mapping, IdGenerator& ids) {
  ASSIGN_OR_RETURN(const std::vector<std::string> resolved, ResolveIds(batch, ids));
  std::optional<Refusal> refused;
  return WriteOnce(inner, ctx, batch, mapping, resolved, /*guarded=*/false, &refused);
}

Status MakeVisible(const WriteMapping& mapping, std::span<std::optional<Record>> records) {
  for (std::optional<Record>& r : records) {
    if (!r) continue;
    ASSIGN_OR_RETURN(r, mapping.Visible(r));
  }
  return OkStatus();
}

}  // namespace strata

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
  WriteResult result;         // what the callers see; revisions are filled in later
  std::vector<int> inner_of;  // each operation's place in `batch`, or -1 for none
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
    WriteOp down{*stored ? WriteKind::kPut : WriteKind::kDelete, id, *stored, Presence::kAny, {}};
    if (guarded && !t.written) {
      if (t.stored) {
        down.if_revision = t.stored->revision;
      } else {
        down.presence = Presence::kMustNotExist;
      }
    }
    down.min_revision = op.min_revision;
    out.inner_of.push_back(static_cast<int>(out.batch.ops.size()));
    out.batch.ops.push_back(std::move(down));
    t.written = true;
    // The new revision is known to nobody yet; 0 matches no precondition.
    t.stored.reset();
    if (*stored) t.stored = Record{*stored, 0};
  }
  return out;
}

template <typename Target>
StatusOr<WriteResult> WriteOnce(Target& inner, const Context& ctx, const WriteBatch& batch,
                                const WriteMapping& mapping, std::span<const std::string> ids,
                                bool guarded, bool* lost_race) {
  *lost_race = false;
  ASSIGN_OR_RETURN(WorkedOut work, WorkOut(inner, ctx, batch, mapping, ids, guarded));
  if (work.batch.ops.empty()) return std::move(work.result);
  StatusOr<WriteResult> written = inner.Write(ctx, work.batch);
  if (!written.ok()) {
    const StatusCode code = written.status().code();
    // The guards are this stage's own: every precondition of the caller held when it was looked at.
    *lost_race = guarded && (code == StatusCode::kFailedPrecondition ||
                             code == StatusCode::kAlreadyExists || code == StatusCode::kNotFound);
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
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    RETURN_IF_ERROR(ctx.Check());
    bool lost_race = false;
    StatusOr<WriteResult> r =
        WriteOnce(inner, ctx, batch, mapping, resolved, /*guarded=*/true, &lost_race);
    if (!lost_race) return r;
    // Whoever is behind lets the others finish.
    if (attempt > 2)
      std::this_thread::sleep_for(std::chrono::microseconds(20 << std::min(attempt, 8)));
  }
  return Aborted("other writers of the same documents were faster again and again");
}

StatusOr<WriteResult> WriteMapped(Transaction& inner, const Context& ctx, const WriteBatch& batch,
                                  const WriteMapping& mapping, IdGenerator& ids) {
  ASSIGN_OR_RETURN(const std::vector<std::string> resolved, ResolveIds(batch, ids));
  bool lost_race = false;
  return WriteOnce(inner, ctx, batch, mapping, resolved, /*guarded=*/false, &lost_race);
}

Status MakeVisible(const WriteMapping& mapping, std::span<std::optional<Record>> records) {
  for (std::optional<Record>& r : records) {
    if (!r) continue;
    ASSIGN_OR_RETURN(r, mapping.Visible(r));
  }
  return OkStatus();
}

}  // namespace strata

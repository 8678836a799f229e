#include "store/apply.h"

#include "core/json_patch.h"
#include "core/json_text.h"

namespace strata {
namespace {

// The document with its id inside.
StatusOr<Document> WithId(const Document& d, std::string_view id) {
  if (!d.root().is_object()) {
    return InvalidArgument(
        Concat("a document is a JSON object, found ", TypeName(d.root().type())));
  }
  if (const Value own = d.Find(kIdProperty); own.is_string() && own.StringEquals(id)) return d;
  ASSIGN_OR_RETURN(const std::string own, IdOfDocument(d));
  if (own == id) return d;
  if (own.empty()) return WithMember(d, kIdProperty, JsonString(id));
  return InvalidArgument(Concat("/id: the document says ", JsonString(own),
                                ", but it is written under ", JsonString(id)));
}

}  // namespace

Status CheckSize(const WriteBatch& batch) {
  if (batch.ops.size() <= kMaxBatchOps) return OkStatus();
  return ResourceExhausted(Concat("the batch has ", std::to_string(batch.ops.size()),
                                  " operations; at most ", std::to_string(kMaxBatchOps),
                                  " are taken"));
}

StatusOr<std::string> ResolveId(const WriteOp& op, IdGenerator& ids) {
  if (!op.id.empty()) {
    RETURN_IF_ERROR(CheckId(op.id));
    return op.id;
  }
  if (op.kind == WriteKind::kDelete || op.kind == WriteKind::kPatch)
    return InvalidArgument("an id is needed");
  if (!op.document.root().is_object()) {
    return InvalidArgument(
        Concat("a document is a JSON object, found ", TypeName(op.document.root().type())));
  }
  ASSIGN_OR_RETURN(std::string own, IdOfDocument(op.document));
  return own.empty() ? ids.Next() : own;
}

StatusOr<Document> ApplyOp(const WriteOp& op, std::string_view id,
                           const std::optional<Record>& before) {
  if (op.presence == Presence::kMustNotExist && before) {
    return AlreadyExists(Concat("a document with the id ", JsonString(id), " is there already"));
  }
  const bool needs = op.presence == Presence::kMustExist || op.kind == WriteKind::kPatch;
  if (needs && !before)
    return NotFound(Concat("there is no document with the id ", JsonString(id)));
  if (op.if_revision) {
    const uint64_t found = before ? before->revision : 0;
    // A transaction's own writes have no revision yet; 0 means that nothing is there.
    if (found != *op.if_revision || (before && *op.if_revision == 0)) {
      return FailedPrecondition(Concat("the revision of ", JsonString(id), " is ",
                                       std::to_string(found), ", not ",
                                       std::to_string(*op.if_revision)));
    }
  }
  switch (op.kind) {
    case WriteKind::kPut:
      return WithId(op.document, id);
    case WriteKind::kMerge: {
      if (!op.document.root().is_object()) {
        return InvalidArgument(
            Concat("a merge is a JSON object, found ", TypeName(op.document.root().type())));
      }
      ASSIGN_OR_RETURN(
          const Document merged,
          MergePatch(before ? before->document : Document::FromTrusted("{}"), op.document));
      return WithId(merged, id);
    }
    case WriteKind::kPatch: {
      ASSIGN_OR_RETURN(const Document patched, ApplyJsonPatch(before->document, op.document));
      return WithId(patched, id);
    }
    case WriteKind::kDelete:
      return Document();
  }
  return Internal("unknown kind of write");
}

Status InBatch(const Status& s, const WriteBatch& batch, size_t index) {
  if (s.ok() || batch.ops.size() == 1) return s;
  return WithMessage(s, Concat("operation ", std::to_string(index), " of the batch: ", Message(s)));
}

}  // namespace strata

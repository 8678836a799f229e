// Writes of stages that decide by what is stored: each operation is worked out above the inner
// store and handed down as whole documents, guarded by the revisions that were looked at.
#ifndef STRATA_WRAPPERS_CORE_MAPPED_WRITE_H_
#define STRATA_WRAPPERS_CORE_MAPPED_WRITE_H_

#include <memory>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "store/store.h"

namespace strata {

// Safe for concurrent use.
class WriteMapping {
 public:
  virtual ~WriteMapping() = default;
  // What the stage's callers see of a stored record; nothing: for them it is not there.
  virtual StatusOr<std::optional<Record>> Visible(const std::optional<Record>& stored) const = 0;
  // What is to be stored, given what the operation makes of what was visible (`after` is nothing
  // for a deletion of a visible record). The result holds a document exactly when `after` does.
  // AlreadyExists when a record that is not visible is in the way.
  virtual StatusOr<Document> Stored(std::string_view id, const std::optional<Record>& stored,
                                    const Document& after) const = 0;
};

// Reads, works out, writes; again when somebody else was faster. The outcomes are those that the
// stage's callers see. Aborted when others are faster again and again; what the inner store refuses
// over records that nobody changes meanwhile is its own refusal and is passed on.
StatusOr<WriteResult> WriteMapped(Store& inner, const Context& ctx, const WriteBatch& batch,
                                  const WriteMapping& mapping, IdGenerator& ids);
// Within a transaction, which finds conflicts itself.
StatusOr<WriteResult> WriteMapped(Transaction& inner, const Context& ctx, const WriteBatch& batch,
                                  const WriteMapping& mapping, IdGenerator& ids);

// Replaces what was read by what is visible of it.
Status MakeVisible(const WriteMapping& mapping, std::span<std::optional<Record>> records);

// The part of a MappedStore's mapping that reads and writes by what is stored.
class WorkedOutMapping : public WriteMapping {
 public:
  Status Show(std::span<std::optional<Record>> read) const { return MakeVisible(*this, read); }
  template <typename Target>
  StatusOr<WriteResult> Write(Target& inner, const Context& ctx, const WriteBatch& batch) const {
    return WriteMapped(inner, ctx, batch, *this, ids_);
  }

 private:
  mutable IdGenerator ids_;
};

}  // namespace strata

#endif  // STRATA_WRAPPERS_CORE_MAPPED_WRITE_H_

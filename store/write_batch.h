// WriteBatch: what to write, in order. The batch is the primitive; Put, Create, Update and Delete
// (store/ops.h) are batches of one.
#ifndef STRATA_STORE_WRITE_BATCH_H_
#define STRATA_STORE_WRITE_BATCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/document.h"

namespace strata {

enum class WriteKind : uint8_t {
  kPut,    // stores the document in place of whatever was there
  kMerge,  // RFC 7396 over what is there (over {} when nothing is)
  kPatch,  // RFC 6902 over what is there, which must exist
  kDelete,
};

enum class Presence : uint8_t { kAny, kMustExist, kMustNotExist };

struct WriteOp {
  WriteKind kind = WriteKind::kPut;
  // "": the document's id property, else a generated UUIDv7. When both are given they must agree.
  std::string id;
  Document document;                    // the document, the merge or the patch
  Presence presence = Presence::kAny;   // NotFound, AlreadyExists
  std::optional<uint64_t> if_revision;  // FailedPrecondition
  // The least revision that the record may get, for copies that are to have their original's. The
  // store's counter goes on from there.
  uint64_t min_revision = 0;
};

enum class WriteDurability : uint8_t { kStoreDefault, kAsync, kSync };

struct WriteBatch {
  std::vector<WriteOp> ops;
  std::string origin;  // who made the change first; replication passes it on and refuses its own
  std::string request_id;  // names the request in logs and traces
  WriteDurability durability = WriteDurability::kStoreDefault;

  WriteBatch& Put(Document d, std::string id = "") {
    ops.push_back({WriteKind::kPut, std::move(id), std::move(d), Presence::kAny, {}});
    return *this;
  }
  WriteBatch& Delete(std::string id) {
    ops.push_back({WriteKind::kDelete, std::move(id), {}, Presence::kAny, {}});
    return *this;
  }
};

struct WriteOutcome {
  std::string id;
  uint64_t revision =
      0;  // 0: nothing was written, or it is in a transaction that has not been committed
  bool created = false;  // it was not there before
  bool deleted = false;  // it was there, and is no longer
};

struct WriteResult {
  std::vector<WriteOutcome> outcomes;  // one for each operation
};

}  // namespace strata

#endif  // STRATA_STORE_WRITE_BATCH_H_

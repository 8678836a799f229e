// Changing documents by splicing their text: parts that a change does not touch are copied as they
// stand.
#ifndef STRATA_CORE_JSON_PATCH_H_
#define STRATA_CORE_JSON_PATCH_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"

namespace strata {

// RFC 7396: members of the patch replace, null removes, objects merge.
// ResourceExhausted when the result is larger than a document may be.
StatusOr<Document> MergePatch(const Document& target, const Document& patch);

// RFC 6902: a list of operations (add, remove, replace, move, copy, test), all of them or none.
// Errors: InvalidArgument for a malformed patch or a path that does not exist, with the operation's
// pointer in the patch; FailedPrecondition for a test that does not hold; ResourceExhausted beyond
// kMaxPatchOperations.
inline constexpr uint32_t kMaxPatchOperations = 10000;
inline constexpr size_t kMaxPatchBytes = 256u << 20;  // document's size times operations
StatusOr<Document> ApplyJsonPatch(const Document& target, const Document& patch);

// The object with `name` set to `raw` (valid JSON), in its place or, when it was not there, in
// front.
Document WithMember(const Document& object, std::string_view name, std::string_view raw);
// The same; at the end when it was not there.
Document WithLastMember(const Document& object, std::string_view name, std::string_view raw);

}  // namespace strata

#endif  // STRATA_CORE_JSON_PATCH_H_

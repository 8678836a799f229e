// Whether a database on disk is what it was. Internal to this folder.
//
// Xapian's blocks bear no checksums, and its own check looks at the structure of blocks: of zeroed
// stretches of a list of postings it finds less than half. So a database that is closed gets a
// seal, a file with a digest of all its bytes, and loses it before the next change. One without a
// seal was not closed; its process ended, and Xapian's check has to do.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_CHECK_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_CHECK_H_

#include <xapian.h>

#include <functional>
#include <string>

#include "core/context.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

bool IsSealed(const std::string& folder);
// Requires: nothing is uncommitted, and no other process writes there.
Status Seal(const std::string& folder);
Status Unseal(const std::string& folder);

// DataLoss unless the database has the bytes that it was sealed with or, without a seal, is sound
// by Xapian's own check. Reads all of it. Throws Xapian's errors.
Status CheckFiles(const Context& ctx, const std::string& folder);
// The documents that it holds; nobody is not counted.
Xapian::doccount CountDocuments(const Xapian::Database& database);
// DataLoss unless the database holds exactly what the documents make: postings, frequencies,
// positions and values. `go_on` is asked time and again; its error ends the check. Throws Xapian's
// errors.
Status CheckContents(const Xapian::Database& database, const TextSchema& schema,
                     const std::function<Status()>& go_on, const NextDocuments& next);

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_CHECK_H_

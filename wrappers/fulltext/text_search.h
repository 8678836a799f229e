// Searches over a Xapian database. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_

#include <xapian.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/index_spec.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

// Of a value's key in a slot; longer ones are cut.
inline constexpr size_t kMaxSlotBytes = 200;                // a text
inline constexpr size_t kMaxSlotCompoundBytes = 64u << 10;  // an array, whose elements are counted
// The slot behind those of "values": a digest of what the document was made of.
inline constexpr uint32_t kDigestSlot = kMaxFields;
// A document without words; it has no data.
inline constexpr std::string_view kNobody = "XN";

// What is the same for writers and readers.
struct Shared {
  TextSchema schema;
  std::string folder;  // "": in memory
  std::vector<IndexSpec> slots;
};

// Runs an action that may throw Xapian's errors, or be stopped by a Watch.
Status Guarded(std::string_view doing, const std::function<Status()>& action);

// Does again what fails since the writer has moved on: Unavailable when he did twice since the
// database was opened; and what is read or opened while he does may look like damage, for he writes
// over blocks that nothing refers to any more.
Status Persistently(const std::function<Status()>& action);

class Search final : public TextSearch {
 public:
  // `damaged` is set when damage is met. `give_back`: what becomes of the database at the end; may
  // be empty.
  Search(std::shared_ptr<const Shared> shared, Xapian::Database database,
         std::shared_ptr<std::atomic<bool>> damaged,
         std::function<void(Xapian::Database)> give_back);
  ~Search() override;

  // Before use.
  Status Prepare(const TextRequest& request);
  StatusOr<std::vector<ValueCount>> Count(const Context& ctx, Xapian::valueno slot, size_t limit);

  StatusOr<std::vector<TextHit>> Ranked(const Context& ctx, size_t from, size_t count) override;
  StatusOr<std::vector<TextHit>> All(const Context& ctx) override;
  StatusOr<std::string> Snippet(const Document& document, size_t length) override;
  std::string Suggestion() override { return suggestion_; }
  const std::vector<Node>& narrowed() const override { return narrowed_; }
  double estimated() override;

 private:
  // Guarded, and again over the newest index when a writer moved on meanwhile.
  Status Run(std::string_view doing, const std::function<Status()>& action);
  Status Read(const TextRequest& request);
  StatusOr<std::vector<TextHit>> Fetch(const Context& ctx, size_t count, bool* exhausted);

  const std::shared_ptr<const Shared> shared_;
  Xapian::Database database_;
  const std::shared_ptr<std::atomic<bool>> damaged_;
  const std::function<void(Xapian::Database)> give_back_;
  Xapian::Query query_;
  Xapian::Query plain_;
  bool query_first_ = true;
  bool ranked_ = true;
  std::chrono::seconds limit_{};  // of ranking
  std::string suggestion_;
  std::vector<Node> narrowed_;
  bool moved_ = false;              // the database is newer than when the search began
  std::vector<std::string> given_;  // ids of ranked hits
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_

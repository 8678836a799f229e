// Searches over a Xapian database. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_

#include <xapian.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/index_spec.h"
#include "wrappers/fulltext/reader_pool.h"
#include "wrappers/fulltext/text_index.h"
#include "wrappers/fulltext/text_query.h"

namespace strata::fulltext {

// Of a value's key in a slot; longer ones are cut.
inline constexpr size_t kMaxSlotBytes = 200;                // a text
inline constexpr size_t kMaxSlotCompoundBytes = 64u << 10;  // an array, whose elements are counted
// The slot behind those of "values": a digest of what the document was made of.
inline constexpr uint32_t kDigestSlot = kMaxFields;
// A document without words and data: the first one.
inline constexpr std::string_view kNobody = "XN";
inline constexpr Xapian::docid kNobodyNumber = 1;

// What is the same for writers and readers.
struct Shared {
  TextSchema schema;
  std::string folder;  // "": in memory
  std::vector<IndexSpec> slots;
  Languages languages;
};

class Search final : public TextSearch {
 public:
  Search(std::shared_ptr<const Shared> shared, Reader reader);

  // Before use. Aborted: what was opened is not whole.
  Status Prepare(const TextRequest& request);
  StatusOr<std::vector<ValueCount>> Count(const Context& ctx, Xapian::valueno slot, size_t limit);

  StatusOr<std::vector<TextHit>> Ranked(const Context& ctx, size_t from, size_t count) override;
  StatusOr<std::vector<TextHit>> All(const Context& ctx) override;
  StatusOr<std::string> Snippet(const Document& document, size_t length) override;
  std::string Suggestion() override { return suggestion_; }
  const std::vector<Node>& narrowed() const override { return narrowed_; }
  double estimated() override;

 private:
  // Reads. Unavailable when the index was made anew behind a search that was under way.
  Status Run(std::string_view doing, const std::function<Status()>& action);
  StatusOr<std::vector<TextHit>> Fetch(const Context& ctx, size_t count, bool* exhausted);

  const std::shared_ptr<const Shared> shared_;
  Reader reader_;
  bool prepared_ = false;
  Xapian::Query query_;
  Xapian::Query plain_;
  bool ranked_ = true;
  std::chrono::seconds limit_{};  // of ranking
  std::string suggestion_;
  std::vector<Node> narrowed_;
  std::vector<std::string> given_;  // ids of ranked hits
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_

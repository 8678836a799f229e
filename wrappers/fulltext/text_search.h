// Searches over a Xapian database. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_

#include <xapian.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/index_spec.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

inline constexpr size_t kMaxSlotBytes = 200;
// A document without words; it has no data.
inline constexpr std::string_view kNobody = "XN";

// What is the same for writers and readers.
struct Shared {
  TextSchema schema;
  std::string folder;  // "": in memory
  std::vector<IndexSpec> slots;
};

// Runs an action that may throw Xapian's errors.
Status Guarded(std::string_view doing, const std::function<Status()>& action);

class Search final : public TextSearch {
 public:
  // `give_back`: what becomes of the database at the end; may be empty.
  Search(std::shared_ptr<const Shared> shared, Xapian::Database database,
         std::function<void(Xapian::Database)> give_back);
  ~Search() override;

  // Before use.
  Status Prepare(const TextRequest& request);
  StatusOr<std::vector<ValueCount>> Count(Xapian::valueno slot, size_t limit);

  StatusOr<std::vector<TextHit>> Ranked(const Context& ctx, size_t from, size_t count) override;
  StatusOr<std::vector<TextHit>> All(const Context& ctx) override;
  std::string Snippet(const Document& document, size_t length) override;
  std::string Suggestion() override { return suggestion_; }
  const std::vector<Node>& narrowed() const override { return narrowed_; }
  double estimated() override;

 private:
  StatusOr<std::vector<TextHit>> Fetch(const Context& ctx, size_t count, bool* exhausted);

  const std::shared_ptr<const Shared> shared_;
  Xapian::Database database_;
  const std::function<void(Xapian::Database)> give_back_;
  Xapian::Query query_;
  Xapian::Query plain_;
  bool query_first_ = true;
  bool ranked_ = true;
  std::string suggestion_;
  std::vector<Node> narrowed_;
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_SEARCH_H_

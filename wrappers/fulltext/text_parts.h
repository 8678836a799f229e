// What of a query is about text. Internal to this folder.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_PARTS_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_PARTS_H_

#include <string_view>
#include <vector>

#include "query/query.h"
#include "wrappers/fulltext/text_index.h"

namespace strata::fulltext {

// Members that a search makes.
inline constexpr std::string_view kScore = "score";
inline constexpr std::string_view kSnippet = "snippet";

bool HasText(const Node& n);
bool HasText(const Query& query);

// The conditions.
struct TextParts {
  std::vector<TextCondition> all;       // conjuncts
  std::vector<TextCondition> nested;    // elsewhere in the conditions
  std::vector<TextCondition> positive;  // of these, those that are not under a not
  std::vector<Node> others;             // conjuncts that are not one fulltext alone
  std::vector<Node> plain;              // of these, those without any fulltext
};

// InvalidArgument for too many texts.
StatusOr<TextParts> PartsOf(const std::vector<Node>& conjuncts);

// Which of the made members the stages read.
struct Uses {
  bool score = false;
  bool snippet = false;
  bool any() const { return score || snippet; }
};
Uses UsesOf(const std::vector<Node>& stages);

bool SortsByScore(const Node& stage);

// The condition with each fulltext(…) replaced by what `ids` says of it.
Node ReplaceText(const Node& n, const std::vector<TextCondition>& conditions,
                 const std::vector<Node>& ids);
// The ids as a list of literals.
Node IdList(const std::vector<TextHit>& hits);

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_PARTS_H_

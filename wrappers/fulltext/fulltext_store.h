// The stage type "fulltext": finds words in documents, by Xapian.
//
//   operation    asks of the inner store         does itself                 when that one fails
//   read         the same                        nothing                     passes it on
//   write        the same                        nothing; the index follows  passes it on
//                                                the inner store's feed
//   query        documents by id, and all that   fulltext(…), score,         passes it on
//                is not about text               snippet
//   transaction  the same                        also finds what it wrote    passes it on
//   subscribe    the same                        nothing                     passes it on
//
//   {"type": "fulltext", "path": "data/x.text",
//    "fields": {"title": {"weight": 3}, "body": {"language": "german"}},
//    "terms": ["section"], "values": ["size"]}
//
// The index is never served while it is not whole: queries about text wait, or say how far behind
// it is. With "freshness": "latest" (the default) they also wait for what was written through this
// stage. In a transaction, what others wrote is found as it is indexed now, not as of the snapshot.
#ifndef STRATA_WRAPPERS_FULLTEXT_FULLTEXT_STORE_H_
#define STRATA_WRAPPERS_FULLTEXT_FULLTEXT_STORE_H_

#include "store/stage.h"
#include "wrappers/fulltext/text_follower.h"

namespace strata {

// What a fulltext stage can do besides (Pipeline::FindStage, dynamic_cast). Safe for concurrent
// use.
class FulltextAdmin {
 public:
  virtual ~FulltextAdmin() = default;
  // Waits until the index is whole.
  virtual Status WaitWhole(const Context& ctx) = 0;
  virtual fulltext::FollowState State() = 0;
  virtual StatusOr<fulltext::TextStats> Stats() = 0;
  // DataLoss when the index is damaged or does not hold exactly the documents of the inner store.
  // Makes every document's words anew, so it takes about as long as a build. Aborted when the store
  // is written to all the while.
  virtual Status Check(const Context& ctx) = 0;
  virtual void Rebuild() = 0;
  // Counts of the values of one of the "values" among what the words find, most frequent first.
  virtual StatusOr<std::vector<fulltext::ValueCount>> Facets(const Context& ctx,
                                                             std::string_view words,
                                                             std::string_view path,
                                                             size_t limit) = 0;
};

Status RegisterFulltext(StageRegistry& registry);

}  // namespace strata

#endif  // STRATA_WRAPPERS_FULLTEXT_FULLTEXT_STORE_H_

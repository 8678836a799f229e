// TextIndex: documents in a Xapian database, and searches over it. Together with text_query.cc the
// only door to Xapian.
//
// Each document has the term Q + id, the words of its fields (stemmed ones behind Z, by Xapian's
// convention), each field's words once more behind the field's prefix when there are several
// fields, exact values behind XT…, sortable values in slots, and a digest of what was indexed. The
// database's metadata say what was indexed how, and up to which change.
//
// One writer at a time; searches from any thread.
#ifndef STRATA_WRAPPERS_FULLTEXT_TEXT_INDEX_H_
#define STRATA_WRAPPERS_FULLTEXT_TEXT_INDEX_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/context.h"
#include "core/document.h"
#include "query/ast.h"
#include "wrappers/fulltext/text_schema.h"

namespace strata::fulltext {

struct TextHit {
  std::string id;
  bool number = false;  // the document holds its id as a number
  double score = 0;     // BM25
};

// One fulltext(…).
struct TextCondition {
  std::string field;  // "": all
  std::string text;
  friend bool operator==(const TextCondition&, const TextCondition&) = default;
};

inline constexpr std::chrono::seconds kMaxRanking{5};

struct TextRequest {
  std::vector<TextCondition> all;  // all of them hold
  std::vector<TextCondition> any;  // or, when `all` is empty, one of them
  // Further conditions that every row has to satisfy. Used as far as the index can tell; the caller
  // asks them again.
  std::vector<Node> narrow;
  bool whole = true;                         // else also an index that is being built is asked
  bool ranked = true;                        // else scores are 0 and the order is the index's
  std::chrono::seconds limit = kMaxRanking;  // ranking that takes longer is ResourceExhausted
};

// A search over the index as it was when it began, or newer when writers moved on too far. Belongs
// to one thread.
class TextSearch {
 public:
  virtual ~TextSearch() = default;
  // All hits, best first, from place `from` (behind what was given, when the index is a newer one):
  // `count` of them, and as many more as score like the last one. Hits of equal score come in order
  // of their ids. Empty at the end.
  virtual StatusOr<std::vector<TextHit>> Ranked(const Context& ctx, size_t from, size_t count) = 0;
  // All hits in no order.
  virtual StatusOr<std::vector<TextHit>> All(const Context& ctx) = 0;
  // The part of the document's text that fits best, HTML-escaped, with <b>…</b> around what was
  // found.
  virtual StatusOr<std::string> Snippet(const Document& document, size_t length) = 0;
  // The conditions in what is probably the right spelling; "" when nothing better is known.
  virtual std::string Suggestion() = 0;
  // The conditions that the index narrows by.
  virtual const std::vector<Node>& narrowed() const = 0;
  virtual double estimated() = 0;
};

struct TextStats {
  uint64_t documents = 0;
  uint64_t next = 0;  // the first change that is not in the index
  double average_length = 0;
};

struct ValueCount {
  std::string value;  // JSON
  uint64_t count = 0;
};

// Documents, some at a time; none at the end.
using NextDocuments = std::function<StatusOr<std::vector<Document>>()>;

class TextIndex {
 public:
  virtual ~TextIndex() = default;

  // The one in a folder, made when it is not there, or replaced by an empty one when it is no
  // database. FailedPrecondition when another process has it open.
  static StatusOr<std::unique_ptr<TextIndex>> Open(const std::string& path,
                                                   const TextSchema& schema);
  // One in memory, for what is not to be kept: no metadata, no suggestions.
  static StatusOr<std::unique_ptr<TextIndex>> InMemory(const TextSchema& schema);

  // Whether the database is as it was closed, or sound when it was not closed, and of this layout
  // and schema. Errors: DataLoss; then it has to be emptied, like one that was never committed to.
  // Reads all of it. To be asked first: until then searches are Unavailable, and it is not known
  // what was committed.
  virtual Status Verify(const Context& ctx) = 0;

  // ---- writing; by one thread at a time ----
  // When one of them fails, whatever was not committed may be lost, and Reopen has to follow.
  //
  // The first one after a commit waits for searches that are at an older commit. That can be done
  // before a lock is taken: until MayWrite gives true under it, after which writes up to the next
  // commit do not wait. Both from any thread.
  virtual Status AwaitReaders(const Context& ctx) = 0;
  virtual bool MayWrite() = 0;
  virtual Status Put(const Document& document) = 0;
  virtual Status Remove(std::string_view id) = 0;
  // Makes everything since the last commit visible to searches and safe on disk. `next`: the first
  // change that is not in the index; `built_to`: the last id of a build that goes on, nothing when
  // the index is whole.
  virtual Status Commit(uint64_t next, const std::optional<std::string>& built_to) = 0;
  // Makes the index equal to a store without knowing what changed: begin, put each document of the
  // store once, and end. A document that is indexed as it is costs a look (PutIfOther: false).
  // Those that were not put are removed at the end, at most so many at a time; true: that was all.
  virtual Status BeginComparing() = 0;
  virtual StatusOr<bool> PutIfOther(const Document& document) = 0;
  virtual StatusOr<bool> EndComparing(size_t most) = 0;
  // Goes back to what was committed last. DataLoss: it has to be emptied.
  virtual Status Reopen() = 0;
  // Empties it.
  virtual Status Clear() = 0;

  // As committed last. Nothing: it was never whole.
  virtual std::optional<uint64_t> next() const = 0;
  virtual std::optional<std::string> built_to() const = 0;

  // ---- searching; from any thread ----
  // Whether a search met damage since the index was emptied last. Such searches give DataLoss.
  virtual bool damaged() const = 0;
  // InvalidArgument for a text that cannot be understood, or asks for too much; Aborted when the
  // index is not whole.
  virtual StatusOr<std::unique_ptr<TextSearch>> Search(const TextRequest& request) = 0;
  virtual StatusOr<TextStats> Stats() = 0;
  // How many hits have each value of a slot, most frequent first, at most `limit`. Each element of
  // an array counts; long texts count by their first bytes.
  virtual StatusOr<std::vector<ValueCount>> Facets(const Context& ctx, const TextRequest& request,
                                                   const Path& value, size_t limit) = 0;
  // Whether the database, as committed last, is sound block by block, and holds what these
  // documents make of it and nothing else. Errors: DataLoss; Aborted when it is written to.
  virtual Status Check(const Context& ctx, const NextDocuments& next) = 0;
};

}  // namespace strata::fulltext

#endif  // STRATA_WRAPPERS_FULLTEXT_TEXT_INDEX_H_

#include "wrappers/fulltext/text_check.h"

#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "core/file_io.h"
#include "core/json_text.h"
#include "store/record.h"
#include "wrappers/fulltext/text_indexer.h"
#include "wrappers/fulltext/text_query.h"
#include "wrappers/fulltext/text_search.h"

namespace strata::fulltext {
namespace {

constexpr size_t kReadBytes = 1u << 20;

std::string SealPath(const std::string& folder) {
  return (std::filesystem::path(folder) / "strata.seal").string();
}

// Of the names and bytes of all Xapian's files.
StatusOr<std::string> DigestOf(const Context& ctx, const std::string& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::filesystem::path& p = entry.path();
    if (p.extension() == ".glass" || p.filename() == "iamglass") files.push_back(p);
  }
  if (error) return Unavailable(Concat("cannot read the folder ", folder, ": ", error.message()));
  std::sort(files.begin(), files.end());
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       XXH3_freeState);
  XXH3_128bits_reset(state.get());
  std::string bytes(kReadBytes, '\0');
  for (const auto& p : files) {
    const std::string name = p.filename().string();
    XXH3_128bits_update(state.get(), name.c_str(), name.size() + 1);
    std::ifstream file(p, std::ios::binary);
    if (!file.is_open()) return Unavailable(Concat("cannot open ", p.string()));
    do {
      RETURN_IF_ERROR(ctx.Check());
      file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      XXH3_128bits_update(state.get(), bytes.data(), static_cast<size_t>(file.gcount()));
    } while (file);
    if (!file.eof()) return DataLoss(Concat("cannot read ", p.string()));
  }
  XXH128_canonical_t digest;
  XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state.get()));
  std::string out;
  for (const unsigned char c : digest.digest) {
    out += "0123456789abcdef"[c >> 4];
    out += "0123456789abcdef"[c & 15];
  }
  return out;
}

uint64_t DigestOf(char kind, std::string_view text, uint64_t number) {
  const uint64_t seed = XXH3_64bits_withSeed(&number, sizeof number, static_cast<uint64_t>(kind));
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

// What a term says of a document. Made of sums, so that the order does not matter.
template <typename Iterator>
uint64_t PostingDigest(std::string_view term, Iterator&& it) {
  uint64_t sum = DigestOf('t', term, it.get_wdf());
  for (auto p = it.positionlist_begin(); p != it.positionlist_end(); ++p)
    sum += DigestOf('p', term, *p);
  return sum;
}

}  // namespace

bool IsSealed(const std::string& folder) {
  std::error_code error;
  return std::filesystem::exists(SealPath(folder), error);
}

Status Seal(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string digest, DigestOf(Context::Background(), folder));
  // Half a seal would pass for damage.
  return ReplaceFile(SealPath(folder), digest, SealPath(folder));
}

Status Unseal(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove(SealPath(folder), error);
  if (!error) return OkStatus();
  return Unavailable(Concat("cannot remove ", SealPath(folder), ": ", error.message()));
}

Status CheckFiles(const Context& ctx, const std::string& folder) {
  if (IsSealed(folder)) {
    std::string sealed;
    std::getline(std::ifstream(SealPath(folder), std::ios::binary), sealed);
    ASSIGN_OR_RETURN(const std::string digest, DigestOf(ctx, folder));
    if (sealed == digest) return OkStatus();
    return DataLoss(Concat("the full-text index in ", folder, " is not as it was closed"));
  }
  const size_t errors = Xapian::Database::check(folder, 0, nullptr);
  if (errors == 0) return OkStatus();
  return DataLoss(
      Concat("the full-text index in ", folder, " has ", std::to_string(errors), " errors"));
}

Xapian::doccount CountDocuments(const Xapian::Database& database) {
  return database.get_doccount() - (database.term_exists(std::string(kNobody)) ? 1 : 0);
}

Status CheckContents(const Xapian::Database& database, const TextSchema& schema,
                     const std::function<Status()>& go_on, const NextDocuments& next) {
  // By Xapian's numbers: what the index says of each document.
  std::vector<uint64_t> found(size_t{database.get_lastdocid()} + 1);
  const auto damaged = [](Xapian::docid did) {
    return DataLoss(Concat("the full-text index has a posting of the document ",
                           std::to_string(did), ", which it does not hold; rebuild it"));
  };
  for (auto term = database.allterms_begin(); term != database.allterms_end(); ++term) {
    RETURN_IF_ERROR(go_on());
    const std::string text = *term;
    for (auto it = database.postlist_begin(text); it != database.postlist_end(text); ++it) {
      if (*it >= found.size()) return damaged(*it);
      found[*it] += PostingDigest(text, it);
    }
  }
  std::vector<Xapian::valueno> slots(schema.values.size());
  std::iota(slots.begin(), slots.end(), 0);
  slots.push_back(kDigestSlot);
  for (const Xapian::valueno slot : slots) {
    RETURN_IF_ERROR(go_on());
    for (auto it = database.valuestream_begin(slot); it != database.valuestream_end(slot); ++it) {
      if (it.get_docid() >= found.size()) return damaged(it.get_docid());
      found[it.get_docid()] += DigestOf('v', *it, slot);
    }
  }
  Indexer indexer(schema);
  uint64_t documents = 0;
  for (;;) {
    RETURN_IF_ERROR(go_on());
    ASSIGN_OR_RETURN(const std::vector<Document> batch, next());
    if (batch.empty()) break;
    for (const Document& d : batch) {
      ++documents;
      const Xapian::Document made = indexer.Index(d, nullptr);
      uint64_t expected = 0;
      for (auto it = made.termlist_begin(); it != made.termlist_end(); ++it)
        expected += PostingDigest(*it, it);
      for (auto it = made.values_begin(); it != made.values_end(); ++it)
        expected += DigestOf('v', *it, it.get_valueno());
      const std::string id = IdTerm(StoredId(d));
      const auto at = database.postlist_begin(id);
      if (at == database.postlist_end(id) || found[*at] != expected ||
          database.get_document(*at).get_data() != made.get_data()) {
        return DataLoss(Concat("the full-text index does not hold the document ",
                               JsonString(StoredId(d)), " as it is; rebuild it"));
      }
    }
  }
  const uint64_t held = CountDocuments(database);
  if (held == documents) return OkStatus();
  return DataLoss(Concat("the full-text index holds ", std::to_string(held),
                         " documents, the store ", std::to_string(documents), "; rebuild it"));
}

}  // namespace strata::fulltext

#include "wrappers/fulltext/text_index.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/abseil.h"
#include "core/json_text.h"
#include "store/record.h"
#include "wrappers/fulltext/progress.h"
#include "wrappers/fulltext/reader_pool.h"
#include "wrappers/fulltext/text_check.h"
#include "wrappers/fulltext/text_indexer.h"
#include "wrappers/fulltext/text_query.h"
#include "wrappers/fulltext/text_search.h"
#include "wrappers/fulltext/xapian_errors.h"

namespace strata::fulltext {
namespace {

constexpr char kSchemaKey[] = "strata.schema";

IndexSpec SlotSpec(const Path& path) {
  IndexSpec spec;
  spec.name = path.ToString();
  spec.parts.push_back({path, SortDirection::kAscending});
  return spec;
}

// A document without words, so that no term ever indexes all documents. Xapian 1.4.22 replaces such
// a term, where it bears no weight, by a list of all documents, and then reads that list's further
// parts under the term's name: DatabaseCorruptError, "Unexpected end of posting list", over a sound
// database of more than about 2,000 documents that had a deletion.
void AddNobody(Xapian::WritableDatabase& database) {
  Xapian::Document nobody;
  nobody.add_boolean_term(std::string(kNobody));
  database.replace_document(std::string(kNobody), nobody);
}

// An index that is emptied becomes a new database beside the old one, in a folder with the next
// number: searches that are under way keep theirs.
std::string NumberedFolder(const std::string& folder, uint64_t number) {
  return (std::filesystem::path(folder) / std::to_string(number)).string();
}
std::vector<uint64_t> NumbersIn(const std::string& folder) {
  std::vector<uint64_t> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    uint64_t n = 0;
    const auto r = std::from_chars(name.data(), name.data() + name.size(), n);
    if (r.ec == std::errc() && r.ptr == name.data() + name.size()) out.push_back(n);
  }
  std::sort(out.begin(), out.end());
  return out;
}
void RemoveBelow(const std::string& folder, uint64_t number) {
  std::error_code ignored;
  for (uint64_t n : NumbersIn(folder)) {
    if (n < number) std::filesystem::remove_all(NumberedFolder(folder, n), ignored);
  }
}

class XapianIndex final : public TextIndex {
 public:
  // `fresh`: there is nothing yet that could be damaged.
  XapianIndex(std::shared_ptr<const Shared> shared, Xapian::WritableDatabase writer, bool on_disk,
              uint64_t number, bool fresh)
      : shared_(std::move(shared)),
        writer_(std::move(writer)),
        on_disk_(on_disk),
        number_(number),
        verified_(fresh),
        sound_(fresh),
        sealed_(on_disk && IsSealed(Folder())),
        indexer_(shared_->schema),
        readers_(std::make_shared<ReaderPool>(Folder())) {}
  ~XapianIndex() override {
    if (!on_disk_) return;
    // Sealed while the database is still locked against other processes. Without a seal, the next
    // opening looks for damage by other means.
    const bool whole = sound_ && committed_.next && !in_transaction_ && !damaged();
    (void)Guarded("closing", [&] {
      if (whole) return sealed_ ? OkStatus() : Seal(Folder());
      DropPending();
      return OkStatus();
    });
  }

  Status Verify(const Context& ctx) override {
    if (verified_) return OkStatus();
    // Before anything is read: of a damaged block Xapian reads beyond the end.
    RETURN_IF_ERROR(CheckNow(ctx));
    RETURN_IF_ERROR(Load());
    verified_ = sound_ = true;
    return OkStatus();
  }

  Status AwaitReaders(const Context& ctx) override {
    return readers_->generation()->gate.AwaitReaders(ctx);
  }
  bool MayWrite() override { return readers_->generation()->gate.MayWrite(); }
  Status Put(const Document& document) override {
    return Writing("indexing", [&] {
      const bool spelling = on_disk_ && shared_->schema.spelling;
      writer_.replace_document(IdTerm(StoredId(document)),
                               indexer_.Index(document, spelling ? &writer_ : nullptr));
      return OkStatus();
    });
  }
  Status Remove(std::string_view id) override {
    return Writing("removing", [&] {
      writer_.delete_document(IdTerm(id));
      return OkStatus();
    });
  }
  Status BeginComparing() override {
    return Guarded("reading", [&] {
      compared_.clear();
      for (auto it = writer_.valuestream_begin(kDigestSlot);
           it != writer_.valuestream_end(kDigestSlot); ++it) {
        const std::string bytes = *it;
        uint64_t digest = 0;
        std::memcpy(&digest, bytes.data(), std::min(bytes.size(), sizeof digest));
        compared_.emplace(it.get_docid(), digest);
      }
      return OkStatus();
    });
  }
  StatusOr<bool> PutIfOther(const Document& document) override {
    bool same = false;
    RETURN_IF_ERROR(Guarded("reading", [&] {
      const std::string term = IdTerm(StoredId(document));
      const auto at = writer_.postlist_begin(term);
      if (at == writer_.postlist_end(term)) return OkStatus();
      const auto held = compared_.find(*at);
      if (held == compared_.end()) return OkStatus();
      same = held->second == indexer_.Digest(document);
      compared_.erase(held);
      return OkStatus();
    }));
    if (!same) RETURN_IF_ERROR(Put(document));
    return !same;
  }
  StatusOr<bool> EndComparing(size_t most) override {
    for (; most > 0 && !compared_.empty(); --most) {
      const auto other = compared_.begin();
      RETURN_IF_ERROR(Writing("removing", [&]() -> Status {
        try {
          writer_.delete_document(other->first);
        } catch (const Xapian::DocNotFoundError&) {
          return DataLoss("the full-text index has a value of a document that it does not hold");
        }
        return OkStatus();
      }));
      compared_.erase(other);
    }
    return compared_.empty();
  }
  Status Commit(uint64_t next, const std::optional<std::string>& built_to) override {
    RETURN_IF_ERROR(Writing("committing", [&] {
      writer_.set_metadata(kSchemaKey, shared_->schema.Fingerprint());
      WriteProgress({next, built_to}, &writer_);
      if (std::exchange(in_transaction_, false)) writer_.commit_transaction();
      writer_.commit();
      if (on_disk_) readers_->generation()->gate.Committed(writer_.get_revision());
      return OkStatus();
    }));
    committed_ = {next, built_to};
    return OkStatus();
  }
  Status Clear() override {
    RETURN_IF_ERROR(Guarded("emptying", [&] {
      Xapian::WritableDatabase fresh(NumberedFolder(shared_->folder, number_ + 1),
                                     Xapian::DB_CREATE_OR_OVERWRITE);
      AddNobody(fresh);
      Close();
      writer_ = std::move(fresh);
      return OkStatus();
    }));
    ++number_;
    readers_->MoveTo(Folder());
    RemoveBelow(shared_->folder, number_);
    verified_ = sound_ = true;
    sealed_ = false;
    committed_ = {};
    compared_ = {};
    return OkStatus();
  }
  Status Reopen() override {
    Close();
    compared_ = {};
    uint64_t more = 0;
    RETURN_IF_ERROR(Guarded("opening again", [&] {
      writer_ = Xapian::WritableDatabase(Folder(), Xapian::DB_OPEN);
      more = writer_.get_revision() - readers_->generation()->gate.newest();
      return OkStatus();
    }));
    // A failed commit that Xapian mended by one of its own: it may take used blocks for free ones.
    if (more > 1) RETURN_IF_ERROR(CheckNow(Context::Background()));
    return Load();
  }

  std::optional<uint64_t> next() const override { return committed_.next; }
  std::optional<std::string> built_to() const override { return committed_.built_to; }
  bool damaged() const override { return readers_->generation()->damaged; }

  StatusOr<std::unique_ptr<TextSearch>> Search(const TextRequest& request) override {
    ASSIGN_OR_RETURN(auto search, Begin(request));
    return std::unique_ptr<TextSearch>(std::move(search));
  }

  StatusOr<TextStats> Stats() override {
    TextStats stats;
    if (!verified_) return stats;
    ASSIGN_OR_RETURN(Reader reader, readers_->Take());
    RETURN_IF_ERROR(reader.Read("reading", [&] {
      const Xapian::Database& database = reader.database();
      stats.documents = CountDocuments(database);
      stats.average_length = database.get_avlength();
      stats.next = ReadProgress(database).next.value_or(0);
      return OkStatus();
    }));
    return stats;
  }

  StatusOr<std::vector<ValueCount>> Facets(const Context& ctx, const TextRequest& request,
                                           const Path& value, size_t limit) override {
    for (size_t i = 0; i < shared_->schema.values.size(); ++i) {
      if (!(shared_->schema.values[i] == value)) continue;
      ASSIGN_OR_RETURN(const auto search, Begin(request));
      return search->Count(ctx, static_cast<Xapian::valueno>(i), limit);
    }
    return InvalidArgument(Concat(JsonString(value.ToString()),
                                  " is not among the \"values\" of the full-text stage"));
  }

  Status Check(const Context& ctx, const NextDocuments& next) override {
    ASSIGN_OR_RETURN(Reader reader, readers_->Take());
    const Status s = reader.Read("checking", [&]() -> Status {
      const Generation& generation = *reader.generation();
      const auto go_on = [&]() -> Status {
        RETURN_IF_ERROR(ctx.Check());
        // What is written meanwhile makes the comparison worthless.
        if (!generation.gate.HoldsUp()) return OkStatus();
        return Aborted("the full-text index was written to while it was checked");
      };
      // Before its first commit Xapian's check would empty the files.
      if (reader.database().get_revision() == 0)
        return Aborted("the full-text index is being built");
      const size_t errors = Xapian::Database::check(generation.path, 0, nullptr);
      if (errors > 0) {
        return DataLoss(Concat("the full-text index in ", shared_->folder, " has ",
                               std::to_string(errors), " errors; rebuild it"));
      }
      return CheckContents(reader.database(), shared_->schema, go_on, next);
    });
    if (s.ok() || readers_->generation().get() == reader.generation()) return s;
    return Aborted("the full-text index was made anew while it was checked");
  }

 private:
  std::string Folder() const { return NumberedFolder(shared_->folder, number_); }

  Status CheckNow(const Context& ctx) {
    return Guarded("checking", [&] { return CheckFiles(ctx, Folder()); });
  }

  // What was committed last, as the metadata say.
  Status Load() {
    committed_ = {};
    return Guarded("reading", [&]() -> Status {
      if (writer_.get_metadata(kSchemaKey) != shared_->schema.Fingerprint()) {
        return DataLoss(Concat("the full-text index in ", shared_->folder,
                               " is of another layout, or for other fields"));
      }
      Progress progress = ReadProgress(writer_);
      if (!progress.next) return DataLoss("the full-text index does not say how far it goes");
      committed_ = std::move(progress);
      readers_->generation()->gate.Committed(writer_.get_revision());
      return OkStatus();
    });
  }

  Status Writing(std::string_view doing, const std::function<Status()>& action) {
    if (sealed_) {
      RETURN_IF_ERROR(Unseal(Folder()));
      sealed_ = false;
    }
    RETURN_IF_ERROR(AwaitReaders(Context::Background()));
    const Status s = Guarded(doing, [&] {
      // Within one, Xapian does not commit by itself after so many changes.
      if (on_disk_ && !std::exchange(in_transaction_, true)) writer_.begin_transaction(false);
      return action();
    });
    sound_ = sound_ && s.ok();
    return s;
  }
  // Outside a transaction, Xapian commits what it has when a database is closed: after a failed
  // write that may be half a change.
  void DropPending() {
    if (!std::exchange(in_transaction_, true)) writer_.begin_transaction(false);
  }

  // Lets go of the database, and of its lock.
  void Close() {
    // What is not committed is not wanted, or written again.
    (void)Guarded("closing", [&] {
      DropPending();
      writer_.close();
      return OkStatus();
    });
    writer_ = Xapian::WritableDatabase();
    in_transaction_ = false;
    indexer_.LetGo();  // a database that could not be closed is locked while anybody has it
  }

  StatusOr<std::unique_ptr<fulltext::Search>> Begin(const TextRequest& request) {
    if (!verified_) return Unavailable("the full-text index is looked over for damage");
    ASSIGN_OR_RETURN(Reader reader, on_disk_ ? readers_->Take() : Reader(writer_));
    auto search = std::make_unique<fulltext::Search>(shared_, std::move(reader));
    RETURN_IF_ERROR(search->Prepare(request));
    return search;
  }

  const std::shared_ptr<const Shared> shared_;
  Xapian::WritableDatabase writer_;
  const bool on_disk_;
  uint64_t number_;
  std::atomic<bool> verified_;
  bool sound_;   // verified, and no write has failed; else it is not sealed
  bool sealed_;  // nothing was written since
  bool in_transaction_ = false;
  Indexer indexer_;
  const std::shared_ptr<ReaderPool> readers_;
  Progress committed_;
  // By Xapian's numbers: the digests of what was not put yet.
  absl::flat_hash_map<Xapian::docid, uint64_t> compared_;
};

std::shared_ptr<Shared> Share(const std::string& folder, const TextSchema& schema) {
  auto shared = std::make_shared<Shared>();
  shared->schema = schema;
  shared->folder = folder;
  for (const Path& p : schema.values) shared->slots.push_back(SlotSpec(p));
  shared->languages = LanguagesOf(schema);
  return shared;
}

}  // namespace

StatusOr<std::unique_ptr<TextIndex>> TextIndex::Open(const std::string& path,
                                                     const TextSchema& schema) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Unavailable(Concat("cannot make the folder ", path, ": ", error.message()));
  const std::vector<uint64_t> numbers = NumbersIn(path);
  uint64_t number = numbers.empty() ? 1 : numbers.back();
  bool fresh = !std::filesystem::exists(NumberedFolder(path, number), error);
  std::optional<Xapian::WritableDatabase> writer;
  const Status opened = Guarded("opening", [&] {
    // Takes the lock.
    writer = Xapian::WritableDatabase(NumberedFolder(path, number), Xapian::DB_CREATE_OR_OPEN);
    return OkStatus();
  });
  if (!opened.ok() && Message(opened).find("DatabaseLockError") != std::string_view::npos) {
    return FailedPrecondition(
        Concat("the full-text index in ", path, " is open in another process"));
  }
  const bool missing = Message(opened).find("No such file") != std::string_view::npos;
  if (!opened.ok() && opened.code() != StatusCode::kDataLoss && !missing) return opened;
  if (!opened.ok()) {
    // Damaged, or of an older format: it is made anew from the data.
    fresh = true;
    ++number;
    RETURN_IF_ERROR(Guarded("creating", [&] {
      writer =
          Xapian::WritableDatabase(NumberedFolder(path, number), Xapian::DB_CREATE_OR_OVERWRITE);
      return OkStatus();
    }));
  }
  RemoveBelow(path, number);
  return std::make_unique<XapianIndex>(Share(path, schema), *std::move(writer), /*on_disk=*/true,
                                       number, fresh);
}

StatusOr<std::unique_ptr<TextIndex>> TextIndex::InMemory(const TextSchema& schema) {
  std::optional<Xapian::WritableDatabase> writer;
  RETURN_IF_ERROR(Guarded("creating", [&] {
    writer = Xapian::WritableDatabase(std::string(), Xapian::DB_BACKEND_INMEMORY);
    return OkStatus();
  }));
  TextSchema plain = schema;
  plain.spelling = false;
  return std::make_unique<XapianIndex>(Share("", plain), *std::move(writer), /*on_disk=*/false, 0,
                                       /*fresh=*/true);
}

}  // namespace strata::fulltext

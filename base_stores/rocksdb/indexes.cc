#include "base_stores/rocksdb/indexes.h"

#include <algorithm>
#include <cstring>

#include "base_stores/rocksdb/codec.h"
#include "core/json_text.h"

namespace strata::rocksdb_store {
namespace {

constexpr std::string_view kIndexKeys = "index/";
constexpr std::string_view kStatsKeys = "stats/";
constexpr std::string_view kQueriesKey = "queries";
constexpr std::string_view kCleanKey = "clean";
constexpr size_t kBuildStep = 512;  // documents in one turn
constexpr size_t kDropStep = 8192;  // entries in one turn

std::string EntryKey(uint32_t number, std::string_view key, std::string_view id) {
  std::string out = IndexPrefix(number);
  out += key;
  out += id;
  return out;
}

std::string MetaKey(std::string_view prefix, uint32_t number) {
  return std::string(prefix) + std::to_string(number);
}

// The keys of a document; none of nothing.
Status KeysOf(const IndexSpec& spec, const Document& d, std::vector<std::string>* keys) {
  keys->clear();
  return d ? spec.AppendKeys(d.root(), keys) : OkStatus();
}

bool Has(const std::vector<std::string>& sorted, const std::string& key) {
  return std::binary_search(sorted.begin(), sorted.end(), key);
}

template <typename E>
std::optional<E> EnumOf(std::string_view name, std::initializer_list<E> values,
                        std::string_view (*text)(E)) {
  for (const E v : values) {
    if (text(v) == name) return v;
  }
  return std::nullopt;
}

}  // namespace

std::string IndexPrefix(uint32_t number) {
  const uint32_t big = __builtin_bswap32(number);
  return {reinterpret_cast<const char*>(&big), sizeof big};
}

bool DecodeEntry(std::string_view key, std::string_view value, EntryParts* out) {
  uint32_t size = 0;
  if (value.size() < sizeof size || key.size() < 4) return false;
  std::memcpy(&size, value.data(), sizeof size);
  key.remove_prefix(4);
  if (size > key.size()) return false;
  *out = {key.substr(0, size), key.substr(size), value.substr(sizeof size)};
  return true;
}

// ---- opening and closing ----

Indexes::IndexPtr Indexes::MakeIndex(const IndexSpec& spec, IndexOrigin origin) {
  auto index = std::make_shared<Index>();
  index->spec = spec;
  index->number = ++last_number_;
  index->origin = origin;
  index->stats = std::make_shared<IndexStats>(spec);
  index->stats_known = true;
  index->covers = spec.CanCover();
  all_.push_back(index);
  return index;
}

Status Indexes::Store(const Index& i, rocksdb::WriteBatch* batch) const {
  std::string text =
      "{\"spec\":" + i.spec.Canonical() + ",\"state\":" + JsonString(IndexStateName(i.state)) +
      ",\"origin\":" + JsonString(IndexOriginName(i.origin)) +
      ",\"position\":" + JsonString(i.position) + ",\"done\":" + std::to_string(i.done) +
      ",\"message\":" + JsonString(ToValidUtf8(i.message)) + "}";
  return Translate(
      batch->Put(database_->meta(), ToSlice(MetaKey(kIndexKeys, i.number)), ToSlice(text)),
      "writing an index' description");
}

// Reads what Store wrote; null when it cannot be understood.
Indexes::IndexPtr Indexes::Describe(std::string_view text) {
  const StatusOr<Document> d = Document::Parse(text);
  if (!d.ok()) return nullptr;
  ConfigProblems problems;
  const Document list = Document::FromTrusted("[" + std::string(d->Find("spec").text()) + "]");
  const std::vector<IndexSpec> specs = ParseIndexSpecs(list.root(), "", &problems);
  const auto word = [&](const char* name) {
    const Value v = d->Find(name);
    return v.is_string() ? v.String() : std::string();
  };
  const auto state = EnumOf(
      word("state"),
      {IndexState::kBuilding, IndexState::kReady, IndexState::kFailed, IndexState::kDropping},
      IndexStateName);
  const auto origin =
      EnumOf(word("origin"), {IndexOrigin::kDeclared, IndexOrigin::kAdded, IndexOrigin::kAutomatic},
             IndexOriginName);
  const Value done = d->Find("done");
  if (specs.size() != 1 || !problems.empty() || !state || !origin || !done.is_number() ||
      !done.number().is_int() || !d->Find("position").is_string())
    return nullptr;
  auto index = std::make_shared<Index>();
  index->spec = specs[0];
  index->state = *state;
  index->origin = *origin;
  index->position = word("position");
  index->done = static_cast<uint64_t>(done.number().int_value());
  index->message = word("message");
  return index;
}

Status Indexes::Init(const std::vector<IndexSpec>& declared) {
  MutexLock lock(mutex_);
  const auto get = [&](std::string_view key, std::string* value) {
    return database_->db()->Get(rocksdb::ReadOptions(), database_->meta(), ToSlice(key), value);
  };
  std::string clean;
  const bool was_clean = get(kCleanKey, &clean).ok();
  std::string queries;
  if (get(kQueriesKey, &queries).ok()) (void)queries_.Parse(queries);  // a hint, no more

  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db()->NewIterator(IteratorOptions(), database_->meta()));
  for (it->Seek(ToSlice(kIndexKeys)); it->Valid() && ToView(it->key()).starts_with(kIndexKeys);
       it->Next()) {
    const auto number = static_cast<uint32_t>(
        std::strtoul(it->key().ToString().substr(kIndexKeys.size()).c_str(), nullptr, 10));
    IndexPtr index = Describe(ToView(it->value()));
    if (index == nullptr) {
      // An index is made of the documents: one that cannot be understood is dropped, and made anew
      // when it is declared.
      index = std::make_shared<Index>();
      index->spec.name = Concat("unreadable ", std::to_string(number));
      index->spec.parts.push_back({Path::Of("unreadable")});
      index->state = IndexState::kDropping;
    }
    index->number = number;
    index->covers = index->spec.CanCover();
    index->stats = std::make_shared<IndexStats>(index->spec);
    std::string stats;
    index->stats_known = get(MetaKey(kStatsKeys, index->number), &stats).ok() &&
                         index->stats->Parse(stats) && was_clean;
    last_number_ = std::max(last_number_, index->number);
    all_.push_back(std::move(index));
  }
  RETURN_IF_ERROR(database_->ToStatus(it->status(), "reading the descriptions of indexes"));

  rocksdb::WriteBatch batch;
  if (was_clean) (void)batch.Delete(database_->meta(), ToSlice(kCleanKey));
  bool changed = false;
  const std::vector<IndexPtr> found = all_;
  for (const IndexPtr& i : found) {
    if (i->state == IndexState::kDropping) continue;
    const bool wanted = std::find(declared.begin(), declared.end(), i->spec) != declared.end();
    // A declared one takes the name of one that was added.
    const bool shadowed = std::any_of(declared.begin(), declared.end(), [&](const IndexSpec& d) {
      return d.name == i->spec.name && !(d == i->spec);
    });
    if (wanted && i->state != IndexState::kFailed) {
      if (i->origin == IndexOrigin::kDeclared) continue;
      i->origin = IndexOrigin::kDeclared;
    } else if (i->origin == IndexOrigin::kDeclared || shadowed || wanted) {
      i->state = IndexState::kDropping;
    } else {
      continue;
    }
    RETURN_IF_ERROR(Store(*i, &batch));
    changed = true;
  }
  const std::unique_ptr<rocksdb::Iterator> any(
      database_->db()->NewIterator(IteratorOptions(), database_->data()));
  any->SeekToFirst();
  const bool no_documents = !any->Valid() && any->status().ok();
  for (const IndexSpec& spec : declared) {
    const bool there = std::any_of(all_.begin(), all_.end(), [&](const IndexPtr& i) {
      return i->written() && i->spec == spec;
    });
    if (there) continue;
    const IndexPtr index = MakeIndex(spec, IndexOrigin::kDeclared);
    if (no_documents) index->state = IndexState::kReady;
    RETURN_IF_ERROR(Store(*index, &batch));
    changed = true;
  }
  if (batch.Count() > 0) RETURN_IF_ERROR(database_->Write(&batch, changed));
  opened_ = true;
  Publish();
  return OkStatus();
}

Status Indexes::Save() {
  rocksdb::WriteBatch batch;
  {
    MutexLock lock(mutex_);
    if (!opened_) return OkStatus();
    for (const IndexPtr& i : all_) {
      if (!i->written() || !i->stats_known) {
        (void)batch.Delete(database_->meta(), ToSlice(MetaKey(kStatsKeys, i->number)));
        continue;
      }
      (void)batch.Put(database_->meta(), ToSlice(MetaKey(kStatsKeys, i->number)),
                      ToSlice(i->stats->Serialize()));
    }
  }
  (void)batch.Put(database_->meta(), ToSlice(kQueriesKey), ToSlice(queries_.Serialize()));
  (void)batch.Put(database_->meta(), ToSlice(kCleanKey), "1");
  return database_->Write(&batch, false);
}

void Indexes::Publish() {
  auto catalog = std::make_shared<IndexCatalog>();
  auto written = std::make_shared<std::vector<IndexPtr>>();
  for (const IndexPtr& i : all_) {
    if (i->written()) written->push_back(i);
    if (i->state == IndexState::kReady) {
      catalog->indexes.push_back(
          std::make_shared<const CatalogIndex>(CatalogIndex{i->spec, i->number, i->stats}));
    }
  }
  catalog->epoch = catalog_->epoch + 1;
  catalog_ = std::move(catalog);
  written_ = std::move(written);
}

std::shared_ptr<const IndexCatalog> Indexes::catalog() const {
  MutexLock lock(mutex_);
  return catalog_;
}

std::vector<Indexes::IndexPtr> Indexes::Written() const {
  MutexLock lock(mutex_);
  return written_ == nullptr ? std::vector<IndexPtr>() : *written_;
}

Indexes::Pending Indexes::Begin() const {
  Pending pending;
  pending.written = Written();
  return pending;
}

std::vector<IndexReport> Indexes::Reports() const {
  MutexLock lock(mutex_);
  std::vector<IndexReport> out;
  for (const IndexPtr& i : all_) {
    IndexReport r;
    r.spec = i->spec;
    r.state = i->state;
    r.origin = i->origin;
    r.done = i->done;
    r.total = static_cast<uint64_t>(database_->EstimatedDocuments());
    r.message = i->message;
    r.stats = i->stats;
    r.number = i->number;
    r.stats_known = i->stats_known;
    out.push_back(std::move(r));
  }
  return out;
}

// ---- writes ----

StatusOr<std::optional<std::string>> Indexes::OwnerOf(const Index& index, std::string_view key,
                                                      const void* owner, Pending* pending) const {
  std::string prefix = IndexPrefix(index.number);
  prefix += key;
  {
    MutexLock lock(held_mutex_);
    if (!held_.empty()) {
      if (const auto it = held_.find(prefix); it != held_.end() && it->second != owner)
        return KeyIsHeld(index.spec);
    }
  }
  if (const auto it = pending->owners.find(prefix); it != pending->owners.end()) return it->second;
  if (pending->lookup == nullptr) {
    rocksdb::ReadOptions read = IteratorOptions();
    pending->lookup.reset(database_->db()->NewIterator(read, database_->indexes()));
  }
  pending->lookup->Seek(ToSlice(prefix));
  RETURN_IF_ERROR(database_->ToStatus(pending->lookup->status(), "reading an index"));
  if (!pending->lookup->Valid() || !ToView(pending->lookup->key()).starts_with(prefix))
    return std::optional<std::string>();
  return std::optional<std::string>(ToView(pending->lookup->key()).substr(prefix.size()));
}

void Indexes::Hold(const std::vector<Final>& finals, const void* owner) {
  const std::vector<IndexPtr> written = Written();
  std::vector<std::string> keys;
  MutexLock lock(held_mutex_);
  for (const IndexPtr& index : written) {
    for (const Final& f : finals) {
      if (!f.after || !index->spec.Binds(f.after.root())) continue;
      (void)KeysOf(index->spec, f.after, &keys);  // checked before
      for (const std::string& k : keys) held_[IndexPrefix(index->number) + k] = owner;
    }
  }
}

void Indexes::Release(const void* owner) {
  MutexLock lock(held_mutex_);
  absl::erase_if(held_, [&](const auto& h) { return h.second == owner; });
}

Status Indexes::Check(const std::vector<Final>& finals, const void* owner, Pending* pending,
                      size_t* failed) {
  if (pending->written.empty()) return OkStatus();
  std::vector<IndexedChange> changes;
  changes.reserve(finals.size());
  for (const Final& f : finals) changes.push_back({f.id, f.before.root(), f.after.root()});
  for (const IndexPtr& index : pending->written) {
    const auto owner_of = [&](std::string_view key) {
      return OwnerOf(*index, key, owner, pending);
    };
    RETURN_IF_ERROR(CheckIndex(index->spec, changes, owner_of, failed));
  }
  return OkStatus();
}

void Indexes::Accept(const std::vector<Final>& finals, Pending* pending) {
  for (const IndexPtr& index : pending->written) {
    if (!index->spec.unique) continue;
    const std::string prefix = IndexPrefix(index->number);
    std::vector<std::string> keys;
    for (const Final& f : finals) {
      (void)KeysOf(index->spec, f.before, &keys);  // checked before
      for (const std::string& k : keys) pending->owners[prefix + k] = std::nullopt;
    }
    for (const Final& f : finals) {
      if (!f.after || !index->spec.Binds(f.after.root())) continue;
      (void)KeysOf(index->spec, f.after, &keys);
      for (const std::string& k : keys) pending->owners[prefix + k] = f.id;
    }
  }
}

Status Indexes::PutEntry(const Index& index, std::string_view key, std::string_view id,
                         const Document& document, rocksdb::WriteBatch* batch) const {
  const std::string entry = EntryKey(index.number, key, id);
  const auto size = static_cast<uint32_t>(key.size());
  std::string value(reinterpret_cast<const char*>(&size), sizeof size);
  if (index.covers) value += index.spec.Covered(document).text();
  return Translate(batch->Put(database_->indexes(), ToSlice(entry), ToSlice(value)), "writing");
}

Status Indexes::Apply(std::string_view id, const Document& before, const Document& after,
                      rocksdb::WriteBatch* batch, Pending* pending) {
  std::vector<std::string> old_keys;
  std::vector<std::string> new_keys;
  for (const IndexPtr& index : pending->written) {
    RETURN_IF_ERROR(KeysOf(index->spec, before, &old_keys));
    RETURN_IF_ERROR(KeysOf(index->spec, after, &new_keys));
    // Documents that a build has not come to are counted when it does.
    const bool counted = index->state == IndexState::kReady || id <= index->position;
    for (const std::string& key : old_keys) {
      if (Has(new_keys, key)) continue;
      const std::string entry = EntryKey(index->number, key, id);
      RETURN_IF_ERROR(Translate(batch->Delete(database_->indexes(), ToSlice(entry)), "writing"));
      if (counted) pending->deltas.push_back({index->stats, false, key, std::string(id)});
    }
    for (const std::string& key : new_keys) {
      const bool kept = Has(old_keys, key);
      // Equal values may be written otherwise (1 and 1.0), and the entry holds what was written.
      if (kept &&
          !(index->covers && !SameText(index->spec.Covered(before), index->spec.Covered(after))))
        continue;
      RETURN_IF_ERROR(PutEntry(*index, key, id, after, batch));
      if (counted && !kept) pending->deltas.push_back({index->stats, true, key, std::string(id)});
    }
  }
  return OkStatus();
}

void Indexes::Committed(const Pending& pending) {
  for (const Pending::Delta& d : pending.deltas) {
    if (d.add) {
      d.stats->Add(d.key, d.id);
    } else {
      d.stats->Remove(d.key, d.id);
    }
  }
}

// ---- builds and drops ----

bool Indexes::HasWork() const {
  MutexLock lock(mutex_);
  return std::any_of(all_.begin(), all_.end(), [](const IndexPtr& i) {
    return i->state == IndexState::kBuilding || i->state == IndexState::kDropping;
  });
}

StatusOr<bool> Indexes::Work(rocksdb::WriteBatch* batch) {
  working_ = nullptr;
  {
    MutexLock lock(mutex_);
    for (const IndexPtr& i : all_) {
      if (i->state == IndexState::kBuilding || i->state == IndexState::kDropping) {
        working_ = i;
        next_ = *i;
        break;
      }
    }
  }
  if (working_ == nullptr) return false;
  work_deltas_.clear();
  if (next_.state == IndexState::kBuilding) {
    RETURN_IF_ERROR(Build(&next_, batch));
  } else {
    RETURN_IF_ERROR(DropSome(&next_, batch));
  }
  return true;
}

Status Indexes::Build(Index* index, rocksdb::WriteBatch* batch) {
  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db()->NewIterator(IteratorOptions(), database_->data()));
  it->Seek(ToSlice(index->position));
  if (it->Valid() && ToView(it->key()) == index->position) it->Next();
  Pending seen;  // owners among these documents
  std::vector<std::string> keys;
  const auto fail = [&](const Status& why) {
    batch->Clear();
    work_deltas_.clear();
    index->state = IndexState::kFailed;
    index->message = Message(why);
    return Store(*index, batch);
  };
  for (size_t n = 0; n < kBuildStep && it->Valid(); ++n, it->Next()) {
    const std::string_view id = ToView(it->key());
    ASSIGN_OR_RETURN(const Record record, DecodeRecord(id, ToView(it->value())));
    if (const Status s = KeysOf(index->spec, record.document, &keys); !s.ok()) {
      return fail(WithMessage(s, Concat("the document ", JsonString(id), ": ", Message(s))));
    }
    const bool binds = index->spec.Binds(record.document.root());
    for (const std::string& key : keys) {
      if (binds) {
        // Aborted when a voted transaction holds the key: the step comes again.
        ASSIGN_OR_RETURN(const std::optional<std::string> owner,
                         OwnerOf(*index, key, nullptr, &seen));
        if (owner && *owner != id) {
          const Status s = NotUnique(index->spec, record.document.root(), *owner);
          return fail(WithMessage(s, Concat("the document ", JsonString(id), ": ", Message(s))));
        }
        seen.owners[IndexPrefix(index->number) + key] = std::string(id);
      }
      RETURN_IF_ERROR(PutEntry(*index, key, id, record.document, batch));
      work_deltas_.push_back({index->stats, true, key, std::string(id)});
    }
    index->position = id;
    ++index->done;
  }
  RETURN_IF_ERROR(database_->ToStatus(it->status(), "reading"));
  if (!it->Valid()) index->state = IndexState::kReady;
  return Store(*index, batch);
}

Status Indexes::DropSome(Index* index, rocksdb::WriteBatch* batch) {
  const std::string prefix = IndexPrefix(index->number);
  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db()->NewIterator(IteratorOptions(), database_->indexes()));
  size_t n = 0;
  for (it->Seek(ToSlice(prefix)); it->Valid() && ToView(it->key()).starts_with(prefix);
       it->Next()) {
    if (n++ == kDropStep) break;
    RETURN_IF_ERROR(Translate(batch->Delete(database_->indexes(), it->key()), "writing"));
  }
  RETURN_IF_ERROR(database_->ToStatus(it->status(), "reading an index"));
  if (n > kDropStep) return OkStatus();
  index->done = UINT64_MAX;  // nothing is left
  RETURN_IF_ERROR(Translate(
      batch->Delete(database_->meta(), ToSlice(MetaKey(kStatsKeys, index->number))), "writing"));
  return Translate(batch->Delete(database_->meta(), ToSlice(MetaKey(kIndexKeys, index->number))),
                   "writing");
}

Status Indexes::Worked() {
  MutexLock lock(mutex_);
  const bool gone = next_.state == IndexState::kDropping && next_.done == UINT64_MAX;
  if (gone) {
    std::erase(all_, working_);
  } else {
    const bool turned = working_->state != next_.state;
    working_->position = next_.position;
    working_->done = next_.done;
    working_->message = next_.message;
    working_->state = next_.state;
    if (turned) Publish();
  }
  for (const Pending::Delta& d : work_deltas_) d.stats->Add(d.key, d.id);
  work_deltas_.clear();
  return OkStatus();
}

Status Indexes::Create(const IndexSpec& spec, IndexOrigin origin) {
  RETURN_IF_ERROR(CheckIndexSpec(spec));
  MutexLock lock(mutex_);
  size_t live = 0;
  for (const IndexPtr& i : all_) {
    if (i->state == IndexState::kDropping) continue;
    ++live;
    if (i->spec.name == spec.name)
      return AlreadyExists(Concat("there is an index ", JsonString(spec.name), " already"));
  }
  if (live >= kMaxIndexes) {
    return ResourceExhausted(
        Concat("the store has its ", std::to_string(kMaxIndexes), " indexes already"));
  }
  const IndexPtr index = MakeIndex(spec, origin);
  rocksdb::WriteBatch batch;
  Status s = Store(*index, &batch);
  if (s.ok()) s = database_->Write(&batch, true);
  if (!s.ok()) {
    all_.pop_back();
    return s;
  }
  Publish();
  return OkStatus();
}

Status Indexes::Drop(std::string_view name) {
  MutexLock lock(mutex_);
  for (const IndexPtr& i : all_) {
    if (i->spec.name != name || i->state == IndexState::kDropping) continue;
    if (i->origin == IndexOrigin::kDeclared) {
      return FailedPrecondition(
          Concat("the index ", JsonString(name),
                 " is declared in the configuration; take it out there, and it goes when the "
                 "store is opened again"));
    }
    Index dropped = *i;
    dropped.state = IndexState::kDropping;
    rocksdb::WriteBatch batch;
    RETURN_IF_ERROR(Store(dropped, &batch));
    RETURN_IF_ERROR(database_->Write(&batch, true));
    i->state = IndexState::kDropping;
    Publish();
    return OkStatus();
  }
  std::vector<std::string> names;
  for (const IndexPtr& i : all_) names.push_back(i->spec.name);
  return NoSuchIndex(name, names);
}

StatusOr<std::shared_ptr<IndexStats>> Indexes::CountAgain(const Context& ctx,
                                                          const IndexReport& index) const {
  auto stats = std::make_shared<IndexStats>(index.spec);
  const std::string prefix = IndexPrefix(index.number);
  rocksdb::ReadOptions read = IteratorOptions();
  read.readahead_size = 256 << 10;
  read.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db()->NewIterator(read, database_->indexes()));
  uint64_t n = 0;
  for (it->Seek(ToSlice(prefix)); it->Valid() && ToView(it->key()).starts_with(prefix);
       it->Next()) {
    if (n++ % 1024 == 0) RETURN_IF_ERROR(ctx.Check());
    EntryParts parts;
    if (!DecodeEntry(ToView(it->key()), ToView(it->value()), &parts))
      return DamagedIndex(index.spec.name);
    stats->Add(parts.key, parts.id);
  }
  RETURN_IF_ERROR(database_->ToStatus(it->status(), "reading an index"));
  return stats;
}

void Indexes::SetStats(uint32_t number, std::shared_ptr<IndexStats> stats) {
  MutexLock lock(mutex_);
  for (const IndexPtr& i : all_) {
    if (i->number != number) continue;
    i->stats = std::move(stats);
    i->stats_known = true;
    Publish();
    return;
  }
}

}  // namespace strata::rocksdb_store

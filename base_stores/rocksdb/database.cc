#include "base_stores/rocksdb/database.h"

#include <rocksdb/compaction_filter.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base_stores/rocksdb/codec.h"

namespace strata::rocksdb_store {
namespace {

constexpr std::string_view kFormatKey = "format";

// Drops changes below the floor whenever RocksDB rewrites a file anyway.
class FloorFilter final : public rocksdb::CompactionFilter {
 public:
  explicit FloorFilter(uint64_t floor) : floor_(floor) {}
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice&, std::string*,
              bool*) const override {
    return DecodeSequenceKey(ToView(key)) < floor_;
  }
  const char* Name() const override { return "strata.change_log_floor"; }

 private:
  const uint64_t floor_;
};

class FloorFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit FloorFilterFactory(std::shared_ptr<std::atomic<uint64_t>> floor)
      : floor_(std::move(floor)) {}
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<FloorFilter>(floor_->load(std::memory_order_acquire));
  }
  const char* Name() const override { return "strata.change_log_floor"; }

 private:
  std::shared_ptr<std::atomic<uint64_t>> floor_;
};

// Whether processes before this one have left so many write-ahead logs that opening takes long.
bool HasOldLogs(const std::string& directory) {
  constexpr int kManyLogs = 8;
  constexpr uintmax_t kManyBytes = 16u << 20;
  int logs = 0;
  uintmax_t bytes = 0;
  std::error_code ec;
  for (const auto& file : std::filesystem::directory_iterator(directory, ec)) {
    if (file.path().extension() != ".log") continue;
    ++logs;
    if (const uintmax_t size = file.file_size(ec); !ec) bytes += size;
  }
  return logs > kManyLogs || bytes > kManyBytes;
}

// Whether there are tables or logs, but not the file that says which of them count. RocksDB would
// take the directory for a new one, and remove them. (A crash while a new one was made leaves
// neither.)
bool LostItsCurrent(const std::string& directory) {
  std::error_code ec;
  if (std::filesystem::exists(directory + "/CURRENT", ec) || ec) return false;
  const std::filesystem::directory_iterator files(directory, ec);
  return std::any_of(begin(files), end(files), [](const auto& file) {
    return file.path().extension() == ".sst" || file.path().extension() == ".log";
  });
}

// Whether it could not be opened since somebody has it open.
bool IsLocked(const rocksdb::Status& s) {
  const std::string words = s.ToString();
  return s.IsIOError() && (words.find("lock hold by current process") != words.npos ||
                           words.find("While lock file") != words.npos);
}

// PermissionDenied would say that nothing was written, and of a write that failed on its way to the
// disk that is not known.
Status OutcomeUnknown(const Status& s) {
  return s.code() == StatusCode::kPermissionDenied ? Unavailable(Message(s)) : s;
}

rocksdb::ColumnFamilyOptions FamilyOptions(const RocksdbOptions& options,
                                           std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions f;
  f.write_buffer_size = static_cast<size_t>(options.write_buffer);
  f.compression = rocksdb::kLZ4Compression;
  f.bottommost_compression = rocksdb::kZSTD;
  f.level_compaction_dynamic_level_bytes = true;
  // A write asks first whether its id is there: most are not, and a filter says so without a
  // search.
  f.memtable_prefix_bloom_size_ratio = 0.1;
  f.memtable_whole_key_filtering = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  table.block_size = 8 << 10;
  f.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return f;
}

}  // namespace

StatusOr<std::shared_ptr<Database>> Database::Open(const RocksdbOptions& options) {
  auto database = std::shared_ptr<Database>(new Database());
  RETURN_IF_ERROR(database->Init(options));
  return database;
}

Status Database::Init(const RocksdbOptions& options) {
  const std::string& path = options.path;
  std::error_code ec;
  const bool there = std::filesystem::exists(path, ec);
  if (IsRefusal(ec)) return Refused(path, ec.message());
  if (!there && !options.create)
    return NotFound(Concat("there is no directory ", path, " (and \"create\" is false)"));
  if (there && !std::filesystem::is_directory(path, ec))
    return InvalidArgument(Concat(path, " is not a directory"));
  if (!there && !std::filesystem::create_directories(path, ec) && ec) {
    if (IsRefusal(ec)) return Refused(path, Concat("it cannot be made: ", ec.message()));
    return Unavailable(Concat("cannot make the directory ", path, ": ", ec.message()));
  }
  // Under one name, whatever it is called here: by names RocksDB knows what this process has open.
  directory_ = std::filesystem::canonical(path, ec).string();
  if (IsRefusal(ec)) return Refused(path, ec.message());
  if (ec) return Unavailable(Concat("cannot find the directory ", path, ": ", ec.message()));
  if (LostItsCurrent(directory_)) {
    return DataLoss(Concat("the file ", directory_,
                           "/CURRENT is missing beside others of a database; ", kRestore));
  }
  rocksdb::DBOptions db_options;
  db_options.create_if_missing = true;
  db_options.create_missing_column_families = true;
  db_options.max_background_jobs = 2;
  db_options.keep_log_file_num = 3;
  db_options.max_log_file_size = 8 << 20;
  // A torn end is what a crash leaves; damage before it would hide acknowledged writes.
  db_options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  auto cache = rocksdb::NewLRUCache(static_cast<size_t>(options.cache));
  const rocksdb::ColumnFamilyOptions family = FamilyOptions(options, cache);
  rocksdb::ColumnFamilyOptions changes = family;
  changes.compaction_filter_factory = std::make_shared<FloorFilterFactory>(floor_);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, family},
      {"data", family},
      {"changes", changes},
      {"meta", family},
      {"indexes", family}};
  rocksdb::TransactionDB* db = nullptr;
  const rocksdb::Status s = rocksdb::TransactionDB::Open(
      db_options, rocksdb::TransactionDBOptions(), directory_, families, &handles_, &db);
  if (!s.ok()) {
    if (IsLocked(s)) {
      return Unavailable(
          Concat("the directory ", path, " is open already, in this process or another one"));
    }
    if (s.IsInvalidArgument() && s.ToString().find("olumn famil") != std::string::npos) {
      return FailedPrecondition(Concat(
          "the directory ", path, " holds something else than this store's data: ", s.ToString()));
    }
    return ToStatus(s, "opening");
  }
  db_.reset(db);
  ASSIGN_OR_RETURN(const uint64_t format, ReadMeta(kFormatKey, 0));
  if (format > kFormatVersion) {
    return FailedPrecondition(Concat("the directory ", path, " was written in format ",
                                     std::to_string(format), "; this version knows formats up to ",
                                     std::to_string(kFormatVersion)));
  }
  if (format < kFormatVersion) RETURN_IF_ERROR(WriteFormat());  // new, or an older one
  if (HasOldLogs(directory_)) {
    // RocksDB has read them and written what they hold to tables, but a TransactionDB drops logs
    // only behind a flush, and a flush wants something to write.
    RETURN_IF_ERROR(WriteFormat());
    RETURN_IF_ERROR(ToStatus(db_->Flush(rocksdb::FlushOptions(), meta()), "tidying up the logs"));
  }
  ASSIGN_OR_RETURN(const uint64_t floor, ReadMeta(kFloorKey, 1));
  set_floor(floor);
  // Every write logs a change and the newest is never dropped, so the log's end is the newest
  // sequence.
  ASSIGN_OR_RETURN(const std::string newest, LastKey(this->changes()));
  set_last(newest.empty() ? floor - 1 : DecodeSequenceKey(newest));
  if (StatusOr<std::string> id = LastKey(this->data()); id.ok()) last_id_ = *std::move(id);
  return OkStatus();
}

Status Database::WriteFormat() {
  rocksdb::WriteBatch batch;
  const rocksdb::Status put =
      batch.Put(meta(), ToSlice(kFormatKey), std::to_string(kFormatVersion));
  RETURN_IF_ERROR(ToStatus(put, "writing the format"));
  return Write(&batch, true);
}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* h : handles_) {
    if (db_ != nullptr) (void)db_->DestroyColumnFamilyHandle(h);
  }
  if (db_ != nullptr) (void)db_->Close();
}

StatusOr<std::string> Database::LastKey(rocksdb::ColumnFamilyHandle* family) const {
  const std::unique_ptr<rocksdb::Iterator> it(db()->NewIterator(IteratorOptions(), family));
  it->SeekToLast();
  RETURN_IF_ERROR(ToStatus(it->status(), "reading the last key"));
  return it->Valid() ? it->key().ToString() : std::string();
}

StatusOr<uint64_t> Database::ReadMeta(std::string_view key, uint64_t missing) const {
  std::string text;
  const rocksdb::Status s = db()->Get(rocksdb::ReadOptions(), meta(), ToSlice(key), &text);
  if (s.IsNotFound()) return missing;
  RETURN_IF_ERROR(ToStatus(s, "reading the store's description"));
  uint64_t v = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), v).ptr != text.data() + text.size()) {
    return DataLoss(Concat("the store's description is damaged at \"", key, "\"; ", kRestore));
  }
  return v;
}

Status Database::Get(const rocksdb::ReadOptions& read, std::string_view id,
                     std::optional<Record>* out) const {
  rocksdb::PinnableSlice value;
  const rocksdb::Status s = db()->Get(read, data(), ToSlice(id), &value);
  if (s.ok()) [[likely]] {
    ASSIGN_OR_RETURN(Record record, DecodeRecord(id, ToView(value)));
    *out = std::move(record);
    return OkStatus();
  }
  out->reset();
  return s.IsNotFound() ? OkStatus() : ToStatus(s, "reading");
}

Status Database::GetMany(const rocksdb::ReadOptions& read, const std::vector<rocksdb::Slice>& keys,
                         const std::span<std::optional<Record>>& out) const {
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db()->MultiGet(read, data(), keys.size(), keys.data(), values.data(), statuses.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    out[i].reset();
    if (statuses[i].IsNotFound()) continue;
    RETURN_IF_ERROR(ToStatus(statuses[i], "reading"));
    ASSIGN_OR_RETURN(Record record, DecodeRecord(ToView(keys[i]), ToView(values[i])));
    out[i] = std::move(record);
  }
  return OkStatus();
}

Status Database::Write(rocksdb::WriteBatch* batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  rocksdb::TransactionDBWriteOptimizations settled;
  settled.skip_concurrency_control = true;
  settled.skip_duplicate_key_check = true;
  rocksdb::Status s = db_->Write(options, settled, batch);
  if (!s.ok() && db()->Resume().ok())
    s = db_->Write(options, settled, batch);  // after a full disk was emptied
  return OutcomeUnknown(ToStatus(s, "writing"));
}

Status Database::Sync() {
  return OutcomeUnknown(ToStatus(db()->FlushWAL(true), "writing to disk"));
}

double Database::EstimatedDocuments() const {
  uint64_t n = 0;
  db()->GetIntProperty(data(), rocksdb::DB::Properties::kEstimateNumKeys, &n);
  return static_cast<double>(n);
}

}  // namespace strata::rocksdb_store

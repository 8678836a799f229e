// A snapshot of a RocksDB directory and how it is read. For base_stores/rocksdb only.
#ifndef STRATA_BASE_STORES_ROCKSDB_ROCKSDB_SNAPSHOT_H_
#define STRATA_BASE_STORES_ROCKSDB_ROCKSDB_SNAPSHOT_H_

#include <memory>

#include "base_stores/rocksdb/database.h"
#include "store/snapshot.h"

namespace strata::rocksdb_store {

class RocksdbSnapshot final : public Snapshot {
 public:
  explicit RocksdbSnapshot(std::shared_ptr<Database> database);
  ~RocksdbSnapshot() override;

  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              const std::span<std::optional<Record>>& out) const override;
  std::unique_ptr<RecordScan> Scan(const IdBounds& bounds, const Filter& filter,
                                   std::string_view after,
                                   const ScanOptions& options) const override;
  StatusOr<std::unique_ptr<RecordScan>> ScanIndex(IndexAccess access,
                                                  const Filter& filter) const override;
  StatusOr<bool> CollectIds(const Context& ctx, const CatalogIndex& index,
                            std::span<const KeyRange> ranges, size_t budget,
                            std::vector<std::string>* ids) const override;
  StatusOr<uint64_t> CountIndex(const Context& ctx, const CatalogIndex& index,
                                std::span<const KeyRange> ranges) const override;
  std::optional<uint64_t> documents() const override { return std::nullopt; }

  const Database& database() const { return *database_; }
  const rocksdb::ReadOptions& read() const { return read_; }

 private:
  template <typename F>
  Status ForEachEntry(const Context& ctx, const CatalogIndex& index,
                      std::span<const KeyRange> ranges, const F& f) const;

  const std::shared_ptr<Database> database_;
  rocksdb::ReadOptions read_;
};

}  // namespace strata::rocksdb_store

#endif  // STRATA_BASE_STORES_ROCKSDB_ROCKSDB_SNAPSHOT_H_

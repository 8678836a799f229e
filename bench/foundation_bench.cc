// The ground floor's costs, each beside the bare library's in the same run.
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <simdjson.h>

#include <array>
#include <filesystem>
#include <memory>
#include <shared_mutex>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "base_stores/memory/memory_store.h"
#include "base_stores/rocksdb/rocksdb_store.h"
#include "bench/ratio_main.h"
#include "core/abseil.h"
#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "query/filter.h"
#include "store/ops.h"
#include "tools/importer.h"
#include "tools/product_data.h"

namespace strata::bench {
namespace {

constexpr uint64_t kDocuments = 100000;

const std::vector<std::string>& Texts() {
  static const auto* const kTexts = [] {
    auto* t = new std::vector<std::string>();
    for (uint64_t i = 0; i < kDocuments; ++i) t->push_back(tools::ProductText(i));
    return t;
  }();
  return *kTexts;
}

const std::vector<std::string>& RandomIds() {
  static const auto* const kIds = [] {
    auto* ids = new std::vector<std::string>();
    uint64_t r = 1;
    for (int i = 0; i < 1 << 16; ++i) {
      r = r * 6364136223846793005ULL + 1442695040888963407ULL;
      ids->push_back(tools::ProductId((r >> 33) % kDocuments));
    }
    return ids;
  }();
  return *kIds;
}

void Check(const Status& s) {
  if (!s.ok()) {
    std::fprintf(stderr, "%s\n", Describe(s).c_str());
    std::abort();
  }
}

std::string Folder(const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() / ("strata-bench-" + name);
  std::filesystem::remove_all(path);
  return path.string();
}

void Fill(Store& store) {
  std::vector<Document> documents;
  for (const std::string& t : Texts()) documents.push_back(*Document::Parse(t));
  Check(Load(store, Context::Background(), documents, 1000).status());
}

// `dependent`: which id comes next depends on what was read, as when a program follows links; else
// the processor works on several reads at once.
void ReadOne(benchmark::State& state, Store& store, bool dependent = false) {
  const Context& ctx = Context::Background();
  size_t i = 0;
  for (auto _ : state) {
    const std::string_view id = RandomIds()[i++ & 0xFFFF];
    std::optional<Record> out;
    Check(store.Read(ctx, std::span(&id, 1), std::span(&out, 1)));
    if (dependent) i += out->document.text()[0] != '{';
    benchmark::DoNotOptimize(out);
  }
}

// ---- memory ----

struct BareShards {
  struct alignas(64) Shard {
    std::shared_mutex mutex;
    absl::flat_hash_map<std::string, std::shared_ptr<const std::string>, StringHash,
                        std::equal_to<>>
        map;
  };
  std::array<Shard, 64> shards;
};

Store& MemoryStore() {
  static const auto* const kStore = [] {
    auto* s = new std::shared_ptr<Store>(NewMemoryStore({.change_log_entries = 1}));
    Fill(**s);
    return s;
  }();
  return **kStore;
}

void BM_memory_read(benchmark::State& state) { ReadOne(state, MemoryStore()); }
void BM_memory_chase(benchmark::State& state) { ReadOne(state, MemoryStore(), true); }
void ReadBare(benchmark::State& state, bool dependent) {
  static auto* const bare = [] {
    auto* b = new BareShards();
    for (uint64_t i = 0; i < kDocuments; ++i) {
      const std::string id = tools::ProductId(i);
      const size_t h = StringHash{}(id);
      b->shards[h >> 57 & 63].map.emplace(id, std::make_shared<const std::string>(Texts()[i]));
    }
    return b;
  }();
  size_t i = 0;
  for (auto _ : state) {
    const std::string_view id = RandomIds()[i++ & 0xFFFF];
    const size_t h = StringHash{}(id);
    BareShards::Shard& shard = bare->shards[h >> 57 & 63];
    std::shared_ptr<const std::string> out;
    {
      std::shared_lock lock(shard.mutex);
      const auto it = shard.map.find(id, h);
      if (it != shard.map.end()) out = it->second;
    }
    if (dependent) i += (*out)[0] != '{';
    benchmark::DoNotOptimize(out);
  }
}
void BM_memory_read_bare(benchmark::State& state) { ReadBare(state, false); }
void BM_memory_chase_bare(benchmark::State& state) { ReadBare(state, true); }

// ---- eight forward layers ----

Pipeline& Stack(int layers) {
  static StageRegistry* const registry = [] {
    auto* r = new StageRegistry();
    Check(RegisterAll(*r));
    return r;
  }();
  std::string config = "{\"stores\":{\"s\":[";
  for (int i = 0; i < layers; ++i) config += "{\"type\":\"forward\"},";
  auto p = Pipeline::FromText(config + "{\"type\":\"memory\"}]}}", "", *registry);
  Check(p.status());
  Check(Load(*(*p)->Find("s"), Context::Background(),
             std::vector<Document>{*Document::Parse(Texts()[0])})
            .status());
  return *p->release();
}

void ReadThrough(benchmark::State& state, Store& store) {
  const std::string id = tools::ProductId(0);
  const std::string_view key = id;
  const Context& ctx = Context::Background();
  for (auto _ : state) {
    std::optional<Record> out;
    Check(store.Read(ctx, std::span(&key, 1), std::span(&out, 1)));
    benchmark::DoNotOptimize(out);
  }
}
void BM_read_8_layers(benchmark::State& state) {
  static const auto store = Stack(8).Find("s");
  ReadThrough(state, *store);
}
void BM_read_0_layers(benchmark::State& state) {
  static const auto store = Stack(0).Find("s");
  ReadThrough(state, *store);
}

// ---- RocksDB ----

RocksdbOptions OptionsAt(const std::string& name) {
  RocksdbOptions o;
  o.path = Folder(name);
  o.durability = RocksdbDurability::kAsync;
  return o;
}

// The bare library with what base_stores/rocksdb/database.cc sets.
struct BareRocksdb {
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  explicit BareRocksdb(const std::string& name) {
    const RocksdbOptions ours;
    rocksdb::ColumnFamilyOptions f;
    f.write_buffer_size = static_cast<size_t>(ours.write_buffer);
    f.compression = rocksdb::kLZ4Compression;
    f.bottommost_compression = rocksdb::kZSTD;
    f.level_compaction_dynamic_level_bytes = true;
    f.memtable_prefix_bloom_size_ratio = 0.1;
    f.memtable_whole_key_filtering = true;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(static_cast<size_t>(ours.cache));
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.format_version = 5;
    table.block_size = 8 << 10;
    f.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DBOptions o;
    o.create_if_missing = true;
    o.create_missing_column_families = true;
    o.max_background_jobs = 2;
    const auto s = rocksdb::DB::Open(o, Folder(name), {{"default", f}, {"data", f}, {"changes", f}},
                                     &handles, &db);
    if (!s.ok()) std::abort();
  }
  void Put(rocksdb::WriteBatch* batch, const std::string& id, const std::string& text,
           uint64_t sequence) {
    const uint64_t big = __builtin_bswap64(sequence);
    if (!batch->Put(handles[1], id, text).ok()) std::abort();
    if (!batch->Put(handles[2], rocksdb::Slice(reinterpret_cast<const char*>(&big), 8), id).ok())
      std::abort();
  }
  void Write(rocksdb::WriteBatch* batch) {
    if (!db->Write(rocksdb::WriteOptions(), batch).ok()) std::abort();
  }
};

void BM_rocksdb_read(benchmark::State& state) {
  static const auto store = [] {
    auto s = OpenRocksdbStore(OptionsAt("read"));
    Check(s.status());
    Fill(**s);
    return *s;
  }();
  ReadOne(state, *store);
}
void BM_rocksdb_read_bare(benchmark::State& state) {
  static BareRocksdb* const bare = [] {
    auto* b = new BareRocksdb("read-bare");
    for (uint64_t i = 0; i < kDocuments; i += 1000) {
      rocksdb::WriteBatch batch;
      for (uint64_t k = i; k < i + 1000; ++k) b->Put(&batch, tools::ProductId(k), Texts()[k], k);
      b->Write(&batch);
    }
    return b;
  }();
  size_t i = 0;
  for (auto _ : state) {
    std::string out;
    if (!bare->db->Get(rocksdb::ReadOptions(), bare->handles[1], RandomIds()[i++ & 0xFFFF], &out)
             .ok())
      std::abort();
    benchmark::DoNotOptimize(out);
  }
}

// Each iteration writes one batch of `size` new documents.
void WriteOurs(benchmark::State& state, const std::string& name, uint64_t size) {
  const auto opened = OpenRocksdbStore(OptionsAt(name));
  Check(opened.status());
  Store& store = **opened;
  std::vector<Document> documents;
  for (uint64_t i = 0; i < kDocuments; ++i) documents.push_back(*Document::Parse(Texts()[i]));
  uint64_t next = 0;
  for (auto _ : state) {
    WriteBatch batch;
    for (uint64_t i = 0; i < size; ++i, ++next) batch.Put(documents[next % kDocuments]);
    Check(store.Write(Context::Background(), batch).status());
  }
}
void WriteBare(benchmark::State& state, const std::string& name, uint64_t size) {
  BareRocksdb bare(name);
  uint64_t next = 0;
  for (auto _ : state) {
    rocksdb::WriteBatch batch;
    for (uint64_t i = 0; i < size; ++i, ++next)
      bare.Put(&batch, tools::ProductId(next % kDocuments), Texts()[next % kDocuments], next);
    bare.Write(&batch);
  }
  for (auto* h : bare.handles) delete h;
  delete bare.db;
}
void BM_rocksdb_write(benchmark::State& state) { WriteOurs(state, "write", 1); }
void BM_rocksdb_write_bare(benchmark::State& state) { WriteBare(state, "write-bare", 1); }
void BM_rocksdb_write_64(benchmark::State& state) { WriteOurs(state, "write64", 64); }
void BM_rocksdb_write_64_bare(benchmark::State& state) { WriteBare(state, "write64-bare", 64); }

// ---- import of 100,000 documents ----

void BM_import(benchmark::State& state) {
  for (auto _ : state) {
    const auto store = OpenRocksdbStore(OptionsAt("import"));
    Check(store.status());
    uint64_t i = 0;
    tools::ImportOptions options;
    const auto r = tools::Import(
        **store, Context::Background(),
        [&]() -> StatusOr<std::optional<tools::SourceItem>> {
          if (i == kDocuments) return std::nullopt;
          const std::string& text = Texts()[i++];
          return tools::SourceItem{i, text};
        },
        [] { return uint64_t{0}; }, [] { return std::string("line"); }, options);
    Check(r.status);
  }
}
void BM_import_bare(benchmark::State& state) {
  for (auto _ : state) {
    BareRocksdb bare("import-bare");
    for (uint64_t i = 0; i < kDocuments;) {
      rocksdb::WriteBatch batch;
      for (int k = 0; k < 64 && i < kDocuments; ++k, ++i) {
        if (!batch.Put(bare.handles[1], tools::ProductId(i), Texts()[i]).ok()) std::abort();
      }
      bare.Write(&batch);
    }
    for (auto* h : bare.handles) delete h;
    delete bare.db;
  }
}

// ---- queries ----

void BM_parse(benchmark::State& state) {
  for (auto _ : state) {
    auto q = ParseQuery("category=laptop&price=lt=900&sort(-rating)&limit(10)");
    benchmark::DoNotOptimize(q);
  }
  state.SetItemsProcessed(state.iterations());
}
// The same through binding: ready to be prepared.
void BM_parse_and_bind(benchmark::State& state) {
  for (auto _ : state) {
    auto q = Query::Parse("category=laptop&price=lt=900&sort(-rating)&limit(10)");
    benchmark::DoNotOptimize(q);
  }
  state.SetItemsProcessed(state.iterations());
}

// One number and one nested string, over 100,000 documents of a memory store.
void BM_scan_filter(benchmark::State& state) {
  Store& store = MemoryStore();
  const auto plan = PrepareComplete(store, Context::Background(),
                                    *Query::Parse("price=lt=1500&vendor/country=JP&count()"));
  Check(plan.status());
  for (auto _ : state) {
    const auto rows = CollectRows(**plan, Context::Background());
    Check(rows.status());
    benchmark::DoNotOptimize(rows);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kDocuments));
}
void BM_scan_filter_simdjson(benchmark::State& state) {
  static const auto* const padded = [] {
    auto* p = new std::vector<simdjson::padded_string>();
    for (const std::string& t : Texts()) p->emplace_back(t);
    return p;
  }();
  simdjson::ondemand::parser parser;
  for (auto _ : state) {
    uint64_t found = 0;
    for (const auto& text : *padded) {
      simdjson::ondemand::document d;
      if (parser.iterate(text).get(d)) std::abort();
      double price = 0;
      if (d.find_field_unordered("price").get_double().get(price) || price >= 1500) continue;
      std::string_view country;
      if (d.find_field_unordered("vendor").find_field_unordered("country").get_string().get(
              country))
        continue;
      found += country == "JP";
    }
    benchmark::DoNotOptimize(found);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kDocuments));
}

void BM_document_parse(benchmark::State& state) {
  size_t i = 0;
  for (auto _ : state) {
    auto d = Document::Parse(Texts()[i++ % kDocuments]);
    benchmark::DoNotOptimize(d);
  }
}
void BM_document_parse_simdjson_dom(benchmark::State& state) {
  simdjson::dom::parser parser;
  size_t i = 0;
  for (auto _ : state) {
    simdjson::dom::element e;
    if (parser.parse(Texts()[i++ % kDocuments]).get(e)) std::abort();
    benchmark::DoNotOptimize(e);
  }
}

// Not a time: bytes of field index a byte of text.
void BM_index_memory(benchmark::State& state) {
  double index = 0, text = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < 1000; ++i) {
      const auto d = Document::Parse(Texts()[i]);
      index += static_cast<double>(d->IndexBytes());
      text += static_cast<double>(d->text().size());
    }
  }
  state.counters["index_per_text"] = index / text;
}

BENCHMARK(BM_memory_read);
BENCHMARK(BM_memory_read_bare);
BENCHMARK(BM_memory_chase);
BENCHMARK(BM_memory_chase_bare);
BENCHMARK(BM_read_8_layers);
BENCHMARK(BM_read_0_layers);
BENCHMARK(BM_rocksdb_read);
BENCHMARK(BM_rocksdb_read_bare);
BENCHMARK(BM_rocksdb_write)->Iterations(100000);
BENCHMARK(BM_rocksdb_write_bare)->Iterations(100000);
BENCHMARK(BM_rocksdb_write_64)->Iterations(1500);
BENCHMARK(BM_rocksdb_write_64_bare)->Iterations(1500);
BENCHMARK(BM_import)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_import_bare)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_parse);
BENCHMARK(BM_parse_and_bind);
BENCHMARK(BM_scan_filter)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_scan_filter_simdjson)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_document_parse);
BENCHMARK(BM_document_parse_simdjson_dom);
BENCHMARK(BM_index_memory)->Iterations(1);

}  // namespace
}  // namespace strata::bench

int main(int argc, char** argv) {
  // A process that has never had a second thread counts references without atomic instructions,
  // which no server does.
  std::thread([] {}).join();
  strata::bench::Pairs() = {
      {"memory point read", "BM_memory_read", "BM_memory_read_bare", "<= 1.5 x a bare sharded map"},
      {"memory dependent reads", "BM_memory_chase", "BM_memory_chase_bare",
       "<= 1.5 x a bare sharded map"},
      {"eight forward layers", "BM_read_8_layers", "BM_read_0_layers", "<= 60 ns in all", true},
      {"RocksDB point read", "BM_rocksdb_read", "BM_rocksdb_read_bare",
       "<= 1.15 x the bare library"},
      {"RocksDB write of 1", "BM_rocksdb_write", "BM_rocksdb_write_bare",
       "<= 1.25 x the bare library"},
      {"RocksDB write of 64", "BM_rocksdb_write_64", "BM_rocksdb_write_64_bare",
       "<= 1.25 x the bare library"},
      {"import of 100,000", "BM_import", "BM_import_bare", "<= 1.5 x the bare library"},
      {"scan filter of 100,000", "BM_scan_filter", "BM_scan_filter_simdjson",
       "<= 0.2 x simdjson On-Demand"},
      {"document parse", "BM_document_parse", "BM_document_parse_simdjson_dom", "(for knowledge)"},
      {"query parse and bind", "BM_parse_and_bind", "BM_parse", "parse <= 667 ns"},
  };
  return strata::bench::Main(argc, argv);
}

// Queries side by side on 100,000 products, warm, on one thread, each through the library's public
// API with the query given as text: Strata over memory and RocksDB, SQLite over JSON text and over
// columns, RocksDB by hand, and a loop over parsed structs.
#include <rocksdb/db.h>
#include <simdjson.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base_stores/memory/memory_store.h"
#include "base_stores/rocksdb/rocksdb_store.h"
#include "bench/matrix_main.h"
#include "store/ops.h"
#include "tools/product_data.h"

namespace strata::bench {
namespace {

constexpr uint64_t kProducts = 100000;

constexpr const char* kTop = "category=laptop&price=lt=1500&sort(-rating)&limit(10)";
constexpr const char* kScan = "price=lt=1500&vendor/country=JP&count()";
constexpr const char* kGroup = "aggregate(category,sum(stock),mean(price))";
constexpr const char* kCount = "category=laptop&count()";
constexpr const char* kRange = "stock=ge=100&stock=lt=110&count()";

void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}
void Check(const Status& s) {
  if (!s.ok()) Die(Describe(s));
}

const std::vector<std::string>& Texts() {
  static const auto* const kTexts = [] {
    auto* t = new std::vector<std::string>();
    for (uint64_t i = 0; i < kProducts; ++i) t->push_back(tools::ProductText(i));
    return t;
  }();
  return *kTexts;
}

std::string Scratch(const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() / ("strata-bench-" + name);
  std::filesystem::remove_all(path);
  return path.string();
}

// ---- Strata ----

std::vector<IndexSpec> Indexes() {
  return {IndexFromPaths("category,-rating").value(), IndexFromPaths("category").value(),
          IndexFromPaths("stock").value()};
}

void Fill(Store& store) {
  std::vector<Document> documents;
  for (const std::string& t : Texts()) documents.push_back(*Document::Parse(t));
  Check(Load(store, Context::Background(), documents, 1000).status());
}

std::shared_ptr<Store> NewMemory(memory::Columns columns, std::shared_ptr<Executor> helpers) {
  MemoryOptions options;
  options.change_log_entries = 1;
  options.columns = columns;
  options.indexes = Indexes();
  auto s = NewMemoryStore(options, {}, std::move(helpers));
  Fill(*s);
  return s;
}

std::shared_ptr<Store> NewRocks(const char* folder, std::shared_ptr<Executor> helpers) {
  RocksdbOptions options;
  options.path = Scratch(folder);
  options.durability = RocksdbDurability::kAsync;
  options.cache = 512 << 20;
  options.indexes = Indexes();
  auto opened = OpenRocksdbStore(options, {}, std::move(helpers));
  Check(opened.status());
  Fill(**opened);
  return *opened;
}

Store& Memory() {
  static auto& s = *new auto(NewMemory(memory::Columns::kAuto, nullptr));
  return *s;
}
Store& Rocks() {
  static auto& s = *new auto(NewRocks("query", nullptr));
  return *s;
}
// Documents alone, on one thread and on two.
Store& MemoryRows() {
  static auto& s = *new auto(NewMemory(memory::Columns::kOff, nullptr));
  return *s;
}
Store& MemoryRowsOnTwo() {
  static auto& s = *new auto(NewMemory(memory::Columns::kOff, std::make_shared<ThreadPool>(1)));
  return *s;
}
Store& MemoryOnTwo() {
  static auto& s = *new auto(NewMemory(memory::Columns::kAuto, std::make_shared<ThreadPool>(1)));
  return *s;
}
Store& RocksOnTwo() {
  static auto& s = *new auto(NewRocks("query2", std::make_shared<ThreadPool>(1)));
  return *s;
}

void RunStrata(benchmark::State& state, Store& store, const char* rql) {
  for (auto _ : state) {
    const auto rows = Collect(store, Context::Background(), rql);
    Check(rows.status());
    benchmark::DoNotOptimize(rows->size());
  }
}

void PlanStrata(benchmark::State& state, Store& store) {
  for (auto _ : state) {
    const auto query = Query::Parse(kTop);
    const auto plan = PrepareComplete(store, Context::Background(), *query);
    Check(plan.status());
    benchmark::DoNotOptimize(plan->get());
  }
}

// ---- SQLite ----

sqlite3* OpenSqlite(bool columns) {
  sqlite3* db = nullptr;
  if (sqlite3_open(":memory:", &db) != SQLITE_OK) Die("cannot open SQLite");
  const auto run = [&](const char* sql) {
    char* error = nullptr;
    if (sqlite3_exec(db, sql, nullptr, nullptr, &error) != SQLITE_OK) Die(error);
  };
  if (columns) {
    run("create table p(id text primary key, category text, price real, rating real, stock int,"
        " country text, body text)");
  } else {
    run("create table p(id text primary key, body text)");
  }
  run("begin");
  sqlite3_stmt* insert = nullptr;
  const char* sql =
      columns ? "insert into p select json_extract(?1,'$.id'),json_extract(?1,'$.category'),"
                "json_extract(?1,'$.price'),json_extract(?1,'$.rating'),"
                "json_extract(?1,'$.stock'),json_extract(?1,'$.vendor.country'),?1"
              : "insert into p values(json_extract(?1,'$.id'),?1)";
  if (sqlite3_prepare_v2(db, sql, -1, &insert, nullptr) != SQLITE_OK) Die(sqlite3_errmsg(db));
  for (const std::string& t : Texts()) {
    sqlite3_bind_text(insert, 1, t.data(), static_cast<int>(t.size()), SQLITE_STATIC);
    if (sqlite3_step(insert) != SQLITE_DONE) Die(sqlite3_errmsg(db));
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  run("commit");
  if (columns) {
    run("create index a on p(category, rating desc)");
    run("create index b on p(stock)");
  } else {
    run("create index a on p(json_extract(body,'$.category'), json_extract(body,'$.rating') desc)");
    run("create index b on p(json_extract(body,'$.stock'))");
  }
  run("analyze");
  return db;
}

sqlite3* Json() {
  static sqlite3* const kDb = OpenSqlite(false);
  return kDb;
}
sqlite3* Columns() {
  static sqlite3* const kDb = OpenSqlite(true);
  return kDb;
}

void RunSqlite(benchmark::State& state, sqlite3* db, const char* sql, bool plan_only = false) {
  for (auto _ : state) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db, sql, -1, &s, nullptr) != SQLITE_OK) Die(sqlite3_errmsg(db));
    int64_t bytes = 0;
    while (!plan_only && sqlite3_step(s) == SQLITE_ROW) {
      for (int c = 0; c < sqlite3_column_count(s); ++c) {
        benchmark::DoNotOptimize(sqlite3_column_text(s, c));
        bytes += sqlite3_column_bytes(s, c);
      }
    }
    benchmark::DoNotOptimize(bytes);
    sqlite3_finalize(s);
  }
}

constexpr const char* kJsonTop =
    "select body from p where json_extract(body,'$.category')='laptop' and "
    "json_extract(body,'$.price')<1500 order by json_extract(body,'$.rating') desc limit 10";
constexpr const char* kJsonScan =
    "select count(*) from p where json_extract(body,'$.price')<1500 and "
    "json_extract(body,'$.vendor.country')='JP'";
constexpr const char* kJsonGroup =
    "select json_extract(body,'$.category') c, sum(json_extract(body,'$.stock')), "
    "avg(json_extract(body,'$.price')) from p group by c";
constexpr const char* kJsonCount =
    "select count(*) from p where json_extract(body,'$.category')='laptop'";
constexpr const char* kJsonRange =
    "select count(*) from p where json_extract(body,'$.stock')>=100 and "
    "json_extract(body,'$.stock')<110";
constexpr const char* kColumnsTop =
    "select body from p where category='laptop' and price<1500 order by rating desc limit 10";
constexpr const char* kColumnsScan = "select count(*) from p where price<1500 and country='JP'";
constexpr const char* kColumnsGroup =
    "select category, sum(stock), avg(price) from p group by category";
constexpr const char* kColumnsCount = "select count(*) from p where category='laptop'";
constexpr const char* kColumnsRange = "select count(*) from p where stock>=100 and stock<110";

// ---- RocksDB by hand: texts by id, and index entries of a fixed form ----

struct HandMade {
  rocksdb::DB* db = nullptr;
  static std::string TopKey(std::string_view category, double rating, std::string_view id) {
    char inverse[16];
    std::snprintf(inverse, sizeof inverse, "%05.2f", 99 - rating);
    return "i1|" + std::string(category) + "|" + inverse + "|" + std::string(id);
  }
  static std::string StockKey(int64_t stock, std::string_view id) {
    char n[16];
    std::snprintf(n, sizeof n, "%08lld", static_cast<long long>(stock));
    return "i2|" + std::string(n) + "|" + std::string(id);
  }
};

thread_local simdjson::ondemand::parser parser;

struct Fields {
  std::string_view category, country;
  double price = 0, rating = 0;
  int64_t stock = 0;
};

HandMade& Hand() {
  static HandMade* const kHand = [] {
    auto* h = new HandMade();
    rocksdb::Options options;
    options.create_if_missing = true;
    if (!rocksdb::DB::Open(options, Scratch("hand"), &h->db).ok()) Die("cannot open RocksDB");
    for (uint64_t i = 0; i < kProducts; ++i) {
      const std::string& t = Texts()[i];
      simdjson::padded_string padded(t);
      auto doc = parser.iterate(padded);
      const std::string category(doc["category"].get_string().value());
      const int64_t stock = doc["stock"].get_int64();
      const double rating = doc["rating"].get_double();
      const std::string id = tools::ProductId(i);
      rocksdb::WriteBatch batch;
      (void)batch.Put("d|" + id, t);
      (void)batch.Put(HandMade::TopKey(category, rating, id), "");
      (void)batch.Put(HandMade::StockKey(stock, id), "");
      (void)h->db->Write({}, &batch);
    }
    return h;
  }();
  return *kHand;
}

void HandTop(benchmark::State& state) {
  HandMade& h = Hand();
  for (auto _ : state) {
    const std::unique_ptr<rocksdb::Iterator> it(h.db->NewIterator({}));
    const std::string prefix = "i1|laptop|";
    std::vector<std::string> rows;
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix) && rows.size() < 10;
         it->Next()) {
      std::string text;
      (void)h.db->Get({}, "d|" + it->key().ToString().substr(prefix.size() + 6), &text);
      text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
      auto doc = parser.iterate(text.data(), text.size(), text.capacity());
      if (doc["price"].get_double().value() < 1500) rows.push_back(text);
    }
    if (rows.size() != 10) Die("the hand-made index is wrong");
    benchmark::DoNotOptimize(rows.data());
  }
}

template <typename F>
void HandEach(const F& f) {
  const std::unique_ptr<rocksdb::Iterator> it(Hand().db->NewIterator({}));
  std::string text;
  for (it->Seek("d|"); it->Valid() && it->key().starts_with("d|"); it->Next()) {
    text.assign(it->value().data(), it->value().size());
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    auto doc = parser.iterate(text.data(), text.size(), text.capacity());
    f(doc.value());
  }
}

void HandScan(benchmark::State& state) {
  Hand();
  for (auto _ : state) {
    uint64_t n = 0;
    HandEach([&](simdjson::ondemand::document& d) {
      n += d["price"].get_double().value() < 1500 &&
           d["vendor"]["country"].get_string().value() == "JP";
    });
    benchmark::DoNotOptimize(n);
  }
}

void HandGroup(benchmark::State& state) {
  Hand();
  for (auto _ : state) {
    std::map<std::string, std::pair<int64_t, double>, std::less<>> groups;
    HandEach([&](simdjson::ondemand::document& d) {
      const std::string_view category = d["category"].get_string();
      auto it = groups.find(category);
      if (it == groups.end()) it = groups.emplace(std::string(category), std::pair(0, 0.0)).first;
      it->second.second += d["price"].get_double().value();
      it->second.first += d["stock"].get_int64().value();
    });
    benchmark::DoNotOptimize(groups.size());
  }
}

void HandCount(benchmark::State& state, const std::string& from, const std::string& end) {
  HandMade& h = Hand();
  for (auto _ : state) {
    const std::unique_ptr<rocksdb::Iterator> it(h.db->NewIterator({}));
    uint64_t n = 0;
    for (it->Seek(from); it->Valid() && it->key().compare(end) < 0; it->Next()) ++n;
    benchmark::DoNotOptimize(n);
  }
}

// ---- structs ----

struct Product {
  std::string id, name, category, country, text;
  double price, rating;
  int64_t stock;
};

struct Structs {
  std::vector<Product> all;
  std::multimap<std::pair<std::string, double>, const Product*> top;  // category, -rating
  std::multimap<int64_t, const Product*> by_stock;
};

const Structs& Parsed() {
  static const Structs* const kStructs = [] {
    auto* s = new Structs();
    s->all.reserve(kProducts);
    for (const std::string& t : Texts()) {
      const Document d = *Document::Parse(t);
      s->all.push_back({d.Find("id").String(), d.Find("name").String(), d.Find("category").String(),
                        d.Find("vendor").Find("country").String(), t,
                        d.Find("price").number().ToDouble(), d.Find("rating").number().ToDouble(),
                        d.Find("stock").number().int_value()});
    }
    for (const Product& p : s->all) {
      s->top.emplace(std::pair(p.category, -p.rating), &p);
      s->by_stock.emplace(p.stock, &p);
    }
    return s;
  }();
  return *kStructs;
}

void StructTop(benchmark::State& state) {
  const Structs& s = Parsed();
  for (auto _ : state) {
    std::vector<std::string> rows;
    for (auto it = s.top.lower_bound({"laptop", -1e9});
         it != s.top.end() && it->first.first == "laptop" && rows.size() < 10; ++it) {
      if (it->second->price < 1500) rows.push_back(it->second->text);
    }
    benchmark::DoNotOptimize(rows.data());
  }
}

void StructScan(benchmark::State& state) {
  const Structs& s = Parsed();
  for (auto _ : state) {
    uint64_t n = 0;
    for (const Product& p : s.all) n += p.price < 1500 && p.country == "JP";
    benchmark::DoNotOptimize(n);
  }
}

void StructGroup(benchmark::State& state) {
  const Structs& s = Parsed();
  struct Sums {
    int64_t stock = 0;
    double price = 0;
    uint64_t n = 0;
  };
  for (auto _ : state) {
    absl::flat_hash_map<std::string, Sums> groups;
    for (const Product& p : s.all) {
      Sums& g = groups[p.category];
      g.stock += p.stock;
      g.price += p.price;
      ++g.n;
    }
    benchmark::DoNotOptimize(groups.size());
  }
}

void StructCount(benchmark::State& state) {
  const Structs& s = Parsed();
  for (auto _ : state) {
    uint64_t n = 0;
    for (auto it = s.top.lower_bound({"laptop", -1e9});
         it != s.top.end() && it->first.first == "laptop"; ++it)
      ++n;
    benchmark::DoNotOptimize(n);
  }
}

void StructRange(benchmark::State& state) {
  const Structs& s = Parsed();
  for (auto _ : state) {
    const auto n = std::distance(s.by_stock.lower_bound(100), s.by_stock.lower_bound(110));
    benchmark::DoNotOptimize(n);
  }
}

void Register() {
  const auto add = [](const char* name, auto f) {
    benchmark::RegisterBenchmark(name, f)->Unit(benchmark::kMicrosecond)->UseRealTime();
  };
  struct Task {
    const char* name;
    const char* rql;
    const char* json;
    const char* columns;
  };
  static constexpr Task kTasks[] = {
      {"top10_by_index", kTop, kJsonTop, kColumnsTop},
      {"scan_filter", kScan, kJsonScan, kColumnsScan},
      {"group_sum_mean", kGroup, kJsonGroup, kColumnsGroup},
      {"count_equal", kCount, kJsonCount, kColumnsCount},
      {"count_range", kRange, kJsonRange, kColumnsRange},
  };
  static std::vector<std::string> names;
  names.reserve(100);
  for (const Task& t : kTasks) {
    const auto name = [&](const char* way) {
      names.push_back(std::string(t.name) + "/" + way);
      return names.back().c_str();
    };
    add(name("strata_memory"), [&t](benchmark::State& s) { RunStrata(s, Memory(), t.rql); });
    add(name("strata_rocksdb"), [&t](benchmark::State& s) { RunStrata(s, Rocks(), t.rql); });
    add(name("sqlite_json"), [&t](benchmark::State& s) { RunSqlite(s, Json(), t.json); });
    add(name("sqlite_columns"), [&t](benchmark::State& s) { RunSqlite(s, Columns(), t.columns); });
  }
  // The caller and one helper.
  for (const auto& [name, rql] :
       {std::pair("scan_filter/", kScan), std::pair("group_sum_mean/", kGroup)}) {
    const auto with = [&, name = name, rql = rql](const char* way, Store& (*store)()) {
      names.push_back(std::string(name) + way);
      add(names.back().c_str(), [rql, store](benchmark::State& s) { RunStrata(s, store(), rql); });
    };
    with("memory_rows", MemoryRows);
    with("memory_rows_on_two", MemoryRowsOnTwo);
    with("memory_on_two", MemoryOnTwo);
    with("rocksdb_on_two", RocksOnTwo);
  }
  add("top10_by_index/rocksdb_by_hand", HandTop);
  add("top10_by_index/structs", StructTop);
  add("scan_filter/rocksdb_by_hand", HandScan);
  add("scan_filter/structs", StructScan);
  add("group_sum_mean/rocksdb_by_hand", HandGroup);
  add("group_sum_mean/structs", StructGroup);
  add("count_equal/rocksdb_by_hand",
      [](benchmark::State& s) { HandCount(s, "i1|laptop|", "i1|laptop}"); });
  add("count_equal/structs", StructCount);
  add("count_range/rocksdb_by_hand",
      [](benchmark::State& s) { HandCount(s, "i2|00000100", "i2|00000110"); });
  add("count_range/structs", StructRange);
  add("text_to_plan/strata_memory", [](benchmark::State& s) { PlanStrata(s, Memory()); });
  add("text_to_plan/strata_rocksdb", [](benchmark::State& s) { PlanStrata(s, Rocks()); });
  add("text_to_plan/sqlite_json",
      [](benchmark::State& s) { RunSqlite(s, Json(), kJsonTop, true); });
  add("text_to_plan/sqlite_columns",
      [](benchmark::State& s) { RunSqlite(s, Columns(), kColumnsTop, true); });
}

}  // namespace
}  // namespace strata::bench

int main(int argc, char** argv) {
  strata::bench::Register();
  return strata::bench::MatrixMain(argc, argv, {"strata_memory", "strata_rocksdb"},
                                   {"sqlite_json", "sqlite_columns", "rocksdb_by_hand"});
}

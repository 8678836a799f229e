// The wrappers' costs, each beside the bare thing in the same run: a cache hit and its table, hit
// ratios beside LRU, text beside Xapian alone and SQLite's FTS5, and what inherit and aggregate add
// to a read.
#include <sqlite3.h>
#include <sys/resource.h>
#include <xapian.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <semaphore>
#include <thread>

#include "bench/ratio_main.h"
#include "pipeline/all_stages.h"
#include "pipeline/pipeline.h"
#include "store/ops.h"
#include "tests/support/lru.h"
#include "tools/package_index.h"
#include "tools/product_data.h"
#include "wrappers/cache/cache_table.h"
#include "wrappers/fulltext/fulltext_store.h"

namespace strata::bench {
namespace {

constexpr uint64_t kDocuments = 20000;
constexpr size_t kMaxTexts = 100000;  // Debian has some 64,000 packages
constexpr size_t kReads = 4096;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}
void Check(const Status& s) {
  if (!s.ok()) Die(Describe(s));
}
const Context& Ctx() { return Context::Background(); }

std::string Scratch(const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() / ("strata-bench-" + name);
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path.string();
}

std::unique_ptr<Pipeline> OpenStores(const std::string& stores, const std::string& folder = ".") {
  static StageRegistry registry;
  static const Status registered = RegisterAll(registry);
  Check(registered);
  auto p = Pipeline::FromText("{\"stores\":{" + stores + "}}", folder, registry);
  Check(p.status());
  return *std::move(p);
}

const std::vector<Document>& Products() {
  static const auto* const kProducts = [] {
    auto* d = new std::vector<Document>();
    for (uint64_t i = 0; i < kDocuments; ++i) d->push_back(*Document::Parse(tools::ProductText(i)));
    return d;
  }();
  return *kProducts;
}

const std::vector<std::string>& RandomIds() {
  static const auto* const kIds = [] {
    auto* ids = new std::vector<std::string>();
    std::mt19937_64 random(7);
    for (size_t i = 0; i < kReads; ++i) ids->push_back(StoredId(Products()[random() % kDocuments]));
    return ids;
  }();
  return *kIds;
}

// ---- reads ----

// `dependent`: the next id is only known when the document has come, so no two reads overlap.
void ReadThrough(benchmark::State& state, const std::string& stores, bool dependent = false) {
  const auto pipeline = OpenStores(stores);
  Store& store = *pipeline->Find("s");
  Check(Load(store, Ctx(), Products(), 1000).status());
  const auto& ids = RandomIds();
  for (int round = 0; round < 2; ++round) {
    for (const std::string& id : ids) Check(Get(store, Ctx(), id).status());
  }
  const Context& ctx = Ctx();
  size_t i = 0;
  for (auto _ : state) {
    const std::string_view id = ids[i++ % kReads];
    std::optional<Record> out;
    Check(store.Read(ctx, std::span(&id, 1), std::span(&out, 1)));
    if (dependent) i += out->document.text()[0] != '{';
    benchmark::DoNotOptimize(out);
  }
}

constexpr const char* kCache = R"("s":[{"type":"cache","capacity":"1GiB"},"memory:"])";
void BM_cache_hit(benchmark::State& state) { ReadThrough(state, kCache); }
void BM_cache_hit_chase(benchmark::State& state) { ReadThrough(state, kCache, true); }

void ReadTable(benchmark::State& state, bool dependent) {
  cache::CacheTable table({size_t{1} << 30, 0});
  std::vector<std::string> dropped;
  for (const Document& d : Products()) {
    std::optional<Record> record;
    std::shared_ptr<cache::Flight> flight;
    if (table.Find(StoredId(d), nullptr, &record, &flight) != cache::CacheTable::Found::kLead)
      continue;
    table.Fill(flight, StoredId(d), Record{d, 1}, {}, false, &dropped);
  }
  const auto& ids = RandomIds();
  size_t i = 0;
  for (auto _ : state) {
    std::optional<Record> out;
    if (!table.Hit(ids[i++ % kReads], nullptr, &out)) Die("the table lost an entry");
    if (dependent) i += out->document.text()[0] != '{';
    benchmark::DoNotOptimize(out);
  }
}
void BM_cache_table(benchmark::State& state) { ReadTable(state, false); }
void BM_cache_table_chase(benchmark::State& state) { ReadTable(state, true); }
void BM_memory(benchmark::State& state) { ReadThrough(state, R"("s":"memory:")"); }
void BM_inherit(benchmark::State& state) {
  ReadThrough(state,
              R"("h":[{"type":"inherit","types":{"Product":{},"Toy":{"extends":"Product"}}},)"
              R"("memory:"],"s":"Product")");
}
void BM_aggregate(benchmark::State& state) {
  ReadThrough(state, R"("s":{"type":"aggregate","inners":["memory:","memory:"],)"
                     R"("properties":["*",["price","stock","tags"]]})");
}
void BM_replicate(benchmark::State& state) {
  ReadThrough(state, R"("s":{"type":"replicate","inners":["memory:","memory:"]})");
}

// How often a thread of this process gave up the processor by itself so far: waits for locks.
uint64_t Waits() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_nvcsw);
}

// Hits of one second of several threads over one cache, and how many of them waited for a lock.
void PrintScaling() {
  const auto pipeline = OpenStores(R"("s":[{"type":"cache","capacity":"1GiB"},"memory:"])");
  Store& store = *pipeline->Find("s");
  Check(Load(store, Ctx(), Products(), 1000).status());
  std::printf("\n%-10s %14s %24s\n", "threads", "hits a second", "waits in a million hits");
  for (const int threads : {1, 2, 4, 8}) {
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> hits{0};
    std::vector<std::thread> readers;
    const uint64_t waits = Waits();
    for (int t = 0; t < threads; ++t) {
      readers.emplace_back([&, t] {
        uint64_t n = 0;
        const auto& ids = RandomIds();
        for (size_t i = static_cast<size_t>(t) * 97; !stop.load(std::memory_order_relaxed); ++i) {
          const std::string_view id = ids[i % kReads];
          std::optional<Record> out;
          Check(store.Read(Ctx(), std::span(&id, 1), std::span(&out, 1)));
          ++n;
        }
        hits.fetch_add(n);
      });
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    stop.store(true);
    for (auto& r : readers) r.join();
    std::printf("%-10d %14llu %24.1f\n", threads, static_cast<unsigned long long>(hits.load()),
                1e6 * static_cast<double>(Waits() - waits) / static_cast<double>(hits.load()));
  }
}

// ---- hit ratios ----

class Zipf {
 public:
  Zipf(size_t keys, double skew) {
    double sum = 0;
    for (size_t i = 1; i <= keys; ++i) sums_.push_back(sum += 1.0 / std::pow(i, skew));
  }
  uint64_t operator()(std::mt19937_64& random) const {
    const double at = std::uniform_real_distribution<double>(0, sums_.back())(random);
    return static_cast<uint64_t>(std::lower_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

void PrintHitRatios() {
  constexpr size_t kKeys = 100000, kRequests = 2000000;
  const Document document = *Document::Parse(R"({"id":"x"})");
  std::printf("\n%-46s %8s %8s\n", "hit ratio, of 100,000 keys", "S3-FIFO", "LRU");
  for (const bool scans : {false, true}) {
    for (const size_t entries : {1000, 10000}) {
      std::mt19937_64 random(11);
      const Zipf zipf(kKeys, 0.9);
      cache::CacheTable table({size_t{1} << 34, entries});
      testing::Lru<uint64_t> lru(entries);
      uint64_t ours = 0, theirs = 0, scanned = kKeys;
      std::vector<std::string> dropped;
      for (size_t i = 0; i < kRequests; ++i) {
        // In the polluted trace every second thousand of requests is a scan of keys never seen
        // again.
        const uint64_t key = scans && i / 1000 % 2 == 1 ? scanned++ : zipf(random);
        std::optional<Record> record;
        std::shared_ptr<cache::Flight> flight;
        const std::string id = std::to_string(key);
        if (table.Find(id, nullptr, &record, &flight) == cache::CacheTable::Found::kHit) {
          ++ours;
        } else {
          table.Fill(flight, id, Record{document, 1}, {}, false, &dropped);
        }
        theirs += lru.Read(key);
      }
      char title[64];
      std::snprintf(title, sizeof title, "%s, %zu entries",
                    scans ? "Zipf 0.9 with scans between" : "Zipf 0.9", entries);
      std::printf("%-46s %7.1f%% %7.1f%%\n", title, 100.0 * ours / kRequests,
                  100.0 * theirs / kRequests);
    }
  }
}

// ---- text ----

struct Text {
  std::string id, name, summary, description, section, json;
};

// All packages that this machine knows.
const std::vector<Text>& Texts() {
  static const auto* const kAll = [] {
    auto* texts = new std::vector<Text>();
    tools::PackageIndex index;
    if (!index.Open()) Die("the text benchmarks need this machine's package index (apt-cache)");
    while (texts->size() < kMaxTexts) {
      auto item = index.Next();
      Check(item.status());
      if (!*item) break;
      const auto d = Document::Parse((*item)->text);
      if (!d.ok()) continue;
      const auto text = [&](const char* member) {
        const Value v = d->Find(member);
        return v.is_string() ? v.String() : std::string();
      };
      texts->push_back({StoredId(*d), text("name"), text("summary"), text("description"),
                        text("section"), std::string(d->text())});
    }
    return texts;
  }();
  return *kAll;
}

constexpr const char* kSearches[] = {"text editor",   "image viewer",     "web server",
                                     "database",      "python library",   "shared library",
                                     "game",          "network monitor",  "music player",
                                     "documentation", "development files"};

constexpr const char* kTextStage =
    R"({"type":"fulltext","path":"text","commit_after":"10m","commit_changes":1000000,)"
    R"("commit_bytes":"1GiB","max_wait":"10m","spelling":false,"freshness":"eventual",)"
    R"("fields":{"name":{"weight":5},"summary":{"weight":3},"description":{}},"terms":["section"]})";

void BM_text_index(benchmark::State& state) {
  std::vector<Document> documents;
  for (const Text& t : Texts()) documents.push_back(*Document::Parse(t.json));
  for (auto _ : state) {
    const std::string folder = Scratch("text");
    const auto pipeline =
        OpenStores(R"("m":"memory:","s":[)" + std::string(kTextStage) + ",\"m\"]", folder);
    Check(Load(*pipeline->Find("m"), Ctx(), documents, 1000).status());
    auto* admin = dynamic_cast<FulltextAdmin*>(pipeline->FindStage("s").get());
    // Built from a scan, and committed as builds are: every 50,000 documents and at the end.
    admin->Rebuild();
    Status s = Unavailable("");
    while (!s.ok() || admin->Stats()->documents < documents.size())
      s = admin->WaitWhole(Ctx().WithTimeout(std::chrono::seconds(60)));
  }
}

void AddTo(Xapian::WritableDatabase& database, Xapian::TermGenerator& generator, const Text& t) {
  Xapian::Document d;
  d.set_data(t.json);
  d.add_boolean_term("Q" + t.id);
  d.add_boolean_term("XT0" + t.section);
  generator.set_document(d);
  generator.set_termpos(0);
  Xapian::termpos prefixed = 0;
  const auto field = [&](const std::string& text, int weight, const char* prefix) {
    generator.index_text(text, static_cast<Xapian::termcount>(weight));
    const Xapian::termpos position = generator.get_termpos();
    generator.set_termpos(prefixed);
    generator.index_text(text, 1, prefix);
    prefixed = generator.get_termpos() + 100;
    generator.set_termpos(position + 100);
  };
  field(t.name, 5, "XF0");
  field(t.summary, 3, "XF1");
  field(t.description, 1, "XF2");
  database.replace_document("Q" + t.id, d);
}

// The same stop words as the stage's.
Xapian::Stopper* Stopper() {
  static auto* const stopper = [] {
    auto* s = new Xapian::SimpleStopper();
    for (const std::string& w : fulltext::StopWords("english")) s->add(w);
    return s;
  }();
  return stopper;
}

Xapian::WritableDatabase FillXapian(const std::string& folder) {
  Xapian::WritableDatabase database(folder, Xapian::DB_CREATE_OR_OVERWRITE);
  Xapian::TermGenerator generator;
  generator.set_stemmer(Xapian::Stem("english"));
  generator.set_stopper(Stopper());
  generator.set_stopper_strategy(Xapian::TermGenerator::STOP_STEMMED);
  for (const Text& t : Texts()) AddTo(database, generator, t);
  database.commit();
  return database;
}

void BM_text_index_xapian(benchmark::State& state) {
  Texts();
  for (auto _ : state) FillXapian(Scratch("xapian"));
}

// What is searched is made once: the library calls a benchmark several times, and filling takes
// longer than all searches.
Store& SearchedStore() {
  static const auto pipeline = [] {
    auto p =
        OpenStores(R"("s":[)" + std::string(kTextStage) + ",\"memory:\"]", Scratch("text-search"));
    std::vector<Document> documents;
    for (const Text& t : Texts()) documents.push_back(*Document::Parse(t.json));
    Check(Load(*p->Find("s"), Ctx(), documents, 1000).status());
    // Looks at all of it, and waits for it.
    Check(dynamic_cast<FulltextAdmin*>(p->FindStage("s").get())->Check(Ctx()));
    return p;
  }();
  return *pipeline->Find("s");
}

void BM_text_search(benchmark::State& state) {
  Store& store = SearchedStore();
  size_t i = 0, rows = 0;
  for (auto _ : state) {
    std::string rql = "fulltext(";
    for (const char* c = kSearches[i++ % std::size(kSearches)]; *c != 0; ++c)
      rql += *c == ' ' ? "%20" : std::string(1, *c);
    const auto found = Collect(store, Ctx(), rql + ")&sort(-score)&limit(10)");
    Check(found.status());
    rows += found->size();
  }
  if (rows == 0) Die("the searches found nothing");
}

void BM_text_search_xapian(benchmark::State& state) {
  static const std::string folder = [] {
    std::string made = Scratch("xapian-search");
    FillXapian(made);
    return made;
  }();
  const Xapian::Database database(folder);
  size_t i = 0, rows = 0;
  for (auto _ : state) {
    Xapian::QueryParser parser;
    parser.set_database(database);
    parser.set_default_op(Xapian::Query::OP_AND);
    parser.set_stemmer(Xapian::Stem("english"));
    parser.set_stopper(Stopper());
    Xapian::Enquire enquire(database);
    enquire.set_query(parser.parse_query(kSearches[i++ % std::size(kSearches)],
                                         Xapian::QueryParser::FLAG_DEFAULT));
    const Xapian::MSet set = enquire.get_mset(0, 10);
    for (auto it = set.begin(); it != set.end(); ++it) {
      const auto d = Document::Parse(it.get_document().get_data());
      benchmark::DoNotOptimize(d);
      ++rows;
    }
  }
  if (rows == 0) Die("the searches found nothing");
}

void Sql(sqlite3* db, const char* sql) {
  char* error = nullptr;
  if (sqlite3_exec(db, sql, nullptr, nullptr, &error) != SQLITE_OK) Die(error);
}

// A database that is closed with the process.
sqlite3* SearchedFts5() {
  sqlite3* db = nullptr;
  if (sqlite3_open((Scratch("fts5") + "/db").c_str(), &db) != SQLITE_OK) Die("sqlite");
  Sql(db,
      "create virtual table t using fts5(name, summary, description, json unindexed, "
      "tokenize='porter unicode61'); begin");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "insert into t values(?,?,?,?)", -1, &insert, nullptr);
  for (const Text& t : Texts()) {
    int place = 1;
    for (const std::string* s : {&t.name, &t.summary, &t.description, &t.json})
      sqlite3_bind_text(insert, place++, s->data(), static_cast<int>(s->size()), SQLITE_STATIC);
    sqlite3_step(insert);
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  Sql(db, "commit; insert into t(t) values('optimize')");
  return db;
}

void BM_text_search_fts5(benchmark::State& state) {
  static sqlite3* const db = SearchedFts5();
  size_t i = 0, rows = 0;
  for (auto _ : state) {
    sqlite3_stmt* search = nullptr;
    sqlite3_prepare_v2(db, "select json from t where t match ? order by bm25(t,5,3,1) limit 10", -1,
                       &search, nullptr);
    sqlite3_bind_text(search, 1, kSearches[i++ % std::size(kSearches)], -1, SQLITE_STATIC);
    while (sqlite3_step(search) == SQLITE_ROW) {
      const auto d = Document::Parse(
          std::string_view(reinterpret_cast<const char*>(sqlite3_column_text(search, 0)),
                           static_cast<size_t>(sqlite3_column_bytes(search, 0))));
      benchmark::DoNotOptimize(d);
      ++rows;
    }
    sqlite3_finalize(search);
  }
  if (rows == 0) Die("the searches found nothing");
}

BENCHMARK(BM_cache_hit);
BENCHMARK(BM_cache_table);
BENCHMARK(BM_cache_hit_chase);
BENCHMARK(BM_cache_table_chase);
BENCHMARK(BM_memory);
BENCHMARK(BM_inherit);
BENCHMARK(BM_aggregate);
BENCHMARK(BM_replicate);
BENCHMARK(BM_text_index)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_text_index_xapian)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_text_search)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_text_search_xapian)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_text_search_fts5)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace strata::bench

int main(int argc, char** argv) {
  // A process with one thread counts references and takes locks without atomic instructions, which
  // no server does: so there is another thread from beginning to end.
  std::binary_semaphore end{0};
  std::jthread other([&end] { end.acquire(); });
  const struct Release {
    std::binary_semaphore& end;
    ~Release() { end.release(); }
  } release{end};
  strata::bench::Pairs() = {
      {"cache hit", "BM_cache_hit", "BM_cache_table", "1.5 x its table, 150 ns", false},
      {"dependent cache hits", "BM_cache_hit_chase", "BM_cache_table_chase",
       "1.5 x its table, 150 ns", false},
      {"inherit adds to a read", "BM_inherit", "BM_memory", "stated", true},
      {"aggregate adds to a read", "BM_aggregate", "BM_memory", "stated", true},
      {"replicate adds to a read", "BM_replicate", "BM_memory", "stated", true},
      {"text: indexing", "BM_text_index", "BM_text_index_xapian", "1.2 x", false},
      {"text: best ten", "BM_text_search", "BM_text_search_xapian", "1.2 x", false},
      {"text: best ten, FTS5", "BM_text_search", "BM_text_search_fts5", "below 1 x", false},
  };
  const bool all = std::none_of(argv + 1, argv + argc, [](std::string_view a) {
    return a.starts_with("--benchmark_filter");
  });
  const int status = strata::bench::Main(argc, argv);
  if (!all) return status;
  strata::bench::PrintHitRatios();
  strata::bench::PrintScaling();
  return status;
}

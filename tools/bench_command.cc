// strata bench query: what reads, queries and writes cost as the data grow.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>

#include "base_stores/memory/memory_store.h"
#include "base_stores/rocksdb/rocksdb_store.h"
#include "core/json_text.h"
#include "core/number.h"
#include "store/index_admin.h"
#include "store/ops.h"
#include "tools/app.h"
#include "tools/commands.h"
#include "tools/plot.h"
#include "tools/product_data.h"

namespace strata::tools {
namespace {

constexpr uint64_t kInserted = 500000000;  // products from here on are those of "unique insert"

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

// A task: what one run does, given a random number and the documents there are.
struct Task {
  const char* name;
  const char* growth;  // what is expected
  double seconds;      // how long it is measured, at least once
  std::function<Status(Store&, uint64_t random, uint64_t documents)> run;
};

Status Ask(Store& store, const std::string& rql) {
  return Collect(store, InterruptibleContext(), rql).status();
}

std::vector<Task> Tasks() {
  return {
      {"point read", "constant", 0.3,
       [](Store& s, uint64_t r, uint64_t n) {
         return Get(s, InterruptibleContext(), ProductId(r % n)).status();
       }},
      {"indexed equality", "logarithmic", 0.3,
       [](Store& s, uint64_t r, uint64_t n) {
         const uint64_t i = r % n;
         const uint64_t h = (i + 1) * 0x9E3779B97F4A7C15ULL;
         return Ask(s, "sku=S" + std::to_string(h % 1000003) + "-" + std::to_string(i));
       }},
      {"range, sort, limit 10", "logarithmic", 0.3,
       [](Store& s, uint64_t r, uint64_t) {
         return Ask(
             s, "category=laptop&price=ge=" + std::to_string(r % 1500) + "&sort(price)&limit(10)");
       }},
      {"unique insert", "logarithmic", 0.3,
       [](Store& s, uint64_t, uint64_t) {
         static uint64_t next = kInserted;
         StatusOr<Document> d = Document::Parse(ProductText(next++));
         RETURN_IF_ERROR(d.status());
         return Create(s, InterruptibleContext(), *std::move(d)).status();
       }},
      {"scan filter", "linear", 1.0,
       [](Store& s, uint64_t, uint64_t) {
         return Ask(s, "rating=ge=3&vendor/country=JP&count()");
       }},
      {"group by", "linear", 1.0,
       [](Store& s, uint64_t, uint64_t) {
         return Ask(s, "aggregate(category,sum(stock),mean(price))");
       }},
  };
}

StatusOr<std::shared_ptr<Store>> OpenBase(const std::string& base, const std::string& folder) {
  const std::vector<IndexSpec> specs = [] {
    std::vector<IndexSpec> out = {IndexFromPaths("sku").value(),
                                  IndexFromPaths("category,price").value()};
    out[0].unique = true;
    return out;
  }();
  if (base == "memory") {
    MemoryOptions options;
    options.indexes = specs;
    options.change_log_entries = 1000;
    return NewMemoryStore(options, {"memory", "bench", {}});
  }
  RocksdbOptions options;
  options.path = folder;
  options.indexes = specs;
  options.durability = RocksdbDurability::kAsync;
  options.cache = int64_t{1} << 30;
  return OpenRocksdbStore(options, {"rocksdb", "bench", {}});
}

Status Fill(Store& store, uint64_t from, uint64_t end) {
  for (uint64_t i = from; i < end;) {
    WriteBatch batch;
    for (int n = 0; n < 500 && i < end; ++n, ++i) {
      ASSIGN_OR_RETURN(const Document d, Document::Parse(ProductText(i)));
      batch.Put(d);
    }
    RETURN_IF_ERROR(store.Write(InterruptibleContext(), batch).status());
    if (ProgressWanted() && i % 100000 == 0)
      std::cerr << "\r\033[K" << i << " documents" << std::flush;
  }
  if (ProgressWanted()) std::cerr << "\r\033[K";
  return OkStatus();
}

// Takes out what "unique insert" put in, so that the other tasks see the size that they are told.
Status DropInserted(Store& store) {
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows,
                     Collect(store, InterruptibleContext(),
                             "id=ge=" + ProductId(kInserted) + "&limit(10000)&select(id)"));
    if (rows.empty()) return OkStatus();
    WriteBatch batch;
    for (const Document& d : rows) batch.Delete(StoredId(d));
    RETURN_IF_ERROR(store.Write(InterruptibleContext(), batch).status());
  }
}

// Reads what lies on disk once, so that caches are warm at every size.
Status Warm(Store& store, uint64_t documents) {
  std::vector<std::string> ids;
  for (uint64_t i = 0; i < documents; i += 8) {
    ids.push_back(ProductId(i));
    if (ids.size() < 256 && i + 8 < documents) continue;
    const std::vector<std::string_view> views(ids.begin(), ids.end());
    std::vector<std::optional<Record>> out(ids.size());
    RETURN_IF_ERROR(store.Read(InterruptibleContext(), views, out));
    ids.clear();
  }
  const std::string last = "&limit(1," + std::to_string(documents - 1) + ")";
  RETURN_IF_ERROR(Ask(store, "sort(sku)&select(sku)" + last));
  return Ask(store, "sort(category,price)&select(price)" + last);
}

// Median microseconds of one run, over slices of the time.
StatusOr<double> Measure(const Task& task, Store& store, uint64_t documents) {
  uint64_t random = 88172645463325252ULL;
  const auto next = [&] {  // xorshift64 (Marsaglia, 2003)
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  };
  for (int i = 0; i < 3 && task.growth[1] == 'o'; ++i)
    RETURN_IF_ERROR(task.run(store, next(), documents));  // warm
  std::vector<double> slices;
  const auto begin = Clock::now();
  while (slices.size() < 3 || Seconds(Clock::now() - begin) < task.seconds) {
    const auto start = Clock::now();
    uint64_t runs = 0;
    do {
      RETURN_IF_ERROR(task.run(store, next(), documents));
      ++runs;
    } while (Seconds(Clock::now() - start) < task.seconds / 10);
    slices.push_back(Seconds(Clock::now() - start) / static_cast<double>(runs) * 1e6);
  }
  std::sort(slices.begin(), slices.end());
  return slices[slices.size() / 2];
}

Status Run(const BenchFlags& flags, const std::string& folder) {
  const std::vector<Task> tasks = Tasks();
  std::vector<Curve> curves;
  for (const Task& t : tasks) curves.push_back({t.name, {}});
  ASSIGN_OR_RETURN(const std::shared_ptr<Store> store, OpenBase(flags.base, folder));
  if (!flags.json) {
    std::printf("%-24s", "microseconds");
    for (uint64_t n = 10000; n <= flags.max; n *= 10)
      std::printf(" %14llu", static_cast<unsigned long long>(n));
    std::printf("   growth\n");
  }
  uint64_t filled = 0;
  for (uint64_t n = 10000; n <= flags.max; n *= 10) {
    RETURN_IF_ERROR(Fill(*store, filled, n));
    filled = n;
    if (flags.base == "rocksdb") RETURN_IF_ERROR(Warm(*store, n));
    for (size_t i = 0; i < tasks.size(); ++i) {
      ASSIGN_OR_RETURN(const double micros, Measure(tasks[i], *store, n));
      curves[i].points.emplace_back(static_cast<double>(n), micros);
      RETURN_IF_ERROR(DropInserted(*store));
    }
  }
  std::string json = "{\"base\":" + JsonString(flags.base) + ",\"microseconds\":{";
  for (size_t i = 0; i < tasks.size(); ++i) {
    json += (i > 0 ? "," : "") + JsonString(tasks[i].name) + ":{";
    if (!flags.json) std::printf("%-24s", tasks[i].name);
    const auto& points = curves[i].points;
    for (size_t p = 0; p < points.size(); ++p) {
      json += (p > 0 ? ",\"" : "\"") + std::to_string(static_cast<uint64_t>(points[p].first)) +
              "\":" + Number(points[p].second).ToString();
      if (!flags.json) std::printf(" %14.2f", points[p].second);
    }
    json += "}";
    // The exponent over the whole range: 0 is constant, 1 linear.
    if (!flags.json && points.size() > 1) {
      const double exponent = std::log10(points.back().second / points.front().second) /
                              std::log10(points.back().first / points.front().first);
      std::printf("   n^%.2f, expected %s\n", exponent, tasks[i].growth);
    } else if (!flags.json) {
      std::printf("   expected %s\n", tasks[i].growth);
    }
  }
  if (flags.json) std::cout << json << "}}\n";
  if (flags.plot.empty()) return OkStatus();
  std::ofstream out(flags.plot, std::ios::binary | std::ios::trunc);
  out << LogLogSvg("Cost against size, " + flags.base, "documents", "microseconds", curves);
  out.close();
  return out ? OkStatus() : Unavailable(Concat("cannot write ", flags.plot));
}

}  // namespace

int BenchQueryCommand(const BenchFlags& flags) {
  std::error_code ec;
  std::string folder = flags.folder;
  const bool temporary = folder.empty() && flags.base == "rocksdb";
  if (temporary) {
    folder = (std::filesystem::temp_directory_path(ec) / "strata-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr)
      return Fail(Unavailable(Concat("cannot make the folder ", folder)));
  } else if (!folder.empty() && std::filesystem::exists(folder, ec)) {
    return Fail(AlreadyExists(Concat(folder, " is there already; the benchmark makes its own")));
  }
  const Status s = Run(flags, folder);
  if (flags.base == "rocksdb") std::filesystem::remove_all(folder, ec);
  return s.ok() ? kOk : Fail(s);
}

}  // namespace strata::tools

// strata index and strata analyze.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "core/json_text.h"
#include "core/number.h"
#include "store/auto_index.h"
#include "store/index_admin.h"
#include "store/snapshot.h"
#include "tools/app.h"
#include "tools/commands.h"

namespace strata::tools {
namespace {

struct OpenedIndexes {
  std::unique_ptr<Pipeline> pipeline;
  IndexAdmin* admin = nullptr;  // of the store's base
  double documents = 0;
};

StatusOr<OpenedIndexes> OpenIndexes(const std::string& file, const std::string& store) {
  OpenedIndexes o;
  ASSIGN_OR_RETURN(o.pipeline, OpenPipeline(file));
  RETURN_IF_ERROR(StoreOf(*o.pipeline, store).status());
  const std::shared_ptr<Store> base = o.pipeline->FindBase(store);
  o.admin = dynamic_cast<IndexAdmin*>(base.get());
  if (o.admin == nullptr) {
    return Unimplemented(
        Concat("the base of ", JsonString(store), " (", base->info().type, ") has no indexes"));
  }
  if (auto* host = dynamic_cast<ScanHost*>(base.get())) o.documents = host->estimated_documents();
  return o;
}

// A key's parts as people write them.
std::string KeysText(const IndexSpec& spec, std::string_view key) {
  std::string out;
  if (spec.multi && !key.empty()) key.remove_prefix(1);
  for (const IndexPart& p : spec.parts) {
    if (!out.empty()) out += ", ";
    const std::string text = KeyText(key, p.direction);
    out += text.empty() ? "(missing)" : text.substr(0, 60);
    key.remove_prefix(KeyLength(key, p.direction));
  }
  return out;
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", share * 100);
  return text;
}

std::string ReportJson(const IndexReport& r) {
  std::string out = "{\"index\":" + r.spec.Canonical() +
                    ",\"state\":" + JsonString(IndexStateName(r.state)) +
                    ",\"origin\":" + JsonString(IndexOriginName(r.origin)) +
                    ",\"entries\":" + std::to_string(r.stats->entries());
  if (!r.stats_known) out += ",\"counting\":true";
  if (r.state == IndexState::kBuilding)
    out += ",\"done\":" + std::to_string(r.done) + ",\"total\":" + std::to_string(r.total);
  if (!r.message.empty()) out += ",\"message\":" + JsonString(r.message);
  out += ",\"distinct\":[";
  for (size_t p = 1; p <= r.spec.parts.size(); ++p) {
    out += (p > 1 ? "," : "") + std::to_string(static_cast<uint64_t>(r.stats->Distinct(p) + 0.5));
  }
  out += "],\"null_share\":" + Number(r.stats->NullShare()).ToString() + ",\"heavy_hitters\":[";
  bool first = true;
  for (const auto& h : r.stats->HeavyHitters()) {
    out += (first ? "" : ",") + std::string("{\"key\":") + JsonString(KeysText(r.spec, h.key)) +
           ",\"share\":" + Number(h.share).ToString() + "}";
    first = false;
  }
  out += "],\"histogram\":[";
  first = true;
  for (const std::string& key : r.stats->Histogram(16)) {
    out += (first ? "" : ",") + JsonString(KeysText(r.spec, key));
    first = false;
  }
  return out + "]}";
}

void PrintReport(const IndexReport& r) {
  std::cout << r.spec.name << "  " << IndexStateName(r.state);
  if (r.state == IndexState::kBuilding)
    std::cout << " (" << r.done << " of about " << r.total << ")";
  if (r.spec.unique) std::cout << ", unique";
  if (r.spec.multi) std::cout << ", multi";
  if (r.spec.sparse) std::cout << ", sparse";
  std::cout << ", " << IndexOriginName(r.origin) << "\n";
  if (!r.message.empty()) std::cout << "    " << r.message << "\n";
  if (r.state != IndexState::kReady) return;
  std::cout << "    " << (r.stats_known ? "" : "(being counted again) ") << r.stats->entries()
            << " entries, about";
  for (size_t p = 1; p <= r.spec.parts.size(); ++p)
    std::cout << (p > 1 ? " /" : "") << " " << static_cast<uint64_t>(r.stats->Distinct(p) + 0.5);
  std::cout << " distinct, " << Percent(r.stats->NullShare()) << " null or missing\n";
  const auto heavy = r.stats->HeavyHitters();
  for (size_t i = 0; i < heavy.size() && i < 5; ++i) {
    std::cout << "    " << Percent(heavy[i].share) << "  " << KeysText(r.spec, heavy[i].key)
              << "\n";
  }
}

// `only`: the name of one index; "": all.
int ListIndexes(const OpenedIndexes& o, bool json, const std::string& only = "") {
  auto reports = o.admin->Indexes();
  if (!only.empty())
    std::erase_if(reports, [&](const IndexReport& r) { return r.spec.name != only; });
  if (json) {
    std::cout << "[";
    for (size_t i = 0; i < reports.size(); ++i)
      std::cout << (i > 0 ? "," : "") << ReportJson(reports[i]);
    std::cout << "]\n";
    return kOk;
  }
  if (reports.empty())
    std::cout << "no indexes; declare them with \"indexes\", or see strata index … advise\n";
  for (const IndexReport& r : reports) PrintReport(r);
  return kOk;
}

// Waits for all builds, with progress on a terminal.
Status Await(IndexAdmin& admin) {
  const Context& ctx = InterruptibleContext();
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    const Status s = admin.WaitForIndexes(ctx.WithTimeout(std::chrono::milliseconds(500)));
    if (s.ok() || s.code() != StatusCode::kDeadlineExceeded) {
      if (ProgressWanted()) std::cerr << "\r\033[K";
      return s;
    }
    if (!ProgressWanted()) continue;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    for (const IndexReport& r : admin.Indexes()) {
      if (r.state != IndexState::kBuilding) continue;
      char line[160];
      std::snprintf(line, sizeof line, "\r\033[K%.60s: %llu of about %llu documents, %.0f s",
                    r.spec.name.c_str(), static_cast<unsigned long long>(r.done),
                    static_cast<unsigned long long>(r.total), seconds);
      std::cerr << line << std::flush;
      break;
    }
  }
}

StatusOr<IndexSpec> WantedIndex(const IndexFlags& flags) {
  std::string paths = flags.name;
  if (flags.multi && !paths.ends_with("[]")) paths += "[]";
  ASSIGN_OR_RETURN(IndexSpec spec, IndexOfCandidate(paths));
  spec.unique = flags.unique;
  spec.sparse = flags.sparse;
  RETURN_IF_ERROR(CheckIndexSpec(spec));
  return spec;
}

// Asks for the index, unless it is there; a failed one is tried again.
Status Add(IndexAdmin& admin, const IndexSpec& spec) {
  for (const IndexReport& r : admin.Indexes()) {
    if (r.spec.name != spec.name || r.state == IndexState::kDropping) continue;
    if (!(r.spec == spec)) {
      return AlreadyExists(Concat("there is an index ", JsonString(spec.name), " already: {",
                                  r.spec.Shape(), "}; drop it first, or choose other paths"));
    }
    if (r.state != IndexState::kFailed) return OkStatus();
    RETURN_IF_ERROR(admin.DropIndex(spec.name));
    RETURN_IF_ERROR(Await(admin));
  }
  return admin.CreateIndex(spec, IndexOrigin::kAdded);
}

int BuildIndexes(const OpenedIndexes& o, const IndexFlags& flags) {
  std::string only;
  if (!flags.name.empty()) {
    const StatusOr<IndexSpec> spec = WantedIndex(flags);
    if (!spec.ok()) return Fail(spec.status());
    only = spec->name;
    if (const Status s = Add(*o.admin, *spec); !s.ok()) return Fail(s);
  } else if (flags.unique || flags.multi || flags.sparse) {
    return Fail(
        InvalidArgument("--unique, --multi and --sparse describe an index; give its PATHS"));
  }
  if (const Status s = Await(*o.admin); !s.ok()) {
    if (Interrupted()) {
      std::cerr << "strata: the build goes on when the store is opened again; strata index FILE "
                   "STORE build waits for it\n";
    }
    return Fail(s);
  }
  int status = kOk;
  for (const IndexReport& r : o.admin->Indexes()) {
    if (r.state != IndexState::kFailed || (!only.empty() && r.spec.name != only)) continue;
    std::cerr << "strata: the index " << JsonString(r.spec.name) << " failed: " << r.message
              << "\n";
    status = kNegative;
  }
  ListIndexes(o, flags.json, only);
  return status;
}

int Advise(const OpenedIndexes& o, bool json) {
  const auto proposals =
      ProposeIndexes(o.admin->Indexes(), o.admin->queries().Candidates(), o.documents);
  if (json) {
    std::cout << "[";
    for (size_t i = 0; i < proposals.size(); ++i) {
      const auto& p = proposals[i];
      std::cout << (i > 0 ? "," : "") << "{\"index\":" << p.spec.Canonical()
                << ",\"queries\":" << p.saved.queries << ",\"examined\":" << p.saved.examined
                << ",\"rows\":" << p.saved.rows << "}";
    }
    std::cout << "]\n";
    return kOk;
  }
  if (proposals.empty()) {
    std::cout
        << "nothing to advise: no kind of query has looked in vain at twice as many documents "
           "as there are, sixteen times or more\n";
  }
  for (const auto& p : proposals) {
    std::cout << "{" << p.spec.Shape() << "}\n    " << p.saved.queries << " queries looked at "
              << p.saved.examined << " documents for " << p.saved.rows
              << " rows\n    declare it, or: "
              << "strata index FILE STORE " << p.command << "\n";
  }
  return kOk;
}

}  // namespace

int IndexCommand(const std::string& file, const std::string& store, const IndexFlags& flags) {
  const auto o = OpenIndexes(file, store);
  if (!o.ok()) return Fail(o.status());
  const bool takes_paths = flags.verb == IndexVerb::kBuild || flags.verb == IndexVerb::kDrop;
  if (!takes_paths && !flags.name.empty()) {
    std::cerr << "strata: index list and index advise take nothing behind them\n";
    return kMisuse;
  }
  switch (flags.verb) {
    case IndexVerb::kList:
      return ListIndexes(*o, flags.json);
    case IndexVerb::kBuild:
      return BuildIndexes(*o, flags);
    case IndexVerb::kDrop: {
      if (flags.name.empty()) {
        std::cerr << "strata: index drop needs the index' name\n";
        return kMisuse;
      }
      if (const Status s = o->admin->DropIndex(flags.name); !s.ok()) return Fail(s);
      if (const Status s = Await(*o->admin); !s.ok()) return Fail(s);
      std::cout << "dropped " << flags.name << "\n";
      return kOk;
    }
    case IndexVerb::kAdvise:
      return Advise(*o, flags.json);
  }
  return kMisuse;
}

int AnalyzeCommand(const std::string& file, const std::string& store, bool json) {
  const auto o = OpenIndexes(file, store);
  if (!o.ok()) return Fail(o.status());
  if (const Status s = Await(*o->admin); !s.ok()) return Fail(s);
  if (const Status s = o->admin->Analyze(InterruptibleContext()); !s.ok()) return Fail(s);
  return ListIndexes(*o, json);
}

}  // namespace strata::tools

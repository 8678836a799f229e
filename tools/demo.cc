// strata demo: the machine's own package index, loaded into a stack and queried.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "core/json_text.h"
#include "store/ops.h"
#include "tools/app.h"
#include "tools/commands.h"
#include "tools/importer.h"
#include "tools/package_index.h"

namespace strata::tools {
namespace {

struct DemoQuery {
  const char* question;
  const char* rql;
};

constexpr DemoQuery kQueries[] = {
    {"The largest games",
     "section=games&sort(-installed_size)&select(name,version,installed_size)&limit(5)"},
    {"Sections by number of packages, with the bytes to download",
     "aggregate(section,as(packages,count()),as(bytes,sum(size)))&sort(-packages)&limit(8)"},
    {"Small packages that use SQLite",
     "contains(depends,libsqlite3-0)&size=lt=40000&sort(size)&select(name,size,summary)&limit(6)"},
    {"The best answers to words, with what fits best of their text",
     "fulltext(full%20text%20search%20engine)&sort(-score)&select(name,score,snippet)&limit(5)"},
    {"Words together with other conditions",
     "fulltext(terminal%20editor)&section=editors&installed_size=lt=2000&sort(-score)"
     "&select(name,installed_size,score,snippet)&limit(5)"},
    {"A word that is spelt wrongly finds nothing; the plan says what was probably meant",
     "fulltext(databaze)&select(name)&limit(3)"},
    {"The mean size of what is required or important, in KiB",
     "(priority=required|priority=important)&mean(installed_size)"},
};

std::string Home() {
  const char* home = std::getenv("STRATA_HOME");
  return home != nullptr ? std::string(home) + "/" : "";
}

Status LoadPackages(Store& store) {
  ImportOptions options;
  options.progress = ProgressWanted();
  ImportResult r;
  PackageIndex index;
  if (index.Open()) {
    std::cout << "Loading this machine's package index (apt-cache dumpavail) …\n";
    r = Import(
        store, InterruptibleContext(), [&] { return index.Next(); },
        [&] { return index.bytes_read(); }, [] { return std::string("package"); }, options);
  }
  if (r.status.ok() && r.imported < 100) {
    const std::string extract = Home() + "examples/packages/extract.ndjson";
    std::cout << "This machine has no package index to speak of; loading the bundled extract …\n";
    const auto source = DocumentSource::Open(extract);
    if (!source.ok()) {
      return WithMessage(source.status(), Concat(Message(source.status()),
                                                 " (set STRATA_HOME to the project's folder)"));
    }
    r = Import(
        store, InterruptibleContext(), [&] { return (*source)->Next(); },
        [&] { return (*source)->bytes_read(); }, [] { return std::string("line"); }, options);
  }
  RETURN_IF_ERROR(r.status);
  RETURN_IF_ERROR(InterruptibleContext().Check());  // Ctrl-C may have ended apt-cache first
  char text[128];
  std::snprintf(text, sizeof text, "  %llu packages in %.2f s (%.0f/s)\n\n",
                static_cast<unsigned long long>(r.imported), r.seconds,
                static_cast<double>(r.imported) / std::max(r.seconds, 1e-9));
  std::cout << text;
  return OkStatus();
}

// A file beside the data that is there when a load was complete.
std::filesystem::path MarkOf(const std::string& pipeline_file) {
  const std::filesystem::path file(pipeline_file);
  return file.parent_path() / "data" / (file.stem().string() + ".loaded");
}

// Loads the packages unless that has been done. What an earlier load has left is written again.
Status EnsurePackages(Store& store, const std::string& pipeline_file, bool reload) {
  ASSIGN_OR_RETURN(const uint64_t count, Count(store, InterruptibleContext()));
  const std::filesystem::path mark = MarkOf(pipeline_file);
  std::error_code ec;
  if (count > 0 && !reload && std::filesystem::exists(mark, ec)) {
    std::cout << "Using the " << count
              << " packages that are loaded already (--reload loads them again).\n\n";
    return OkStatus();
  }
  std::filesystem::remove(mark, ec);
  if (ec) return Unavailable(Concat("cannot remove ", mark.string(), ": ", ec.message()));
  RETURN_IF_ERROR(LoadPackages(store));
  std::filesystem::create_directories(mark.parent_path(), ec);
  std::ofstream out(mark);
  out.close();
  if (!out) {
    std::cerr << "strata: cannot write " << mark.string()
              << "; the next demo loads the packages again\n";
  }
  return OkStatus();
}

Status RunQuery(Store& store, const DemoQuery& demo) {
  const bool colour = ColourWanted();
  std::cout << (colour ? "\x1b[1m" : "") << demo.question << (colour ? "\x1b[0m" : "") << "\n  ?"
            << demo.rql << "\n\n";
  const Context& ctx = InterruptibleContext();
  ASSIGN_OR_RETURN(const Query query, Query::Parse(demo.rql));
  ASSIGN_OR_RETURN(const auto plan, PrepareComplete(store, ctx, query));
  OpenOptions options;
  options.timed = true;
  ASSIGN_OR_RETURN(const auto cursor, plan->Open(ctx, options));
  const auto printer = MakeRowPrinter(RowFormat::kTable, std::cout, colour);
  RowBatch batch;
  do {
    RETURN_IF_ERROR(cursor->Next(ctx, kBatchRows, &batch));
    RETURN_IF_ERROR(printer->Print(batch.rows));
  } while (batch.end == EndReason::kMore);
  printer->Finish();
  std::cout << "\n" << ExplainText(cursor->Explain()) << "\n";
  return OkStatus();
}

// Reads the same packages again and again, and shows what every stage did.
Status ShowCache(Pipeline& pipeline, Store& store) {
  for (int round = 0; round < 3; ++round) {
    for (const char* id : {"bash", "ed", "vim", "sqlite3", "no-such-package"})
      RETURN_IF_ERROR(Get(store, InterruptibleContext(), id).status());
  }
  const bool colour = ColourWanted();
  std::cout << (colour ? "\x1b[1m" : "")
            << "Five packages, read three times each: the stack with what it did"
            << (colour ? "\x1b[0m" : "") << "\n\n"
            << pipeline.InspectText(true) << "\n";
  return OkStatus();
}

}  // namespace

int DemoCommand(const std::string& pipeline_file, bool reload) {
  const std::string file =
      pipeline_file.empty() ? Home() + "examples/packages/pipeline.json" : pipeline_file;
  const auto pipeline = OpenPipeline(file);
  if (!pipeline.ok()) return Fail(pipeline.status());
  const auto store = (*pipeline)->Get("packages");
  if (!store.ok()) return Fail(store.status());
  if (Status s = EnsurePackages(**store, file, reload); !s.ok()) return Fail(s);
  for (const DemoQuery& q : kQueries) {
    if (Status s = RunQuery(**store, q); !s.ok()) return Fail(s);
  }
  if (Status s = ShowCache(**pipeline, **store); !s.ok()) return Fail(s);
  std::cout << "What to try next:\n"
               "  ./strata query "
            << file
            << " packages 'section=editors&sort(name)&select(name,summary)&limit(20)'\n"
               "  ./strata get "
            << file
            << " packages bash\n"
               "  ./strata fulltext "
            << file
            << " packages facets 'text editor' section\n"
               "  ./strata explain --analyze "
            << file
            << " packages 'prefix(id,lib)&count()'\n"
               "  ./strata shell "
            << file << "\n";
  return kOk;
}

}  // namespace strata::tools

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "core/json_print.h"
#include "core/json_text.h"
#include "core/trace.h"
#include "store/ops.h"
#include "tools/app.h"
#include "tools/commands.h"
#include "tools/importer.h"

namespace strata::tools {
namespace {

// An open pipeline and one of its stores.
struct Opened {
  std::unique_ptr<Pipeline> pipeline;
  std::shared_ptr<Store> store;
};

StatusOr<Opened> OpenStore(const std::string& file, const std::string& store) {
  Opened o;
  ASSIGN_OR_RETURN(o.pipeline, OpenPipeline(file));
  ASSIGN_OR_RETURN(o.store, StoreOf(*o.pipeline, store));
  return o;
}

// A query on a store of an open pipeline. With parameters bound, so that explain can say what they
// lead to.
struct OpenedQuery {
  Opened opened;
  Query query;
  std::unique_ptr<Plan> plan;
};

StatusOr<OpenedQuery> OpenQuery(const std::string& file, const std::string& store,
                                const std::string& rql, const std::vector<std::string>& params) {
  OpenedQuery o;
  ASSIGN_OR_RETURN(const Query parsed, Query::Parse(rql));
  ASSIGN_OR_RETURN(const std::vector<Node> values, ParseParams(params));
  if (values.size() > static_cast<size_t>(parsed.param_count())) {
    return InvalidArgument(Concat(std::to_string(values.size()),
                                  " values were given with --param; the query has ",
                                  std::to_string(parsed.param_count()), " parameters"));
  }
  ASSIGN_OR_RETURN(o.query, BindParameters(parsed, values));
  ASSIGN_OR_RETURN(o.opened, OpenStore(file, store));
  ASSIGN_OR_RETURN(o.plan, PrepareComplete(*o.opened.store, InterruptibleContext(), o.query));
  return o;
}

StatusOr<Document> ReadDocument(const std::string& text) {
  if (text != "-") return Document::Parse(text);
  return Document::Parse(std::string(std::istreambuf_iterator<char>(std::cin), {}));
}

}  // namespace

int GetCommand(const std::string& file, const std::string& store, const std::string& id,
               bool json) {
  const auto o = OpenStore(file, store);
  if (!o.ok()) return Fail(o.status());
  const auto record = Get(*o->store, InterruptibleContext(), id);
  if (!record.ok()) return Fail(record.status());
  if (json) {
    std::cout << RecordJson(id, *record) << "\n";
  } else if (*record) {
    std::cout << PrettyJson((*record)->document.root()) << "\n";
  } else {
    std::cerr << "strata: there is no document with the id " << JsonString(ToValidUtf8(id)) << "\n";
  }
  return *record ? kOk : kNegative;
}

int WriteCommand(WriteVerb verb, const std::string& file, const std::string& store,
                 const std::string& id, const std::string& text, bool json) {
  const auto document = ReadDocument(text);
  if (!document.ok()) return Fail(document.status());
  const auto o = OpenStore(file, store);
  if (!o.ok()) return Fail(o.status());
  const Context& ctx = InterruptibleContext();
  StatusOr<WriteOutcome> w = WriteOutcome();
  switch (verb) {
    case WriteVerb::kPut:
      w = Put(*o->store, ctx, *document, id);
      break;
    case WriteVerb::kCreate:
      w = Create(*o->store, ctx, *document, id);
      break;
    case WriteVerb::kUpdate:
      w = Update(*o->store, ctx, id, *document);
      break;
  }
  if (!w.ok()) return Fail(w.status());
  if (json) {
    std::cout << WriteJson(*w) << "\n";
  } else {
    std::cout << (w->created ? "created " : "updated ") << w->id << " (revision " << w->revision
              << ")\n";
  }
  return kOk;
}

int DeleteCommand(const std::string& file, const std::string& store, const std::string& id,
                  bool json) {
  const auto o = OpenStore(file, store);
  if (!o.ok()) return Fail(o.status());
  const auto w = Delete(*o->store, InterruptibleContext(), id);
  if (!w.ok()) return Fail(w.status());
  if (json) {
    std::cout << (w->deleted ? "{\"deleted\":true}\n" : "{\"deleted\":false}\n");
  } else if (w->deleted) {
    std::cout << "deleted " << id << "\n";
  } else {
    std::cerr << "strata: there is no document with the id " << JsonString(ToValidUtf8(id)) << "\n";
  }
  return w->deleted ? kOk : kNegative;
}

int QueryCommand(const std::string& file, const std::string& store, const std::string& rql,
                 std::optional<RowFormat> wanted, const std::vector<std::string>& params) {
  const RowFormat format = wanted.value_or(RowFormat::kTable);
  const auto o = OpenQuery(file, store, rql, params);
  if (!o.ok()) return Fail(o.status());
  const Context& ctx = InterruptibleContext();
  const auto cursor = o->plan->Open(ctx, {});
  if (!cursor.ok()) return Fail(cursor.status());
  const auto printer = MakeRowPrinter(format, std::cout, ColourWanted());
  RowBatch batch;
  if (o->query.is_scalar()) {
    if (Status s = (*cursor)->Next(ctx, 1, &batch); !s.ok()) return Fail(s);
    const bool columns = wanted == RowFormat::kTable || wanted == RowFormat::kCsv;
    if (!columns) {
      std::cout << batch.rows[0].text() << "\n";
      return kOk;
    }
    const Document row = ScalarRow(o->query.stages().back().name(), batch.rows[0]);
    if (Status s = printer->Print({row}); !s.ok()) return Fail(s);
    printer->Finish();
    return kOk;
  }
  do {
    Status s = (*cursor)->Next(ctx, kBatchRows, &batch);
    if (s.ok()) s = printer->Print(batch.rows);
    if (!s.ok()) {
      if (format != RowFormat::kTable) printer->Finish();
      return Fail(s);
    }
  } while (batch.end == EndReason::kMore && std::cout.good());
  printer->Finish();
  if (format == RowFormat::kTable) {
    if (batch.total) std::cout << "total: " << *batch.total << "\n";
    if (batch.end == EndReason::kLimit) {
      std::cerr << "the limit ended it; more with &after(" << (*cursor)->Position() << ")\n";
    }
  }
  return kOk;
}

int ExplainCommand(const std::string& file, const std::string& store, const std::string& rql,
                   bool analyze, bool trace, bool json, const std::vector<std::string>& params) {
  const auto o = OpenQuery(file, store, rql, params);
  if (!o.ok()) return Fail(o.status());
  SpanList spans;
  const Context ctx = InterruptibleContext().WithSpans(trace ? &spans : nullptr);
  ExplainNode explain = o->plan->Explain();
  if (analyze || trace) {
    OpenOptions options;
    options.timed = true;
    const auto cursor = o->plan->Open(ctx, options);
    if (!cursor.ok()) return Fail(cursor.status());
    RowBatch batch;
    do {
      if (Status s = (*cursor)->Next(ctx, kBatchRows, &batch); !s.ok()) return Fail(s);
    } while (batch.end == EndReason::kMore);
    explain = (*cursor)->Explain();
  }
  if (trace) {
    std::cout << (json ? SpansJson(spans.spans()) + "\n" : SpansText(spans.spans()));
    return kOk;
  }
  std::cout << (json ? ExplainJson(explain) + "\n" : ExplainText(explain));
  return kOk;
}

int WatchCommand(const std::string& file, const std::string& store, const std::string& rql,
                 bool json, std::optional<uint64_t> from) {
  const auto query = Query::Parse(rql);
  if (!query.ok()) return Fail(query.status());
  const auto o = OpenStore(file, store);
  if (!o.ok()) return Fail(o.status());
  const Context& ctx = InterruptibleContext();
  SubscribeRequest request;
  request.query = *query;
  request.from = from;
  const auto subscription = o->store->Subscribe(ctx, request);
  if (!subscription.ok()) return Fail(subscription.status());
  for (;;) {
    const auto batch = (*subscription)->Next(ctx);
    if (!batch.ok()) {
      if (Interrupted()) return kOk;  // the usual end
      return Fail(batch.status());
    }
    if (batch->gap) {
      std::cout << (json ? "{\"kind\":\"gap\",\"resume_from\":" +
                               std::to_string(batch->resume_from) + "}\n"
                         : "(changes were dropped up to " + std::to_string(batch->resume_from) +
                               ")\n");
    }
    for (const Change& c : batch->changes) {
      if (json) {
        std::cout << ChangeJson(c) << "\n";
      } else {
        static constexpr const char* kSigns[] = {"+", "~", "-"};
        std::cout << kSigns[static_cast<int>(c.kind)] << " " << c.sequence << " " << c.id << " "
                  << c.after.text() << "\n";
      }
    }
    std::cout.flush();
    if (!std::cout.good()) return kOk;
  }
}

int ImportCommand(const std::string& file, const std::string& store, const ImportFlags& flags) {
  const auto o = OpenStore(file, store);
  if (!o.ok()) return Fail(o.status());
  ImportOptions options;
  options.batch = flags.batch;
  options.progress = ProgressWanted() && !flags.json;
  std::error_code ec;
  if (flags.input != "-") {
    if (std::filesystem::is_directory(flags.input, ec)) {
      return Fail(InvalidArgument(Concat(flags.input, " is a directory")));
    }
    const auto size = std::filesystem::file_size(flags.input, ec);
    if (!ec) options.total_bytes = size;
  }
  const auto opened = DocumentSource::Open(flags.input);
  if (!opened.ok()) return Fail(opened.status());
  DocumentSource& source = **opened;
  // The rejects file is made when there is something to put into it.
  std::ofstream rejects;
  std::string rejects_file = flags.rejects;
  if (flags.keep_going) {
    if (rejects_file.empty()) {
      rejects_file = (flags.input == "-" ? std::string("stdin") : flags.input) + ".rejects";
    }
    if (flags.input != "-" && std::filesystem::equivalent(flags.input, rejects_file, ec)) {
      return Fail(InvalidArgument("the rejects file is the input; name another with --rejects"));
    }
    options.reject = [&](const std::string& line) {
      if (!rejects.is_open()) rejects.open(rejects_file, std::ios::binary | std::ios::trunc);
      rejects << line << std::flush;
      return rejects ? OkStatus() : Unavailable(Concat("cannot write ", rejects_file));
    };
  }
  const ImportResult r = Import(
      *o->store, InterruptibleContext(), [&] { return source.Next(); },
      [&] { return source.bytes_read(); },
      [&]() -> std::string { return source.is_array() ? "element" : "line"; }, options);
  if (flags.json) {
    std::cout << "{\"imported\":" << r.imported << ",\"rejected\":" << r.rejected
              << ",\"seconds\":" << r.seconds
              << ",\"complete\":" << (r.status.ok() ? "true" : "false") << "}\n";
  } else {
    char text[160];
    std::snprintf(text, sizeof text, "imported %llu documents in %.2f s (%.0f/s)\n",
                  static_cast<unsigned long long>(r.imported), r.seconds,
                  static_cast<double>(r.imported) / std::max(r.seconds, 1e-9));
    std::cout << text;
    if (r.rejected > 0) {
      std::cout << r.rejected << " rejected";
      // Otherwise the status says that it could not be written.
      if (rejects) std::cout << "; they are in " << rejects_file;
      std::cout << "\n";
    }
  }
  if (!r.status.ok()) return Fail(r.status);
  return r.rejected > 0 ? kNegative : kOk;
}

int ExportCommand(const std::string& file, const std::string& store, const std::string& rql) {
  return QueryCommand(file, store, rql, RowFormat::kNdjson, {});
}

}  // namespace strata::tools

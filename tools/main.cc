// The strata command: flags to commands.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>

#include "query/operator_table.h"
#include "tools/app.h"
#include "tools/commands.h"

namespace {

using namespace strata::tools;

constexpr const char* kFooter =
    "RQL, the query language:  section=games&size=gt=1000&sort(-size)&limit(10)\n"
    "Exit status: 0 done, 1 the answer is no or it failed, 2 the command, query or pipeline is "
    "wrong.\n";

constexpr const char* kCheckFooter =
    "Nothing is opened. So of what a store can, the tree shows the most that its change feed may "
    "give;\nall of it is known when it is open: see strata inspect.\n";

constexpr const char* kInspectFooter =
    "can (in JSON: capabilities) is what a stage promises together with all that is below it; a "
    "store\npromises what its outermost stage does.\n"
    "  write_atomicity  what is written together or not at all: none, document, batch\n"
    "  isolation        what a transaction sees: none, snapshot\n"
    "  freshness        whether reads see what was written through the stage: eventual, latest\n"
    "  durability       what an acknowledged write survives: none, process, machine\n"
    "  change_feed      changes for subscribers: none, ordered, resumable (after a restart)\n"
    "  ordered_scan     rows of a query without a sort: none, by_id\n"
    "  writable         whether it takes writes\n"
    "  verbatim         whether documents come back exactly as they were written\n";

// Puts a text before the footer that all commands have.
void AddFooter(CLI::App* command, const char* text) {
  command->footer(std::string(text) + "\n" + kFooter);
}

struct Arguments {
  std::string file, store, id, text, rql, name, directory;
  std::vector<std::string> params;
  bool json = false, json_schema = false, analyze = false, canonical = false, reload = false;
  std::optional<RowFormat> format;
  std::optional<uint64_t> from;
  ImportFlags import;
  IndexFlags index;
  BenchFlags bench;
  FulltextFlags fulltext;
  ReplicateFlags replicate;
  std::string type;
  bool metrics = false, trace = false;
};

const std::map<std::string, RowFormat> kFormats = {{"table", RowFormat::kTable},
                                                   {"json", RowFormat::kJson},
                                                   {"ndjson", RowFormat::kNdjson},
                                                   {"csv", RowFormat::kCsv}};

const std::map<std::string, IndexVerb> kIndexVerbs = {{"list", IndexVerb::kList},
                                                      {"build", IndexVerb::kBuild},
                                                      {"drop", IndexVerb::kDrop},
                                                      {"advise", IndexVerb::kAdvise}};

const std::map<std::string, FulltextVerb> kFulltextVerbs = {{"stats", FulltextVerb::kStats},
                                                            {"check", FulltextVerb::kCheck},
                                                            {"rebuild", FulltextVerb::kRebuild},
                                                            {"facets", FulltextVerb::kFacets}};

const std::map<std::string, ReplicateVerb> kReplicateVerbs = {{"status", ReplicateVerb::kStatus},
                                                              {"verify", ReplicateVerb::kVerify},
                                                              {"promote", ReplicateVerb::kPromote}};

template <typename Verbs>
std::vector<std::string> NamesOf(const Verbs& verbs) {
  std::vector<std::string> names;
  for (const auto& v : verbs) names.push_back(v.first);
  return names;
}

// CLI11's own would print the range of a double, and -1 would be the largest number.
std::string NeedsNatural(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  return digits ? "" : "expected a whole number of 0 or more, found " + text;
}

// What may have been meant by the options that the command does not have.
std::string NearestOptions(const CLI::App& command) {
  std::vector<std::string> options;
  for (const CLI::Option* o : command.get_options()) {
    for (const std::string& name : o->get_lnames()) options.push_back("--" + name);
  }
  const std::vector<std::string_view> views(options.begin(), options.end());
  std::string out;
  for (const std::string& extra : command.remaining()) {
    if (extra.starts_with("--")) out += strata::DidYouMean(extra, views);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Strata: data access as composable layers.", "strata");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", "strata 0.1");
  app.failure_message([](const CLI::App* a, const CLI::Error& e) {
    const auto subcommands = a->get_subcommands();
    const CLI::App& used = subcommands.empty() ? *a : *subcommands[0];
    return "strata: " + std::string(e.what()) + NearestOptions(used) + "\nSee strata " +
           (subcommands.empty() ? "" : used.get_name() + " ") + "--help.\n";
  });
  Arguments a;
  int exit_status = 0;

  const auto command = [&](const char* name, const char* doc, auto run) {
    CLI::App* c = app.add_subcommand(name, doc);
    c->callback([&exit_status, run] { exit_status = run(); });
    return c;
  };
  const auto with_file = [&](CLI::App* c) {
    c->add_option("FILE", a.file, "the pipeline's JSON file")->required();
  };
  const auto with_store = [&](CLI::App* c) {
    with_file(c);
    c->add_option("STORE", a.store, "a store's name in it")->required();
  };
  const auto with_json = [&](CLI::App* c) {
    c->add_flag("--json", a.json, "answer in JSON, for programs");
  };
  const auto with_params = [&](CLI::App* c) {
    c->add_option("--param", a.params,
                  "a value for $1, $2, … in their order (repeat it): an RQL literal (games, 12, "
                  "string:12, a%20b) or a list (a,b)")
        ->expected(1)
        ->take_all();
  };

  auto* check = command("check", "checks a pipeline and says everything that is wrong with it",
                        [&] { return CheckCommand(a.file, a.json); });
  with_file(check);
  with_json(check);
  AddFooter(check, kCheckFooter);

  auto* types = command("types", "the stage types and their options",
                        [&] { return TypesCommand(a.name, a.json_schema, a.json); });
  auto* type_name = types->add_option("NAME", a.name, "one type");
  types->add_flag("--json-schema", a.json_schema, "a JSON Schema of pipeline files, for editors")
      ->excludes(type_name);
  with_json(types);

  auto* inspect =
      command("inspect", "opens a pipeline and shows its tree with what each stage promises",
              [&] { return InspectCommand(a.file, a.json, a.metrics); });
  with_file(inspect);
  inspect->add_flag("--metrics", a.metrics, "the stages' counters, in Prometheus' text format");
  with_json(inspect);
  AddFooter(inspect, kInspectFooter);

  auto* import =
      command("import", "loads documents: NDJSON or one JSON array, from a file or stdin",
              [&] { return ImportCommand(a.file, a.store, a.import); });
  with_store(import);
  import->add_option("INPUT", a.import.input, "a file, or - for stdin")->capture_default_str();
  auto* keep_going = import->add_flag("--keep-going", a.import.keep_going,
                                      "write bad documents to a rejects file instead of stopping; "
                                      "of one that is longer than 64 MiB, its beginning");
  import->add_option("--rejects", a.import.rejects, "the rejects file (default: INPUT.rejects)")
      ->needs(keep_going);
  import->add_option("--batch", a.import.batch, "documents a write")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  import->add_flag("--json", a.import.json, "answer in JSON, for programs");

  auto* export_ = command("export", "prints a store's documents as NDJSON",
                          [&] { return ExportCommand(a.file, a.store, a.rql); });
  with_store(export_);
  export_->add_option("RQL", a.rql, "only what this query gives");

  auto* get = command("get", "prints one document",
                      [&] { return GetCommand(a.file, a.store, a.id, a.json); });
  with_store(get);
  get->add_option("ID", a.id, "the document's id")->required();
  with_json(get);

  const auto write = [&](const char* name, const char* doc, WriteVerb verb) {
    auto* c = command(name, doc, [&a, verb] {
      return WriteCommand(verb, a.file, a.store, a.id, a.text, a.json);
    });
    with_store(c);
    if (verb == WriteVerb::kUpdate) {
      c->add_option("ID", a.id, "the document's id")->required();
    } else {
      c->add_option("--id", a.id, "the document's id (default: its \"id\", else one is made)")
          ->check([](const std::string& id) {
            return id.empty() ? std::string("an id is not empty") : std::string();
          });
    }
    c->add_option("JSON", a.text, "the document, or - for stdin")->required();
    with_json(c);
  };
  write("put", "stores a document, whether or not it is there", WriteVerb::kPut);
  write("create", "stores a document that must not be there", WriteVerb::kCreate);
  write("update", "merges into a document that must be there (RFC 7396)", WriteVerb::kUpdate);

  auto* remove = command("delete", "deletes one document",
                         [&] { return DeleteCommand(a.file, a.store, a.id, a.json); });
  with_store(remove);
  remove->add_option("ID", a.id, "the document's id")->required();
  with_json(remove);

  auto* query = command("query", "prints a query's rows",
                        [&] { return QueryCommand(a.file, a.store, a.rql, a.format, a.params); });
  with_store(query);
  query->add_option("RQL", a.rql, "the query")->required();
  query
      ->add_option_function<std::string>(
          "--format", [&](const std::string& f) { a.format = kFormats.at(f); },
          "table, json, ndjson or csv (default: table, and a scalar's value as JSON)")
      ->check(CLI::IsMember(NamesOf(kFormats)));
  query->add_flag_callback(
      "--json", [&] { a.format = RowFormat::kJson; }, "the same as --format json");
  with_params(query);

  auto* explain = command("explain", "shows how a query is answered", [&] {
    return ExplainCommand(a.file, a.store, a.rql, a.analyze, a.trace, a.json, a.params);
  });
  with_store(explain);
  explain->add_option("RQL", a.rql, "the query")->required();
  explain->add_flag("--analyze", a.analyze, "run it, and show rows, batches and time");
  explain->add_flag("--trace", a.trace,
                    "run it, and show instead what each stage did, call by call, and how long");
  with_params(explain);
  with_json(explain);

  auto* watch = command("watch", "prints changes as they are committed, until Ctrl-C",
                        [&] { return WatchCommand(a.file, a.store, a.rql, a.json, a.from); });
  with_store(watch);
  watch->add_option("RQL", a.rql, "only documents that satisfy this condition");
  watch->add_option("--from", a.from, "begin with this sequence instead of now")
      ->check(NeedsNatural);
  with_json(watch);

  auto* index = command("index", "the indexes of a store's base: list, build, drop, advise",
                        [&] { return IndexCommand(a.file, a.store, a.index); });
  with_store(index);
  index
      ->add_option_function<std::string>(
          "VERB", [&](const std::string& v) { a.index.verb = kIndexVerbs.at(v); },
          "list (default): state and statistics; build: waits for declared ones, or adds PATHS; "
          "drop: removes one that was added; advise: what queries have missed")
      ->check(CLI::IsMember(NamesOf(kIndexVerbs)));
  index->add_option("PATHS", a.index.name,
                    "of build: category,-price, or tags[] for one key an element; of drop: the "
                    "index' name");
  index->add_flag("--unique", a.index.unique, "no two documents with the same values");
  index->add_flag("--multi", a.index.multi, "one key for each element of an array");
  index->add_flag("--sparse", a.index.sparse, "no key for documents without the paths");
  index->add_flag("--json", a.index.json, "answer in JSON, for programs");

  auto* analyze = command("analyze", "makes the indexes' statistics anew and shows them",
                          [&] { return AnalyzeCommand(a.file, a.store, a.json); });
  with_store(analyze);
  with_json(analyze);

  auto* fulltext = command("fulltext", "the text index of a store: stats, check, rebuild, facets",
                           [&] { return FulltextCommand(a.file, a.store, a.fulltext); });
  with_store(fulltext);
  fulltext
      ->add_option_function<std::string>(
          "VERB", [&](const std::string& v) { a.fulltext.verb = kFulltextVerbs.at(v); },
          "stats (default): what it holds; check: whether it is sound and holds every document; "
          "rebuild: makes it anew; facets: counts the values of PATH among what WORDS find")
      ->check(CLI::IsMember(NamesOf(kFulltextVerbs)));
  fulltext->add_option("WORDS", a.fulltext.words, "of facets: what to look for");
  fulltext->add_option("PATH", a.fulltext.path, "of facets: one of the stage's \"values\"");
  fulltext->add_flag("--json", a.fulltext.json, "answer in JSON, for programs");

  auto* replicate = command("replicate", "a group of stores: status, verify, promote",
                            [&] { return ReplicateCommand(a.file, a.store, a.replicate); });
  with_store(replicate);
  replicate
      ->add_option_function<std::string>(
          "VERB", [&](const std::string& v) { a.replicate.verb = kReplicateVerbs.at(v); },
          "status (default): who is the primary, and how far the copies are; verify: compares the "
          "copies with the primary and mends; promote: makes the store at PLACE the primary")
      ->check(CLI::IsMember(NamesOf(kReplicateVerbs)));
  replicate->add_option("PLACE", a.replicate.place, "of promote: the place in \"inners\", from 0")
      ->check(NeedsNatural);
  replicate->add_flag("--lossy", a.replicate.lossy,
                      "promote even when the store has not all that the primary has");
  replicate->add_option("--timeout", a.replicate.timeout, "seconds that promote waits for that")
      ->capture_default_str();
  replicate->add_flag("--json", a.replicate.json, "answer in JSON, for programs");

  auto* retype = command("retype", "makes a record of an inherit stage one of another type",
                         [&] { return RetypeCommand(a.file, a.store, a.id, a.type, a.json); });
  with_store(retype);
  retype->add_option("ID", a.id, "the record's id")->required();
  retype->add_option("TYPE", a.type, "the type's name")->required();
  with_json(retype);

  auto* bench = app.add_subcommand("bench", "measures this machine");
  bench->require_subcommand(1);
  auto* bench_query = bench->add_subcommand(
      "query", "what reads, queries and writes cost as the data grow, from 10^4 documents up");
  bench_query->callback([&] { exit_status = BenchQueryCommand(a.bench); });
  bench_query->add_option("--base", a.bench.base, "memory or rocksdb")
      ->check(CLI::IsMember({"memory", "rocksdb"}))
      ->capture_default_str();
  bench_query->add_option("--max", a.bench.max, "documents in the largest data set")
      ->check(CLI::Range(uint64_t{10000}, uint64_t{100000000}))
      ->capture_default_str();
  bench_query->add_option(
      "--folder", a.bench.folder,
      "where RocksDB's data go (default: a temporary folder, removed at the end)");
  bench_query->add_option("--plot", a.bench.plot, "writes an SVG picture of cost against size");
  bench_query->add_flag("--json", a.bench.json, "answer in JSON, for programs");

  auto* backup = command("backup", "copies a RocksDB store while it is consistent",
                         [&] { return BackupCommand(a.file, a.store, a.directory, a.json); });
  with_store(backup);
  with_json(backup);
  backup->add_option("DIRECTORY", a.directory, "where to; must not be there yet")->required();

  auto* parse = command("parse", "prints a query's syntax tree",
                        [&] { return ParseCommand(a.rql, a.canonical, a.json); });
  with_json(parse);
  parse->add_option("RQL", a.rql, "the query")->required();
  parse->add_flag("--canonical", a.canonical, "print its canonical text instead");

  auto* shell = command("shell", "the same verbs interactively",
                        [&] { return ShellCommand(a.file, a.json); });
  with_file(shell);
  with_json(shell);

  auto* demo = command("demo", "loads the machine's package index and queries it",
                       [&] { return DemoCommand(a.file, a.reload); });
  demo->add_option("--pipeline", a.file, "another pipeline file with a store \"packages\"");
  demo->add_flag("--reload", a.reload, "load the packages again");

  std::vector<std::string> names;
  for (const CLI::App* c : app.get_subcommands({})) names.push_back(c->get_name());
  if (argc > 1 && argv[1][0] != '-' &&
      std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    std::cerr << "strata: there is no command \"" << argv[1] << "\""
              << strata::DidYouMean(argv[1], views) << "\nSee strata --help.\n";
    return kMisuse;
  }
  if (std::find(argv + 1, argv + argc, std::string_view("--json")) != argv + argc) FailInJson();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e, std::cout, std::cerr);
    return code == 0 ? kOk : kMisuse;
  }
  std::cout.flush();
  if (!std::cout) {
    std::cerr << "strata: standard output could not be written\n";
    return kNegative;
  }
  return exit_status;
}

// The commands, one function each; they give the exit status. main.cc knows the flags. For tools/
// only.
#ifndef STRATA_TOOLS_COMMANDS_H_
#define STRATA_TOOLS_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/rows.h"

namespace strata::tools {

// pipeline_commands.cc
int CheckCommand(const std::string& file, bool json);
int TypesCommand(const std::string& name, bool json_schema, bool json);
int InspectCommand(const std::string& file, bool json, bool metrics);
int ParseCommand(const std::string& rql, bool canonical, bool json);
int BackupCommand(const std::string& file, const std::string& store, const std::string& directory,
                  bool json);

// data_commands.cc
int GetCommand(const std::string& file, const std::string& store, const std::string& id, bool json);
enum class WriteVerb { kPut, kCreate, kUpdate };
// `text` "-": from stdin. `id` may be empty but for kUpdate.
int WriteCommand(WriteVerb verb, const std::string& file, const std::string& store,
                 const std::string& id, const std::string& text, bool json);
int DeleteCommand(const std::string& file, const std::string& store, const std::string& id,
                  bool json);
// Without a format: rows as a table, a scalar bare.
int QueryCommand(const std::string& file, const std::string& store, const std::string& rql,
                 std::optional<RowFormat> wanted, const std::vector<std::string>& params);
int ExplainCommand(const std::string& file, const std::string& store, const std::string& rql,
                   bool analyze, bool trace, bool json, const std::vector<std::string>& params);
int WatchCommand(const std::string& file, const std::string& store, const std::string& rql,
                 bool json, std::optional<uint64_t> from);
struct ImportFlags {
  std::string input = "-";
  bool keep_going = false;
  std::string rejects;
  size_t batch = 256;
  bool json = false;
};
int ImportCommand(const std::string& file, const std::string& store, const ImportFlags& flags);
int ExportCommand(const std::string& file, const std::string& store, const std::string& rql);

// index_commands.cc
enum class IndexVerb { kList, kBuild, kDrop, kAdvise };
struct IndexFlags {
  IndexVerb verb = IndexVerb::kList;
  std::string name;  // of drop; of build: paths such as category,-price; tags[] for a multi index
  bool unique = false;
  bool multi = false;
  bool sparse = false;
  bool json = false;
};
int IndexCommand(const std::string& file, const std::string& store, const IndexFlags& flags);
int AnalyzeCommand(const std::string& file, const std::string& store, bool json);

// stage_commands.cc
enum class FulltextVerb { kStats, kCheck, kRebuild, kFacets };
struct FulltextFlags {
  FulltextVerb verb = FulltextVerb::kStats;
  std::string words, path;  // of facets
  bool json = false;
};
int FulltextCommand(const std::string& file, const std::string& store, const FulltextFlags& flags);
enum class ReplicateVerb { kStatus, kVerify, kPromote };
struct ReplicateFlags {
  ReplicateVerb verb = ReplicateVerb::kStatus;
  std::optional<uint64_t> place;  // of promote
  bool lossy = false;
  int64_t timeout = 60;  // seconds
  bool json = false;
};
int ReplicateCommand(const std::string& file, const std::string& store,
                     const ReplicateFlags& flags);
int RetypeCommand(const std::string& file, const std::string& store, const std::string& id,
                  const std::string& type, bool json);

// bench_command.cc
struct BenchFlags {
  std::string base = "memory";  // or rocksdb
  std::string folder;           // where RocksDB's data go; "": a temporary folder
  uint64_t max = 100000;        // documents in the largest data set
  std::string plot;             // an SVG file; "": none
  bool json = false;
};
int BenchQueryCommand(const BenchFlags& flags);

// shell_command.cc
int ShellCommand(const std::string& file, bool json);

// demo.cc
int DemoCommand(const std::string& pipeline, bool reload);

}  // namespace strata::tools

#endif  // STRATA_TOOLS_COMMANDS_H_

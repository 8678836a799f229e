// Commands for what only one type of stage can do: strata fulltext, replicate and retype.
#include <cstdio>
#include <iostream>
#include <thread>

#include "core/json_text.h"
#include "core/number.h"
#include "tools/app.h"
#include "tools/commands.h"
#include "wrappers/fulltext/fulltext_store.h"
#include "wrappers/inherit/inherit_store.h"
#include "wrappers/replicate/replicate_store.h"

namespace strata::tools {
namespace {

template <typename Admin>
struct OpenedStage {
  std::unique_ptr<Pipeline> pipeline;
  std::shared_ptr<Store> stage;
  Admin* admin = nullptr;
};

// The outermost stage of the store's that can do it.
template <typename Admin>
StatusOr<OpenedStage<Admin>> OpenStage(const std::string& file, const std::string& store,
                                       std::string_view type) {
  OpenedStage<Admin> o;
  ASSIGN_OR_RETURN(o.pipeline, OpenPipeline(file));
  RETURN_IF_ERROR(StoreOf(*o.pipeline, store).status());
  for (const auto& stage : o.pipeline->StagesOf(store)) {
    o.admin = dynamic_cast<Admin*>(stage.get());
    if (o.admin == nullptr) continue;
    o.stage = stage;
    return o;
  }
  return Unimplemented(
      Concat("the store ", JsonString(store), " has no stage of the type \"", type, "\""));
}

// Waits until the index is whole, with progress on a terminal.
Status AwaitIndex(FulltextAdmin& admin) {
  const Context& ctx = InterruptibleContext();
  for (;;) {
    const Status s = admin.WaitWhole(ctx.WithTimeout(std::chrono::milliseconds(500)));
    const bool waiting = !s.ok() && !Interrupted() && !admin.State().whole;
    if (ProgressWanted()) {
      std::cerr << "\r\033[K";
      if (waiting) std::cerr << admin.State().built << " documents indexed" << std::flush;
    }
    if (!waiting) return Interrupted() ? ctx.Check() : s;
    const std::string trouble = admin.State().trouble;
    if (!trouble.empty()) return Unavailable(trouble);
  }
}

int PrintStats(FulltextAdmin& admin, bool json) {
  const auto stats = admin.Stats();
  if (!stats.ok()) return Fail(stats.status());
  const fulltext::FollowState state = admin.State();
  if (json) {
    std::cout << "{\"documents\":" << stats->documents << ",\"next\":" << stats->next
              << ",\"whole\":" << (state.whole ? "true" : "false")
              << ",\"average_length\":" << Number(stats->average_length).ToString()
              << ",\"uncommitted\":" << state.uncommitted << ",\"builds\":" << state.builds
              << "}\n";
  } else {
    const std::string whole = state.whole             ? "whole"
                              : state.because.empty() ? "being built"
                                                      : Concat("being built (", state.because, ")");
    std::printf("%llu documents of %.1f words on average; %s; up to change %llu\n",
                static_cast<unsigned long long>(stats->documents), stats->average_length,
                whole.c_str(),
                static_cast<unsigned long long>(stats->next - (stats->next > 0 ? 1 : 0)));
    std::fflush(stdout);
  }
  return kOk;
}

std::string_view HealthName(replicate::ReplicaHealth h) {
  switch (h) {
    case replicate::ReplicaHealth::kConnecting:
      return "connecting";
    case replicate::ReplicaHealth::kFollowing:
      return "following";
    case replicate::ReplicaHealth::kLost:
      return "lost";
  }
  return "";
}

int PrintGroup(ReplicateAdmin& admin, bool json) {
  const GroupReport report = admin.Report();
  if (json) {
    std::cout << "{\"epoch\":" << report.epoch << ",\"members\":[";
    for (const ReplicaReport& m : report.members) {
      const replicate::ReplicaState& s = m.state;
      std::cout << (m.place > 0 ? "," : "") << "{\"place\":" << m.place
                << ",\"stage\":" << JsonString(m.stage)
                << ",\"primary\":" << (m.primary ? "true" : "false")
                << ",\"health\":" << JsonString(HealthName(s.health))
                << ",\"applied\":" << s.applied << ",\"lag\":" << m.lag
                << ",\"failures\":" << s.failures << ",\"syncs\":" << s.syncs
                << ",\"ranges\":" << s.ranges << ",\"ranges_different\":" << s.ranges_different
                << ",\"copied\":" << s.copied << ",\"removed\":" << s.removed
                << ",\"trouble\":" << JsonString(ToValidUtf8(s.trouble)) << "}";
    }
    std::cout << "]}\n";
    return kOk;
  }
  std::cout << "epoch " << report.epoch << "\n";
  for (const ReplicaReport& m : report.members) {
    const replicate::ReplicaState& s = m.state;
    std::cout << m.place << "  " << m.stage << "  ";
    // The primary follows nobody.
    if (!m.primary || s.health != replicate::ReplicaHealth::kFollowing)
      std::cout << HealthName(s.health) << ", ";
    if (m.primary) std::cout << "primary, ";
    std::cout << "at change " << s.applied;
    if (!m.primary) std::cout << ", " << m.lag << " behind";
    if (s.syncs > 0) {
      std::cout << "; " << s.syncs << " comparisons: " << s.ranges_different << " of " << s.ranges
                << " ranges different, " << s.copied << " documents copied, " << s.removed
                << " removed";
    }
    std::cout << "\n";
    if (!s.trouble.empty()) std::cout << "    " << s.trouble << "\n";
  }
  return kOk;
}

// Copies connect in the background; a command waits for them a little.
void AwaitCopies(ReplicateAdmin& admin) {
  const Context ctx = InterruptibleContext().WithTimeout(std::chrono::seconds(5));
  while (ctx.Check().ok()) {
    bool connecting = false;
    for (const ReplicaReport& m : admin.Report().members)
      connecting = connecting || m.state.health == replicate::ReplicaHealth::kConnecting;
    if (!connecting) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

int FulltextCommand(const std::string& file, const std::string& store, const FulltextFlags& flags) {
  const auto o = OpenStage<FulltextAdmin>(file, store, "fulltext");
  if (!o.ok()) return Fail(o.status());
  FulltextAdmin& admin = *o->admin;
  switch (flags.verb) {
    case FulltextVerb::kStats:
      return PrintStats(admin, flags.json);
    case FulltextVerb::kRebuild:
      admin.Rebuild();
      if (const Status s = AwaitIndex(admin); !s.ok()) {
        if (Interrupted())
          std::cerr << "strata: the build goes on when the store is opened again\n";
        return Fail(s);
      }
      return PrintStats(admin, flags.json);
    case FulltextVerb::kCheck: {
      if (const Status s = AwaitIndex(admin); !s.ok()) return Fail(s);
      if (const Status s = admin.Check(InterruptibleContext()); !s.ok()) return Fail(s);
      return PrintStats(admin, flags.json);
    }
    case FulltextVerb::kFacets: {
      if (flags.words.empty() || flags.path.empty()) {
        std::cerr << "strata: fulltext facets needs WORDS and a PATH, one of the stage's "
                     "\"values\"\n";
        return kMisuse;
      }
      if (const Status s = AwaitIndex(admin); !s.ok()) return Fail(s);
      const auto counts = admin.Facets(InterruptibleContext(), flags.words, flags.path, 20);
      if (!counts.ok()) return Fail(counts.status());
      if (flags.json) std::cout << "[";
      bool first = true;
      for (const auto& c : *counts) {
        const std::string value = c.value.empty() ? "null" : c.value;
        if (flags.json) {
          std::cout << (first ? "" : ",") << "{\"value\":" << value << ",\"count\":" << c.count
                    << "}";
        } else {
          std::cout << c.count << "  " << (c.value.empty() ? "(missing)" : c.value) << "\n";
        }
        first = false;
      }
      if (flags.json) std::cout << "]\n";
      return kOk;
    }
  }
  return kMisuse;
}

int ReplicateCommand(const std::string& file, const std::string& store,
                     const ReplicateFlags& flags) {
  const auto o = OpenStage<ReplicateAdmin>(file, store, "replicate");
  if (!o.ok()) return Fail(o.status());
  ReplicateAdmin& admin = *o->admin;
  AwaitCopies(admin);
  const Context& ctx = InterruptibleContext();
  switch (flags.verb) {
    case ReplicateVerb::kStatus:
      break;
    case ReplicateVerb::kVerify:
      if (const Status s = admin.Verify(ctx); !s.ok()) return Fail(s);
      break;
    case ReplicateVerb::kPromote: {
      if (!flags.place) {
        std::cerr << "strata: replicate promote needs the PLACE of the store in \"inners\"\n";
        return kMisuse;
      }
      const Status s = admin.Promote(ctx.WithTimeout(std::chrono::seconds(flags.timeout)),
                                     *flags.place, flags.lossy);
      if (!s.ok()) return Fail(s);
      AwaitCopies(admin);
      break;
    }
  }
  return PrintGroup(admin, flags.json);
}

int RetypeCommand(const std::string& file, const std::string& store, const std::string& id,
                  const std::string& type, bool json) {
  const auto o = OpenStage<Retyping>(file, store, "inherit");
  if (!o.ok()) return Fail(o.status());
  const auto written = o->admin->Retype(InterruptibleContext(), id, type);
  if (!written.ok()) return Fail(written.status());
  if (json) {
    std::cout << WriteJson(*written) << "\n";
  } else {
    std::cout << id << " is a " << type << " now (revision " << written->revision << ")\n";
  }
  return kOk;
}

}  // namespace strata::tools

// The law: types that have nothing in common are as good as separate stores, and their super is as
// good as one store with all that they hold.
#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "core/json_patch.h"
#include "core/json_text.h"
#include "tests/support/model.h"
#include "tests/support/random_json.h"
#include "tests/support/random_query.h"
#include "tests/wrappers/stack.h"

namespace strata::testing {
namespace {

using Documents = std::map<std::string, Document>;

const Context& ctx() { return Context::Background(); }

std::vector<std::string> Texts(const StatusOr<std::vector<Document>>& rows) {
  if (!rows.ok()) return {Describe(rows.status())};
  std::vector<std::string> out;
  for (const Document& d : *rows) out.emplace_back(d.text());
  return out;
}
std::vector<std::string> Texts(const Documents& documents) {
  std::vector<std::string> out;
  for (const auto& [id, d] : documents) out.emplace_back(d.text());
  return out;
}

// `more`: what stands behind the id; `body`: an object with what comes then.
Document NewDocument(const std::string& id, const std::string& more, const std::string& body) {
  return Doc("{\"id\":\"" + id + "\"" + more + (body == "{}" ? "}" : "," + body.substr(1)));
}

TEST(InheritLaw, DisjointTypesAreSeparateStores) {
  const uint64_t seed = PrintedSeed();
  RandomJson random(seed);
  RandomQuery queries(seed + 1);
  Stack stack(R"("m":"memory:","h":{"type":"inherit","inner":"m","discriminator":"$t",
                 "visible":false,"types":{"A":{},"B":{},"C":{}}})");
  const char* names[] = {"A", "B", "C"};
  Documents models[3];
  for (int i = 0; i < 3000; ++i) {
    const size_t n = random.Below(3);
    // An id belongs to one type: the whole hierarchy shares them.
    const std::string id = names[n] + std::to_string(random.Below(15));
    if (random.Below(4) == 0) {
      const auto w = Delete(stack[names[n]], ctx(), id);
      ASSERT_TRUE(w.ok());
      ASSERT_EQ(w->deleted, models[n].erase(id) == 1);
    } else {
      const Document d = NewDocument(id, "", random.Object(3));
      ASSERT_TRUE(Put(stack[names[n]], ctx(), d).ok());
      models[n][id] = d;
    }
    const size_t other = random.Below(3);
    const Query q = queries.Answerable();
    const auto rows = Collect(stack[names[other]], ctx(), q);
    ASSERT_EQ(Texts(rows), ModelAnswer(models[other], q)) << q.ToString();
  }
}

// ---- the same with clients that write at once ----

constexpr size_t kTypes = 3;
constexpr const char* kTypeNames[kTypes] = {"A", "B", "C"};
constexpr int kClients = 6;      // client n writes documents of type n % kTypes
constexpr int kOwnIds = 10;      // of each client
constexpr int kContested = 200;  // ids that every client tries to create

struct Layers {
  const char* name;
  bool visible;  // documents show their type
  const char* below;
};
void PrintTo(const Layers& l, std::ostream* out) { *out << l.name; }

std::string StoresOf(const Layers& l) {
  return std::string(R"("h":[{"type":"inherit",)") +
         (l.visible ? "" : R"("discriminator":"$t","visible":false,)") +
         R"("types":{"Product":{},"A":{"extends":"Product"},"B":{"extends":"Product"},
                     "C":{"extends":"Product"}}},)" +
         l.below + "]";
}

// What the clients share.
struct Shared {
  explicit Shared(const Layers& layers) : stack(StoresOf(layers)), visible(layers.visible) {
    for (const char* name : kTypeNames) stores.push_back(&stack[name]);
    stores.push_back(&stack["Product"]);
  }
  Store& super() const { return *stores[kTypes]; }
  // As its readers see a document of that type, whether or not its writer said the type.
  Document Shown(const Document& d, size_t type) const {
    return visible ? WithMember(d, "type", JsonString(kTypeNames[type])) : d;
  }

  Stack stack;
  const bool visible;
  std::vector<Store*> stores;                 // of the types, and of their super
  std::atomic<int> contests{0};               // contested ids that are to be created by now
  std::atomic<int> winners[kContested] = {};  // the client that did, from 1 on; 0: nobody yet
  std::atomic<bool> stop{false};              // somebody failed
};

std::string OwnId(int client, int n) {
  return "k" + std::to_string(n) + "c" + std::to_string(client);
}

// The type of a document, by who wrote it.
size_t TypeOf(const Document& d) {
  return static_cast<size_t>(d.Find("owner").number().int_value()) % kTypes;
}

// Owns ids of one type that nobody else writes, so it knows at every moment what they hold.
// Belongs to one thread.
class Client {
 public:
  Client(Shared& shared, int number, uint64_t seed)
      : shared_(shared),
        number_(number),
        type_(static_cast<size_t>(number) % kTypes),
        own_(*shared.stores[type_]),
        random_(seed),
        queries_(~seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps && !shared_.stop; ++i) {
      ASSERT_NO_FATAL_FAILURE(Act());
      ASSERT_NO_FATAL_FAILURE(Look(Chance(4) ? shared_.super() : own_, model_));
    }
    // Whoever opened the last contest takes part in it.
    while (tried_ < std::min(shared_.contests.load(), kContested) && !shared_.stop) {
      ASSERT_NO_FATAL_FAILURE(Contend(tried_++));
    }
  }
  const Documents& model() const { return model_; }

 private:
  bool Chance(int of) { return random_.Below(of) == 0; }
  const std::string& AnyOf(const std::vector<std::string>& ids) {
    return ids[random_.Below(static_cast<int>(ids.size()))];
  }
  std::string AnyOwnId() { return OwnId(number_, random_.Below(kOwnIds)); }
  Document New(const std::string& id) {
    return NewDocument(id, ",\"owner\":" + std::to_string(number_), random_.Object(3));
  }
  Document Shown(const Document& d) const { return shared_.Shown(d, type_); }

  void Act() {
    if (tried_ < std::min(shared_.contests.load(), kContested)) return Contend(tried_++);
    if (Chance(40)) ++shared_.contests;
    if (Chance(8)) return Transact();
    if (Chance(8)) return WriteTogether();
    if (Chance(4)) return TouchWhatOthersHave();
    WriteOne(own_, &shared_.super(), &model_);
  }

  // `super`: another way to the same documents; null: none.
  template <typename Target>
  void WriteOne(Target& own, Target* super, Documents* model) {
    // What was won stays there, so that nobody else can win it.
    const bool won = !won_.empty() && Chance(6);
    const std::string id = won ? AnyOf(won_) : AnyOwnId();
    const bool there = model->contains(id);
    // A new document gets the type of the store that it is written through, unless it says its own.
    const bool by_super = super != nullptr && (there || shared_.visible) && Chance(5);
    Target& target = by_super ? *super : own;
    const Document d = New(id), sent = by_super || Chance(2) ? Shown(d) : d;
    switch (won ? 1 + random_.Below(2) : random_.Below(3)) {
      case 0: {
        const auto w = Delete(target, ctx(), id);
        ASSERT_TRUE(w.ok()) << Describe(w.status());
        ASSERT_EQ(w->deleted, there) << id;
        model->erase(id);
        return;
      }
      case 1: {
        const Document merge = Doc(random_.Object(2));
        const auto w = Update(target, ctx(), id, merge);
        ASSERT_EQ(Code(w.status()), there ? "OK" : "NOT_FOUND") << Describe(w.status());
        if (there) (*model)[id] = *MergePatch(model->at(id), merge);
        return;
      }
      default: {
        const bool creates = Chance(2);
        const auto w = creates ? Create(target, ctx(), sent) : Put(target, ctx(), sent);
        ASSERT_EQ(Code(w.status()), creates && there ? "ALREADY_EXISTS" : "OK")
            << Describe(w.status());
        if (!w.ok()) return;
        ASSERT_EQ(w->created, !there) << id;
        (*model)[id] = Shown(d);
      }
    }
  }

  // A batch, which is written whole or, when another type holds one of its ids, not at all.
  void WriteTogether() {
    WriteBatch batch;
    Documents after = model_;
    for (int n = 2 + random_.Below(4); n > 0; --n) {
      const std::string id = AnyOwnId();
      if (Chance(3)) {
        batch.Delete(id);
        after.erase(id);
      } else {
        const Document d = New(id);
        batch.Put(d);
        after[id] = Shown(d);
      }
    }
    const bool refused = !taken_.empty() && Chance(3);
    if (refused) batch.Put(New(AnyOf(taken_)));
    const auto w = own_.Write(ctx(), batch);
    ASSERT_EQ(Code(w.status()), refused ? "ALREADY_EXISTS" : "OK") << Describe(w.status());
    if (!refused) model_ = std::move(after);
  }

  void Transact() {
    auto t = own_.Begin(ctx(), {});
    ASSERT_TRUE(t.ok()) << Describe(t.status());
    Documents pending = model_;
    std::optional<Documents> saved;
    for (int n = 1 + random_.Below(6); n > 0; --n) {
      ASSERT_NO_FATAL_FAILURE(WriteOne(**t, static_cast<Transaction*>(nullptr), &pending));
      if (Chance(3)) {
        ASSERT_TRUE((*t)->Savepoint("here").ok());
        saved = pending;
      } else if (saved && Chance(3)) {
        ASSERT_TRUE((*t)->RollbackTo("here").ok());
        pending = *saved;
      }
    }
    ASSERT_NO_FATAL_FAILURE(Look(**t, pending));
    const bool aborts = Chance(3);
    const Status ended = aborts ? (*t)->Abort() : (*t)->Commit(ctx()).status();
    ASSERT_TRUE(ended.ok()) << Describe(ended);
    if (!aborts) model_ = std::move(pending);
  }

  Status CreateInTransaction(const Document& d) {
    ASSIGN_OR_RETURN(const auto t, own_.Begin(ctx(), {}));
    RETURN_IF_ERROR(Create(*t, ctx(), d).status());
    return t->Commit(ctx()).status();
  }

  // All clients try to create the same id at about the same time; one of them has it then.
  void Contend(int n) {
    const std::string id = "x" + std::to_string(n);
    const Document d = New(id);
    const bool alone = Chance(2);
    const Status s = alone ? Create(own_, ctx(), d).status() : CreateInTransaction(d);
    if (s.ok()) {
      ASSERT_EQ(shared_.winners[n].exchange(number_ + 1), 0) << id;
      model_[id] = Shown(d);
      won_.push_back(id);
      return;
    }
    // The snapshot may be from before the winner.
    ASSERT_TRUE(Code(s) == "ALREADY_EXISTS" || (!alone && Code(s) == "ABORTED")) << Describe(s);
    // It is there already, and stays: what is not of this type now never will be.
    const auto found = Get(own_, ctx(), id);
    ASSERT_TRUE(found.ok()) << Describe(found.status());
    if (!found->has_value()) taken_.push_back(id);
  }

  // For this type they are not there: they are neither read nor changed nor deleted.
  void TouchWhatOthersHave() {
    const int other = random_.Below(kClients);
    if (static_cast<size_t>(other) % kTypes == type_) return;
    const bool taken = !taken_.empty() && Chance(2);
    const std::string id = taken ? AnyOf(taken_) : OwnId(other, random_.Below(kOwnIds));
    const auto read = Get(own_, ctx(), id);
    ASSERT_TRUE(read.ok()) << Describe(read.status());
    ASSERT_FALSE(read->has_value()) << (*read)->document.text();
    const auto deleted = Delete(own_, ctx(), id);
    ASSERT_TRUE(deleted.ok()) << Describe(deleted.status());
    ASSERT_FALSE(deleted->deleted) << id;
    const auto updated = Update(own_, ctx(), id, Doc(R"({"stolen":true})"));
    ASSERT_EQ(Code(updated.status()), "NOT_FOUND") << Describe(updated.status());
    const Query q = Query().Where(Eq("id", id) || Eq("owner", other));
    ASSERT_EQ(Rows(Collect(own_, ctx(), q)), "") << q.ToString();
  }

  // A record and a query, of what this client owns.
  template <typename Target>
  void Look(Target& target, const Documents& model) {
    const std::string id = !won_.empty() && Chance(4) ? AnyOf(won_) : AnyOwnId();
    const auto read = Get(target, ctx(), id);
    ASSERT_TRUE(read.ok()) << Describe(read.status());
    const auto it = model.find(id);
    ASSERT_EQ(read->has_value() ? (*read)->document.text() : "",
              it != model.end() ? it->second.text() : "");
    const Query q = OfOwn(queries_.Answerable());
    ASSERT_EQ(Texts(Collect(target, ctx(), q)), ModelAnswer(model, q)) << q.ToString();
  }

  // The same of what this client owns, said in one of two ways.
  Query OfOwn(const Query& q) {
    std::vector<Node> conjuncts = {Eq("owner", number_).node()};
    if (Chance(2)) {
      std::vector<Node> ids;
      for (int n = 0; n < kOwnIds; ++n) ids.push_back(Node::Str(OwnId(number_, n)));
      for (const std::string& id : won_) ids.push_back(Node::Str(id));
      conjuncts[0] = Node::Call(Op::kIn, {Node::Str("id"), Node::Array(std::move(ids))});
    }
    conjuncts.insert(conjuncts.end(), q.conjuncts().begin(), q.conjuncts().end());
    return Query::Of(std::move(conjuncts), q.stages());
  }

  Shared& shared_;
  const int number_;
  const size_t type_;
  Store& own_;
  RandomJson random_;
  RandomQuery queries_;
  Documents model_;
  int tried_ = 0;                   // contests in which it took part
  std::vector<std::string> won_;    // contested ids that are this client's
  std::vector<std::string> taken_;  // those that are another type's
};

// Whatever is written meanwhile: a store shows what is of its type, and an id keeps its type.
void Watch(const Shared& shared, const std::atomic<bool>& over, uint64_t seed) {
  RandomJson random(seed);
  std::map<std::string, size_t> types;
  while (!over && !shared.stop) {
    const size_t at = random.Below(kTypes + 1);
    const auto rows = Collect(*shared.stores[at], ctx(), "");
    ASSERT_TRUE(rows.ok()) << Describe(rows.status());
    std::string last;
    for (const Document& d : *rows) {
      const std::string id = StoredId(d);
      ASSERT_LT(last, id);  // so each comes once
      last = id;
      const size_t type = TypeOf(d);
      ASSERT_TRUE(at == kTypes || at == type) << kTypeNames[type] << " " << at << " " << d.text();
      ASSERT_EQ(types.emplace(id, type).first->second, type) << d.text();
      ASSERT_EQ(d.text(), shared.Shown(d, type).text());
    }
  }
}

constexpr std::string_view kEnd = "end-";  // how the ids of the last documents begin

// Follows a store's changes until `ends` of the last documents have come.
void Replay(Subscription& changes, size_t ends, Documents* state) {
  const Context patient = ctx().WithTimeout(std::chrono::seconds(120));
  for (uint64_t last = 0; ends > 0;) {
    const auto batch = changes.Next(patient);
    ASSERT_TRUE(batch.ok()) << Describe(batch.status());
    ASSERT_FALSE(batch->gap);
    for (const Change& c : batch->changes) {
      ASSERT_GT(c.sequence, last);
      last = c.sequence;
      const auto it = state->find(c.id);
      const bool was = it != state->end();
      ASSERT_EQ(c.before.text(), was ? it->second.text() : "") << c.id;
      ASSERT_EQ(c.kind == ChangeKind::kCreate, !was) << c.id;
      ASSERT_EQ(c.kind == ChangeKind::kDelete, !c.after) << c.id;
      if (c.after) {
        (*state)[c.id] = c.after;
      } else {
        state->erase(it);
      }
      if (c.id.starts_with(kEnd)) --ends;
    }
  }
}

// A thread that stops the others when it fails.
std::thread Start(Shared& shared, std::function<void()> work) {
  return std::thread([&shared, work = std::move(work)] {
    bool done = false;
    [&] {
      ASSERT_NO_FATAL_FAILURE(work());
      done = true;
    }();
    if (!done) shared.stop = true;
  });
}

// Adds what one client has to what the stores have to hold: of each type, and of all.
void Merge(const Documents& one, std::vector<Documents>* all) {
  for (const auto& [id, d] : one) {
    (*all)[TypeOf(d)][id] = d;
    EXPECT_TRUE((*all)[kTypes].emplace(id, d).second) << id << " belongs to two";
  }
}

class ConcurrentInheritLaw : public ::testing::TestWithParam<Layers> {};

TEST_P(ConcurrentInheritLaw, DisjointTypesAreSeparateStores) {
#ifdef STRATA_SANITIZED
  constexpr int kSteps = 120;
#else
  constexpr int kSteps = 1500;
#endif
  const uint64_t seed = PrintedSeed();
  Shared shared(GetParam());
  std::vector<Documents> replayed(kTypes + 1);
  std::vector<std::thread> followers, writers;
  for (size_t i = 0; i <= kTypes; ++i) {
    auto feed = shared.stores[i]->Subscribe(ctx(), {});
    EXPECT_TRUE(feed.ok()) << Describe(feed.status());
    if (!feed.ok()) continue;
    const std::shared_ptr<Subscription> changes = *std::move(feed);
    const size_t ends = i == kTypes ? kTypes : 1;
    followers.push_back(Start(shared, [=, &replayed] { Replay(*changes, ends, &replayed[i]); }));
  }
  std::atomic<bool> over{false};
  std::thread watcher = Start(shared, [&] { Watch(shared, over, seed); });
  std::deque<Client> clients;
  for (int n = 0; n < kClients; ++n) {
    Client& c = clients.emplace_back(shared, n, seed + 1 + static_cast<uint64_t>(n));
    writers.push_back(Start(shared, [&c] { c.Run(kSteps); }));
  }
  for (std::thread& t : writers) t.join();
  over = true;
  watcher.join();
  Documents ends;
  for (size_t i = 0; i < kTypes; ++i) {
    const std::string id = std::string(kEnd) + kTypeNames[i];
    const Document d = NewDocument(id, ",\"owner\":" + std::to_string(i), "{}");
    EXPECT_TRUE(Put(*shared.stores[i], ctx(), d).ok());
    ends[id] = shared.Shown(d, i);
  }
  for (std::thread& t : followers) t.join();
  if (HasFatalFailure()) return;
  std::vector<Documents> merged(kTypes + 1);
  Merge(ends, &merged);
  for (const Client& c : clients) Merge(c.model(), &merged);
  for (size_t i = 0; i <= kTypes; ++i) {
    EXPECT_EQ(Texts(Collect(*shared.stores[i], ctx(), "")), Texts(merged[i]));
    EXPECT_EQ(Texts(replayed[i]), Texts(merged[i]));
  }
  EXPECT_EQ(Texts(Collect(shared.stack["h"], ctx(), "")), Texts(merged[kTypes]));
  for (int n = 0; n < std::min(shared.contests.load(), kContested); ++n)
    EXPECT_NE(shared.winners[n], 0) << "nobody got x" << n;
}

constexpr Layers kLayers[] = {
    {"memory_with_an_index", true, R"({"type":"memory","indexes":[{"path":"type"}]})"},
    {"memory_without", false, R"("memory:")"},
    {"cache_of_memory", true, R"({"type":"cache"},"memory:")"},
    {"small_cache_of_memory", false, R"({"type":"cache","max_entries":20},"memory:")"},
    {"rocksdb", true,
     R"({"type":"rocksdb","path":"d","durability":"async","indexes":[{"path":"type"}]})"},
};
INSTANTIATE_TEST_SUITE_P(All, ConcurrentInheritLaw, ::testing::ValuesIn(kLayers),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace strata::testing

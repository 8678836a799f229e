#include "wrappers/rename/rename_store.h"

#include <map>

#include "core/json_text.h"
#include "core/path.h"
#include "store/apply.h"
#include "wrappers/core/mapped_plan.h"
#include "wrappers/core/mapped_store.h"
#include "wrappers/core/mapped_subscription.h"

namespace strata {
namespace {

using Names = std::map<std::string, std::string, std::less<>>;

struct RenameOptions {
  Names stored_of;  // by shown name
};

Names ReadFields(Value v, const std::string& pointer, ConfigProblems* problems) {
  Names out;
  if (!v.is_object()) {
    problems->push_back({pointer, Concat("expected an object of shown names with the stored ones, "
                                         "found ",
                                         TypeName(v.type()))});
    return out;
  }
  std::map<std::string, std::string> shown_of;
  std::string scratch;
  for (MemberIterator m(v); !m.done(); m.Next()) {
    const std::string shown(m.name(&scratch));
    const std::string at = JsonPointerBelow(pointer, shown);
    if (!m.value().is_string() || m.value().String().empty()) {
      problems->push_back(
          {at, Concat("expected the name of a stored member, found ", TypeName(m.value().type()))});
      continue;
    }
    const std::string stored = m.value().String();
    if (shown == kIdProperty || stored == kIdProperty) {
      problems->push_back({at, "\"id\" cannot be renamed"});
    } else if (!shown_of.try_emplace(stored, shown).second) {
      problems->push_back({at, Concat("the stored member ", JsonString(stored), " is shown as ",
                                      JsonString(shown_of[stored]), " already")});
    }
    out.emplace(shown, stored);
  }
  return out;
}

class RenameMapping final : public RowMapping {
 public:
  explicit RenameMapping(const Names& stored_of) : stored_of_(stored_of) {
    for (const auto& [shown, stored] : stored_of) shown_of_.emplace(stored, shown);
  }

  std::optional<std::vector<std::string>> StoredPath(
      const std::vector<std::string>& visible) const override {
    std::vector<std::string> out = visible;
    if (out.empty()) return std::nullopt;
    if (const auto it = stored_of_.find(out[0]); it != stored_of_.end()) {
      out[0] = it->second;
    } else if (shown_of_.contains(out[0])) {
      return std::nullopt;  // below it is another one's member; here it is missing
    }
    return out;
  }

  Document VisibleRow(const Document& stored) const override {
    std::string out = "{", scratch;
    for (MemberIterator m(stored.root()); !m.done(); m.Next()) {
      const std::string_view name = m.name(&scratch);
      const auto it = shown_of_.find(name);
      if (it == shown_of_.end() && stored_of_.contains(name)) continue;
      Append(&out, it == shown_of_.end() ? std::string(m.raw_name()) : JsonString(it->second),
             m.value());
    }
    return Document::FromTrusted(out + "}");
  }

  // InvalidArgument when a member has the stored name of another one.
  StatusOr<Document> Stored(const Document& shown) const {
    std::string out = "{", scratch;
    for (MemberIterator m(shown.root()); !m.done(); m.Next()) {
      const std::string_view name = m.name(&scratch);
      ASSIGN_OR_RETURN(const std::string stored, StoredName(name));
      Append(&out, stored == name ? std::string(m.raw_name()) : JsonString(stored), m.value());
    }
    return Document::FromTrusted(out + "}");
  }

  // ---- for MappedStore ----
  Status Show(std::span<std::optional<Record>> read) const {
    for (auto& r : read) {
      if (r) r->document = VisibleRow(r->document);
    }
    return OkStatus();
  }
  template <typename Target>
  StatusOr<WriteResult> Write(Target& inner, const Context& ctx, const WriteBatch& batch) const {
    WriteBatch stored = batch;
    for (size_t i = 0; i < stored.ops.size(); ++i) {
      StatusOr<WriteOp> op = StoredOp(batch.ops[i]);
      if (!op.ok()) return InBatch(op.status(), batch, i);
      stored.ops[i] = *std::move(op);
    }
    return inner.Write(ctx, stored);
  }
  template <typename Target>
  static StatusOr<std::unique_ptr<Plan>> Prepare(Target& inner, const Context& ctx,
                                                 const Query& query,
                                                 std::shared_ptr<const RenameMapping> mapping,
                                                 const std::string& stage) {
    return PrepareMapped(inner, ctx, query, std::move(mapping), {}, stage);
  }

 private:
  StatusOr<WriteOp> StoredOp(const WriteOp& op) const {
    WriteOp out = op;
    if (op.kind == WriteKind::kPatch) {
      ASSIGN_OR_RETURN(out.document, StoredPatch(op.document));
    } else if (op.document && op.document.root().is_object()) {
      ASSIGN_OR_RETURN(out.document, Stored(op.document));
    }
    return out;
  }

  static void Append(std::string* out, const std::string& quoted_name, Value v) {
    if (out->size() > 1) *out += ',';
    *out += quoted_name;
    *out += ':';
    *out += v.text();
  }

  StatusOr<std::string> StoredName(std::string_view shown) const {
    if (const auto it = stored_of_.find(shown); it != stored_of_.end()) return it->second;
    const auto it = shown_of_.find(shown);
    if (it == shown_of_.end()) return std::string(shown);
    return InvalidArgument(Concat("the member ", JsonString(shown), " is written as ",
                                  JsonString(it->second), " here"));
  }

  // RFC 6902 with the pointers' first steps renamed. What is malformed is left for the base store
  // to refuse.
  StatusOr<Document> StoredPatch(const Document& patch) const {
    if (!patch.root().is_array()) return patch;
    std::string out = "[";
    for (uint32_t i = 0; i < patch.root().size(); ++i) {
      const Value op = patch.root().At(i);
      if (!op.is_object()) return patch;
      const bool whole = op.Find("path").is_string() && op.Find("path").String().empty();
      std::string one = "{", scratch;
      for (MemberIterator m(op); !m.done(); m.Next()) {
        const std::string_view name = m.name(&scratch);
        std::string value(m.value().text());
        if ((name == "path" || name == "from") && m.value().is_string()) {
          const auto steps = ParseJsonPointer(m.value().String());
          if (steps.ok() && !steps->empty()) {
            std::string pointer;
            for (size_t s = 0; s < steps->size(); ++s) {
              if (s > 0) {
                AppendJsonPointer(&pointer, (*steps)[s]);
                continue;
              }
              ASSIGN_OR_RETURN(const std::string stored, StoredName((*steps)[0]));
              AppendJsonPointer(&pointer, stored);
            }
            value = JsonString(pointer);
          }
        } else if (name == "value" && whole && m.value().is_object()) {
          ASSIGN_OR_RETURN(const Document d, Stored(Document::FromTrusted(value)));
          value = d.text();
        }
        one += (one.size() > 1 ? "," : "") + std::string(m.raw_name()) + ":" + value;
      }
      out += (i > 0 ? "," : "") + one + "}";
    }
    return Document::FromTrusted(out + "]");
  }

  const Names stored_of_;
  Names shown_of_;
};

class RenameStore final : public MappedStore<RenameMapping> {
 public:
  using MappedStore::MappedStore;

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    return SubscribeMapped(
        inner(), ctx, request, [m = mapping()](const Document& d) { return m->VisibleRow(d); },
        mapping());
  }
};

OptionTable<RenameOptions> Table() {
  OptionTable<RenameOptions> t;
  t.Json("fields", &RenameOptions::stored_of, "",
         R"({"type":"object","additionalProperties":{"type":"string"}})",
         "shown names with the stored ones", ReadFields)
      .Required();
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const RenameOptions& options, StoreInfo info,
                                       const BuildContext&) {
  return std::make_shared<RenameStore>(std::move(info),
                                       std::make_shared<RenameMapping>(options.stored_of));
}

}  // namespace

Status RegisterRename(StageRegistry& registry) {
  return registry.Register(
      MakeStageType<RenameOptions>("rename", "shows members under other names than they are stored",
                                   "//wrappers/rename", Children::kOne, Table(), Build));
}

}  // namespace strata

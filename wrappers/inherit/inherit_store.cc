#include "wrappers/inherit/inherit_store.h"

#include "core/json_patch.h"
#include "core/json_text.h"
#include "core/path.h"
#include "core/projection.h"
#include "query/operator_table.h"
#include "store/ops.h"
#include "wrappers/core/mapped_plan.h"
#include "wrappers/core/mapped_store.h"
#include "wrappers/core/mapped_subscription.h"
#include "wrappers/core/mapped_write.h"
#include "wrappers/inherit/hierarchy.h"

namespace strata {
namespace {

using inherit::Hierarchy;
using inherit::TypeNames;

constexpr int kRetypeAttempts = 64;

struct InheritOptions {
  std::string discriminator;
  bool visible = true;
  Hierarchy types;
};

// What one store of the hierarchy shows of the inner one.
class TypeMapping final : public WorkedOutMapping, public RowMapping {
 public:
  TypeMapping(const InheritOptions& options, std::string type)
      : options_(options),
        type_(std::move(type)),
        own_(options.types.SubtypesOf(type_)),
        hidden_(std::vector<Path>{Path::Of(options.discriminator)}) {
    std::vector<Node> names;
    for (const std::string& t : own_) names.push_back(Node::Str(t));
    const Node path = Node::PathNode({options.discriminator});
    condition_ = names.size() == 1 ? Node::Call(Op::kEq, {path, names[0]})
                                   : Node::Call(Op::kIn, {path, Node::Array(std::move(names))});
  }

  bool visible() const { return options_.visible; }
  // "Of the types of this store".
  const Node& condition() const { return condition_; }
  bool Holds(std::string_view type) const { return own_.contains(type); }
  std::string TypeOf(const Document& stored) const {
    const Value v = stored.Find(options_.discriminator);
    return v.is_string() ? v.String() : "";
  }
  Document WithType(const Document& d, std::string_view type) const {
    return WithMember(d, options_.discriminator, JsonString(type));
  }
  Status NoSuchType(std::string_view type) const {
    const std::vector<std::string_view> names(own_.begin(), own_.end());
    return InvalidArgument(Concat("there is no type ", JsonString(ToValidUtf8(type)), " here",
                                  DidYouMean(type, names, "types")));
  }

  // ---- WriteMapping ----
  StatusOr<std::optional<Record>> Visible(const std::optional<Record>& stored) const override {
    if (!stored || !Holds(TypeOf(stored->document))) return std::optional<Record>();
    return std::optional<Record>(Record{VisibleRow(stored->document), stored->revision});
  }
  StatusOr<Document> Stored(std::string_view id, const std::optional<Record>& stored,
                            const Document& after) const override {
    if (!after) return after;
    const std::string is = stored ? TypeOf(stored->document) : "";
    if (stored && !Holds(is)) {
      return AlreadyExists(
          Concat("the id ", JsonString(id), " is taken by a record of another type"));
    }
    const Value said = after.Find(options_.discriminator);
    const std::string at = "/" + options_.discriminator;
    if (!said.exists()) {
      if (!is.empty()) return WithType(after, is);
      if (type_.empty())
        return InvalidArgument(Concat(at, ": a new record here has to say its type"));
      return WithType(after, type_);
    }
    if (!options_.visible)
      return InvalidArgument(Concat(at, ": this member is the stage's own; choose another name"));
    const std::string wanted = said.is_string() ? said.String() : "";
    if (wanted.empty())
      return InvalidArgument(Concat(at, ": expected a type's name, found ", said.text()));
    if (!is.empty() && wanted != is) {
      return InvalidArgument(Concat(at, ": the record is of type ", JsonString(is),
                                    " and stays so when it is written; retype it instead"));
    }
    if (!Holds(wanted)) return NoSuchType(wanted);
    return after;
  }

  // ---- RowMapping ----
  std::optional<std::vector<std::string>> StoredPath(
      const std::vector<std::string>& visible) const override {
    if (visible.empty() || visible[0] == options_.discriminator) return std::nullopt;
    return visible;
  }
  Document VisibleRow(const Document& stored) const override {
    return options_.visible ? stored : hidden_.Drop(stored);
  }

  // ---- for MappedStore ----
  template <typename Target>
  static StatusOr<std::unique_ptr<Plan>> Prepare(Target& inner, const Context& ctx,
                                                 const Query& query,
                                                 std::shared_ptr<const TypeMapping> mapping,
                                                 const std::string& stage) {
    if (!mapping->visible()) {
      const std::vector<Node> more = {mapping->condition()};
      return PrepareMapped(inner, ctx, query, std::move(mapping), more, stage);
    }
    return inner.Prepare(ctx, mapping->Restricted(query));
  }
  Query Restricted(const Query& query) const {
    std::vector<Node> conjuncts = {condition_};
    conjuncts.insert(conjuncts.end(), query.conjuncts().begin(), query.conjuncts().end());
    return Query::Of(std::move(conjuncts), query.stages());
  }

 private:
  const InheritOptions options_;
  const std::string type_;  // "": every type
  const TypeNames own_;     // it and its subtypes
  const Projection hidden_;
  Node condition_;
};

class InheritStore final : public MappedStore<TypeMapping>, public Retyping {
 public:
  using MappedStore::MappedStore;

  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    if (mapping()->visible()) {
      SubscribeRequest typed = request;
      typed.query = mapping()->Restricted(request.query);
      return inner().Subscribe(ctx, typed);
    }
    return SubscribeMapped(
        inner(), ctx, request,
        [m = mapping()](const Document& d) {
          return m->Holds(m->TypeOf(d)) ? m->VisibleRow(d) : Document();
        },
        mapping());
  }

  StatusOr<WriteOutcome> Retype(const Context& ctx, std::string_view id,
                                std::string_view type) override {
    if (!mapping()->Holds(type)) return mapping()->NoSuchType(type);
    for (int attempt = 0; attempt < kRetypeAttempts; ++attempt) {
      RETURN_IF_ERROR(ctx.Check());
      ASSIGN_OR_RETURN(const std::optional<Record> stored, Get(inner(), ctx, id));
      if (!stored || !mapping()->Holds(mapping()->TypeOf(stored->document)))
        return NotFound(Concat("there is no document with the id ", JsonString(id)));
      if (mapping()->TypeOf(stored->document) == type)
        return WriteOutcome{std::string(id), stored->revision, false, false};
      const WriteOp op{WriteKind::kPut, std::string(id),
                       mapping()->WithType(stored->document, type), Presence::kAny,
                       stored->revision};
      StatusOr<WriteOutcome> written = WriteOne(inner(), ctx, op);
      if (written.status().code() != StatusCode::kFailedPrecondition) return written;
    }
    return Aborted("other writers of the same document were faster again and again");
  }
};

OptionTable<InheritOptions> Table() {
  OptionTable<InheritOptions> t;
  t.String("discriminator", &InheritOptions::discriminator, "\"type\"",
           "the member that holds a record's type");
  t.Bool("visible", &InheritOptions::visible, true,
         "whether documents show that member to their readers");
  t.Json("types", &InheritOptions::types, "",
         R"({"type":"object","minProperties":1,"additionalProperties":{"type":"object",)"
         R"("properties":{"extends":{"anyOf":[{"type":"string"},{"type":"array","items":)"
         R"({"type":"string"}}]}},"additionalProperties":false}})",
         "the types, each with those that it extends", Hierarchy::Read)
      .Required();
  return t;
}

StatusOr<std::shared_ptr<Store>> Build(const InheritOptions& options, StoreInfo info,
                                       const BuildContext&) {
  auto mapping = std::make_shared<TypeMapping>(options, info.member);
  return std::make_shared<InheritStore>(std::move(info), std::move(mapping));
}

}  // namespace

Status RegisterInherit(StageRegistry& registry) {
  StageType type = MakeStageType<InheritOptions>(
      "inherit", "super- and subtypes over one store; gives a store each", "//wrappers/inherit",
      Children::kOne, Table(), Build);
  type.members = [](const void* options) {
    return static_cast<const InheritOptions*>(options)->types.names();
  };
  type.order.distinct_on_line = "discriminator";
  type.order.wants_index_on = "discriminator";
  return registry.Register(std::move(type));
}

}  // namespace strata

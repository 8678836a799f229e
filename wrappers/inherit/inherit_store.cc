#include "wrappers/inherit/inherit_store.h"

#include "core/json_patch.h"
#include "core/json_text.h"
#include "core/path.h"
#include "query/operator_table.h"
#include "store/ops.h"
#include "wrappers/core/mapped_plan.h"
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
class TypeMapping final : public WriteMapping, public RowMapping {
 public:
  TypeMapping(const InheritOptions& options, std::string type)
      : options_(options),
        type_(std::move(type)),
        own_(options.types.SubtypesOf(type_)),
        hidden_({Path::Of(options.discriminator)}) {
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
    std::string message = Concat("there is no type ", JsonString(ToValidUtf8(type)), " here");
    std::vector<std::string_view> names(own_.begin(), own_.end());
    if (const auto near = Nearest(type, names); !near.empty())
      message += Concat("; did you mean \"", near, "\"?");
    message += " (types:";
    for (std::string_view n : names) message += Concat(" ", n);
    return InvalidArgument(message + ")");
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
    return options_.visible ? stored : DropPaths(stored, hidden_);
  }

 private:
  const InheritOptions options_;
  const std::string type_;  // "": every type
  const TypeNames own_;     // it and its subtypes
  const std::vector<Path> hidden_;
  Node condition_;
};

template <typename Target>
StatusOr<std::unique_ptr<Plan>> PrepareTyped(Target& inner, const Context& ctx, const Query& query,
                                             std::shared_ptr<const TypeMapping> mapping,
                                             const std::string& stage) {
  if (!mapping->visible()) {
    const std::vector<Node> more = {mapping->condition()};
    return PrepareMapped(inner, ctx, query, std::move(mapping), more, stage);
  }
  std::vector<Node> conjuncts = {mapping->condition()};
  conjuncts.insert(conjuncts.end(), query.conjuncts().begin(), query.conjuncts().end());
  return inner.Prepare(ctx, Query::Of(std::move(conjuncts), query.stages()));
}

class InheritTransaction final : public MappedTransaction {
 public:
  InheritTransaction(std::unique_ptr<Transaction> inner, std::shared_ptr<const TypeMapping> mapping,
                     IdGenerator& ids, std::string stage)
      : MappedTransaction(std::move(inner), *mapping, ids),
        mapping_(std::move(mapping)),
        stage_(std::move(stage)) {}
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return PrepareTyped(inner(), ctx, query, mapping_, stage_);
  }

 private:
  const std::shared_ptr<const TypeMapping> mapping_;
  const std::string stage_;
};

class InheritStore final : public Store, public Retyping {
 public:
  InheritStore(const InheritOptions& options, StoreInfo info)
      : info_(std::move(info)),
        inner_(*info_.children[0]),
        mapping_(std::make_shared<TypeMapping>(options, info_.member)) {}

  const StoreInfo& info() const override { return info_; }
  Capabilities capabilities() const override {
    Capabilities c = inner_.capabilities();
    c.verbatim = false;
    return c;
  }
  Status Read(const Context& ctx, std::span<const std::string_view> ids,
              std::span<std::optional<Record>> out) override {
    RETURN_IF_ERROR(inner_.Read(ctx, ids, out));
    return MakeVisible(*mapping_, out);
  }
  StatusOr<WriteResult> Write(const Context& ctx, const WriteBatch& batch) override {
    return WriteMapped(inner_, ctx, batch, *mapping_, ids_);
  }
  StatusOr<std::unique_ptr<Plan>> Prepare(const Context& ctx, const Query& query) override {
    return PrepareTyped(inner_, ctx, query, mapping_, info_.stage);
  }
  StatusOr<std::unique_ptr<Transaction>> Begin(const Context& ctx,
                                               const TransactionOptions& options) override {
    ASSIGN_OR_RETURN(auto inner, inner_.Begin(ctx, options));
    return std::make_unique<InheritTransaction>(std::move(inner), mapping_, ids_, info_.stage);
  }
  StatusOr<std::unique_ptr<Subscription>> Subscribe(const Context& ctx,
                                                    const SubscribeRequest& request) override {
    SubscribeRequest typed = request;
    std::vector<Node> conjuncts = {mapping_->condition()};
    if (mapping_->visible()) {
      conjuncts.insert(conjuncts.end(), request.query.conjuncts().begin(),
                       request.query.conjuncts().end());
      typed.query = Query::Of(std::move(conjuncts), request.query.stages());
      return inner_.Subscribe(ctx, typed);
    }
    return SubscribeMapped(
        inner_, ctx, request,
        [m = mapping_](const Document& d) {
          return m->Holds(m->TypeOf(d)) ? m->VisibleRow(d) : Document();
        },
        mapping_);
  }

  StatusOr<WriteOutcome> Retype(const Context& ctx, std::string_view id,
                                std::string_view type) override {
    if (!mapping_->Holds(type)) return mapping_->NoSuchType(type);
    for (int attempt = 0; attempt < kRetypeAttempts; ++attempt) {
      RETURN_IF_ERROR(ctx.Check());
      ASSIGN_OR_RETURN(const std::optional<Record> stored, Get(inner_, ctx, id));
      if (!stored || !mapping_->Holds(mapping_->TypeOf(stored->document)))
        return NotFound(Concat("there is no document with the id ", JsonString(id)));
      if (mapping_->TypeOf(stored->document) == type)
        return WriteOutcome{std::string(id), stored->revision, false, false};
      const WriteOp op{WriteKind::kPut, std::string(id), mapping_->WithType(stored->document, type),
                       Presence::kAny, stored->revision};
      StatusOr<WriteOutcome> written = WriteOne(inner_, ctx, op);
      if (written.status().code() != StatusCode::kFailedPrecondition) return written;
    }
    return Aborted("other writers of the same document were faster again and again");
  }

 private:
  const StoreInfo info_;
  Store& inner_;  // owned by info_.children
  const std::shared_ptr<const TypeMapping> mapping_;
  IdGenerator ids_;
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
  return std::make_shared<InheritStore>(options, std::move(info));
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

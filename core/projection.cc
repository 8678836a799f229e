#include "core/projection.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/json_text.h"
#include "core/object_writer.h"

namespace strata {

// The paths' steps; a leaf takes the whole value.
struct Projection::Tree {
  struct Child;

  bool leaf = false;
  std::vector<Child> children;

  void Insert(const Path& path, size_t step);
  const Tree* Find(std::string_view name) const;
  const Tree* FindElement(uint32_t at) const;
  // Appends the parts of `v` that are named; false when there are none.
  bool AppendKept(std::string* out, Value v) const;
  void AppendOthers(std::string* out, Value v) const;
};

struct Projection::Tree::Child {
  MemberKey key;
  std::string raw_name;
  int64_t index;  // in an array; -1: not a number
  Tree tree;
};

void Projection::Tree::Insert(const Path& path, size_t step) {
  if (step == path.size()) {
    leaf = true;
    return;
  }
  const std::string& name = path.name(step);
  auto it = std::find_if(children.begin(), children.end(),
                         [&](const Child& c) { return c.key.name() == name; });
  if (it == children.end()) {
    children.push_back({MemberKey(name), JsonString(name), ParseArrayIndex(name), {}});
    it = children.end() - 1;
  }
  it->tree.Insert(path, step + 1);
}

const Projection::Tree* Projection::Tree::Find(std::string_view name) const {
  for (const Child& c : children) {
    if (c.key.name() == name) return &c.tree;
  }
  return nullptr;
}

const Projection::Tree* Projection::Tree::FindElement(uint32_t at) const {
  for (const Child& c : children) {
    if (c.index == at) return &c.tree;
  }
  return nullptr;
}

bool Projection::Tree::AppendKept(std::string* out, Value v) const {
  if (leaf) {
    out->append(v.text());
    return true;
  }
  const size_t start = out->size();
  ObjectWriter w(out);
  bool any = false;
  for (const Child& c : children) {
    Value next = v.Find(c.key);
    if (c.index >= 0 && v.is_array() && c.index < v.size())
      next = v.At(static_cast<uint32_t>(c.index));
    if (!next.exists()) continue;
    const size_t before = out->size();
    const ObjectWriter undo = w;
    w.Name(c.raw_name);
    if (c.tree.AppendKept(out, next)) {
      any = true;
    } else {
      out->resize(before);
      w = undo;
    }
  }
  w.Close();
  if (!any) out->resize(start);
  return any;
}

void Projection::Tree::AppendOthers(std::string* out, Value v) const {
  if (v.is_object()) {
    ObjectWriter w(out);
    std::string scratch;
    for (MemberIterator m(v); !m.done(); m.Next()) {
      const Tree* child = Find(m.name(&scratch));
      if (child == nullptr) {
        w.Raw(m.raw_name(), m.value().text());
      } else if (!child->leaf) {
        w.Name(m.raw_name());
        child->AppendOthers(out, m.value());
      }
    }
    w.Close();
  } else if (v.is_array()) {
    out->push_back('[');
    bool first = true;
    for (uint32_t i = 0; i < v.size(); ++i) {
      const Tree* child = FindElement(i);
      if (child != nullptr && child->leaf) continue;
      if (!first) out->push_back(',');
      first = false;
      if (child == nullptr) {
        out->append(v.At(i).text());
      } else {
        child->AppendOthers(out, v.At(i));
      }
    }
    out->push_back(']');
  } else {
    out->append(v.text());
  }
}

Projection::Projection(std::span<const Path> paths) {
  auto tree = std::make_shared<Tree>();
  for (const Path& p : paths) tree->Insert(p, 0);
  tree_ = std::move(tree);
}

Document Projection::Keep(const Document& object) const {
  std::string out;
  if (!tree_->AppendKept(&out, object.root())) out = "{}";
  return Document::FromTrusted(out);
}

Document Projection::Drop(const Document& object) const {
  std::string out;
  tree_->AppendOthers(&out, object.root());
  return Document::FromTrusted(out);
}

}  // namespace strata

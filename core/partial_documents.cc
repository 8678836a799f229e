#include "core/partial_documents.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/document_rep.h"

namespace strata {
namespace {

using internal::DocumentRep;
using internal::Selection;

constexpr size_t kChunkBytes = 64 << 10;

void Select(Selection* s, const Path& path, size_t step) {
  auto m = std::find_if(s->members.begin(), s->members.end(),
                        [&](const Selection::Member& m) { return m.name == path.name(step); });
  const bool fresh = m == s->members.end();
  if (fresh) {
    s->members.push_back({path.name(step), HashMemberName(path.name(step)), nullptr});
    m = s->members.end() - 1;
  }
  if (step + 1 == path.size()) {
    m->below = nullptr;
  } else if (fresh || m->below != nullptr) {
    if (fresh) m->below = std::make_unique<Selection>();
    Select(m->below.get(), path, step + 1);
  }
}

}  // namespace

PathSelection SelectPaths(std::span<const Path> paths) {
  auto root = std::make_shared<Selection>();
  for (const Path& p : paths) {
    if (p.empty()) return nullptr;
    Select(root.get(), p, 0);
  }
  return root;
}

char* PartialDocuments::Take(size_t bytes) {
  bytes = (bytes + 7) & ~size_t{7};
  while (end_.chunk < chunks_.size() && chunks_[end_.chunk].size - end_.used < bytes)
    end_ = {end_.chunk + 1, 0};
  if (end_.chunk == chunks_.size()) {
    const size_t size = std::max(bytes, kChunkBytes);
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
  }
  char* const p = chunks_[end_.chunk].bytes.get() + end_.used;
  end_.used += bytes;
  return p;
}

Value PartialDocuments::Add(std::string_view text) {
  last_ = end_;
  auto* rep = new (Take(sizeof(DocumentRep) + text.size() + kTextPadding)) DocumentRep();
  rep->size = static_cast<uint32_t>(text.size());
  rep->text_at = sizeof(DocumentRep);
  std::memcpy(rep->text(), text.data(), text.size());
  std::memset(rep->text() + text.size(), 0, kTextPadding);
  const std::span<const uint32_t> nodes =
      internal::WalkSelected(rep->text(), text.size(), *selection_);
  auto* index = reinterpret_cast<uint32_t*>(
      Take(internal::StoredIndexWords(nodes.size()) * sizeof(uint32_t)));
  internal::StoreIndex(nodes, index);
  rep->index.store(index + 1, std::memory_order_release);
  rows_.push_back(rep);
  return At(rows_.size() - 1);
}

Value PartialDocuments::At(size_t row) const { return Value(rows_[row], rows_[row]->Index()[0]); }

void PartialDocuments::RemoveLast() {
  rows_.pop_back();
  end_ = last_;
}

void PartialDocuments::Clear() {
  rows_.clear();
  std::erase_if(chunks_, [](const Chunk& c) { return c.size > kChunkBytes; });
  end_ = last_ = Mark();
}

}  // namespace strata

// The field index: one pass over valid, minified text.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "core/document_rep.h"
#include "core/json_text.h"

namespace strata::internal {
namespace {

// Open container: where its members begin on the pending stacks, and where its text begins.
struct Frame {
  uint32_t first;
  uint32_t offset;
  bool object;
};

// Kept per thread: a walk allocates only the finished index.
struct Scratch {
  std::vector<uint32_t> hashes;   // pending members' name hashes (0 for elements)
  std::vector<uint32_t> names;    // and offsets of their names
  std::vector<uint32_t> entries;  // pending members' and elements' entries
  std::vector<uint32_t> nodes;    // finished containers, children before parents
  Frame frames[kMaxDepth + 2];

  void Trim() {
    constexpr size_t kKeep = 1 << 16;
    for (auto* v : {&hashes, &names, &entries, &nodes}) {
      if (v->capacity() > kKeep) {
        v->clear();
        v->shrink_to_fit();
      }
    }
  }
};

class Builder {
 public:
  Builder(const char* text, Scratch& s) : text_(text), s_(s) {}

  // Returns the offset of a repeated name's value, or 0.
  uint32_t FindDuplicate(const Frame& frame) {
    const uint32_t n = static_cast<uint32_t>(s_.entries.size()) - frame.first;
    const uint32_t* h = s_.hashes.data() + frame.first;
    if (n <= 24) {
      for (uint32_t i = 1; i < n; ++i) {
        for (uint32_t j = 0; j < i; ++j) {
          if (h[i] == h[j]) [[unlikely]] {
            if (uint32_t at = SameName(frame, j, i)) return at;
          }
        }
      }
      return 0;
    }
    // Many members: sort by hash, and by name where hashes agree, so that crafted collisions stay n
    // log n.
    std::vector<uint32_t> order(n);
    for (uint32_t i = 0; i < n; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return h[a] < h[b]; });
    for (uint32_t i = 0; i < n;) {
      uint32_t end = i + 1;
      while (end < n && h[order[end]] == h[order[i]]) ++end;
      if (end - i > 1) {
        std::vector<std::pair<std::string, uint32_t>> names;
        for (uint32_t k = i; k < end; ++k) names.emplace_back(Name(frame, order[k]), order[k]);
        std::sort(names.begin(), names.end());
        for (size_t k = 1; k < names.size(); ++k) {
          if (names[k].first == names[k - 1].first) return ValueAt(frame, names[k].second);
        }
      }
      i = end;
    }
    return 0;
  }

  Entry Close(const Frame& frame, uint32_t end, bool name_escaped) {
    const uint32_t at = static_cast<uint32_t>(s_.nodes.size());
    const uint32_t n = static_cast<uint32_t>(s_.entries.size()) - frame.first;
    const size_t words = 3 + (frame.object ? 2 * size_t{n} : n);
    s_.nodes.resize(at + words);
    uint32_t* node = s_.nodes.data() + at;
    node[0] = frame.offset;
    node[1] = end;
    node[2] = n;
    node += 3;
    if (frame.object) {
      std::copy_n(s_.hashes.begin() + frame.first, n, node);
      node += n;
    }
    std::copy_n(s_.entries.begin() + frame.first, n, node);
    s_.hashes.resize(frame.first);
    s_.names.resize(frame.first);
    s_.entries.resize(frame.first);
    return Entry::Make(frame.object ? Kind::kObject : Kind::kArray, name_escaped, at);
  }

 private:
  uint32_t ValueAt(const Frame& frame, uint32_t member) {
    const Entry e{s_.entries[frame.first + member]};
    return e.is_container() ? s_.nodes[e.payload()] : e.payload();
  }
  std::string Name(const Frame& frame, uint32_t member) {
    const char* open = text_ + s_.names[frame.first + member];
    return DecodeJsonString({open, static_cast<size_t>(StringEnd(open) - open)});
  }
  uint32_t SameName(const Frame& frame, uint32_t a, uint32_t b) {
    return Name(frame, a) == Name(frame, b) ? ValueAt(frame, b) : 0;
  }

  const char* text_;
  Scratch& s_;
};

// The member of that name; `raw` is the name as it stands in the text, with its quotes.
const Selection::Member* FindSelected(const Selection& selection, std::string_view raw,
                                      bool escaped) {
  if (escaped) [[unlikely]] {
    const std::string name = DecodeJsonString(raw);
    for (const Selection::Member& m : selection.members) {
      if (m.name == name) return &m;
    }
    return nullptr;
  }
  const size_t size = raw.size() - 2;
  for (const Selection::Member& m : selection.members) {
    if (m.name.size() != size) continue;
    // Most names of that size differ in the first byte or the last.
    if (size == 0 || (m.name[0] == raw[1] && m.name[size - 1] == raw[size] &&
                      std::memcmp(m.name.data(), raw.data() + 1, size) == 0))
      return &m;
  }
  return nullptr;
}

// `selection`: of the root, when kSelect.
template <bool kSelect>
std::span<const uint32_t> Walk(const char* text, size_t size, uint32_t* duplicate_at,
                               const Selection* selection) {
  thread_local Scratch s;
  s.Trim();
  s.hashes.clear();
  s.names.clear();
  s.entries.clear();
  s.nodes.clear();
  s.nodes.push_back(0);  // the root's entry, filled in last
  if (kSelect && selection->members.empty() && *text == '{') {
    s.nodes = {Entry::Make(Kind::kObject, false, 1).bits, 0, static_cast<uint32_t>(size), 0};
    return s.nodes;
  }
  Builder builder(text, s);

  const char* p = text;
  const char* const end = text + size;
  int depth = 0;
  // Of the member whose value comes next.
  uint32_t hash = 0;
  uint32_t name_at = 0;
  bool escaped = false;
  // Each round: at p stands a value, or (in an object) a member's name and value, or a closing
  // bracket.
  bool name_escaped_of[kMaxDepth + 2];
  uint32_t hash_of[kMaxDepth + 2];
  uint32_t name_at_of[kMaxDepth + 2];
  // What is selected of each open container, and of the value that comes next; null: everything.
  const Selection* selected_of[kSelect ? kMaxDepth + 2 : 1];
  const Selection* selected = selection;
  while (p < end) {
    uint32_t at = 0;
    Entry done{0};
    if (depth > 0 && s.frames[depth].object && *p == '"') {
      bool name_escapes = false;
      name_at = static_cast<uint32_t>(p - text);
      const char* close = StringClose(p, &name_escapes);
      const std::string_view raw(p, close + 1 - p);
      escaped = name_escapes;
      if (close[1] != ':') return {};
      p = close + 2;
      const Selection::Member* member = nullptr;
      if (kSelect && selected_of[depth] != nullptr) {
        member = FindSelected(*selected_of[depth], raw, escaped);
        if (member == nullptr) {
          p = ValueEnd(p);
          if (*p != ',') goto closing;
          ++p;
          continue;
        }
        hash = member->hash;
      } else {
        hash = escaped ? HashMemberName(DecodeJsonString(raw))
                       : HashMemberName(raw.substr(1, raw.size() - 2));
      }
      if (kSelect) selected = member != nullptr ? member->below.get() : nullptr;
    } else if (depth > 0 && !s.frames[depth].object) {
      hash = 0;
      escaped = false;
      if (kSelect) selected = nullptr;
    }
    at = static_cast<uint32_t>(p - text);
    switch (*p) {
      case '{':
      case '[':
        ++depth;
        s.frames[depth] = {static_cast<uint32_t>(s.entries.size()), at, *p == '{'};
        name_escaped_of[depth] = escaped;
        hash_of[depth] = hash;
        name_at_of[depth] = name_at;
        if (kSelect) selected_of[depth] = *p == '{' ? selected : nullptr;
        ++p;
        if (*p != '}' && *p != ']') {
          if (s.frames[depth].object && *p != '"') return {};
          continue;
        }
        [[fallthrough]];
      case '}':
      case ']':
      closing : {
        const Frame& frame = s.frames[depth];
        if (duplicate_at != nullptr && frame.object) {
          if (uint32_t repeated = builder.FindDuplicate(frame)) {
            *duplicate_at = repeated;
            return {};
          }
        }
        ++p;
        done = builder.Close(frame, static_cast<uint32_t>(p - text), name_escaped_of[depth]);
        hash = hash_of[depth];
        name_at = name_at_of[depth];
        --depth;
        break;
      }
      case '"': {
        bool escapes = false;
        p = StringClose(p, &escapes) + 1;
        done = Entry::Make(escapes ? Kind::kEscapedString : Kind::kString, escaped, at);
        break;
      }
      case 't':
        p += 4;
        done = Entry::Make(Kind::kTrue, escaped, at);
        break;
      case 'f':
        p += 5;
        done = Entry::Make(Kind::kFalse, escaped, at);
        break;
      case 'n':
        p += 4;
        done = Entry::Make(Kind::kNull, escaped, at);
        break;
      default:
        // White space before or behind the number?
        if (*p != '-' && static_cast<unsigned char>(*p - '0') > 9) return {};
        p = ScalarEnd(p);
        if (static_cast<unsigned char>(p[-1] - '0') > 9) return {};
        done = Entry::Make(Kind::kNumber, escaped, at);
        break;
    }
    if (depth == 0) {
      if (p != end) return {};
      s.nodes[0] = done.bits;
      break;
    }
    s.hashes.push_back(hash);
    s.names.push_back(name_at);
    s.entries.push_back(done.bits);
    if (kSelect && depth == 1 && selected_of[1] != nullptr &&
        s.entries.size() == selected_of[1]->members.size()) {
      s.nodes[0] = builder.Close(s.frames[1], static_cast<uint32_t>(size), false).bits;
      break;
    }
    if (*p == ',') {
      ++p;
    } else if (*p == '}' || *p == ']') {
      goto closing;
    } else {
      return {};
    }
  }

  return s.nodes;
}

}  // namespace

std::span<const uint32_t> WalkText(const char* text, size_t size, uint32_t* duplicate_at) {
  return Walk<false>(text, size, duplicate_at, nullptr);
}

std::span<const uint32_t> WalkSelected(const char* text, size_t size, const Selection& selection) {
  return Walk<true>(text, size, nullptr, &selection);
}

void StoreIndex(std::span<const uint32_t> nodes, uint32_t* at) {
  at[0] = static_cast<uint32_t>(nodes.size());
  std::memcpy(at + 1, nodes.data(), nodes.size() * sizeof(uint32_t));
  std::memset(at + 1 + nodes.size(), 0, kIndexPadding * sizeof(uint32_t));
}

size_t IndexBytes(const uint32_t* index) { return StoredIndexWords(index[-1]) * sizeof(uint32_t); }

const uint32_t* DocumentRep::BuildIndex() const {
  const std::span<const uint32_t> nodes = WalkText(text(), size, nullptr);
  auto* block =
      static_cast<uint32_t*>(std::malloc(StoredIndexWords(nodes.size()) * sizeof(uint32_t)));
  if (block == nullptr) throw std::bad_alloc();
  StoreIndex(nodes, block);
  uint32_t* expected = nullptr;
  if (index.compare_exchange_strong(expected, block + 1, std::memory_order_acq_rel))
    return block + 1;
  std::free(block);
  return expected;
}

DocumentRep* DocumentRep::Allocate(size_t index_words, size_t size) {
  const size_t text_at = sizeof(DocumentRep) + index_words * sizeof(uint32_t);
  void* memory = ::operator new(text_at + size + kTextPadding);
  auto* rep = new (memory) DocumentRep();
  rep->size = static_cast<uint32_t>(size);
  rep->text_at = static_cast<uint32_t>(text_at);
  std::memset(rep->text() + size, 0, kTextPadding);
  return rep;
}

DocumentRep* DocumentRep::New(size_t size) { return Allocate(0, size); }

DocumentRep* DocumentRep::New(std::string_view text, std::span<const uint32_t> nodes) {
  DocumentRep* rep = Allocate(StoredIndexWords(nodes.size()), text.size());
  StoreIndex(nodes, reinterpret_cast<uint32_t*>(rep + 1));
  rep->index.store(rep->inline_index(), std::memory_order_release);
  std::memcpy(rep->text(), text.data(), text.size());
  return rep;
}

void DocumentRep::Delete(const DocumentRep* rep) {
  auto* r = const_cast<DocumentRep*>(rep);
  uint32_t* index = r->index.load(std::memory_order_acquire);
  if (index != nullptr && index != r->inline_index()) std::free(index - 1);
  r->~DocumentRep();
  ::operator delete(r);
}

}  // namespace strata::internal

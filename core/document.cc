#include "core/document.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "core/document_rep.h"
#include "core/json_parse.h"
#include "core/json_text.h"

namespace strata {

using internal::DocumentRep;
using internal::Entry;
using internal::Kind;

namespace {

// Layout of a container in the field index: offset, end, count, [hashes of names (objects)],
// entries.
constexpr uint32_t kNodeHeader = 3;

uint32_t Mix(uint64_t a, uint64_t b) {
  const unsigned __int128 p =
      static_cast<unsigned __int128>(a ^ 0x9E3779B97F4A7C15ULL) * (b ^ 0xD6E8FEB86659FD93ULL);
  const uint64_t folded = static_cast<uint64_t>(p) ^ static_cast<uint64_t>(p >> 64);
  return static_cast<uint32_t>(folded ^ (folded >> 32));
}

uint64_t Load(const char* p, size_t n) {
  uint64_t v = 0;
  std::memcpy(&v, p, n);
  return v;
}

// Whether the n bytes at `text` are `s` and none of them is a quote. Without escapes, what stands
// between two quotes holds none; `s` may.
bool EqualPlain(const char* text, std::string_view s) {
  const size_t n = s.size();
  const auto quoted =
      [](uint64_t word) {  // a byte of the word is a quote (the usual zero-byte test)
        const uint64_t x = word ^ 0x2222222222222222ULL;
        return ((x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL) != 0;
      };
  if (n > 16) {
    return std::memcmp(text, s.data(), n) == 0 && std::memchr(s.data(), '"', n) == nullptr;
  }
  if (n >= 8) {
    const uint64_t first = Load(s.data(), 8);
    const uint64_t last = Load(s.data() + n - 8, 8);
    return first == Load(text, 8) && last == Load(text + n - 8, 8) && !quoted(first) &&
           !quoted(last);
  }
  for (size_t i = 0; i < n; ++i) {
    if (text[i] != s[i] || s[i] == '"') return false;
  }
  return true;
}

bool NameMatches(const DocumentRep* rep, uint32_t value_at, bool escaped, std::string_view name) {
  const char* text = rep->text();
  if (!escaped) {
    const size_t n = name.size();
    return value_at >= n + 3 && text[value_at - 3 - n] == '"' &&
           EqualPlain(text + value_at - 2 - n, name);
  }
  // An escaped name: its opening quote cannot be found from behind, but the hash has matched, so
  // decode every start that gives a whole string.
  for (uint32_t at = value_at - 2; at-- > 0;) {
    if (text[at] != '"' || (at > 0 && text[at - 1] != '{' && text[at - 1] != ',')) continue;
    const std::string_view raw(text + at, value_at - 1 - at);
    if (raw.size() > 6 * name.size() + 2) return false;
    if (StringEnd(raw.data()) == raw.data() + raw.size() && DecodeJsonString(raw) == name)
      return true;
  }
  return false;
}

}  // namespace

uint32_t HashMemberName(std::string_view name) {
  const char* p = name.data();
  size_t n = name.size();
  if (n <= 3) {
    // The usual short names without a call to memcpy.
    uint64_t v = n;
    for (size_t i = 0; i < n; ++i) v = v << 8 | static_cast<unsigned char>(p[i]);
    return Mix(v, n);
  }
  if (n < 8) {
    const uint64_t low = Load(p, 4);
    const uint64_t high = Load(p + n - 4, 4);
    return Mix(low | high << 32, n);
  }
  uint64_t h = n;
  while (n > 16) {
    h = Mix(Load(p, 8) ^ h, Load(p + 8, 8)) * 0x9E3779B97F4A7C15ULL + h;
    p += 16;
    n -= 16;
  }
  if (n < 8) {  // the tail overlaps what was read before
    p -= 8 - n;
    return Mix(Load(p, 8) ^ h, n + 1);
  }
  return Mix(Load(p, 8) ^ h, Load(p + n - 8, 8) ^ n);
}

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kMissing:
      return "nothing";
    case Type::kNull:
      return "null";
    case Type::kFalse:
      return "false";
    case Type::kTrue:
      return "true";
    case Type::kNumber:
      return "a number";
    case Type::kString:
      return "a string";
    case Type::kArray:
      return "an array";
    case Type::kObject:
      return "an object";
  }
  return "nothing";
}

// ---- Value
// ---------------------------------------------------------------------------------------------------

const uint32_t* Value::index() const { return rep_->index.load(std::memory_order_acquire); }

uint32_t Value::offset() const {
  const Entry e{entry_};
  return e.is_container() ? index()[e.payload()] : e.payload();
}

std::string_view Value::text() const {
  if (rep_ == nullptr) return {};
  const Entry e{entry_};
  const char* text = rep_->text();
  if (e.is_container()) {
    const uint32_t* node = index() + e.payload();
    return {text + node[0], node[1] - node[0]};
  }
  const char* begin = text + e.payload();
  return {begin, static_cast<size_t>(ScalarEnd(begin) - begin)};
}

Number Value::number() const { return Number::Decode(rep_->text() + Entry{entry_}.payload()); }

bool Value::StringEquals(std::string_view s) const {
  const Entry e{entry_};
  const char* p = rep_->text() + e.payload() + 1;
  if (e.kind() == Kind::kString) {
    return e.payload() + 1 + s.size() < rep_->size && p[s.size()] == '"' && EqualPlain(p, s);
  }
  return DecodeJsonString(text()) == s;
}

std::string_view Value::StringView(std::string* scratch) const {
  const std::string_view raw = text();
  if (Entry{entry_}.kind() == Kind::kString) return raw.substr(1, raw.size() - 2);
  *scratch = DecodeJsonString(raw);
  return *scratch;
}

std::string Value::String() const {
  std::string scratch;
  return std::string(StringView(&scratch));
}

Value Value::Find(std::string_view name, uint32_t hash) const {
  if (rep_ == nullptr || Entry{entry_}.kind() != Kind::kObject) return {};
  const uint32_t* const all = index();
  const uint32_t* node = all + Entry{entry_}.payload();
  const uint32_t count = node[2];
  const uint32_t* hashes = node + kNodeHeader;
  const uint32_t* entries = hashes + count;
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(hash));
  for (uint32_t i = 0; i < count; i += 4) {
    // May read past the hashes, never past the index (it ends in padding).
    const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(hashes + i));
    int found = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(four, wanted)));
    for (; found != 0; found &= found - 1) {
      const uint32_t at = i + __builtin_ctz(found);
      if (at >= count) break;
      const Entry e{entries[at]};
      const uint32_t value_at = e.is_container() ? all[e.payload()] : e.payload();
      if (NameMatches(rep_, value_at, e.name_escaped(), name)) return Value(rep_, e.bits);
    }
  }
  return {};
}

MemberKey::MemberKey(std::string name)
    : name_(std::move(name)), hash_(HashMemberName(name_)), plain_(name_.find('"') == name_.npos) {
  const size_t n = std::min<size_t>(name_.size(), 8);
  head_ = Load(name_.data(), n);
  mask_ = n == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * n)) - 1;
}

MemberKey& MemberKey::operator=(const MemberKey& other) {
  name_ = other.name_;
  hash_ = other.hash_;
  plain_ = other.plain_;
  head_ = other.head_;
  mask_ = other.mask_;
  place_.store(kUnknown, std::memory_order_relaxed);
  return *this;
}

Value Value::Find(const MemberKey& key) const {
  if (rep_ == nullptr || Entry{entry_}.kind() != Kind::kObject) return {};
  const uint32_t* const all = index();
  const uint32_t* node = all + Entry{entry_}.payload();
  const uint32_t count = node[2];
  const uint32_t* hashes = node + kNodeHeader;
  const uint32_t* entries = hashes + count;
  const auto is_key = [&](Entry e) {
    const uint32_t value_at = e.is_container() ? all[e.payload()] : e.payload();
    const size_t n = key.name_.size();
    if (e.name_escaped()) return NameMatches(rep_, value_at, true, key.name_);
    if (!key.plain_ || value_at < n + 3) return false;
    const char* at = rep_->text() + value_at - 2 - n;
    return at[-1] == '"' && ((Load(at, 8) ^ key.head_) & key.mask_) == 0 &&
           (n <= 8 || std::memcmp(at + 8, key.name_.data() + 8, n - 8) == 0);
  };
  const uint32_t place = key.place_.load(std::memory_order_relaxed);
  if (place < count && hashes[place] == key.hash_ && is_key(Entry{entries[place]})) [[likely]]
    return Value(rep_, entries[place]);
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(key.hash_));
  for (uint32_t i = 0; i < count; i += 4) {
    // May read past the hashes, never past the index (it ends in padding).
    const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(hashes + i));
    int found = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(four, wanted)));
    for (; found != 0; found &= found - 1) {
      const uint32_t at = i + __builtin_ctz(found);
      if (at >= count) break;
      if (!is_key(Entry{entries[at]})) continue;
      // Once is enough: threads must not wrest the line from one another.
      if (place == MemberKey::kUnknown) key.place_.store(at, std::memory_order_relaxed);
      return Value(rep_, entries[at]);
    }
  }
  return {};
}

uint32_t Value::size() const {
  if (rep_ == nullptr || !Entry{entry_}.is_container()) return 0;
  return index()[Entry{entry_}.payload() + 2];
}

Value Value::At(uint32_t i) const {
  const uint32_t* node = index() + Entry{entry_}.payload();
  const uint32_t skip = Entry{entry_}.kind() == Kind::kObject ? node[2] : 0;
  return Value(rep_, node[kNodeHeader + skip + i]);
}

// ---- MemberIterator
// ------------------------------------------------------------------------------------------

MemberIterator::MemberIterator(Value object) : object_(object) {
  if (!object.is_object()) return;
  count_ = object.size();
  if (count_ == 0) return;
  name_at_ = object.offset() + 1;
  value_ = object.At(0);
}

void MemberIterator::Next() {
  const std::string_view text = value_.text();
  name_at_ = static_cast<uint32_t>(text.data() + text.size() + 1 - object_.rep_->text());
  if (++i_ < count_) value_ = object_.At(i_);
}

std::string_view MemberIterator::raw_name() const {
  return {object_.rep_->text() + name_at_, value_.offset() - 1 - name_at_};
}

std::string_view MemberIterator::name(std::string* scratch) const {
  const std::string_view raw = raw_name();
  if (!Entry{value_.entry_}.name_escaped()) return raw.substr(1, raw.size() - 2);
  *scratch = DecodeJsonString(raw);
  return *scratch;
}

uint32_t MemberIterator::name_hash() const {
  return object_.index()[Entry{object_.entry_}.payload() + kNodeHeader + i_];
}

// ---- Document
// ------------------------------------------------------------------------------------------------

StatusOr<Document> Document::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(DocumentRep * rep, internal::ParseJson(text));
  return Document(rep);
}

Document Document::FromTrusted(std::string_view text) {
  DocumentRep* rep = DocumentRep::New(text.size());
  std::memcpy(rep->text(), text.data(), text.size());
  return Document(rep);
}

size_t Document::IndexBytes() const {
  if (rep_ == nullptr) return 0;
  const uint32_t* index = rep_->index.load(std::memory_order_acquire);
  return index == nullptr ? 0 : internal::IndexBytes(index);
}

size_t Document::MemoryBytes() const {
  if (rep_ == nullptr) return 0;
  return sizeof(DocumentRep) + rep_->size + kTextPadding + IndexBytes();
}

void Document::PrefetchText() const {
  // The index and the beginning of the text, when they lie together.
  const char* p = reinterpret_cast<const char*>(rep_);
  for (int line = 0; line < 8; ++line) __builtin_prefetch(p + 64 * line);
}

void Document::PrefetchIndex() const {
  const char* p = reinterpret_cast<const char*>(rep_->index.load(std::memory_order_acquire));
  if (p - reinterpret_cast<const char*>(rep_) == sizeof(DocumentRep) + sizeof(uint32_t)) return;
  for (int line = 0; line < 3; ++line) __builtin_prefetch(p + 64 * line);
}

}  // namespace strata

#include "base_stores/rocksdb/codec.h"

#include <xxhash.h>

#include <cstring>

#include "base_stores/rocksdb/errors.h"
#include "core/json_text.h"

namespace strata::rocksdb_store {
namespace {

uint32_t Checksum(std::string_view id, uint64_t revision, std::string_view text) {
  const uint64_t seed = XXH3_64bits_withSeed(id.data(), id.size(), revision);
  return static_cast<uint32_t>(XXH3_64bits_withSeed(text.data(), text.size(), seed));
}

template <typename T>
void Append(std::string* out, T v) {
  out->append(reinterpret_cast<const char*>(&v), sizeof v);
}

template <typename T>
T Load(const char* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

constexpr size_t kChangeHeader = 1 + 2 + 2;  // kind, length of id, length of origin
constexpr char kRun = 16;                    // in a kind's place
constexpr size_t kRunHeader = 1 + 2 + 2;     // kRun, number of ids, length of origin

}  // namespace

std::string RecordHeader(std::string_view id, uint64_t revision, std::string_view text) {
  std::string out;
  Append(&out, Checksum(id, revision, text));
  Append(&out, revision);
  return out;
}

StatusOr<std::string_view> RecordText(std::string_view id, std::string_view value) {
  if (value.size() >= kRecordHeader) {
    const auto revision = Load<uint64_t>(value.data() + 4);
    const std::string_view text = value.substr(kRecordHeader);
    if (Load<uint32_t>(value.data()) == Checksum(id, revision, text)) return text;
  }
  return DataLoss(Concat("the record of ", JsonString(ToValidUtf8(id)),
                         " is damaged: its checksum does not hold; ", kRestore));
}

StatusOr<Record> DecodeRecord(std::string_view id, std::string_view value) {
  ASSIGN_OR_RETURN(const std::string_view text, RecordText(id, value));
  return Record{Document::FromTrusted(text), Load<uint64_t>(value.data() + 4)};
}

std::string SequenceKey(uint64_t sequence) {
  std::string out;
  Append(&out, __builtin_bswap64(sequence));
  return out;
}

uint64_t DecodeSequenceKey(std::string_view key) {
  return key.size() == 8 ? __builtin_bswap64(Load<uint64_t>(key.data())) : 0;
}

std::string ChangeHeader(ChangeKind kind, std::string_view id, std::string_view origin) {
  std::string out;
  out.push_back(static_cast<char>(kind));
  Append(&out, static_cast<uint16_t>(id.size()));
  Append(&out, static_cast<uint16_t>(origin.size()));
  out.append(id);
  out.append(origin);
  return out;
}

bool CreationRun::Takes(uint64_t sequence, std::string_view id, std::string_view origin) const {
  return count_ == 0 || (sequence == last_ + 1 && origin == origin_ && count_ < UINT16_MAX &&
                         ids_.size() + id.size() <= kMostBytes);
}

void CreationRun::Add(uint64_t sequence, std::string_view id, std::string_view origin) {
  if (count_ == 0) origin_ = origin;
  ++count_;
  last_ = sequence;
  Append(&ids_, static_cast<uint16_t>(id.size()));
  ids_.append(id);
}

std::string CreationRun::Encode() const {
  std::string out;
  out.reserve(kRunHeader + origin_.size() + ids_.size());
  out.push_back(kRun);
  Append(&out, count_);
  Append(&out, static_cast<uint16_t>(origin_.size()));
  out.append(origin_);
  out.append(ids_);
  return out;
}

void CreationRun::Clear() {
  count_ = 0;
  ids_.clear();
}

Status DecodeChanges(std::string_view key, std::string_view value, uint64_t from, size_t limit,
                     std::vector<Change>* changes) {
  const uint64_t last = DecodeSequenceKey(key);
  const auto damaged = [&] {
    return DataLoss(
        Concat("change ", std::to_string(last), " of the change log is damaged; ", kRestore));
  };
  if (!value.empty() && value[0] == kRun) {
    if (value.size() < kRunHeader) return damaged();
    const auto count = Load<uint16_t>(value.data() + 1);
    const size_t origin = Load<uint16_t>(value.data() + 3);
    if (value.size() < kRunHeader + origin || count > last) return damaged();
    const std::string_view origin_text = value.substr(kRunHeader, origin);
    value.remove_prefix(kRunHeader + origin);
    for (uint64_t sequence = last - count + 1; sequence <= last; ++sequence) {
      if (value.size() < 2) return damaged();
      const size_t size = Load<uint16_t>(value.data());
      if (value.size() < 2 + size) return damaged();
      if (sequence >= from && limit > 0) {
        --limit;
        Change c;
        c.kind = ChangeKind::kCreate;
        c.sequence = sequence;
        c.id = value.substr(2, size);
        c.origin = origin_text;
        changes->push_back(std::move(c));
      }
      value.remove_prefix(2 + size);
    }
    return value.empty() ? OkStatus() : damaged();
  }
  if (value.size() < kChangeHeader || value[0] > static_cast<char>(ChangeKind::kDelete))
    return damaged();
  const size_t id = Load<uint16_t>(value.data() + 1);
  const size_t origin = Load<uint16_t>(value.data() + 3);
  if (value.size() < kChangeHeader + id + origin) return damaged();
  if (last < from || limit == 0) return OkStatus();
  Change c;
  c.sequence = last;
  c.kind = static_cast<ChangeKind>(value[0]);
  c.id = value.substr(kChangeHeader, id);
  c.origin = value.substr(kChangeHeader + id, origin);
  const std::string_view before = value.substr(kChangeHeader + id + origin);
  if (!before.empty()) c.before = Document::FromTrusted(before);
  changes->push_back(std::move(c));
  return OkStatus();
}

}  // namespace strata::rocksdb_store

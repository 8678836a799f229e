#include "query/columns/column.h"

#include <algorithm>

#include "core/abseil.h"

namespace strata {
namespace {

constexpr int64_t kExactInDouble = int64_t{1} << 53;

}  // namespace

std::shared_ptr<const Column> Column::Make(const Path& path, const ColumnDocuments& documents,
                                           size_t rows) {
  auto c = std::make_shared<Column>();
  c->rows_ = rows;
  c->codes_.resize(rows);
  std::vector<Number> numbers(rows);
  bool fractions = false;
  size_t counted = 0;
  absl::flat_hash_map<absl::string_view, Code> by_text;
  const size_t most = std::min(kMaxCodes, std::max<size_t>(64, rows / 4));
  for (size_t i = 0; i < rows; ++i) {
    documents.Expect(i);
    const Value v = path.Get(documents.At(i));
    if (v.is_number()) {
      c->codes_[i] = kNumber;
      numbers[i] = v.number();
      fractions = fractions || numbers[i].kind() == Number::Kind::kDouble;
      ++counted;
      continue;
    }
    if (v.is_array() || v.is_object()) {
      c->codes_[i] = kAsk;
      continue;
    }
    // The texts stand as long as the documents; "" is what is missing.
    const auto [it, fresh] = by_text.try_emplace(A(v.text()), static_cast<Code>(by_text.size()));
    if (fresh) {
      if (by_text.size() > most) return nullptr;
      c->examples_.push_back(static_cast<Place>(i));
    }
    c->codes_[i] = it->second;
  }
  if (counted > 0) {
    if (fractions) {
      c->doubles_.resize(rows);
    } else {
      c->ints_.resize(rows);
    }
  }
  for (size_t i = 0; i < rows && counted > 0; ++i) {
    if (c->codes_[i] != kNumber) continue;
    const Number& n = numbers[i];
    const bool small =
        n.is_int() &&
        (!fractions || (n.int_value() >= -kExactInDouble && n.int_value() <= kExactInDouble));
    if (!small && n.kind() != Number::Kind::kDouble) {
      c->codes_[i] = kAsk;
    } else if (fractions) {
      c->doubles_[i] = n.ToDouble();
    } else {
      c->ints_[i] = n.int_value();
    }
  }
  if (std::all_of(c->codes_.begin(), c->codes_.end(), [](Code k) { return k == kNumber; }))
    std::vector<Code>().swap(c->codes_);
  return c;
}

size_t Column::MemoryBytes() const {
  return sizeof *this + codes_.capacity() * sizeof(Code) + examples_.capacity() * sizeof(Place) +
         ints_.capacity() * sizeof(int64_t) + doubles_.capacity() * sizeof(double);
}

}  // namespace strata

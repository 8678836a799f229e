// OptionTable: a stage type's options, declared once. Parsing, ranges, units, defaults, refusal of
// unknown names with a suggestion, reference documentation, JSON Schema and the canonical form all
// come from this table.
//
//   struct CacheOptions { uint64_t capacity; bool negative; };
//   OptionTable<CacheOptions> table;
//   table.Size("capacity", &CacheOptions::capacity, "64MiB", "bytes of documents to keep").Range(1
//   << 20, 1 << 40);
#ifndef STRATA_STORE_OPTION_TABLE_H_
#define STRATA_STORE_OPTION_TABLE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"

namespace strata {

// A problem in a configuration: where (JSON pointer) and what.
struct ConfigProblem {
  std::string pointer;
  std::string message;
};
using ConfigProblems = std::vector<ConfigProblem>;

enum class OptionKind : uint8_t { kString, kPath, kBool, kInteger, kSize, kDuration, kEnum, kJson };

// One option without its C++ type.
struct OptionSpec {
  std::string name;
  OptionKind kind = OptionKind::kString;
  std::string default_text;  // JSON; "" with `required`
  bool required = false;
  std::string doc;
  int64_t min = 0;
  int64_t max = INT64_MAX;
  std::vector<std::string> values;  // of an enum
  // Stores a checked value: an integer (also sizes in bytes, durations in milliseconds, enums by
  // index, booleans) or a text.
  std::function<void(void* options, int64_t integer, const std::string& text)> store;
  // Of kJson: reads the value itself and reports what is wrong with it; and the schema that
  // editors are given.
  std::function<void(void* options, Value v, const std::string& pointer, ConfigProblems* problems)>
      read;
  std::string json_schema;
};

std::string_view OptionKindName(OptionKind kind);
// "4KiB to 16TiB", "at least 1"; "" for an option without a range.
std::string RangeText(const OptionSpec& spec);
// "the number 7", "the string \"x\"", "an array", …: for messages, what was found instead.
std::string Found(Value v);

// Reads the members of `object` but those in `skip` into `options`, defaults included, and gives
// the canonical form of the options: every member with its value, in the table's order. `type`: for
// messages. `base_dir`: what relative paths are relative to.
std::string ReadOptions(const std::vector<OptionSpec>& specs, std::string_view type, Value object,
                        const std::vector<std::string_view>& skip, const std::string& pointer,
                        const std::string& base_dir, void* options, ConfigProblems* problems);

// "64MiB" to bytes, "250ms" to milliseconds; nothing when it is neither.
bool ParseSize(std::string_view text, int64_t* bytes);
bool ParseDuration(std::string_view text, int64_t* millis);

template <typename T>
class OptionTable {
 public:
  OptionTable& String(std::string name, std::string T::*member, std::string default_json,
                      std::string doc) {
    return Add(std::move(name), OptionKind::kString, std::move(default_json), std::move(doc),
               [member](T* t, int64_t, const std::string& text) { t->*member = text; });
  }
  // A file or folder; relative ones are taken from the configuration's folder.
  OptionTable& Path(std::string name, std::string T::*member, std::string default_json,
                    std::string doc) {
    return Add(std::move(name), OptionKind::kPath, std::move(default_json), std::move(doc),
               [member](T* t, int64_t, const std::string& text) { t->*member = text; });
  }
  OptionTable& Bool(std::string name, bool T::*member, bool default_value, std::string doc) {
    return Add(std::move(name), OptionKind::kBool, default_value ? "true" : "false", std::move(doc),
               [member](T* t, int64_t v, const std::string&) { t->*member = v != 0; });
  }
  OptionTable& Integer(std::string name, int64_t T::*member, int64_t default_value,
                       std::string doc) {
    return Add(std::move(name), OptionKind::kInteger, std::to_string(default_value), std::move(doc),
               [member](T* t, int64_t v, const std::string&) { t->*member = v; });
  }
  OptionTable& Size(std::string name, int64_t T::*member, const std::string& default_text,
                    std::string doc) {
    return Add(std::move(name), OptionKind::kSize, "\"" + default_text + "\"", std::move(doc),
               [member](T* t, int64_t v, const std::string&) { t->*member = v; });
  }
  OptionTable& Duration(std::string name, int64_t T::*millis, const std::string& default_text,
                        std::string doc) {
    return Add(std::move(name), OptionKind::kDuration, "\"" + default_text + "\"", std::move(doc),
               [millis](T* t, int64_t v, const std::string&) { t->*millis = v; });
  }
  // `values[i]` stands for static_cast<E>(i).
  template <typename E>
  OptionTable& Enum(std::string name, E T::*member, std::vector<std::string> values,
                    E default_value, std::string doc) {
    Add(std::move(name), OptionKind::kEnum,
        "\"" + values[static_cast<size_t>(default_value)] + "\"", std::move(doc),
        [member](T* t, int64_t v, const std::string&) { t->*member = static_cast<E>(v); });
    specs_.back().values = std::move(values);
    return *this;
  }
  // Any JSON, read by `read`.
  template <typename V>
  OptionTable& Json(std::string name, V T::*member, std::string default_json,
                    std::string json_schema, std::string doc,
                    V (*read)(Value, const std::string& pointer, ConfigProblems*)) {
    Add(std::move(name), OptionKind::kJson, std::move(default_json), std::move(doc),
        [](T*, int64_t, const std::string&) {});
    specs_.back().json_schema = std::move(json_schema);
    specs_.back().read = [member, read](void* options, Value v, const std::string& pointer,
                                        ConfigProblems* problems) {
      static_cast<T*>(options)->*member = read(v, pointer, problems);
    };
    return *this;
  }
  // Of the option declared last:
  OptionTable& Required() {
    specs_.back().required = true;
    specs_.back().default_text.clear();
    return *this;
  }
  OptionTable& Range(int64_t min, int64_t max) {
    specs_.back().min = min;
    specs_.back().max = max;
    return *this;
  }

  const std::vector<OptionSpec>& specs() const { return specs_; }

 private:
  template <typename F>
  OptionTable& Add(std::string name, OptionKind kind, std::string default_text, std::string doc,
                   F store) {
    OptionSpec s;
    s.name = std::move(name);
    s.kind = kind;
    s.default_text = std::move(default_text);
    s.doc = std::move(doc);
    s.store = [store](void* options, int64_t v, const std::string& text) {
      store(static_cast<T*>(options), v, text);
    };
    specs_.push_back(std::move(s));
    return *this;
  }

  std::vector<OptionSpec> specs_;
};

}  // namespace strata

#endif  // STRATA_STORE_OPTION_TABLE_H_

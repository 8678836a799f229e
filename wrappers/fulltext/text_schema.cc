#include "wrappers/fulltext/text_schema.h"

#include <algorithm>

#include "core/json_text.h"
#include "query/operator_table.h"

namespace strata::fulltext {
namespace {

// What Xapian stems, by its names.
constexpr std::string_view kLanguages[] = {
    "arabic",   "armenian",   "basque",  "catalan", "danish",    "dutch",      "earlyenglish",
    "english",  "finnish",    "french",  "german",  "hungarian", "indonesian", "irish",
    "italian",  "lithuanian", "nepali",  "none",    "norwegian", "porter",     "portuguese",
    "romanian", "russian",    "spanish", "swedish", "tamil",     "turkish"};

bool GoodPath(std::string_view text) {
  return !text.empty() && text.front() != '/' && text.back() != '/' && text.find("//") == text.npos;
}

void ReadField(Value v, const std::string& at, TextField* field, ConfigProblems* problems) {
  std::string scratch;
  for (MemberIterator m(v); !m.done(); m.Next()) {
    const std::string_view name = m.name(&scratch);
    const Value value = m.value();
    if (name == "weight") {
      const bool good = value.is_number() && value.number().is_int() &&
                        value.number().int_value() >= 1 && value.number().int_value() <= 1000;
      if (good) {
        field->weight = static_cast<uint32_t>(value.number().int_value());
      } else {
        problems->push_back(
            {JsonPointerBelow(at, name),
             Concat("expected a whole number from 1 to 1000, found ", value.text().substr(0, 40))});
      }
    } else if (name == "language") {
      field->language = value.is_string() ? value.String() : "";
      if (std::find(std::begin(kLanguages), std::end(kLanguages), field->language) ==
          std::end(kLanguages)) {
        problems->push_back({JsonPointerBelow(at, name),
                             Concat("there is no stemmer for ", value.text().substr(0, 40),
                                    DidYouMean(field->language, kLanguages, "languages"))});
      }
    } else if (name == "stop_words") {
      if (value.type() != Type::kTrue && value.type() != Type::kFalse)
        problems->push_back({JsonPointerBelow(at, name), "expected true or false"});
      field->stop_words = value.type() == Type::kTrue;
    } else {
      problems->push_back({JsonPointerBelow(at, name),
                           "unknown member; a field has \"weight\", \"language\" "
                           "and \"stop_words\""});
    }
  }
}

}  // namespace

Path PathFrom(std::string_view text) {
  std::vector<std::string> steps;
  while (true) {
    const size_t slash = text.find('/');
    steps.emplace_back(text.substr(0, slash));
    if (slash == text.npos) return Path(std::move(steps));
    text.remove_prefix(slash + 1);
  }
}

std::vector<TextField> ReadFields(Value v, const std::string& pointer, ConfigProblems* problems) {
  std::vector<TextField> out;
  if (!v.is_object() || v.size() == 0) {
    problems->push_back(
        {pointer, Concat("expected an object of fields such as {\"description\": {}}, "
                         "found ",
                         TypeName(v.type()))});
    return out;
  }
  if (v.size() > kMaxFields) {
    problems->push_back(
        {pointer, Concat("there are ", std::to_string(v.size()), " fields; at most ",
                         std::to_string(kMaxFields), " are taken")});
  }
  std::string scratch;
  for (MemberIterator m(v); !m.done(); m.Next()) {
    TextField field;
    field.name = m.name(&scratch);
    field.language = "english";
    const std::string at = JsonPointerBelow(pointer, field.name);
    if (!GoodPath(field.name)) problems->push_back({at, "a path has steps between its slashes"});
    field.path = PathFrom(field.name);
    if (m.value().is_object()) {
      ReadField(m.value(), at, &field, problems);
    } else {
      problems->push_back({at, Concat("expected an object such as {\"weight\": 2}, found ",
                                      TypeName(m.value().type()))});
    }
    out.push_back(std::move(field));
  }
  return out;
}

std::vector<Path> ReadPaths(Value v, const std::string& pointer, ConfigProblems* problems) {
  std::vector<Path> out;
  if (!v.is_array() || v.size() > kMaxFields) {
    problems->push_back({pointer, Concat("expected a list of at most ", std::to_string(kMaxFields),
                                         " paths, found ", TypeName(v.type()))});
    return out;
  }
  for (uint32_t i = 0; i < v.size(); ++i) {
    if (!v.At(i).is_string() || !GoodPath(v.At(i).String())) {
      problems->push_back(
          {JsonPointerBelow(pointer, std::to_string(i)),
           Concat("expected a path such as \"maker/name\", found ", v.At(i).text().substr(0, 40))});
      continue;
    }
    out.push_back(PathFrom(v.At(i).String()));
  }
  return out;
}

std::string TextSchema::Fingerprint() const {
  std::string out = "4";  // the layout's version
  for (const TextField& f : fields) {
    out += Concat("|f:", f.name, ":", std::to_string(f.weight), ":", f.language, ":",
                  f.stop_words ? "1" : "0");
  }
  for (const Path& p : terms) out += Concat("|t:", p.ToString());
  for (const Path& p : values) out += Concat("|v:", p.ToString());
  return out + (spelling ? "|s" : "");
}

const TextField* TextSchema::Find(std::string_view name) const {
  for (const TextField& f : fields) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

}  // namespace strata::fulltext

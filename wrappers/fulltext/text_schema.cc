#include "wrappers/fulltext/text_schema.h"

#include <algorithm>
#include <array>

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

struct StopList {
  std::string_view language;
  std::string_view words;  // separated by spaces
};
constexpr StopList kStopLists[] = {
    {"english",
     "a an and are as at be been but by can could did do does for from had has have he her him his "
     "how i if in into is it its may me my no nor not of on or our she should so such than that "
     "the "
     "their them then there these they this those to too was we were what when which who will with "
     "would you your"},
    {"german",
     "als am an auch auf aus bei bin bis da das dass dem den der des die dies doch du durch ein "
     "eine einem einen einer eines er es für hat ich ihr im in ist ja kein man mit nach nicht noch "
     "nur ob oder sich sie sind so um und uns vom von vor war wenn wer wie wir wird zu zum zur "
     "über"},
    {"french",
     "au aux avec ce ces dans de des du elle en est et eux il ils je la le les leur lui ma mais me "
     "mes moi mon ne nos notre nous on ont ou par pas pour qu que qui sa se ses son sont sur ta te "
     "tes toi ton tu un une vos votre vous y à été"},
    {"spanish",
     "a al como con de del desde donde el ella en entre era es esa ese esta este ha hay la las le "
     "les lo los me mi mis más muy ni no nos o para pero por que se si sin sobre son su sus "
     "también "
     "te tu un una y ya"},
    {"italian",
     "a al alla anche che chi ci come con cui da dal dei del della di e ed era gli ha i il in io "
     "la "
     "le lo ma mi ne nei non o per più quella questo se si sono su sua suo tra un una è"},
    {"dutch",
     "aan al als bij dat de der deze die dit een en er had heb heeft het hij hoe hun ik in is je "
     "kan maar me met naar niet nog nu of om onder ook op over te tot uit van voor was wat we zich "
     "zij zijn zo"},
    {"portuguese",
     "a ao aos as até com como da das de dela dele do dos e ela ele em entre era essa esse esta "
     "este "
     "eu foi há isso já lhe mais mas me mesmo muito na nas no nos não o os ou para pela pelo por "
     "que se sem seu sua são também te tem um uma é"},
};

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
  std::string out = "3";  // the layout's version
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

std::vector<std::string> StopWords(std::string_view language) {
  std::vector<std::string> out;
  for (const StopList& list : kStopLists) {
    if (list.language != language) continue;
    std::string_view words = list.words;
    while (!words.empty()) {
      const size_t end = std::min(words.find(' '), words.size());
      out.emplace_back(words.substr(0, end));
      words.remove_prefix(std::min(end + 1, words.size()));
    }
  }
  return out;
}

}  // namespace strata::fulltext

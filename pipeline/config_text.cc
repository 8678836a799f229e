#include "pipeline/config_text.h"

#include <algorithm>
#include <cstdlib>

#include "core/json_text.h"
#include "core/path.h"

namespace strata {
namespace {

std::string FillString(const std::string& text, const std::string& pointer,
                       ConfigProblems* problems) {
  std::string out;
  size_t at = 0;
  for (;;) {
    const size_t open = text.find("${", at);
    if (open == text.npos) return out + text.substr(at);
    const size_t close = text.find('}', open);
    if (close == text.npos) {
      problems->push_back({pointer, "\"${\" is not closed"});
      return out;
    }
    out += text.substr(at, open - at);
    std::string name = text.substr(open + 2, close - open - 2);
    std::string fallback;
    const size_t dash = name.find(":-");
    if (dash != name.npos) {
      fallback = name.substr(dash + 2);
      name.resize(dash);
    }
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && (*value != '\0' || dash == name.npos)) {
      if (!IsValidUtf8(value))
        problems->push_back({pointer, Concat("the variable ", name, " is not valid UTF-8")});
      out += ToValidUtf8(value);
    } else if (dash != text.npos && close - open - 2 > name.size()) {
      out += fallback;
    } else {
      problems->push_back(
          {pointer, Concat("the environment variable ", name, " is not set (write ${", name,
                           ":-default} to do without it)")});
    }
    at = close + 1;
  }
}

void Append(std::string* out, Value v, const std::string& pointer, ConfigProblems* problems) {
  if (v.is_object()) {
    out->push_back('{');
    bool first = true;
    std::string scratch;
    for (MemberIterator m(v); !m.done(); m.Next()) {
      if (!first) out->push_back(',');
      first = false;
      out->append(m.raw_name());
      out->push_back(':');
      std::string at = pointer;
      AppendJsonPointer(&at, m.name(&scratch));
      Append(out, m.value(), at, problems);
    }
    out->push_back('}');
  } else if (v.is_array()) {
    out->push_back('[');
    for (uint32_t i = 0; i < v.size(); ++i) {
      if (i > 0) out->push_back(',');
      Append(out, v.At(i), pointer + "/" + std::to_string(i), problems);
    }
    out->push_back(']');
  } else if (v.is_string() && v.text().find("${") != std::string_view::npos) {
    AppendJsonString(out, FillString(v.String(), pointer, problems));
  } else {
    out->append(v.text());
  }
}

}  // namespace

std::string BlankComments(std::string_view text) {
  std::string out(text);
  bool in_string = false;
  for (size_t i = 0; i < out.size(); ++i) {
    if (in_string) {
      if (out[i] == '\\') {
        ++i;
      } else if (out[i] == '"' || out[i] == '\n') {
        in_string = false;
      }
    } else if (out[i] == '"') {
      in_string = true;
    } else if (out[i] == '/' && i + 1 < out.size() && out[i + 1] == '/') {
      while (i < out.size() && out[i] != '\n') out[i++] = ' ';
    }
  }
  return out;
}

Document FillVariables(const Document& config, ConfigProblems* problems) {
  std::string out;
  Append(&out, config.root(), "", problems);
  return Document::FromTrusted(out);
}

void ArrangeProblems(Value root, size_t unset, ConfigProblems* problems) {
  std::vector<std::pair<size_t, ConfigProblem>> placed;
  StringSet said;
  for (size_t i = 0; i < problems->size(); ++i) {
    ConfigProblem& p = (*problems)[i];
    const StatusOr<std::vector<std::string>> steps = ParseJsonPointer(p.pointer);
    Value at = root;
    std::string pointer;
    if (steps.ok()) {
      for (const std::string& step : *steps) {
        const int64_t index = at.is_array() ? ParseArrayIndex(step) : -1;
        const Value next = !at.is_array()                    ? at.Find(step)
                           : index >= 0 && index < at.size() ? at.At(static_cast<uint32_t>(index))
                                                             : Value();
        if (!next.exists()) break;
        AppendJsonPointer(&pointer, step);
        at = next;
      }
    }
    if (i < unset) {
      said.insert(pointer);
    } else if (said.contains(pointer)) {
      continue;
    }
    const size_t place = static_cast<size_t>(at.text().data() - root.text().data());
    placed.emplace_back(place, ConfigProblem{std::move(pointer), std::move(p.message)});
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  problems->clear();
  for (auto& [place, problem] : placed) problems->push_back(std::move(problem));
}

}  // namespace strata

#include "query/parser.h"

#include <array>

#include "core/json_text.h"
#include "query/literal.h"
#include "query/operator_table.h"

namespace strata {
namespace {

// Characters that end a token. `!` ends one only before `=`.
constexpr std::array<bool, 256> MakeTokenTable() {
  std::array<bool, 256> t{};
  for (int c = 0x21; c < 256; ++c) t[c] = true;
  for (char c : std::string_view("&|;(),=<>\"#[\\]^`{}\x7F"))
    t[static_cast<unsigned char>(c)] = false;
  return t;
}
constexpr std::array<bool, 256> kTokenChar = MakeTokenTable();

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsCallName(std::string_view s) {
  if (s.empty() || !IsLetter(s[0])) return false;
  for (char c : s) {
    if (!IsLetter(c) && !IsDigit(c) && c != '_' && c != '-') return false;
  }
  return true;
}

bool IsWord(std::string_view s) {
  if (s.empty() || !IsLetter(s[0])) return false;
  for (char c : s) {
    if (!IsLetter(c) && !IsDigit(c) && c != '_') return false;
  }
  return true;
}

class Parser {
 public:
  Parser(std::string_view text, const ParseLimits& limits) : text_(text), limits_(limits) {}

  StatusOr<Node> Run() {
    if (text_.size() > limits_.max_bytes) {
      return InvalidArgument(Concat("the query has ", std::to_string(text_.size()),
                                    " bytes; at most ", std::to_string(limits_.max_bytes),
                                    " are taken"));
    }
    if (const size_t valid = ValidUtf8Prefix(text_); valid != text_.size()) {
      return Error(valid, "the query is not valid UTF-8");
    }
    bool infix = false;
    Node root;
    RETURN_IF_ERROR(Infix(Place::kCondition, &root, &infix));
    if (at_ < text_.size()) {
      if (text_[at_] == ')') return Error(at_, "\")\" closes nothing");
      if (text_[at_] == ',')
        return Error(at_, "a list stands only within parentheses; join conditions with \"&\"");
      return Unexpected();
    }
    if (!infix) {
      root = empty_ ? Node::Call(Op::kAnd, {}) : Node::Call(Op::kAnd, {std::move(root)});
    }
    for (const Node& n : root.args()) {
      if (n.kind() == Node::Kind::kArray && n.size() == 0) {
        return Error(n.offset(), "an empty group is no condition");
      }
    }
    return root;
  }

 private:
  Status Error(size_t at, std::string_view message) { return ErrorAt(text_, at, message); }
  Status Error(size_t at, const Status& s) { return ErrorAt(text_, at, Message(s)); }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  Status Unexpected() {
    const char c = Peek();
    if (at_ >= text_.size()) return Error(at_, "unexpected end of the query");
    if (static_cast<unsigned char>(c) <= 0x20)
      return Error(at_, "white space must be written %20 (and so on)");
    if (!kTokenChar[static_cast<unsigned char>(c)] &&
        std::string_view("&|;(),=<>").find(c) == std::string_view::npos) {
      static constexpr char kHex[] = "0123456789ABCDEF";
      const std::string escape = {'%', kHex[c >> 4 & 15], kHex[c & 15]};
      return Error(at_,
                   Concat("\"", std::string(1, c), "\" cannot stand in a query; write ", escape));
    }
    return Error(at_, Concat("expected \"&\", \"|\" or the end, found \"", Show(), "\""));
  }

  std::string Show() {
    size_t n = 1;
    while (at_ + n < text_.size() && n < 20 &&
           (kTokenChar[static_cast<unsigned char>(text_[at_ + n])]))
      ++n;
    while (at_ + n < text_.size() && (text_[at_ + n] & 0xC0) == 0x80) ++n;
    return std::string(text_.substr(at_, n));
  }

  std::string_view Token() {
    const size_t start = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (!kTokenChar[static_cast<unsigned char>(c)]) break;
      if (c == '!' && at_ + 1 < text_.size() && text_[at_ + 1] == '=') break;
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  bool AtDelimiter() const {
    if (at_ >= text_.size()) return true;
    const char c = text_[at_];
    return c == '&' || c == '|' || c == ';' || c == ',' || c == ')';
  }

  // After a finished term.
  Status ExpectDelimiter(std::string_view what) {
    if (AtDelimiter()) return OkStatus();
    const char c = Peek();
    if (c == '=' || c == '<' || c == '>' || c == '!') {
      return Error(at_, Concat("a comparison cannot follow ", what));
    }
    if (c == '(' || kTokenChar[static_cast<unsigned char>(c)]) {
      return Error(at_, Concat("expected \"&\" or \"|\" between ", what, " and \"", Show(),
                               "\" (write %28 for a parenthesis)"));
    }
    return Unexpected();
  }

  Status Enter() {
    if (++depth_ > limits_.max_depth) {
      return Error(at_, Concat("parentheses are nested more than ",
                               std::to_string(limits_.max_depth), " deep"));
    }
    return OkStatus();
  }

  Status CountTerm() {
    if (++terms_ > limits_.max_terms) {
      return Error(
          at_, Concat("more than ", std::to_string(limits_.max_terms), " conditions and calls"));
    }
    return OkStatus();
  }

  Status CountValue() {
    if (++values_ > limits_.max_list_values) {
      return Error(
          at_, Concat("more than ", std::to_string(limits_.max_list_values), " values in lists"));
    }
    return OkStatus();
  }

  // One or more terms joined by & and |, where & binds tighter. *infix: there was more than one
  // term, so *out is an and/or of this place. When there was none, empty_ is set and *out is "".
  Status Infix(Place place, Node* out, bool* infix) {
    const uint32_t start = static_cast<uint32_t>(at_);
    *infix = false;
    const auto at_end = [&] { return at_ >= text_.size() || Peek() == ')' || Peek() == ','; };
    std::vector<Node> ands;
    if (!at_end() && Peek() != '&' && Peek() != ';' && Peek() != '|') {
      // Mostly there is one term, which needs no list.
      RETURN_IF_ERROR(Term(place, out));
      if (!AtDelimiter()) return Unexpected();
      empty_ = false;
      if (at_end()) return OkStatus();
      ands.reserve(4);
      ands.push_back(std::move(*out));
    }
    std::vector<Node> ors;
    bool any_or = false;
    bool joined = false;  // the last of `ors` was joined here by &
    *infix = false;
    const auto close_ands = [&] {
      if (ands.empty()) return;
      joined = ands.size() > 1;
      if (!joined) {
        ors.push_back(std::move(ands[0]));
      } else {
        Node n = Node::Call(Op::kAnd, std::move(ands));
        n.set_offset(start);
        ors.push_back(std::move(n));
      }
      ands.clear();
    };
    for (;;) {
      const char c = Peek();
      if (c == '&' || c == ';') {
        ++at_;
      } else if (c == '|') {
        any_or = true;
        close_ands();
        ++at_;
      } else if (c == ')' || c == ',' || at_ >= text_.size()) {
        break;
      } else {
        Node term;
        RETURN_IF_ERROR(Term(place, &term));
        if (!AtDelimiter()) return Unexpected();
        ands.push_back(std::move(term));
      }
    }
    if (!any_or) {
      empty_ = ands.empty();
      if (empty_) {
        *out = Node::Str("");
      } else if (ands.size() == 1) {
        *out = std::move(ands[0]);
      } else {
        *infix = true;
        *out = Node::Call(Op::kAnd, std::move(ands));
      }
    } else {
      close_ands();
      empty_ = ors.empty();
      if (empty_) {
        *out = Node::Str("");
      } else if (ors.size() == 1) {
        *infix = joined;  // "a&b|" is "a&b"
        *out = std::move(ors[0]);
      } else {
        *infix = true;
        *out = Node::Call(Op::kOr, std::move(ors));
      }
    }
    out->set_offset(start);
    return OkStatus();
  }

  Status Term(Place place, Node* out) {
    const uint32_t start = static_cast<uint32_t>(at_);
    Status s = Peek() == '(' ? GroupTerm(place, out) : TokenTerm(place, out);
    if (s.ok()) out->set_offset(start);
    return s;
  }

  bool AtComparison() const {
    const char c = Peek();
    return c == '=' || c == '<' || c == '>' ||
           (c == '!' && at_ + 1 < text_.size() && text_[at_ + 1] == '=');
  }

  // A group where `place` says what its elements are. Of names, a group of one is its name.
  Status GroupOf(Place place, Node* out) {
    const bool names =
        place == Place::kProperty || place == Place::kSortKey || place == Place::kAggregand;
    RETURN_IF_ERROR(Group(names, out));
    if (names && out->kind() == Node::Kind::kArray && out->size() == 1) *out = Node(out->arg(0));
    return OkStatus();
  }

  Status GroupTerm(Place place, Node* out) {
    const size_t start = at_;
    RETURN_IF_ERROR(GroupOf(place, out));
    if (AtComparison()) {
      at_ = start;
      Node path;
      RETURN_IF_ERROR(Group(true, &path));
      for (const Node& step : path.args()) {
        if (!step.is_string()) return Error(start, "a path before a comparison holds names only");
      }
      if (path.is_call() || path.size() == 0)
        return Error(at_, "a comparison cannot follow a condition");
      return Comparison(path.size() == 1 ? Node(path.arg(0)) : std::move(path), true, out);
    }
    RETURN_IF_ERROR(ExpectDelimiter("a group"));
    return OkStatus();
  }

  // "(…)": a condition when it holds one, else an array. With `names`, elements are names, never
  // typed.
  Status Group(bool names, Node* out) {
    const size_t start = at_;
    RETURN_IF_ERROR(Enter());
    ++at_;
    std::vector<Node> elements;
    bool single_condition = false;
    if (Peek() != ')') {
      for (;;) {
        const size_t element_at = at_;
        Node n;
        bool infix = false;
        RETURN_IF_ERROR(Infix(names ? Place::kProperty : Place::kValue, &n, &infix));
        RETURN_IF_ERROR(CountValue());
        const bool condition = infix || (n.is_call() && !(Peek() == ',' || !elements.empty()));
        if (condition && (!elements.empty() || Peek() == ',')) {
          return Error(
              element_at,
              "\",\" and conditions joined by \"&\" or \"|\" cannot be mixed in one group");
        }
        single_condition = condition;
        elements.push_back(std::move(n));
        if (Peek() != ',') break;
        ++at_;
      }
    }
    if (Peek() != ')') return Error(at_ < text_.size() ? at_ : start, "\"(\" is not closed");
    ++at_;
    --depth_;
    if (single_condition) {
      *out = std::move(elements[0]);
    } else {
      *out = Node::Array(std::move(elements));
    }
    return OkStatus();
  }

  Status TokenTerm(Place place, Node* out) {
    const size_t start = at_;
    const std::string_view token = Token();
    if (place == Place::kSortKey && (token == "-" || token == "+") && Peek() == '(') {
      return SignedPath(token, out);
    }
    if (Peek() == '(') return CallTerm(token, start, out);
    if (AtComparison()) {
      if (token.empty()) return Comparison(Node(), false, out);
      StatusOr<Node> property = ParseProperty(token);
      if (!property.ok()) return Error(start, property.status());
      return Comparison(*std::move(property), true, out);
    }
    if (token.empty()) return Unexpected();
    return Bare(place, token, start, out);
  }

  Status Bare(Place place, std::string_view token, size_t start, Node* out) {
    const bool sign =
        place == Place::kSortKey && (token.starts_with('-') || token.starts_with('+'));
    StatusOr<Node> n = sign ? ParseProperty(token.substr(1)) : ParseToken(place, token);
    if (!n.ok()) return Error(start, n.status());
    // An encoded sign is part of the name, so the name gets one in front that is not.
    const bool named_so = !sign && place == Place::kSortKey && BeginsWithSign(*n);
    *out = sign ? WithSign(token[0], *n) : named_so ? WithSign('+', *n) : *std::move(n);
    return OkStatus();
  }

  static bool BeginsWithSign(const Node& path) {
    const Node& first = path.is_string() || path.size() == 0 ? path : path.arg(0);
    return first.is_string() && (first.text().starts_with('-') || first.text().starts_with('+'));
  }

  static StatusOr<Node> ParseToken(Place place, std::string_view token) {
    switch (place) {
      case Place::kText:
        return ParseText(token);
      case Place::kAggregand:
      case Place::kProperty:
      case Place::kSortKey:
        return ParseProperty(token);
      case Place::kOpen:
        if (token.find('/') != token.npos && token.find(':') == token.npos)
          return ParseProperty(token);
        return ParseLiteral(token);
      case Place::kValue:
      case Place::kCondition:
        break;
    }
    return ParseLiteral(token);
  }

  static Node WithSign(char sign, const Node& path) {
    if (path.is_string()) return Node::Str(std::string(1, sign) + path.text());
    std::vector<Node> steps(path.args().begin(), path.args().end());
    steps[0] = Node::Str(std::string(1, sign) + steps[0].text());
    return Node::Array(std::move(steps));
  }

  Status SignedPath(std::string_view sign, Node* out) {
    const size_t start = at_;
    Node path;
    RETURN_IF_ERROR(Group(true, &path));
    bool names = path.kind() == Node::Kind::kArray && path.size() > 0;
    for (const Node& step : path.args()) names = names && step.is_string();
    if (!names) return Error(start, "expected a path such as (a,b)");
    *out = WithSign(sign[0], path.size() == 1 ? path.arg(0) : path);
    return OkStatus();
  }

  // Whether the call whose arguments begin here has more than one. At most the text times the depth
  // is looked at in all.
  bool SeveralArgs() const {
    int depth = 0;
    for (size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == ',' && depth == 0) return true;
      if (c == '(') ++depth;
      if (c == ')' && depth-- == 0) return false;
    }
    return false;
  }

  Status CallTerm(std::string_view name, size_t start, Node* out) {
    if (!IsCallName(name)) {
      return Error(start,
                   Concat("\"", name,
                          "\" cannot be called: an operator's name is a letter, then letters, "
                          "digits, \"_\" and \"-\" (write %28 for a parenthesis)"));
    }
    const OperatorSpec* spec = FindOperator(name);
    RETURN_IF_ERROR(CountTerm());
    RETURN_IF_ERROR(Enter());
    const size_t open = at_++;
    std::vector<Node> args;
    // One argument or several: some operators read their first one accordingly.
    const size_t count = SeveralArgs() ? 2 : 1;
    if (Peek() != ')') {
      for (;;) {
        const size_t arg_at = at_;
        Node n;
        bool infix = false;
        RETURN_IF_ERROR(Infix(PlaceOf(spec, args.size(), count), &n, &infix));
        if (empty_ && at_ == arg_at) n = Node::Str("");
        if (infix && spec != nullptr && n.is(spec->op) && (n.is(Op::kAnd) || n.is(Op::kOr))) {
          args.insert(args.end(), n.args().begin(), n.args().end());  // or(a|b) is or(a,b)
        } else {
          args.push_back(std::move(n));
        }
        if (Peek() != ',') break;
        RETURN_IF_ERROR(CountValue());
        ++at_;
      }
    }
    if (Peek() != ')') return Error(open, "\"(\" is not closed");
    ++at_;
    --depth_;
    if (spec != nullptr) {
      *out = Node::Call(spec->op, std::move(args));
    } else {
      *out = Node::Call(name, std::move(args));
    }
    return AtDelimiter() ? OkStatus() : ExpectDelimiter(Concat(name, "(…)"));
  }

  // At an operator: `op value`, behind `property` (unless it compares the item itself).
  Status Comparison(Node property, bool has_property, Node* out) {
    const size_t op_at = at_;
    RETURN_IF_ERROR(CountTerm());
    Op op = Op::kEq;
    std::string_view word;
    switch (Peek()) {
      case '!':
        op = Op::kNe;
        at_ += 2;
        break;
      case '<':
      case '>': {
        const bool less = Peek() == '<';
        ++at_;
        const bool equal = Peek() == '=';
        at_ += equal;
        op = less ? (equal ? Op::kLe : Op::kLt) : (equal ? Op::kGe : Op::kGt);
        break;
      }
      default: {
        ++at_;
        if (Peek() == '=') {
          ++at_;
          break;
        }
        // =word=
        const size_t before = at_;
        const std::string_view token = Token();
        if (Peek() == '=') {
          if (!IsWord(token)) {
            return Error(before, Concat("\"", token,
                                        "\" is no operator's name (letters, digits and \"_\")"));
          }
          word = token;
          ++at_;
        } else {
          at_ = before;
        }
      }
    }
    if (AtComparison())
      return Error(op_at, "this is no comparison; use = == != < <= > >= or =name=");
    // What stands in a call's second place: mostly a value, but prefix takes a text, sort a key.
    Place place = Place::kValue;
    if (const OperatorSpec* spec = word.empty() ? nullptr : FindOperator(word)) {
      place = PlaceOf(spec, 1, 2);
    }
    const size_t value_at = at_;
    Node value;
    if (Peek() == '(') {
      RETURN_IF_ERROR(GroupOf(place, &value));
      if (value.is_call()) return Error(value_at, "a condition cannot be compared with");
    } else {
      const std::string_view token = Token();
      RETURN_IF_ERROR(Bare(place, token, value_at, &value));
    }
    value.set_offset(static_cast<uint32_t>(value_at));
    if (AtComparison())
      return Error(at_, "a condition holds one comparison (write %3D for an equals sign)");
    RETURN_IF_ERROR(ExpectDelimiter("a value"));
    std::vector<Node> args;
    args.reserve(2);
    if (has_property) args.push_back(std::move(property));
    args.push_back(std::move(value));
    *out = word.empty() ? Node::Call(op, std::move(args)) : Node::Call(word, std::move(args));
    return OkStatus();
  }

  std::string_view text_;
  const ParseLimits& limits_;
  size_t at_ = 0;
  int depth_ = 0;
  int terms_ = 0;
  int values_ = 0;
  bool empty_ = false;  // the last Infix held no term
};

}  // namespace

Status ErrorAt(std::string_view text, size_t offset, std::string_view message) {
  constexpr size_t kAround = 40;
  offset = std::min(offset, text.size());
  size_t from = offset > kAround ? offset - kAround : 0;
  while (from > 0 && (text[from] & 0xC0) == 0x80) --from;
  std::string line = ToValidUtf8(text.substr(from, offset - from));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  const size_t column = Utf8Length(line);
  std::string rest = ToValidUtf8(text.substr(offset, kAround));
  for (char& c : rest) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return InvalidArgument(Concat("at byte ", std::to_string(offset), ": ", message, "\n  ", line,
                                rest, "\n  ", std::string(column, ' '), "^"));
}

StatusOr<Node> ParseQuery(std::string_view text, const ParseLimits& limits) {
  return Parser(text, limits).Run();
}

}  // namespace strata

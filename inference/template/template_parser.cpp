#include <algorithm>
#include <charconv>
#include <set>

#include "inference/template/template_lexer.h"
#include "inference/template/template_syntax.h"
#include "libattest/base/text.h"

namespace attest::inference::templates {

namespace {

constexpr std::size_t deepest = 100;
constexpr std::size_t largest_template = std::size_t{1} << 20;

class Parser {
 public:
  explicit Parser(std::vector<Word> words) : words_(std::move(words)) {}

  Result<Syntax> parse() {
    TRY(syntax_.body, block({}));
    return std::move(syntax_);
  }

 private:
  using Kind = Word::Kind;

  const Word& next() const { return words_[at_]; }
  const Word& take() { return words_[at_++]; }
  bool is(Kind kind, std::string_view text = {}) const {
    return next().kind == kind && (text.empty() || next().text == text);
  }
  bool is_sign(std::string_view text) const { return is(Kind::sign, text); }
  bool is_name(std::string_view text) const { return is(Kind::name, text); }
  bool take_sign(std::string_view text) {
    if (!is_sign(text)) return false;
    ++at_;
    return true;
  }
  bool take_name(std::string_view text) {
    if (!is_name(text)) return false;
    ++at_;
    return true;
  }
  Error wrong(std::string what) const {
    return refused(rules::template_syntax, std::move(what))
        .within("template line " + std::to_string(next().line));
  }
  Error expected(std::string what) const {
    return wrong("the template is not well formed")
        .expected(std::move(what))
        .found("\"" + printable(next().text, 40) + "\"");
  }
  Status need_sign(std::string_view text) {
    if (!take_sign(text)) return fail(expected("\"" + std::string(text) + "\""));
    return {};
  }
  Status need_end() {
    if (!is(Kind::block_end)) return fail(expected("the end of the block tag"));
    ++at_;
    return {};
  }
  Result<std::string> need_name() {
    if (!is(Kind::name)) return fail(expected("a name"));
    return take().text;
  }

  // Depth counts what is open at once, so that no template can exhaust the stack.
  class Deeper {
   public:
    explicit Deeper(std::size_t& depth) : depth_(depth) { ++depth_; }
    ~Deeper() { --depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    std::size_t& depth_;
  };
  Status check_depth() const {
    if (depth_ > deepest)
      return fail(refused(rules::template_limit, "the template is nested too deeply")
                      .within("template line " + std::to_string(next().line)));
    return {};
  }

  Result<ExpressionPtr> node(Operation operation, std::vector<ExpressionPtr> parts,
                             std::string text = {}) {
    auto made = std::make_unique<Expression>();
    made->operation = operation;
    made->text = std::move(text);
    made->line = next().line;
    made->parts = std::move(parts);
    TRY_VOID(settle_depth(*made));
    return made;
  }
  Status settle_depth(Expression& expression) const {
    for (const auto& part : expression.parts)
      if (part) expression.depth = std::max(expression.depth, part->depth + 1);
    for (const auto& [name, part] : expression.named)
      if (part) expression.depth = std::max(expression.depth, part->depth + 1);
    if (expression.depth > deepest)
      return fail(refused(rules::template_limit, "an expression is nested too deeply")
                      .within("template line " + std::to_string(next().line)));
    return {};
  }
  template <typename... Parts>
  Result<ExpressionPtr> node_of(Operation operation, std::string text, Parts... parts) {
    std::vector<ExpressionPtr> list;
    (list.push_back(std::move(parts)), ...);
    return node(operation, std::move(list), std::move(text));
  }
  Result<ExpressionPtr> constant(Value value) {
    TRY(auto made, node(Operation::constant, {}));
    made->constant = std::move(value);
    return made;
  }

  // ---- statements

  // block reads until a tag that begins with one of `ends`, which it leaves, or the template's end.
  Result<Block> block(const std::set<std::string_view>& ends) {
    const Deeper deeper(depth_);
    TRY_VOID(check_depth());
    Block body;
    for (;;) {
      Statement statement{};
      statement.line = next().line;
      if (is(Kind::end)) {
        if (!ends.empty()) return fail(expected("{% " + std::string(*ends.begin()) + " %}"));
        return body;
      }
      if (is(Kind::text)) {
        statement.kind = Statement::Kind::text;
        statement.text = take().text;
        body.push_back(std::move(statement));
        continue;
      }
      if (is(Kind::output_begin)) {
        ++at_;
        statement.kind = Statement::Kind::output;
        TRY(statement.expression, tuple());
        if (!is(Kind::output_end)) return fail(expected("}}"));
        ++at_;
        body.push_back(std::move(statement));
        continue;
      }
      if (!is(Kind::block_begin)) return fail(expected("a tag"));
      ++at_;
      if (is(Kind::name) && ends.contains(next().text)) return body;
      TRY(statement, this->statement());
      body.push_back(std::move(statement));
    }
  }

  Result<Statement> statement() {
    const std::size_t line = next().line;
    TRY(const std::string name, need_name());
    Statement made{};
    made.line = line;
    if (name == "for") {
      TRY(made, loop());
    } else if (name == "if") {
      TRY(made, condition());
    } else if (name == "set") {
      TRY(made, set());
    } else if (name == "macro") {
      TRY(made, macro());
    } else if (name == "call") {
      TRY(made, call_block());
    } else if (name == "generation") {
      made.kind = Statement::Kind::body;
      TRY_VOID(need_end());
      TRY(made.body, block({"endgeneration"}));
      ++at_;
      TRY_VOID(need_end());
    } else if (name == "break" || name == "continue") {
      if (loops_ == 0) return fail(wrong("\"" + name + "\" outside a loop"));
      made.kind = name == "break" ? Statement::Kind::leave : Statement::Kind::next;
      TRY_VOID(need_end());
    } else {
      return fail(wrong("the template uses a tag that this runtime has not got")
                      .expected("for, if, set, macro, call, break, continue or raw")
                      .found("\"" + printable(name, 40) + "\""));
    }
    made.line = line;
    return made;
  }

  Result<Statement> loop() {
    Statement made{};
    made.kind = Statement::Kind::loop;
    TRY(made.targets, targets());
    if (!take_name("in")) return fail(expected("\"in\""));
    TRY(made.expression, tuple(false));
    if (take_name("if")) {
      TRY(made.filter, expression());
    }
    TRY_VOID(need_end());
    ++loops_;
    TRY(made.body, block({"endfor", "else"}));
    --loops_;
    if (take_name("else")) {
      TRY_VOID(need_end());
      TRY(made.otherwise, block({"endfor"}));
    }
    ++at_;
    TRY_VOID(need_end());
    return made;
  }

  // if, elif: an elif is an if in the other branch.
  Result<Statement> condition() {
    const Deeper deeper(depth_);
    TRY_VOID(check_depth());
    Statement made{};
    made.kind = Statement::Kind::condition;
    TRY(made.expression, tuple(false));
    TRY_VOID(need_end());
    TRY(made.body, block({"endif", "elif", "else"}));
    if (take_name("elif")) {
      TRY(auto otherwise, condition());
      made.otherwise.push_back(std::move(otherwise));
      return made;
    }
    if (take_name("else")) {
      TRY_VOID(need_end());
      TRY(made.otherwise, block({"endif"}));
    }
    ++at_;
    TRY_VOID(need_end());
    return made;
  }

  Result<std::vector<Target>> targets() {
    std::vector<Target> targets;
    const bool bracket = take_sign("(");
    do {
      if (bracket && is_sign(")")) break;
      TRY(std::string name, need_name());
      Target target{std::move(name), {}};
      if (take_sign(".")) {
        TRY(target.member, need_name());
      }
      targets.push_back(std::move(target));
    } while (take_sign(","));
    if (bracket) TRY_VOID(need_sign(")"));
    return targets;
  }

  Result<Statement> set() {
    Statement made{};
    TRY(made.targets, targets());
    if (take_sign("=")) {
      made.kind = Statement::Kind::set;
      TRY(made.expression, tuple());
      TRY_VOID(need_end());
      return made;
    }
    if (made.targets.size() != 1) return fail(expected("\"=\""));
    made.kind = Statement::Kind::set_block;
    // The block's text goes through the filters that stand behind the name.
    TRY(made.expression, node(Operation::name, {}, "(block)"));
    TRY(made.expression, filters(std::move(made.expression)));
    TRY_VOID(need_end());
    TRY(made.body, block({"endset"}));
    ++at_;
    TRY_VOID(need_end());
    return made;
  }

  Result<Statement> macro() {
    Statement made{};
    made.kind = Statement::Kind::macro;
    TRY(made.text, need_name());
    MacroDefinition definition;
    definition.name = made.text;
    TRY_VOID(need_sign("("));
    TRY_VOID(parameters(definition));
    TRY_VOID(need_end());
    TRY(made.macro, macro_body(std::move(definition), "endmacro"));
    return made;
  }

  // {% call(x) f(y) %} … {% endcall %}: f is called, and what it calls caller is the body.
  Result<Statement> call_block() {
    Statement made{};
    made.kind = Statement::Kind::call;
    MacroDefinition definition;
    definition.name = "caller";
    if (take_sign("(")) TRY_VOID(parameters(definition));
    TRY(made.expression, expression());
    if (made.expression->operation != Operation::call) return fail(expected("a call"));
    TRY_VOID(need_end());
    TRY(made.macro, macro_body(std::move(definition), "endcall"));
    return made;
  }

  // What stands behind "(", up to ")".
  Status parameters(MacroDefinition& definition) {
    while (!take_sign(")")) {
      if (!definition.parameters.empty()) TRY_VOID(need_sign(","));
      TRY(std::string parameter, need_name());
      ExpressionPtr absent;
      if (take_sign("=")) {
        TRY(absent, expression());
      }
      definition.parameters.emplace_back(std::move(parameter), std::move(absent));
    }
    return {};
  }

  Result<std::size_t> macro_body(MacroDefinition definition, std::string_view end) {
    const std::size_t outer_loops = std::exchange(loops_, 0);
    TRY(definition.body, block({end}));
    loops_ = outer_loops;
    ++at_;
    TRY_VOID(need_end());
    syntax_.macros.push_back(std::move(definition));
    return syntax_.macros.size() - 1;
  }

  // ---- expressions, the loosest first

  // tuple is one expression, or several with commas between, which are a list.
  Result<ExpressionPtr> tuple(bool with_condition = true) {
    TRY(auto first, with_condition ? expression() : logical_or());
    if (!is_sign(",")) return first;
    std::vector<ExpressionPtr> parts;
    parts.push_back(std::move(first));
    while (take_sign(",")) {
      if (is(Kind::output_end) || is(Kind::block_end) || is_sign(")")) break;
      TRY(auto part, with_condition ? expression() : logical_or());
      parts.push_back(std::move(part));
    }
    return node(Operation::list, std::move(parts));
  }

  Result<ExpressionPtr> expression() {
    const Deeper deeper(depth_);
    TRY_VOID(check_depth());
    TRY(auto value, logical_or());
    while (take_name("if")) {
      TRY(auto test, logical_or());
      ExpressionPtr otherwise;
      if (take_name("else")) {
        TRY(otherwise, expression());
      }
      TRY(value, node_of(Operation::condition, {}, std::move(test), std::move(value),
                         std::move(otherwise)));
    }
    return value;
  }

  Result<ExpressionPtr> logical_or() {
    TRY(auto left, logical_and());
    while (take_name("or")) {
      TRY(auto right, logical_and());
      TRY(left, node_of(Operation::logical_or, {}, std::move(left), std::move(right)));
    }
    return left;
  }

  Result<ExpressionPtr> logical_and() {
    TRY(auto left, logical_not());
    while (take_name("and")) {
      TRY(auto right, logical_not());
      TRY(left, node_of(Operation::logical_and, {}, std::move(left), std::move(right)));
    }
    return left;
  }

  Result<ExpressionPtr> logical_not() {
    const Deeper deeper(depth_);
    TRY_VOID(check_depth());
    if (!take_name("not")) return comparison();
    TRY(auto operand, logical_not());
    return node_of(Operation::logical_not, {}, std::move(operand));
  }

  std::optional<Operation> take_comparison() {
    constexpr std::pair<std::string_view, Operation> signs[] = {
        {"==", Operation::equal},         {"!=", Operation::unequal}, {"<=", Operation::less_equal},
        {">=", Operation::greater_equal}, {"<", Operation::less},     {">", Operation::greater}};
    for (const auto& [sign, operation] : signs)
      if (take_sign(sign)) return operation;
    if (take_name("in")) return Operation::in;
    if (is_name("not") && words_[at_ + 1].kind == Kind::name && words_[at_ + 1].text == "in") {
      at_ += 2;
      return Operation::not_in;
    }
    return std::nullopt;
  }

  Result<ExpressionPtr> comparison() {
    TRY(auto left, sum());
    const auto operation = take_comparison();
    if (!operation) return left;
    TRY(auto right, sum());
    TRY(auto made, node_of(*operation, {}, std::move(left), std::move(right)));
    if (take_comparison()) return fail(wrong("comparisons in a chain are not read here"));
    return made;
  }

  using Rule = Result<ExpressionPtr> (Parser::*)();
  Result<ExpressionPtr> from_left(
      Rule operand, std::initializer_list<std::pair<std::string_view, Operation>> signs) {
    TRY(auto left, (this->*operand)());
    for (;;) {
      std::optional<Operation> operation;
      for (const auto& [sign, means] : signs)
        if (!operation && take_sign(sign)) operation = means;
      if (!operation) return left;
      TRY(auto right, (this->*operand)());
      TRY(left, node_of(*operation, {}, std::move(left), std::move(right)));
    }
  }
  Result<ExpressionPtr> sum() {
    return from_left(&Parser::joined, {{"+", Operation::add}, {"-", Operation::subtract}});
  }
  Result<ExpressionPtr> joined() { return from_left(&Parser::product, {{"~", Operation::join}}); }
  Result<ExpressionPtr> product() {
    return from_left(&Parser::power, {{"*", Operation::multiply},
                                      {"//", Operation::floor_divide},
                                      {"/", Operation::divide},
                                      {"%", Operation::modulo}});
  }
  Result<ExpressionPtr> power() {
    return from_left(&Parser::signed_value, {{"**", Operation::power}});
  }

  Result<ExpressionPtr> signed_value() { return unary(true); }

  Result<ExpressionPtr> unary(bool with_filters) {
    const Deeper deeper(depth_);
    TRY_VOID(check_depth());
    ExpressionPtr value;
    if (is_sign("-") || is_sign("+")) {
      const Operation operation = take().text == "-" ? Operation::negate : Operation::plus;
      TRY(auto operand, unary(false));
      TRY(value, node_of(operation, {}, std::move(operand)));
    } else {
      TRY(value, primary());
      TRY(value, postfix(std::move(value)));
    }
    if (!with_filters) return value;
    return filters(std::move(value));
  }

  Result<ExpressionPtr> primary() {
    switch (next().kind) {
      case Kind::name:
        return named();
      case Kind::string: {
        std::string text = take().text;
        while (is(Kind::string)) text += take().text;  // neighbours are one
        return constant(std::move(text));
      }
      case Kind::integer: {
        const std::string digits = take().text;
        std::int64_t number = 0;
        if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc())
          return fail(wrong("an integer beyond 64 bits"));
        return constant(number);
      }
      case Kind::real:
        return constant(std::strtod(take().text.c_str(), nullptr));
      default:
        break;
    }
    if (take_sign("(")) {
      if (take_sign(")")) return node(Operation::list, {});
      TRY(auto value, tuple());
      TRY_VOID(need_sign(")"));
      return value;
    }
    if (take_sign("[")) {
      std::vector<ExpressionPtr> parts;
      while (!take_sign("]")) {
        if (!parts.empty()) TRY_VOID(need_sign(","));
        if (take_sign("]")) break;
        TRY(auto part, expression());
        parts.push_back(std::move(part));
      }
      return node(Operation::list, std::move(parts));
    }
    if (take_sign("{")) return dictionary();
    return fail(expected("a value"));
  }

  Result<ExpressionPtr> named() {
    const std::string name = take().text;
    if (name == "true" || name == "True") return constant(true);
    if (name == "false" || name == "False") return constant(false);
    if (name == "none" || name == "None") return constant(None{});
    return node(Operation::name, {}, name);
  }

  Result<ExpressionPtr> dictionary() {
    TRY(auto made, node(Operation::dictionary, {}));
    while (!take_sign("}")) {
      if (!made->parts.empty()) TRY_VOID(need_sign(","));
      if (take_sign("}")) break;
      TRY(auto key, expression());
      TRY_VOID(need_sign(":"));
      TRY(auto value, expression());
      made->parts.push_back(std::move(key));
      made->named.emplace_back("", std::move(value));
    }
    TRY_VOID(settle_depth(*made));
    return made;
  }

  Result<ExpressionPtr> postfix(ExpressionPtr value) {
    for (;;) {
      if (take_sign(".")) {
        if (!is(Kind::name) && !is(Kind::integer)) return fail(expected("a member's name"));
        const bool index = is(Kind::integer);
        if (index) {
          TRY(auto number, primary());
          TRY(value, node_of(Operation::subscript, {}, std::move(value), std::move(number)));
          continue;
        }
        std::string member = take().text;
        TRY(value, node_of(Operation::attribute, std::move(member), std::move(value)));
      } else if (take_sign("[")) {
        TRY(value, subscript(std::move(value)));
      } else if (is_sign("(")) {
        TRY(value, with_arguments(Operation::call, {}, std::move(value)));
      } else {
        return value;
      }
    }
  }

  Result<ExpressionPtr> subscript(ExpressionPtr value) {
    std::vector<ExpressionPtr> parts;
    parts.push_back(std::move(value));
    bool slice = false;
    ExpressionPtr part;
    while (!take_sign("]")) {
      if (take_sign(":")) {
        slice = true;
        parts.push_back(std::move(part));
        part = nullptr;
      } else if (!part) {
        TRY(part, expression());
      } else {
        return fail(expected("\"]\""));
      }
    }
    parts.push_back(std::move(part));
    if (parts.size() > 4 || (!slice && !parts[1])) return fail(wrong("a wrong subscript"));
    return node(slice ? Operation::slice : Operation::subscript, std::move(parts));
  }

  // with_arguments reads "(…)" behind a call, a filter or a test.
  Result<ExpressionPtr> with_arguments(Operation operation, std::string name, ExpressionPtr value) {
    TRY(auto made, node_of(operation, std::move(name), std::move(value)));
    TRY_VOID(need_sign("("));
    bool first = true;
    while (!take_sign(")")) {
      if (!first) TRY_VOID(need_sign(","));
      if (take_sign(")")) break;
      first = false;
      if (is(Kind::name) && words_[at_ + 1].kind == Kind::sign && words_[at_ + 1].text == "=") {
        std::string argument = take().text;
        ++at_;
        TRY(auto each, expression());
        made->named.emplace_back(std::move(argument), std::move(each));
      } else if (take_sign("*")) {
        TRY(auto several, expression());
        TRY(auto each, node_of(Operation::spread, {}, std::move(several)));
        made->parts.push_back(std::move(each));
      } else if (!made->named.empty()) {
        return fail(wrong("an argument without a name behind one with a name"));
      } else {
        TRY(auto each, expression());
        made->parts.push_back(std::move(each));
      }
    }
    TRY_VOID(settle_depth(*made));
    return made;
  }

  Result<ExpressionPtr> filters(ExpressionPtr value) {
    for (;;) {
      if (take_sign("|")) {
        TRY(std::string name, need_name());
        if (is_sign("(")) {
          TRY(value, with_arguments(Operation::filter, std::move(name), std::move(value)));
        } else {
          TRY(value, node_of(Operation::filter, std::move(name), std::move(value)));
        }
      } else if (take_name("is")) {
        TRY(value, test(std::move(value)));
      } else if (is_sign("(")) {
        TRY(value, with_arguments(Operation::call, {}, std::move(value)));
      } else {
        return value;
      }
    }
  }

  Result<ExpressionPtr> test(ExpressionPtr value) {
    const Operation operation = take_name("not") ? Operation::not_test : Operation::test;
    TRY(std::string name, need_name());
    if (is_sign("(")) return with_arguments(operation, std::move(name), std::move(value));
    const bool argument =
        is(Kind::string) || is(Kind::integer) || is(Kind::real) || is_sign("[") || is_sign("{") ||
        (is(Kind::name) && !is_name("else") && !is_name("or") && !is_name("and") &&
         !is_name("is") && !is_name("if") && !is_name("not") && !is_name("in"));
    if (!argument) return node_of(operation, std::move(name), std::move(value));
    TRY(auto operand, primary());
    TRY(operand, postfix(std::move(operand)));
    return node_of(operation, std::move(name), std::move(value), std::move(operand));
  }

  std::vector<Word> words_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t loops_ = 0;
  Syntax syntax_;
};

}  // namespace

Result<Syntax> parse_template(std::string_view source) {
  if (source.size() > largest_template)
    return fail(refused(rules::template_limit, "the template is larger than 1 MiB"));
  if (!is_utf8(source)) return fail(refused(rules::template_syntax, "the template is not UTF-8"));
  TRY(auto words, split_template(source));
  return Parser(std::move(words)).parse();
}

}  // namespace attest::inference::templates

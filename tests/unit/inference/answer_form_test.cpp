// Forms of answers: schemas and grammars, and what follows them.
#include "inference/form/answer_form.h"

#include <algorithm>

#include "inference/form/grammar_text.h"
#include "inference/form/json_schema.h"
#include "libattest/base/json.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

// Whether `text` is one of the grammar; nothing where only its beginning is.
class Texts {
 public:
  explicit Texts(ByteGrammar grammar)
      : matcher_(
            must(GrammarMatcher::make(std::make_shared<const ByteGrammar>(std::move(grammar))))) {}
  static Texts of_schema(const std::string& schema) {
    return Texts(must(parse_json_schema(schema)));
  }
  static Texts of_grammar(const std::string& text) { return Texts(must(parse_grammar(text))); }

  bool begins(std::string_view text) { return follow(text) != GrammarMatcher::dead; }
  bool takes(std::string_view text) {
    const auto state = follow(text);
    return state != GrammarMatcher::dead && matcher_.complete(state);
  }
  bool can_go_on(std::string_view text) { return matcher_.open(follow(text)); }

 private:
  GrammarMatcher::State follow(std::string_view text) {
    GrammarMatcher::State state = matcher_.start();
    for (const char byte : text)
      state = must(matcher_.after(state, static_cast<std::uint8_t>(byte)));
    return state;
  }
  GrammarMatcher matcher_;
};

std::shared_ptr<const TokenOrder> small_tokens() {
  model::GgufWriter writer;
  add_small_vocabulary(writer);
  const auto gguf = must(model::parse_gguf(must(writer.finish())));
  return std::make_shared<const TokenOrder>(must(Tokenizer::read(gguf)));
}

FormedAnswer begin(const std::string& grammar, const std::shared_ptr<const TokenOrder>& tokens) {
  return must(
      FormedAnswer::begin(must(compile_form({AnswerForm::Kind::grammar, grammar})), tokens));
}

}  // namespace

TEST_CASE("a grammar takes its texts and no others") {
  Texts greeting = Texts::of_grammar(R"(
# who is greeted
root ::= ("Hello" | "Hi") ", " name{1,2} "."   # a text
name ::= [A-Z] [a-z]+ " "? | "O'" name |
         "\"" . "\""
)");
  REQUIRE(greeting.takes("Hello, Ada."));
  REQUIRE(greeting.takes("Hi, Ada Byron."));
  REQUIRE(greeting.takes("Hi, O'Neil."));
  REQUIRE(greeting.takes("Hi, \"\xe2\x82\xac\"."));
  REQUIRE_FALSE(greeting.takes("Hi, Ada"));
  REQUIRE(greeting.begins("Hi, Ada"));
  for (const char* wrong : {"Hey", "Hi, ada", "Hi, A.", "Hi, Ada Byron King.", "Hi, \"\"."})
    REQUIRE_FALSE(greeting.begins(wrong));
  REQUIRE_FALSE(greeting.can_go_on("Hi, Ada."));
}

TEST_CASE("repetitions hold their counts") {
  Texts texts = Texts::of_grammar("root ::= \"a\"{2,4} \"b\"* \"c\"{2} \"d\"{1,} \"e\"?");
  for (const char* right : {"aaccd", "aaaaccd", "aabbbccddd", "aacccde"})
    REQUIRE(texts.takes(right) == (std::string_view(right).find("ccc") == std::string::npos));
  for (const char* wrong : {"ac", "aaaaa", "aacd", "aaccdee"}) REQUIRE_FALSE(texts.begins(wrong));
  REQUIRE_FALSE(texts.takes("aacc"));
}

TEST_CASE("classes are of whole characters, and no text is cut within one") {
  Texts texts = Texts::of_grammar("root ::= [^\\x00-\\x7f\\u20ac]+ [\\U0001f600-\\U0001f64f]");
  REQUIRE(texts.begins("\xc3\xa9"));
  REQUIRE(texts.begins("\xe2"));
  REQUIRE_FALSE(texts.begins("\xe2\x82\xac"));
  REQUIRE(texts.begins("\xe2\x82\xad"));
  REQUIRE_FALSE(texts.begins("e"));
  REQUIRE(texts.takes("\xc3\xa9\xf0\x9f\x98\x80"));
  REQUIRE_FALSE(texts.takes("\xc3\xa9\xf0\x9f\x98"));
  REQUIRE_FALSE(texts.begins("\xed\xa0\x80"));  // a surrogate is no character
  REQUIRE_FALSE(texts.begins("\xc0\x80"));      // nor is a long form
  REQUIRE_FALSE(texts.begins("\xf4\x90\x80\x80"));
}

TEST_CASE("every range of characters is cut into bytes as UTF-8 has them") {
  const std::vector<std::pair<char32_t, char32_t>> ranges{{0, 0x10ffff},     {0x7f, 0x80},
                                                          {0x7ff, 0x800},    {0xabc, 0xd00},
                                                          {0xfff0, 0x10010}, {0x3ff7f, 0x40081}};
  for (const auto& [first, last] : ranges) {
    GrammarBuilder builder;
    const auto root = builder.declare();
    builder.define(root, {builder.characters({{first, last}})});
    Texts texts(must(builder.finish(root)));
    for (const std::uint32_t each :
         {first + 0U, last + 0U, first - 1U, last + 1U, (first + last) / 2U}) {
      const char32_t c = each;
      if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) continue;
      std::string text;
      append_utf8(text, c);
      INFO(std::uint32_t{first} << " to " << std::uint32_t{last} << ": " << std::uint32_t{c});
      REQUIRE(texts.takes(text) == (c >= first && c <= last));
    }
  }
}

TEST_CASE("what is no grammar is refused with its line") {
  const auto require_form = [](const std::string& text, const std::string& line) {
    INFO(text);
    const auto parsed = parse_grammar(text);
    REQUIRE_RULE(parsed, rules::grammar_form);
    REQUIRE(parsed.error().where == line);
  };
  require_form("", "line 1");
  require_form("start ::= \"a\"", "line 1");
  require_form("root ::= \"a\"\nroot ::= \"b\"", "line 2");
  require_form("root ::= \"a\"\n  | word", "line 2");  // a line goes on behind `|`, not before
  require_form("root ::= \"a\" |\n word", "line 2");
  require_form("root := \"a\"", "line 1");
  require_form("root ::= \"a", "line 1");
  require_form("root ::= \"\\q\"", "line 1");
  require_form("root ::= [a", "line 1");
  require_form("root ::= [z-a]", "line 1");
  require_form("root ::= (\"a\"", "line 1");
  require_form("root ::= \"a\")", "line 1");
  require_form("root ::= \"a\"{3,2}", "line 1");
  require_form("root ::= \"a\"{2001}", "line 1");
  require_form("root ::= \"\\ud800\"", "line 1");
  require_form("root ::= " + std::string(40, '(') + std::string(40, ')'), "line 1");
  REQUIRE_RULE(parse_grammar("root ::= \"\xff\""), rules::grammar_form);
  REQUIRE_RULE(parse_grammar("root ::= \"a\" #" + std::string(max_form_size, ' ')),
               rules::grammar_form);
}

TEST_CASE("a rule that begins with itself, and a grammar without measure, are refused") {
  REQUIRE_RULE(parse_grammar("root ::= root \"a\" | \"b\""), rules::grammar_left_recursion);
  REQUIRE_RULE(parse_grammar("root ::= a \"x\"\na ::= \"y\"? b\nb ::= a"),
               rules::grammar_left_recursion);
  REQUIRE_RULE(parse_grammar("root ::= (\"a\"?)*"), rules::grammar_left_recursion);
  REQUIRE_OK(parse_grammar("root ::= \"a\" root | \"b\""));
  std::string large = "root ::=";
  for (int i = 0; i < 70; ++i) large += " \"a\"{2000}";
  REQUIRE_RULE(parse_grammar(large), rules::grammar_size);
}

TEST_CASE("a text that can be read in endless ways ends with a refusal, not in memory") {
  std::string text = "root ::= a0 \"!\"\n";
  for (int i = 0; i < 40; ++i) {
    const std::string here = "a" + std::to_string(i);
    const std::string next = "a" + std::to_string(i + 1);
    text += here + " ::= " + next + " \"x\" | " + next + " \"y\"\n";
  }
  text += "a40 ::= \"z\"\n";
  REQUIRE_RULE(GrammarMatcher::make(std::make_shared<const ByteGrammar>(must(parse_grammar(text)))),
               rules::grammar_ambiguous);
}

TEST_CASE("nesting has an end") {
  Texts lists = Texts::of_grammar("root ::= \"[\" root? \"]\"");
  REQUIRE(lists.takes("[[[]]]"));
  REQUIRE(lists.takes(std::string(max_stack_depth, '[') + std::string(max_stack_depth, ']')));
  REQUIRE_FALSE(lists.begins(std::string(max_stack_depth + 2, '[')));
}

TEST_CASE("a schema takes what it describes, in the order it says") {
  Texts person = Texts::of_schema(R"({
    "type": "object", "title": "a person",
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 3},
                   "age": {"type": "integer", "minimum": 0, "maximum": 130},
                   "tags": {"type": "array", "items": {"enum": ["a", "b", 1, null]}, "maxItems": 2},
                   "more": {"$ref": "#/$defs/more"}},
    "required": ["name", "age"], "additionalProperties": false,
    "$defs": {"more": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}})");
  for (const char* right :
       {R"({"name":"Ada","age":36})", R"({"name": "A", "age": 0})",
        "{\n  \"name\": \"A\",\n  \"age\": 130\n}", R"({"name":"\u00e9\n\"","age":7,"tags":[]})",
        R"({"name":"A","age":7,"tags":["a", 1]})",
        R"({"name":"A","age":7,"more":{"name":"B","age":8,"more":null}})"}) {
    INFO(right);
    REQUIRE(person.takes(right));
    REQUIRE_FALSE(person.can_go_on(right));
    REQUIRE_OK(parse_json(right));
  }
  for (const char* wrong :
       {R"({"age")", R"({"name":"")", R"({"name":"Adam)", R"({"name":"A"})",
        R"({"name":"A","age":131)", R"({"name":"A","age":-)", R"({"name":"A","age":01)",
        R"({"name":"A","age":7,"tags":["c)", R"({"name":"A","age":7,"tags":[1,1,)",
        R"({"name":"A","age":7,"x)", R"({"name":"A","age":7,"more":1)", "[", "{  "}) {
    INFO(wrong);
    REQUIRE_FALSE(person.begins(wrong));
  }
}

TEST_CASE(
    "of members that may be left out any may be, and commas stand between those that are not") {
  Texts texts = Texts::of_schema(
      R"({"properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}}, "required": ["b"]})");
  for (const char* right :
       {R"({"b":2})", R"({"a":1,"b":2})", R"({"b":2,"c":3})", R"({"a":1,"b":2,"c":3})"})
    REQUIRE(texts.takes(right));
  for (const char* wrong : {"{}", R"({"a":1,"c)", R"({,)", R"({"b":2,})", R"({"c)", R"({"b":2"c)"})
    REQUIRE_FALSE(texts.begins(wrong));
}

TEST_CASE("whole numbers keep between their bounds") {
  const std::vector<std::pair<int, int>> bounds{{0, 0},     {-3, 12},   {7, 1234},  {100, 105},
                                                {-120, -9}, {19, 2345}, {-1, 1000}, {999, 1000}};
  for (const auto& [least, most] : bounds) {
    Texts texts = Texts::of_schema(R"({"type": "integer", "minimum": )" + std::to_string(least) +
                                   R"(, "exclusiveMaximum": )" + std::to_string(most + 1) + "}");
    for (int i = -1300; i <= 2500; ++i) {
      INFO(least << " to " << most << ": " << i);
      REQUIRE(texts.takes(std::to_string(i)) == (i >= least && i <= most));
    }
    REQUIRE_FALSE(texts.takes("-0"));
    REQUIRE_FALSE(texts.takes("00"));
  }
}

TEST_CASE("without a type any JSON is taken, and nothing that is none") {
  Texts any = Texts::of_schema("{}");
  for (const std::string right :
       {R"([1, -2.5e+3, true, {"a": [], "b": {"c": null}}, "x\\\"\ud83d\ude00"])", "0.5", "\"\""}) {
    REQUIRE(any.takes(right));
    REQUIRE_OK(parse_json(right));
  }
  for (const char* wrong : {"01", "+1", ".5", "1.e", "tru1", "'", "\"\n", "\"\\x", "[1,]", "{a",
                            R"("\ud800")", R"("\udc00)", "\"\xff"})
    REQUIRE_FALSE(any.takes(wrong));
}

TEST_CASE("formats are those of their standards") {
  Texts date_time = Texts::of_schema(R"({"type": "string", "format": "date-time"})");
  REQUIRE(date_time.takes(R"("2026-11-25T18:30:00.5+01:00")"));
  for (const char* wrong : {R"("2026-13)", R"("2026-02-30)", R"("2026-04-31)", R"("2026-11-25 )",
                            R"("2026-11-25T24)", R"("2026-11-25T23:60)"})
    REQUIRE_FALSE(date_time.begins(wrong));
  REQUIRE(Texts::of_schema(R"({"type": "string", "format": "uuid"})")
              .takes(R"("123e4567-e89b-12d3-a456-426614174000")"));
}

TEST_CASE("what a schema asks for and is not kept is refused by name, never left out") {
  const auto require_keyword = [](const std::string& schema, const std::string& place) {
    INFO(schema);
    const auto parsed = parse_json_schema(schema);
    REQUIRE_RULE(parsed, rules::schema_keyword);
    REQUIRE(parsed.error().where == place);
  };
  require_keyword(R"({"type": "string", "pattern": "^a"})", "#");
  require_keyword(R"({"type": "number", "minimum": 1})", "#");
  require_keyword(R"({"type": "integer", "minLength": 1})", "#");
  require_keyword(R"({"oneOf": [{}]})", "#");
  require_keyword(R"({"anyOf": [{}], "type": "string"})", "#");
  require_keyword(R"({"$ref": "#", "minItems": 1})", "#");
  require_keyword(R"({"items": {"not": {}}})", "#/items");
  require_keyword(R"({"properties": {"a": {"multipleOf": 2, "type": "integer"}}})",
                  "#/properties/a");
  require_keyword(R"({"enum": [1], "minimum": 1})", "#");
}

TEST_CASE("values of keywords that make no sense are refused") {
  const auto require_value = [](const std::string& schema) {
    INFO(schema);
    REQUIRE_RULE(parse_json_schema(schema), rules::schema_value);
  };
  for (const char* schema : {"[]",
                             "1",
                             "false",
                             R"({"type": "text"})",
                             R"({"type": []})",
                             R"({"enum": []})",
                             R"({"enum": ["a"], "type": "integer"})",
                             R"({"enum": [1], "const": 1})",
                             R"({"minLength": -1, "type": "string"})",
                             R"({"minLength": 2001, "type": "string"})",
                             R"({"minLength": 3, "maxLength": 2, "type": "string"})",
                             R"({"type": "string", "format": "email"})",
                             R"({"type": "integer", "minimum": 1.5})",
                             R"({"type": "integer", "minimum": 10000000000000000})",
                             R"({"type": "integer", "minimum": 2, "maximum": 1})",
                             R"({"anyOf": []})",
                             R"({"$ref": "#/$defs/x"})",
                             R"({"$ref": "http://localhost/x"})",
                             R"({"properties": {"a": {}}, "required": ["b"]})",
                             R"({"properties": {"a": {}}, "additionalProperties": true})",
                             R"({"properties": []})"})
    require_value(schema);
  REQUIRE_RULE(parse_json_schema(R"({"type": "string", "type": "null"})"), rules::json_duplicate);
  REQUIRE_RULE(parse_json_schema(R"({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"})"),
               rules::grammar_left_recursion);
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += R"({"items": )";
  REQUIRE_RULE(parse_json_schema(deep + "{}" + std::string(60, '}')), rules::json_depth);
}

TEST_CASE("deeply nested schemas do not grow beyond their text") {
  std::string schema = R"({"type": "null"})";
  for (int i = 0; i < 18; ++i) schema = R"({"properties": {"a": )" + schema + R"(, "b": {}}})";
  REQUIRE(must(parse_json_schema(schema)).elements.size() < 4000);
}

TEST_CASE("only tokens that keep to the form are allowed, and the end only where it is whole") {
  const auto tokens = small_tokens();
  FormedAnswer answer = begin("root ::= \"ab\" [bc]*", tokens);
  const auto allowed = [&] {
    std::vector<Token> all;
    const auto mask = must(answer.allowed());
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (mask[i]) all.push_back(static_cast<Token>(i));
    return all;
  };
  const Token end = 2;
  const auto byte = [](char c) { return static_cast<Token>(3 + static_cast<unsigned char>(c)); };
  const Token a = 260, b = 261, c = 262, ab = 263, bc = 264, abc = 266;
  REQUIRE(allowed() == std::vector<Token>{byte('a'), a, ab, abc});
  REQUIRE_RULE(answer.accept(end), rules::form_broken);
  REQUIRE_RULE(answer.accept(b), rules::form_broken);
  must(answer.accept(a));
  REQUIRE(allowed() == std::vector<Token>{byte('b'), b, bc});
  must(answer.accept(bc));
  REQUIRE(allowed() == std::vector<Token>{end, byte('b'), byte('c'), b, c, bc});
  REQUIRE_FALSE(answer.finished());
  must(answer.accept(end));
  REQUIRE(answer.finished());
}

TEST_CASE("a form that is whole with nothing to follow is finished") {
  FormedAnswer answer = begin("root ::= \"abc\"", small_tokens());
  must(answer.accept(266));
  REQUIRE(answer.finished());
}

TEST_CASE("a vocabulary that cannot go on with the form is told, not gone round") {
  FormedAnswer answer = begin("root ::= \"a\" []", small_tokens());
  must(answer.accept(260));
  REQUIRE_RULE(answer.allowed(), rules::form_dead_end);
}

TEST_CASE("judging all tokens together is judging each alone") {
  const auto tokens = small_tokens();
  for (const char* grammar : {"root ::= \"a\"+ | \"bc\" [\\x00-\\x7f]", "root ::= [^a]+ \"a\"",
                              "root ::= (\"aa\" | \"ab\" | \" a\")+"}) {
    FormedAnswer answer = begin(grammar, tokens);
    const auto allowed = must(answer.allowed());
    for (std::size_t i = 0; i < tokens->size(); ++i) {
      FormedAnswer alone = begin(grammar, tokens);
      REQUIRE((allowed[i] != 0) == alone.accept(static_cast<Token>(i)).has_value());
    }
  }
}

TEST_CASE("states that were forgotten come back the same") {
  auto matcher = must(
      GrammarMatcher::make(std::make_shared<const ByteGrammar>(must(parse_json_schema("{}")))));
  auto state = matcher.start();
  for (const char byte : std::string(R"([{"a": [1, {"b": ")"))
    state = must(matcher.after(state, static_cast<std::uint8_t>(byte)));
  state = matcher.forget_others(state);
  for (const char byte : std::string(R"(x"}]}])"))
    state = must(matcher.after(state, static_cast<std::uint8_t>(byte)));
  REQUIRE(matcher.complete(state));
  REQUIRE_FALSE(matcher.open(state));
}

TEST_CASE("a form's digest tells kinds and texts apart") {
  const AnswerForm grammar{AnswerForm::Kind::grammar, "{}"};
  REQUIRE(grammar.digest() != AnswerForm{AnswerForm::Kind::json_schema, "{}"}.digest());
  REQUIRE(grammar.digest() != AnswerForm{AnswerForm::Kind::grammar, "{ }"}.digest());
  for (const auto kind :
       {AnswerForm::Kind::json_object, AnswerForm::Kind::json_schema, AnswerForm::Kind::grammar})
    REQUIRE(form_kind(to_string(kind)) == kind);
  REQUIRE_FALSE(form_kind("xml"));
}

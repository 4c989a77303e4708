#include "inference/template/chat_template.h"

#include "inference/template/template_functions.h"
#include "inference/template/template_syntax.h"
#include "libattest/base/json.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::inference;

namespace {

const nlohmann::ordered_json conversation = {
    {"messages",
     {{{"role", "system"}, {"content", " Be terse. "}}, {{"role", "user"}, {"content", "1+1?"}}}},
    {"add_generation_prompt", true},
    {"bos_token", "<s>"}};

Result<std::string> rendered(std::string_view source, TemplateLimits limits = {}) {
  TRY(const auto chat_template, ChatTemplate::parse(source));
  return chat_template.render(conversation, from_unix(1'800'000'000), limits);
}

std::string text(std::string_view source) {
  return must(rendered(source));
}

}  // namespace

TEST_CASE("blocks take their line's end and the space before them with them") {
  REQUIRE(text("{% if true %}\n  a\n  {% endif %}\nb\n") == "  a\nb");
  REQUIRE(text("a  {%- if true -%}  b  {%- endif -%}  c") == "abc");
  REQUIRE(text("  {{ 1 }}\n  {%+ if true %}x{% endif %}") == "  1\n  x");
  REQUIRE(text("a\n  {# note #}\nb {#- note -#} c") == "a\nbc");
  REQUIRE(text("{% raw %}{{ x }}{% endraw %}") == "{{ x }}");
  REQUIRE(text("a\r\nb\r\n\n") == "a\nb\n");
}

TEST_CASE("loops know where they are, leave, and keep their names to themselves") {
  REQUIRE(text("{% for m in messages %}{{ loop.index }}/{{ loop.length }} {{ m.role }}"
               "{{ ',' if not loop.last }}{% endfor %}") == "1/2 system,2/2 user");
  REQUIRE(text("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}"
               "{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}") == "02");
  REQUIRE(text("{% for x in [] %}{% else %}none{% endfor %}") == "none");
  REQUIRE(text("{% for m in messages if m.role == 'user' %}{{ loop.index0 }}{% endfor %}") == "0");
  REQUIRE(text("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}") == "1");
  REQUIRE(text("{% set n = namespace(x=1) %}{% for i in [1] %}{% set n.x = 2 %}{% endfor %}"
               "{{ n.x }}") == "2");
  REQUIRE(text("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}") == "a1");
}

TEST_CASE("expressions mean what they mean in Python") {
  REQUIRE(text("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 4 / 2 }}") ==
          "-4 2 3.5 1024 2.0");
  REQUIRE(text("{{ 'abc'[1:] }} {{ 'abc'[::-1] }} {{ [1, 2, 3][-2:] }} {{ 'h\xc3\xa9'|length }}") ==
          "bc cba [2, 3] 2");
  REQUIRE(text("{{ [1, 'a', none, true, {'k': 1.5}] }}") == "[1, 'a', None, True, {'k': 1.5}]");
  REQUIRE(text("{{ 'x' in 'xyz' and 'q' not in [1] and 1 is not string }}") == "True");
  REQUIRE(text("{{ 'a' ~ 1 ~ none }}{{ 'a' 'b' }}{{ 'x' * 3 }}") == "a1Noneabxxx");
  REQUIRE(text("{{ missing }}{{ missing is defined }}{{ missing | default('d') }}") == "Falsed");
  REQUIRE(text("{{ 'A' if messages[0].role == 'system' else 'B' }}") == "A");
  REQUIRE(text("{{ \"\\u00e9\\n\\x41\" }}") == "\xc3\xa9\nA");
}

TEST_CASE("filters and methods are there that templates of models use") {
  REQUIRE(text("{{ messages[0].content | trim | tojson }}") == "\"Be terse.\"");
  REQUIRE(text("{{ {'b': [1, {}], 'a': '<\"'} | tojson }}") ==
          "{\"b\": [1, {}], \"a\": \"<\\\"\"}");
  REQUIRE(text("{{ {'a': [1]} | tojson(indent=2) }}") == "{\n  \"a\": [\n    1\n  ]\n}");
  REQUIRE(text("{{ messages | map(attribute='role') | join('+') }}") == "system+user");
  REQUIRE(text("{{ messages | selectattr('role', 'equalto', 'user') | list | length }}") == "1");
  REQUIRE(text("{{ ['b', 'A'] | sort | join }}{{ 'a-b'.split('-')[-1] }}{{ ' s '.strip() }}") ==
          "Abbs");
  REQUIRE(text("{{ 'Ab'.startswith('A') }} {{ 'x'.upper() }} {{ 'hELLO' | capitalize }}") ==
          "True X Hello");
  REQUIRE(text("{{ strftime_now('%d %b %Y') }}") == "15 Jan 2027");
  REQUIRE(
      text("{% macro m(a, b='z') %}[{{ a }}{{ b }}]{% endmacro %}{{ m('x') }}{{ m(1, b=2) }}") ==
      "[xz][12]");
  REQUIRE(text("{% set t | upper %}abc{% endset %}{{ t }}") == "ABC");
  REQUIRE(text("{{ {'a': [1, 2]} | tojson(separators=(',', ':')) }}") == "{\"a\":[1,2]}");
  REQUIRE(text("{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}") == "12");
}

TEST_CASE("a call block is what its macro calls caller, and sees the names where it stands") {
  REQUIRE(text("{% macro m(x) %}<{{ caller() }}{{ x }}>{% endmacro %}"
               "{% for i in [1, 2] %}{% call m('a') %}{{ i }}{% endcall %}{% endfor %}") ==
          "<1a><2a>");
  REQUIRE(text("{% macro m() %}{{ caller(7) }}{% endmacro %}"
               "{% call(y) m() %}[{{ y }}]{% endcall %}") == "[7]");
  // It cannot outlive the call.
  REQUIRE_RULE(
      rendered("{% set n = namespace() %}{% macro m(n) %}{% set n.c = caller %}{% endmacro %}"
               "{% call m(n) %}{% endcall %}"),
      rules::template_value);
}

TEST_CASE("a conversation the template refuses is refused in its words") {
  const auto refused = rendered("{{ raise_exception('no system here') }}");
  REQUIRE_RULE(refused, rules::template_raised);
  REQUIRE(refused.error().found_value.find("no system here") != std::string::npos);
}

TEST_CASE("what a template gets wrong is refused") {
  for (const auto* source :
       {"{{ missing.x }}", "{{ messages[9].role.x }}", "{{ 'a' + 1 }}", "{{ 1 < 'a' }}",
        "{{ messages.append(1) }}", "{{ 'a' | nofilter }}", "{{ 1 is notest }}", "{{ 1 / 0 }}",
        "{{ 9223372036854775807 + 1 }}", "{% set x.y = 1 %}", "{% for a, b in [[1]] %}{% endfor %}",
        "{{ ''.nothing() }}", "{{ range(1, 2, 0) }}", "{{ {1: 2} }}", "{{ messages | sum }}"})
    REQUIRE_RULE(rendered(source), rules::template_value);
}

TEST_CASE("what is not in the language is refused before anything is rendered") {
  for (const auto* source :
       {"{% if true %}", "{{ 1", "{% include 'x' %}", "{% for x in y recursive %}{% endfor %}",
        "{% endif %}", "{{ 'a }}", "{# open", "{% break %}", "{% block a %}{% endblock %}",
        "{{ a b }}", "{% set %}", "{{ (1 }}", "{{ 1 ! 2 }}", "{% raw %}", "{{ \"\\ud800\" }}",
        "{{ 99999999999999999999 }}", "{{ f(a=1, 2) }}", "\xff"})
    REQUIRE_RULE(ChatTemplate::parse(source), rules::template_syntax);
}

TEST_CASE("a template can neither run on, nor fill memory, nor go deep") {
  for (const auto* source :
       {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{{ range(1000000) }}", "{{ 'x' * 1000000000 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        // Doubles a text, and a list that is shared, in every round.
        "{% set n = namespace(x='xx') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor "
        "%}",
        "{% set n = namespace(x=[1]) %}{% for i in range(70) %}{% set n.x = [n.x, n.x] %}"
        "{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[]) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% endfor %}"})
    REQUIRE_RULE(rendered(source), rules::template_limit);
  REQUIRE_RULE(rendered("{{ 'x' * 100 }}", {.work = 1000, .text = 99}), rules::template_limit);
  const std::string deep = "{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}";
  REQUIRE_RULE(ChatTemplate::parse(deep), rules::template_limit);
  std::string chain = "{{ 1";
  for (int i = 0; i < 5000; ++i) chain += " + 1";
  REQUIRE_RULE(ChatTemplate::parse(chain + " }}"), rules::template_limit);
  std::string blocks;
  for (int i = 0; i < 5000; ++i) blocks += "{% if 1 %}";
  REQUIRE_RULE(ChatTemplate::parse(blocks), rules::template_limit);
  REQUIRE_RULE(ChatTemplate::parse(std::string((1U << 20) + 1, 'x')), rules::template_limit);
  // A namespace that held itself would never be freed.
  REQUIRE_RULE(rendered("{% set n = namespace() %}{% set n.x = [n] %}"), rules::template_value);
}

TEST_CASE("a conversation is read strictly, and keeps the order of its members") {
  const auto variables = must(parse_variables(R"({"tools":[{"z":1,"a":2}],"messages":[]})"));
  REQUIRE(variables["tools"].dump() == R"([{"z":1,"a":2}])");
  REQUIRE(must(parse_variables("[]"))["add_generation_prompt"].get<bool>());
  REQUIRE_RULE(parse_variables("{}"), rules::template_variables);
  REQUIRE_RULE(parse_variables("1"), rules::template_variables);
  REQUIRE_RULE(parse_variables(R"({"messages":[],"messages":[]})"), rules::json_duplicate);
}

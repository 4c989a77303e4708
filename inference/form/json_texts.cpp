#include "inference/form/json_texts.h"

#include <algorithm>

namespace attest::inference {

namespace {

constexpr std::uint32_t most_digits = 16;
constexpr std::uint32_t most_indentation = 20;

using Sequence = GrammarBuilder::Sequence;

Sequence joined(std::vector<Sequence> parts) {
  return GrammarBuilder::joined(std::move(parts));
}

}  // namespace

// The rule is known before it is made, so that values can hold values.
template <typename Make>
Sequence JsonTexts::once(std::optional<GrammarBuilder::Rule>& rule, Make make) {
  if (!rule) {
    rule = builder_->declare();
    builder_->define(*rule, make());
  }
  return GrammarBuilder::call(*rule);
}

Sequence JsonTexts::one_in(char first, char last) {
  return builder_->characters({{static_cast<char32_t>(first), static_cast<char32_t>(last)}});
}

Sequence JsonTexts::digits(std::uint32_t count) {
  return builder_->repeated(one_in('0', '9'), count, count);
}

Sequence JsonTexts::space() {
  return once(space_, [this]() -> std::vector<Sequence> {
    return {{}, lit(" "), joined({lit("\n"), builder_->repeated(lit(" "), 0, most_indentation)})};
  });
}

// Of escapes only those that stand for characters: a surrogate has its other half behind it.
Sequence JsonTexts::character() {
  return once(character_, [this]() -> std::vector<Sequence> {
    const Sequence hex = builder_->characters({{'0', '9'}, {'a', 'f'}, {'A', 'F'}});
    const Sequence d = builder_->characters({{'d', 'd'}, {'D', 'D'}});
    return {
        builder_->characters({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}}, true),
        joined({lit("\\"), builder_->characters({{'"', '"'},
                                                 {'\\', '\\'},
                                                 {'/', '/'},
                                                 {'b', 'b'},
                                                 {'f', 'f'},
                                                 {'n', 'n'},
                                                 {'r', 'r'},
                                                 {'t', 't'}})}),
        joined({lit("\\u"),
                builder_->characters({{'0', '9'}, {'a', 'c'}, {'e', 'f'}, {'A', 'C'}, {'E', 'F'}}),
                hex, hex, hex}),
        joined({lit("\\u"), d, one_in('0', '7'), hex, hex}),
        joined({lit("\\u"), d, builder_->characters({{'8', '9'}, {'a', 'b'}, {'A', 'B'}}), hex, hex,
                lit("\\u"), d, builder_->characters({{'c', 'f'}, {'C', 'F'}}), hex, hex})};
  });
}

Sequence JsonTexts::string(std::uint32_t least, std::optional<std::uint32_t> most) {
  return joined({lit("\""), builder_->repeated(character(), least, most), lit("\"")});
}

Sequence JsonTexts::boolean() {
  return builder_->one_of({lit("true"), lit("false")});
}

Sequence JsonTexts::number() {
  return once(number_, [this]() -> std::vector<Sequence> {
    const Sequence digit = one_in('0', '9');
    const Sequence whole = builder_->one_of(
        {lit("0"), joined({one_in('1', '9'), builder_->repeated(digit, 0, most_digits - 1)})});
    const Sequence fraction =
        builder_->repeated(joined({lit("."), builder_->repeated(digit, 1, most_digits)}), 0, 1);
    const Sequence exponent = builder_->repeated(
        joined({builder_->characters({{'e', 'e'}, {'E', 'E'}}),
                builder_->repeated(builder_->characters({{'+', '+'}, {'-', '-'}}), 0, 1),
                builder_->repeated(digit, 1, 2)}),
        0, 1);
    return {joined({builder_->repeated(lit("-"), 0, 1), whole, fraction, exponent})};
  });
}

// Numbers of as many digits as both bounds have.
Sequence JsonTexts::same_length(std::string_view least, std::string_view most) {
  if (least.empty()) return {};
  const auto rest = static_cast<std::uint32_t>(least.size() - 1);
  const std::string nines(rest, '9');
  const std::string zeros(rest, '0');
  if (least.substr(1) == zeros && most.substr(1) == nines)
    return joined({one_in(least[0], most[0]), digits(rest)});
  if (least[0] == most[0])
    return joined({lit(least.substr(0, 1)), same_length(least.substr(1), most.substr(1))});
  std::vector<Sequence> alternatives{
      joined({lit(least.substr(0, 1)), same_length(least.substr(1), nines)}),
      joined({lit(most.substr(0, 1)), same_length(zeros, most.substr(1))})};
  if (least[0] + 1 < most[0])
    alternatives.push_back(joined(
        {one_in(static_cast<char>(least[0] + 1), static_cast<char>(most[0] - 1)), digits(rest)}));
  return builder_->one_of(std::move(alternatives));
}

Sequence JsonTexts::whole_numbers(std::uint64_t least, std::uint64_t most) {
  std::vector<Sequence> alternatives;
  std::uint64_t first = 0;
  for (std::uint64_t behind = 10; first <= most; first = behind, behind *= 10) {
    const std::uint64_t from = std::max(first, least);
    const std::uint64_t to = std::min(behind - 1, most);
    if (from <= to) alternatives.push_back(same_length(std::to_string(from), std::to_string(to)));
  }
  return builder_->one_of(std::move(alternatives));
}

Sequence JsonTexts::integer(std::int64_t least, std::int64_t most) {
  std::vector<Sequence> alternatives;
  if (most >= 0)
    alternatives.push_back(
        whole_numbers(static_cast<std::uint64_t>(std::max<std::int64_t>(least, 0)),
                      static_cast<std::uint64_t>(most)));
  if (least < 0)
    alternatives.push_back(
        joined({lit("-"), whole_numbers(static_cast<std::uint64_t>(most < 0 ? -most : 1),
                                        static_cast<std::uint64_t>(-least))}));
  return builder_->one_of(std::move(alternatives));
}

Sequence JsonTexts::date() {
  const Sequence to_28 =
      builder_->one_of({joined({lit("0"), one_in('1', '9')}), joined({lit("1"), one_in('0', '9')}),
                        joined({lit("2"), one_in('0', '8')})});
  const Sequence to_30 = builder_->one_of({to_28, lit("29"), lit("30")});
  const Sequence short_months = builder_->one_of({lit("04-"), lit("06-"), lit("09-"), lit("11-")});
  const Sequence long_months = builder_->one_of(
      {lit("01-"), lit("03-"), lit("05-"), lit("07-"), lit("08-"), lit("10-"), lit("12-")});
  return joined({digits(4), lit("-"),
                 builder_->one_of({joined({lit("02-"), to_28}), joined({short_months, to_30}),
                                   joined({long_months, builder_->one_of({to_30, lit("31")})})})});
}

Sequence JsonTexts::time() {
  const Sequence minutes = joined({one_in('0', '5'), one_in('0', '9')});
  const Sequence hours = builder_->one_of(
      {joined({one_in('0', '1'), one_in('0', '9')}), joined({lit("2"), one_in('0', '3')})});
  const Sequence parts =
      builder_->repeated(joined({lit("."), builder_->repeated(one_in('0', '9'), 1, 9)}), 0, 1);
  const Sequence zone = builder_->one_of(
      {lit("Z"),
       joined({builder_->characters({{'+', '+'}, {'-', '-'}}), hours, lit(":"), minutes})});
  return joined({hours, lit(":"), minutes, lit(":"), minutes, parts, zone});
}

std::optional<Sequence> JsonTexts::format(std::string_view name) {
  Sequence text;
  if (name == "date") {
    text = date();
  } else if (name == "time") {
    text = time();
  } else if (name == "date-time") {
    text = joined({date(), lit("T"), time()});
  } else if (name == "uuid") {
    const Sequence hex = builder_->characters({{'0', '9'}, {'a', 'f'}});
    const auto some = [&](std::uint32_t count) { return builder_->repeated(hex, count, count); };
    text = joined(
        {some(8), lit("-"), some(4), lit("-"), some(4), lit("-"), some(4), lit("-"), some(12)});
  } else {
    return std::nullopt;
  }
  return joined({lit("\""), std::move(text), lit("\"")});
}

// Items with commas between them.
Sequence JsonTexts::separated(const Sequence& what, std::uint32_t least,
                              std::optional<std::uint32_t> most) {
  if (most == 0U) return {};
  const Sequence item = builder_->wrapped(what);
  const std::uint32_t more = least == 0 ? 0 : least - 1;
  const Sequence some =
      joined({item, builder_->repeated(joined({lit(","), space(), item}), more,
                                       most ? std::optional(*most - 1) : std::nullopt)});
  return least == 0 ? builder_->one_of({{}, some}) : some;
}

Sequence JsonTexts::array(const Sequence& item, std::uint32_t least,
                          std::optional<std::uint32_t> most) {
  return joined({lit("["), space(), separated(item, least, most), space(), lit("]")});
}

Sequence JsonTexts::map(const Sequence& value) {
  const Sequence member = joined({string(0, std::nullopt), lit(":"), space(), value});
  return joined({lit("{"), space(), separated(member, 0, std::nullopt), space(), lit("}")});
}

// From the last member on: what may follow where none was written yet, and where some were.
Sequence JsonTexts::object(const std::vector<Member>& members) {
  Sequence first;
  Sequence further;
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    const Sequence written =
        builder_->wrapped(joined({lit(member->name), lit(":"), space(), member->value, further}));
    std::vector<Sequence> begins{written};
    std::vector<Sequence> goes_on{joined({lit(","), space(), written})};
    if (!member->required) {
      begins.push_back(first);
      goes_on.push_back(further);
    }
    first = builder_->one_of(std::move(begins));
    further = builder_->wrapped(builder_->one_of(std::move(goes_on)));
  }
  return joined({lit("{"), space(), first, space(), lit("}")});
}

Sequence JsonTexts::any() {
  return once(any_, [this]() -> std::vector<Sequence> {
    const Sequence itself = GrammarBuilder::call(*any_);
    return {string(0, std::nullopt),        number(),   boolean(), lit("null"),
            array(itself, 0, std::nullopt), map(itself)};
  });
}

}  // namespace attest::inference

#include "libattest/lineage/model_card.h"

#include <algorithm>
#include <array>
#include <set>

#include "libattest/base/text.h"

namespace attest::lineage {

namespace {

constexpr std::size_t max_card_size = 1U << 20;
constexpr std::size_t max_matter_size = 64U << 10;
constexpr std::size_t max_lines = 2'000;
constexpr std::size_t max_values = 1'000;

struct Line {
  std::size_t number;
  std::string_view text;
};

std::unexpected<Error> bad_line(const Line& line, std::string what) {
  return fail(refused(rules::model_card_form, std::move(what))
                  .found("\"" + printable(line.text, 80) + "\"")
                  .within("line " + std::to_string(line.number)));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Result<std::vector<Line>> front_matter(std::string_view text) {
  if (text.size() > max_card_size || !is_utf8(text))
    return fail(refused(rules::model_card_none, "this is no model card")
                    .expected("UTF-8 of at most a megabyte"));
  std::vector<Line> lines;
  std::size_t size = 0;
  std::size_t number = 0;
  for (std::string_view each : split(text, '\n')) {
    ++number;
    if (each.ends_with('\r')) each.remove_suffix(1);
    if (number == 1 && each != "---") break;
    if (number == 1) continue;
    if (each == "---" || each == "...") return lines;
    size += each.size();
    if (lines.size() == max_lines || size > max_matter_size) break;
    lines.push_back({number, each});
  }
  return fail(refused(rules::model_card_none, "a model card has no front matter that ends")
                  .expected("lines between \"---\" and \"---\", at most 64 KiB"));
}

// A comment begins at a '#' that begins the text or follows a space.
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || text[i - 1] == ' ')) return text.substr(0, i);
  return text;
}

// A quoted scalar takes no escapes but the doubled quote of YAML's single quotes.
Result<std::string> quoted_scalar(std::string_view text, const Line& line) {
  const char quote = text.front();
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') return bad_line(line, "escapes are not read");
    if (text[i] != quote) {
      value += text[i];
    } else if (quote == '\'' && i + 1 < text.size() && text[i + 1] == quote) {
      value += text[i++];
    } else if (trimmed(without_comment(text.substr(i + 1))).empty()) {
      return value;
    } else {
      break;
    }
  }
  return bad_line(line, "a quoted value does not end where it should");
}

Result<std::string> scalar(std::string_view given, const Line& line) {
  const std::string_view text = trimmed(given);
  if (text.starts_with('"') || text.starts_with('\'')) return quoted_scalar(text, line);
  const std::string_view plain = trimmed(without_comment(text));
  constexpr std::string_view indicators = "&*!|>%@`{}[],?";
  if (!plain.empty() && indicators.find(plain.front()) != std::string_view::npos)
    return bad_line(line, "a value of a kind that is not read here");
  if (plain.find(": ") != std::string_view::npos || plain.ends_with(':') ||
      plain.find('\t') != std::string_view::npos)
    return bad_line(line, "a nested value where a plain one should be");
  return std::string(plain);
}

Result<std::vector<std::string>> bracket_list(std::string_view given, const Line& line) {
  const std::string_view text = trimmed(without_comment(given));
  if (!text.ends_with(']')) return bad_line(line, "a list in brackets does not end in its line");
  const std::string_view inner = trimmed(text.substr(1, text.size() - 2));
  std::vector<std::string> values;
  if (inner.empty()) return values;
  for (const std::string_view each : split(inner, ',')) {
    TRY(std::string value, scalar(each, line));
    if (value.empty()) return bad_line(line, "a list has an empty member");
    values.push_back(std::move(value));
  }
  return values;
}

bool is_list_item(std::string_view text) {
  const std::string_view item = trimmed(text);
  return item == "-" || item.starts_with("- ");
}

bool is_blank(std::string_view text) {
  return trimmed(without_comment(text)).empty();
}

// Values of one key: on its line, in brackets, or in the "- value" lines below it.
Result<std::vector<std::string>> values_of(std::string_view rest, const Line& line,
                                           const std::vector<Line>& below) {
  std::vector<std::string> values;
  if (!is_blank(rest)) {
    if (!below.empty())
      return bad_line(below.front(), "a value goes on where it should have ended");
    if (trimmed(rest).starts_with('[')) return bracket_list(trimmed(rest), line);
    TRY(std::string value, scalar(rest, line));
    if (value != "null" && value != "~") values.push_back(std::move(value));
    return values;
  }
  for (const Line& item : below) {
    if (!is_list_item(item.text)) return bad_line(item, "a nested value where a list should be");
    TRY(std::string value, scalar(trimmed(item.text).substr(1), item));
    if (value.empty()) return bad_line(item, "a list has an empty member");
    values.push_back(std::move(value));
    if (values.size() > max_values) return bad_line(item, "a list is too long");
  }
  return values;
}

Result<std::string> single(std::vector<std::string> values, const Line& line) {
  if (values.size() > 1) return bad_line(line, "a list where one value should be");
  return values.empty() ? std::string() : std::move(values.front());
}

Status take(ModelCardClaims& claims, std::string_view key, std::string_view rest, const Line& line,
            const std::vector<Line>& below) {
  constexpr std::array<std::string_view, 4> asked = {"base_model", "base_model_relation",
                                                     "datasets", "license"};
  if (std::ranges::find(asked, key) == asked.end()) return {};
  TRY(std::vector<std::string> values, values_of(rest, line, below));
  if (key == "base_model") {
    claims.base_models = std::move(values);
  } else if (key == "datasets") {
    claims.data_sets = std::move(values);
  } else {
    TRY(std::string value, single(std::move(values), line));
    (key == "license" ? claims.licence : claims.relation) = std::move(value);
  }
  return {};
}

}  // namespace

Result<ModelCardClaims> parse_model_card(std::string_view text) {
  TRY(const std::vector<Line> lines, front_matter(text));
  ModelCardClaims claims;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < lines.size();) {
    const Line& line = lines[i++];
    if (is_blank(line.text)) continue;
    const std::size_t colon = line.text.find(':');
    if (line.text.front() == ' ' || line.text.front() == '-' || colon == std::string_view::npos ||
        colon == 0 || (colon + 1 < line.text.size() && line.text[colon + 1] != ' '))
      return bad_line(line, "this is no \"key: value\"");
    const std::string_view key = trimmed(line.text.substr(0, colon));
    if (!seen.insert(key).second)
      return fail(refused(rules::model_card_twice, "a key stands twice in a model card")
                      .found("\"" + printable(key, 60) + "\"")
                      .within("line " + std::to_string(line.number)));
    std::vector<Line> below;
    for (; i < lines.size() && (lines[i].text.empty() || lines[i].text.front() == ' ' ||
                                is_list_item(lines[i].text) || is_blank(lines[i].text));
         ++i)
      if (!is_blank(lines[i].text)) below.push_back(lines[i]);
    TRY_VOID(take(claims, key, line.text.substr(colon + 1), line, below));
  }
  constexpr std::array<std::string_view, 5> relations = {"", "finetune", "adapter", "merge",
                                                         "quantized"};
  if (std::ranges::find(relations, claims.relation) == relations.end())
    return fail(refused(rules::model_card_form, "an unknown relation to the base model")
                    .expected("finetune, adapter, merge or quantized")
                    .found("\"" + printable(claims.relation, 60) + "\""));
  return claims;
}

}  // namespace attest::lineage

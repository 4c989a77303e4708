#include "cli/report.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::cli {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::refused:
      return "refused";
    case Outcome::incomplete:
      return "incomplete";
  }
  return "incomplete";
}

Outcome outcome_of(ErrorKind kind) {
  return kind == ErrorKind::refused ? Outcome::refused : Outcome::incomplete;
}

Outcome worse_of(Outcome a, Outcome b) {
  if (a == Outcome::refused || b == Outcome::refused) return Outcome::refused;
  if (a == Outcome::incomplete || b == Outcome::incomplete) return Outcome::incomplete;
  return Outcome::pass;
}

Report& Report::line(std::string text) {
  lines_.push_back(std::move(text));
  return *this;
}

namespace {

// Cuts `text` into lines of at most `width` columns, at spaces where there are any.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (std::string_view paragraph : split(text, '\n')) {
    std::string line;
    for (std::string_view word : split(paragraph, ' ')) {
      if (!line.empty() && columns(line) + 1 + columns(word) > width) {
        lines.push_back(std::move(line));
        line.clear();
      }
      if (!line.empty()) line += ' ';
      line += word;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

Report& Report::field(std::string_view name, std::string_view text) {
  constexpr std::size_t name_width = 12;
  constexpr std::size_t indent = 2 + name_width;
  bool first = true;
  for (std::string& part : wrapped(text, 80 - indent)) {
    const std::string head =
        first ? "  " + padded(name, name_width) + (columns(name) >= name_width ? " " : "")
              : std::string(indent, ' ');
    lines_.push_back(head + part);
    first = false;
  }
  return *this;
}

OrderedJson to_json(const Error& error) {
  OrderedJson json = {
      {"rule", error.rule.name}, {"outcome", attest::to_string(error.kind)}, {"what", error.what}};
  if (!error.expected_value.empty()) json["expected"] = error.expected_value;
  if (!error.found_value.empty()) json["found"] = error.found_value;
  if (!error.where.empty()) json["where"] = error.where;
  if (!error.next_step.empty()) json["next"] = error.next_step;
  return json;
}

Report& Report::refusal(const Error& error) {
  outcome = outcome_of(error.kind);
  json["error"] = to_json(error);
  line(std::string(to_string(outcome)) + ": " + error.what);
  if (!error.where.empty()) field("where", error.where);
  if (!error.expected_value.empty()) field("expected", error.expected_value);
  if (!error.found_value.empty()) field("found", error.found_value);
  if (!error.next_step.empty()) line(error.next_step);
  return *this;
}

std::string shorten(std::string_view digest_text) {
  const std::size_t colon = digest_text.find(':');
  const std::size_t begin = colon == std::string_view::npos ? 0 : colon + 1;
  if (digest_text.size() - begin < 16) return std::string(digest_text);
  return std::string(digest_text.substr(0, begin + 4)) + "…" +
         std::string(digest_text.substr(digest_text.size() - 4));
}

void Table::print_to(Report& report) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  for (const auto& row : rows_) {
    std::string text = "  ";
    for (std::size_t i = 0; i < row.size(); ++i)
      text += i + 1 == row.size() ? row[i] : padded(row[i], widths[i] + 2);
    report.line(std::move(text));
  }
}

}  // namespace attest::cli

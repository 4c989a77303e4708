// Report: what a verb found, for people and for programs, with the same content in both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/terminal.h"
#include "libattest/base/json.h"
#include "libattest/base/result.h"

namespace attest::cli {

// Outcome of a check. The exit status of attestctl is 0, 1 or 2.
enum class Outcome { pass, refused, incomplete };

std::string_view to_string(Outcome outcome);
Outcome outcome_of(ErrorKind kind);
// worse_of gives the one that decides: refused before incomplete before pass.
Outcome worse_of(Outcome a, Outcome b);

// Report is built by a verb and printed by main. Lines are for people, at most 80 columns where the
// content allows; json is for programs. Keys, once printed, stay.
class Report {
 public:
  Outcome outcome = Outcome::pass;
  OrderedJson json = OrderedJson::object();

  // line adds one line as it is.
  Report& line(std::string text);
  // field adds "  name        text", name padded to 12 columns; further lines of `text` and lines
  // longer than 80 columns are continued under the first.
  Report& field(std::string_view name, std::string_view text);
  // refusal adds an Error in words and under json "error", and sets the outcome.
  Report& refusal(const Error& error);
  // raw is printed as it is instead of lines, without a newline added: text a program made.
  std::string raw;

  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

// shorten shows a digest for people: "sha256:5e0c…91d2".
std::string shorten(std::string_view digest_text);

OrderedJson to_json(const Error& error);

// Table lays rows out in columns, two spaces apart, the last one unpadded.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void print_to(Report& report) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace attest::cli

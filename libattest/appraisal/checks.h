// The list of checks an appraisal makes. For sources of this room.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/result/ear.h"

namespace attest::appraisal {

using result::Check;
using result::Verdict;

class Checks {
 public:
  void pass(std::string name, std::string why) {
    add({std::move(name), Verdict::pass, "", "", std::move(why)});
  }
  void refuse(std::string name, std::string why, std::string expected = "",
              std::string found = "") {
    add({std::move(name), Verdict::refused, std::move(expected), std::move(found), std::move(why)});
  }
  void cannot_tell(std::string name, std::string why, std::string expected = "",
                   std::string found = "") {
    add({std::move(name), Verdict::incomplete, std::move(expected), std::move(found),
         std::move(why)});
  }
  void add(Check check) { all_.push_back(std::move(check)); }

  bool any(std::string_view prefix) const {
    return std::ranges::any_of(all_,
                               [&](const Check& check) { return check.name.starts_with(prefix); });
  }
  const std::vector<Check>& all() const { return all_; }
  // outcome is the worst of the checks whose name begins with `prefix`: refused, then incomplete,
  // then pass. Without such a check it is incomplete: what was not judged did not pass.
  Verdict outcome(std::string_view prefix) const {
    bool any = false;
    bool incomplete = false;
    for (const Check& check : all_) {
      if (!check.name.starts_with(prefix)) continue;
      any = true;
      if (check.outcome == Verdict::refused) return Verdict::refused;
      incomplete = incomplete || check.outcome == Verdict::incomplete;
    }
    return any && !incomplete ? Verdict::pass : Verdict::incomplete;
  }

 private:
  std::vector<Check> all_;
};

}  // namespace attest::appraisal

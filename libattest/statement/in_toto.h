// in-toto statements, version 1 and the 0.1 before it: subjects by digest, and a predicate.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"

namespace attest::statement {

inline constexpr std::string_view in_toto_payload_type = "application/vnd.in-toto+json";

struct InTotoSubject {
  std::string name;                            // may be empty
  std::map<std::string, std::string> digests;  // algorithm → lower-case hexadecimal, for hashes
};

struct InTotoStatement {
  std::vector<InTotoSubject> subjects;
  std::string predicate_type;
  std::string predicate;  // JSON text; "null" where there is none
};

// parse_in_toto refuses other types, no subjects, a subject without a digest, a digest by a hash
// function that is not hexadecimal, and a missing predicate type (rules::in_toto_form and the JSON
// rules).
Result<InTotoStatement> parse_in_toto(ByteView json);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule in_toto_form{"statement.in-toto.form"};
}

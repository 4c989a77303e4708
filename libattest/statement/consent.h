// Consent: the owner of a parent countersigns that one artefact was made of it. Needed where the
// parent's release demands it, and worth something only from the issuer of that release.
#pragma once

#include <string>

#include "libattest/base/bytes.h"
#include "libattest/statement/subject.h"

namespace attest::statement {

struct Consent {
  Subject child;          // the artefact it is given for: the statement's subject
  Subject parent;         // the artefact that was built on
  std::string operation;  // one of operation_names(); it is given for this one alone
  friend bool operator==(const Consent&, const Consent&) = default;
};

// decode_consent refuses an operation it does not know, and subjects that are no artefacts or the
// same one (rules::consent_form).
Bytes encode(const Consent& consent);
Result<Consent> decode_consent(ByteView payload);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule consent_form{"statement.consent.form"};
}

// The subjects of a log entry: under which names it can be found, and whose status it may change.
#pragma once

#include <vector>

#include "libattest/statement/subject.h"

namespace attest::statement {

class UntrustedStatement;

// subjects_of gives, sorted and each once (docs/formats.md, "Signed statement"):
//   - of a signed statement: its subject, signer:<thumbprint of kid>, and parent:<digest> for each
//     parent of a release;
//   - of a map root: none;
//   - of a DSSE envelope (an entry that begins with '{'): sha256:… of each in-toto subject with a
//     SHA-256 digest. An envelope with another payload is refused (rules::entry_unknown).
// Nothing is verified: anyone may claim to speak of anything, and the map must show it.
Result<std::vector<Subject>> subjects_of(ByteView entry);

// subjects_of gives the same of a statement that was parsed already.
std::vector<Subject> subjects_of(const UntrustedStatement& statement);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule entry_unknown{"statement.entry.unknown"};
}

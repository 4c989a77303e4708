// EntryForm: what the log itself must know of an entry to index it: read from the bytes, believed
// by nobody. It tells whose statement it claims to be, of which kind, and of which subjects.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/store.h"
#include "libattest/crypto/digest.h"

namespace attest::ledger {

struct EntryForm {
  std::vector<std::string> subjects;  // all that the entry speaks of, sorted, each once
  std::vector<std::string> parents;   // of a model release
  std::string subject;                // CWT subject; empty for a DSSE envelope
  std::string issuer;                 // empty for a DSSE envelope
  std::string kind;                   // content type
  std::optional<Sha256> signer;       // thumbprint the statement names as its key
  bool is_map_root = false;
};

// form_of reads a statement or a DSSE envelope; anything else is refused.
Result<EntryForm> form_of(ByteView entry);

// lookups_of gives every key under which such an entry is found.
std::vector<Lookup> lookups_of(const EntryForm& form);
Lookup lookup_for(Field field, std::string_view text);

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule entry_size{"ledger.entry.size"};
inline constexpr Rule entry_map_root{"ledger.entry.map-root"};
}  // namespace attest::rules

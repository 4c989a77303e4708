// Judging IMA lists: whether a quote vouches for one (verify_ima_log), and what is wrong with its
// entries (inspect_ima_entries). Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libattest/tpm/ima_log.h"
#include "libattest/tpm/ima_policy.h"
#include "libattest/tpm/quote.h"

namespace attest::tpm {

// ImaCheckpoint is how far a list was verified: what to keep so that the next evidence needs only
// the entries after it. It holds for one boot of one node.
struct ImaCheckpoint {
  std::uint32_t reset_count = 0;  // of the quote, by the same AK
  std::uint64_t entries = 0;      // verified so far
  PcrBank bank = PcrBank::sha256;
  Bytes pcr;  // PCR 10 after them
  friend bool operator==(const ImaCheckpoint&, const ImaCheckpoint&) = default;
};

class VerifiedImaLog {
 public:
  // entries are those that the quoted PCR 10 vouches for, in order, without those before the
  // checkpoint that was given.
  std::span<const ImaEntry> entries() const {
    return std::span(log_.entries()).first(static_cast<std::size_t>(covered_));
  }
  // not_vouched counts entries the kernel added after the quote: the next quote will cover them.
  std::size_t not_vouched() const {
    return log_.entries().size() - static_cast<std::size_t>(covered_);
  }
  const ImaCheckpoint& checkpoint() const { return checkpoint_; }
  PcrBank bank() const { return checkpoint_.bank; }

 private:
  friend Result<VerifiedImaLog> verify_ima_log(UntrustedImaLog, const VerifiedQuote&,
                                               const std::optional<ImaCheckpoint>&);
  VerifiedImaLog(UntrustedImaLog log, ImaCheckpoint checkpoint, std::size_t covered)
      : log_(std::move(log)), checkpoint_(std::move(checkpoint)), covered_(covered) {}
  UntrustedImaLog log_;
  ImaCheckpoint checkpoint_;
  std::size_t covered_;
};

// verify_ima_log checks, in this order, that
//   - PCR 10 is quoted;
//   - where the list goes on from a checkpoint, that is of this boot and of a bank that is quoted;
//   - each entry's template hash is that of its data, and the digest of measured data that of the
//     data;
//   - PCR 10 holds, in the strongest quoted bank, what the list leads to after one of its entries:
//     a list read before the quote lacks the last ones and is refused, one read after may have
//     more;
//   - a whole list's boot_aggregate is the digest of the quoted PCRs 0 to 7, or 0 to 9, where they
//     are quoted: else the list is of another boot.
// Violations refuse nothing here; inspect_ima_entries lists them. Not checked: what was measured.
Result<VerifiedImaLog> verify_ima_log(UntrustedImaLog log, const VerifiedQuote& quote,
                                      const std::optional<ImaCheckpoint>& since = {});

// verify_grown_ima_log verifies a whole list of a node whose list was `known` before, and says more
// where it does not hold in the boot of `known`: that entries were taken out (fewer than before),
// or that those from before are others now. A kernel whose list was exported and cut up to what was
// known (Linux gives its memory back so) sends what follows: that holds too.
Result<VerifiedImaLog> verify_grown_ima_log(const UntrustedImaLog& log, const VerifiedQuote& quote,
                                            const ImaCheckpoint& known);

// ImaViolations counts the violations of a list by their kind. The list does not say the kind;
// where an entry for the same file stands does: a file that is open for writing when it is run is
// measured right after its violation (open writers), one that is written while it runs was measured
// before (ToMToU, time of measurement to time of use). Where both hold, or neither, nobody can
// tell.
struct ImaViolations {
  std::size_t open_writers = 0;
  std::size_t tomtou = 0;
  std::size_t of_either_kind = 0;

  std::size_t in_all() const { return open_writers + tomtou + of_either_kind; }
  std::string words() const;  // "3 violations (1 open-writers, 2 ToMToU)"
};
ImaViolations count_violations(std::span<const ImaEntry> entries);

struct ImaRules {
  const ImaAllowList* allow_list = nullptr;  // nothing: paths are not judged
  std::span<const ImaKey> keys{};            // that may sign files
  bool allow_violations = false;
  ImaSignatureRules signatures = {};
};

struct ImaProblem {
  Rule rule;
  std::size_t number = 0;  // of the entry
  std::string path;
  std::string words;
  std::string expected;
  std::string found;
};

struct ImaInspection {
  std::size_t entries = 0;
  ImaViolations violations;
  std::size_t allowed = 0;
  std::size_t excluded = 0;
  std::size_t signed_by_key = 0;
  std::size_t not_judged = 0;        // neither a list nor a key could say anything of them
  std::vector<ImaProblem> problems;  // at most 1,000; more are counted
  std::size_t problems_in_all = 0;
};

// inspect_ima_entries looks at every entry: template hash, violation, measured data, and, by the
// rules given, list and signatures. A digest is accepted when the allow list has it for the path,
// or when a key that may sign files vouches for it: a signature by such a key is a reference value
// as good as one in the list.
ImaInspection inspect_ima_entries(std::span<const ImaEntry> entries, const ImaRules& rules);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule ima_not_quoted{"tpm.ima.not-quoted"};
inline constexpr Rule ima_other_boot{"tpm.ima.other-boot"};
inline constexpr Rule ima_template_hash{"tpm.ima.template-hash"};
inline constexpr Rule ima_buffer_digest{"tpm.ima.buffer-digest"};
inline constexpr Rule ima_pcr_differs{"tpm.ima.pcr"};
inline constexpr Rule ima_truncated{"tpm.ima.truncated"};
inline constexpr Rule ima_rewritten{"tpm.ima.rewritten"};
inline constexpr Rule ima_boot_aggregate{"tpm.ima.boot-aggregate"};
inline constexpr Rule ima_violation{"tpm.ima.violation"};
inline constexpr Rule ima_digest_differs{"tpm.ima.digest"};
inline constexpr Rule ima_unknown_path{"tpm.ima.unknown-path"};
}  // namespace attest::rules

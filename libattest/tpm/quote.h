// TPM quotes (TPM 2.0 Part 2 section 10.12.8, TPMS_ATTEST with TPMS_QUOTE_INFO; section 11.3.4,
// TPMT_SIGNATURE).
//
// parse_quote and parse_signature check form; verify_quote is the only maker of a VerifiedQuote.
// The parsing is ours: tss2-mu 3.2 accepts a TPMS_ATTEST with a wrong magic.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/crypto/public_key.h"
#include "libattest/tpm/clock.h"
#include "libattest/tpm/key.h"
#include "libattest/tpm/pcr.h"

namespace attest::tpm {

struct UntrustedQuote {
  Bytes bytes;  // TPMS_ATTEST as received: what the signature covers
  Bytes qualified_signer;
  Bytes extra_data;  // qualifyingData: the nonce
  ClockInfo clock;
  std::uint64_t firmware_version = 0;
  PcrSelection selection;
  Bytes pcr_digest;
};

// parse_quote reads a TPMS_ATTEST, or a TPM2B_ATTEST. It refuses a magic other than TPM_GENERATED
// (anything a restricted key signs for outside data cannot begin with it), a type other than
// TPM_ST_ATTEST_QUOTE, an unknown hash in the selection, a bank listed twice, PCRs of 24 and above,
// a YES/NO byte that is neither, missing and trailing bytes.
Result<UntrustedQuote> parse_quote(ByteView attest);

struct UntrustedSignature {
  AlgorithmId scheme = 0;  // alg_rsassa, alg_rsapss or alg_ecdsa
  HashAlgorithm hash = HashAlgorithm::sha256;
  Bytes rsa;   // of RSASSA and RSAPSS
  Bytes r, s;  // of ECDSA, big-endian as received
};

// parse_signature reads a TPMT_SIGNATURE and refuses other schemes and trailing bytes.
Result<UntrustedSignature> parse_signature(ByteView tpmt_signature);

struct QuoteRules {
  // What extraData must be. Nothing: freshness is not checked, and the quote says so.
  std::optional<Bytes> nonce{};
  std::size_t minimum_nonce = 16;  // bytes; a shorter expected nonce could be guessed or reused
  // Which PCRs must have been quoted: these and no others. Nothing: any, and the quote says so.
  std::optional<PcrSelection> selection{};
  bool allow_sha1_signature = false;
  bool allow_sha1_bank = false;
  // A quote made without any nonce can be played back for ever; recorded evidence has such ones.
  bool allow_empty_nonce = false;
  // Without PCR values the quote proves only their digest: not_checked() says so, and pcrs() is
  // empty, so that nothing can be built on them.
  bool without_pcr_values = false;
};

// VerifiedQuote is a quote whose signature, freshness and PCR digest hold.
class VerifiedQuote {
 public:
  const UntrustedQuote& quote() const { return quote_; }
  const ClockInfo& clock() const { return quote_.clock; }
  std::uint64_t firmware_version() const { return quote_.firmware_version; }
  const PcrSelection& selection() const { return quote_.selection; }
  // pcrs are the values that the signed digest covers and that may be relied on: all of the
  // selection and nothing else, less the SHA-1 bank where other banks are quoted and SHA-1 is not
  // allowed.
  const PcrValues& pcrs() const { return pcrs_; }
  const PublicKey& key() const { return key_; }
  // not_checked says in words what was not asked: the nonce, the selection, the key's attributes.
  const std::vector<std::string>& not_checked() const { return not_checked_; }
  // uses_sha1: the signature or a quoted bank rests on SHA-1, and that was allowed.
  bool uses_sha1() const { return uses_sha1_; }

 private:
  friend class QuoteVerification;
  VerifiedQuote(UntrustedQuote quote, PcrValues pcrs, PublicKey key,
                std::vector<std::string> not_checked, bool uses_sha1)
      : quote_(std::move(quote)),
        pcrs_(std::move(pcrs)),
        key_(std::move(key)),
        not_checked_(std::move(not_checked)),
        uses_sha1_(uses_sha1) {}
  UntrustedQuote quote_;
  PcrValues pcrs_;
  PublicKey key_;
  std::vector<std::string> not_checked_;
  bool uses_sha1_;
};

// verify_quote checks, in this order, that
//   - the signature's scheme and hash are those of the AK;
//   - the signature does not rest on SHA-1, unless allowed;
//   - r and s are at least 1 and below the curve's order;
//   - the signature over the TPMS_ATTEST holds under the AK;
//   - extraData is not empty, unless allowed;
//   - the expected nonce is long enough, and extraData is that nonce;
//   - the selection is not empty;
//   - the selection is the expected one, in banks and indexes (CVE-2024-29039);
//   - not only resettable PCRs (16, 23) are quoted;
//   - not only the SHA-1 bank is quoted, unless allowed; beside another bank its values are set
//     aside, and not_checked() says so;
//   - no PCR value is given that was not quoted, and every quoted one is given;
//   - the signed digest is that of the given values.
// Magic, type and form were checked by parse_quote.
// Not checked: that the AK is in a genuine TPM (enrolment), the clock against earlier quotes
// (clock.h), what the PCR values mean (event_log.h and appraisal).
Result<VerifiedQuote> verify_quote(const UntrustedQuote& quote, const UntrustedSignature& signature,
                                   const VerifiedAk& ak, const PcrValues& pcrs,
                                   const QuoteRules& rules);

// verify_quote with a bare public key, for offline use where the AK's public area is not at hand:
// every rule above, but the scheme only has to fit the key, and not_checked() says that nothing
// shows the key to be a restricted TPM key.
Result<VerifiedQuote> verify_quote(const UntrustedQuote& quote, const UntrustedSignature& signature,
                                   const PublicKey& key, const PcrValues& pcrs,
                                   const QuoteRules& rules);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule quote_form{"tpm.quote.form"};
inline constexpr Rule quote_magic{"tpm.quote.magic"};
inline constexpr Rule quote_type{"tpm.quote.type"};
inline constexpr Rule quote_trailing{"tpm.quote.trailing"};
inline constexpr Rule quote_selection_form{"tpm.quote.selection-form"};
inline constexpr Rule quote_signature_form{"tpm.quote.signature-form"};
inline constexpr Rule quote_scheme{"tpm.quote.scheme"};
inline constexpr Rule quote_hash{"tpm.quote.hash"};
inline constexpr Rule quote_sha1_signature{"tpm.quote.sha1-signature"};
inline constexpr Rule quote_signature_range{"tpm.quote.signature-range"};
inline constexpr Rule quote_signature{"tpm.quote.signature"};
inline constexpr Rule quote_nonce_empty{"tpm.quote.nonce-empty"};
inline constexpr Rule quote_nonce_short{"tpm.quote.nonce-short"};
inline constexpr Rule quote_nonce{"tpm.quote.nonce"};
inline constexpr Rule quote_selection_empty{"tpm.quote.selection-empty"};
inline constexpr Rule quote_selection{"tpm.quote.selection"};
inline constexpr Rule quote_only_resettable{"tpm.quote.only-resettable"};
inline constexpr Rule quote_sha1_bank{"tpm.quote.sha1-bank"};
inline constexpr Rule quote_pcr_not_quoted{"tpm.quote.pcr-not-quoted"};
inline constexpr Rule quote_pcr_missing{"tpm.quote.pcr-missing"};
inline constexpr Rule quote_pcr_digest{"tpm.quote.pcr-digest"};
}  // namespace attest::rules

// SPDM measurement transcripts (DMTF DSP0274, versions 1.0 to 1.3): GET_MEASUREMENTS and the
// MEASUREMENTS that answers it, with the responder's signature. Little-endian.
//
// parse_measurements checks form; verify_measurements signature and chain. Pure functions; values
// may be used from any thread.
#pragma once

#include "libattest/base/time.h"
#include "libattest/crypto/certificate.h"

namespace attest::dice {

// Extended key usages of DSP0274 section "SPDM certificate requirements".
inline constexpr std::string_view spdm_responder_usage = "1.3.6.1.4.1.412.274.3";
inline constexpr std::string_view spdm_requester_usage = "1.3.6.1.4.1.412.274.4";

struct MeasurementBlock {
  std::uint8_t index = 0;
  std::uint8_t type = 0;  // DMTF measurement type, without the bit that says raw
  bool raw = false;       // the value is the thing itself and not its digest
  ByteView value;
};

// parse_measurement_record reads blocks of the DMTF's form. Indexes ascend, each once; sizes agree;
// nothing is left over (rules::spdm_record).
Result<std::vector<MeasurementBlock>> parse_measurement_record(ByteView record);

// UntrustedMeasurements borrows the bytes given to parse_measurements.
struct UntrustedMeasurements {
  std::uint8_t version = 0;  // 0x10 to 0x13
  ByteView nonce;            // the requester's, 32 bytes
  std::uint8_t slot = 0;
  std::vector<MeasurementBlock> blocks;
  ByteView responder_nonce;
  ByteView opaque;
  ByteView signed_bytes;  // request and response, without the signature
  ByteView signature;
};

// parse_measurements reads a request that asks for a signature, the response to it, and a signature
// of `signature_size` bytes, which must end the input. Versions of both must be equal, and so must
// slots and the request's context where there is one (rules::spdm_form).
Result<UntrustedMeasurements> parse_measurements(ByteView transcript, std::size_t signature_size);

struct SpdmRules {
  Time at;
  std::vector<Certificate> roots;
  std::vector<Certificate> intermediates = {};
  std::optional<Bytes> nonce = {};  // the one asked with
  // GET_VERSION to ALGORITHMS, which version 1.2 and later put before the transcript.
  Bytes negotiation = {};
};

// VerifiedMeasurements: only verify_measurements makes one. It owns its bytes.
class VerifiedMeasurements {
 public:
  const UntrustedMeasurements& measurements() const { return measurements_; }
  const UntrustedMeasurements* operator->() const { return &measurements_; }
  const VerifiedChain& chain() const { return chain_; }

 private:
  friend Result<VerifiedMeasurements> verify_measurements(ByteView, const Certificate&,
                                                          const SpdmRules&);
  VerifiedMeasurements(std::shared_ptr<const Bytes> bytes, UntrustedMeasurements measurements,
                       VerifiedChain chain)
      : bytes_(std::move(bytes)),
        measurements_(std::move(measurements)),
        chain_(std::move(chain)) {}
  std::shared_ptr<const Bytes> bytes_;
  UntrustedMeasurements measurements_;
  VerifiedChain chain_;
};

// check_responder refuses a leaf whose SPDM usages are a requester's and not a responder's
// (rules::spdm_role). One without any SPDM usage may be either.
Status check_responder(const Certificate& leaf);

// verify_measurements parses, and then checks in this order:
//   - the leaf is not a requester's, and chains to a root at rules.at;
//   - version 1.2 and later: the negotiation is given (rules::spdm_negotiation, incomplete);
//   - the signature by the leaf's key, ECDSA P-256 with SHA-256 or P-384 with SHA-384, over the
//     transcript, which from version 1.2 on is hashed under the standard's prefix
//     (rules::spdm_signature);
//   - the nonce is the one asked with, where one is given (rules::spdm_nonce).
// Not checked: the measurements themselves, which reference values judge.
Result<VerifiedMeasurements> verify_measurements(ByteView transcript, const Certificate& leaf,
                                                 const SpdmRules& rules);

}  // namespace attest::dice

namespace attest::rules {
inline constexpr Rule spdm_record{"dice.spdm.record"};
inline constexpr Rule spdm_form{"dice.spdm.form"};
inline constexpr Rule spdm_role{"dice.spdm.role"};
inline constexpr Rule spdm_key{"dice.spdm.key"};
inline constexpr Rule spdm_negotiation{"dice.spdm.negotiation"};
inline constexpr Rule spdm_signature{"dice.spdm.signature"};
inline constexpr Rule spdm_nonce{"dice.spdm.nonce"};
}  // namespace attest::rules

// The challenge: what a verifier asks a node to answer (docs/formats.md, "Challenge").
//
// It is a COSE_Sign1 by the verifier, so that a node quotes only for verifiers it knows: evidence
// made for one verifier is worth nothing to another. Both sides verify it: the node before it
// quotes, the verifier when the evidence comes back. Plain values, usable from any thread.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libattest/base/time.h"
#include "libattest/cose/cose_sign1.h"
#include "libattest/crypto/digest.h"
#include "libattest/crypto/public_key.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/evidence/ima_state.h"

namespace attest::evidence {

inline constexpr std::string_view challenge_media_type = "application/attest-challenge+cose";
inline constexpr std::string_view challenge_content_type = "application/attest-challenge+cbor";
// A challenge lives at most this long.
inline constexpr Seconds challenge_longest_life{600};
// How far a verifier's clock may be ahead of the node's.
inline constexpr Seconds challenge_allowed_skew{60};
inline constexpr std::size_t challenge_size_limit = 4096;

using Nonce = std::array<std::byte, 32>;

struct ChallengeContent {
  std::string verifier;  // the verifier's name in trust roots
  std::string node;      // the node id it asks
  Nonce nonce;           // 32 random bytes, used once
  Time issued;
  Time expires;
  // How far the verifier knows the node's IMA list. Only for a node that says it can use it.
  std::optional<ImaState> ima = {};
};

// make_challenge signs a challenge. Usage errors: a node id of the wrong form, a life longer than
// challenge_longest_life or not above zero.
Result<Bytes> make_challenge(const SigningKey& verifier_key, const ChallengeContent& content);

// KnownVerifier is a [[verifier]] of the trust root.
struct KnownVerifier {
  std::string name;
  PublicKey key;
};

class VerifiedChallenge;

// UntrustedChallenge has the form of a challenge; nobody has checked who made it.
class UntrustedChallenge {
 public:
  const Bytes& bytes() const { return bytes_; }
  const ChallengeContent& content() const { return content_; }

 private:
  friend Result<UntrustedChallenge> parse_challenge(ByteView);
  friend Result<VerifiedChallenge> verify_challenge(const UntrustedChallenge&,
                                                    std::span<const KnownVerifier>,
                                                    std::string_view, Time);
  UntrustedChallenge(Bytes bytes, cose::UntrustedSign1 message, ChallengeContent content)
      : bytes_(std::move(bytes)), message_(std::move(message)), content_(std::move(content)) {}
  Bytes bytes_;
  cose::UntrustedSign1 message_;
  ChallengeContent content_;
};

// parse_challenge checks form: COSE_Sign1, the content type, claims issuer, subject, issued-at and
// expiry and no others, an empty unprotected header, the payload's version word and a nonce of 32
// bytes, and the state of an IMA list where there is one.
Result<UntrustedChallenge> parse_challenge(ByteView bytes);

// VerifiedChallenge was signed by a known verifier, for this node, and is alive. Only
// verify_challenge makes one.
class VerifiedChallenge {
 public:
  const Bytes& bytes() const { return bytes_; }
  // digest = SHA-256(bytes): what qualifying data and GPU nonces are made from.
  const Sha256& digest() const { return digest_; }
  const std::string& verifier() const { return content_.verifier; }
  const std::string& node() const { return content_.node; }
  const Nonce& nonce() const { return content_.nonce; }
  Time issued() const { return content_.issued; }
  Time expires() const { return content_.expires; }
  const std::optional<ImaState>& ima() const { return content_.ima; }

 private:
  friend Result<VerifiedChallenge> verify_challenge(const UntrustedChallenge&,
                                                    std::span<const KnownVerifier>,
                                                    std::string_view, Time);
  VerifiedChallenge(Bytes bytes, ChallengeContent content)
      : bytes_(std::move(bytes)), digest_(sha256(bytes_)), content_(std::move(content)) {}
  Bytes bytes_;
  Sha256 digest_;
  ChallengeContent content_;
};

// verify_challenge checks, in this order:
//   - the issuer is one of `verifiers`, and one of the keys under that name signed it;
//   - it names `node`, the node that is asked;
//   - it was not issued later than `now` plus challenge_allowed_skew;
//   - it expires after it was issued and lives at most challenge_longest_life;
//   - it has not expired at `now`.
// Not checked: that it was not answered before (the node and the verifier each remember nonces).
Result<VerifiedChallenge> verify_challenge(const UntrustedChallenge& challenge,
                                           std::span<const KnownVerifier> verifiers,
                                           std::string_view node, Time now);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule challenge_form{"evidence.challenge.form"};
inline constexpr Rule challenge_content_type{"evidence.challenge.content-type"};
inline constexpr Rule challenge_nonce{"evidence.challenge.nonce"};
inline constexpr Rule challenge_unknown_verifier{"evidence.challenge.unknown-verifier"};
inline constexpr Rule challenge_signature{"evidence.challenge.signature"};
inline constexpr Rule challenge_other_node{"evidence.challenge.other-node"};
inline constexpr Rule challenge_not_yet_valid{"evidence.challenge.not-yet-valid"};
inline constexpr Rule challenge_lives_too_long{"evidence.challenge.lives-too-long"};
inline constexpr Rule challenge_expired{"evidence.challenge.expired"};
}  // namespace attest::rules

#include "libattest/evidence/challenge.h"

#include "libattest/base/text.h"
#include "libattest/evidence/node_id.h"

namespace attest::evidence {

namespace {

constexpr std::string_view payload_word = "attest-challenge-v1";
constexpr std::string_view payload_word_with_ima = "attest-challenge-v2";
constexpr std::string_view place = "challenge";

Error form_error(std::string what) {
  return refused(rules::challenge_form, std::move(what)).within(place);
}

// What the library below says about the form of the bytes is kept; the rule becomes ours.
Error as_form_error(Error error) {
  error.rule = rules::challenge_form;
  return std::move(error).within(place);
}

struct Payload {
  Nonce nonce;
  std::optional<ImaState> ima;
};

Result<Payload> read_payload(ByteView payload) {
  auto value = cbor::decode(payload, cbor::Form::deterministic);
  if (!value) return fail(as_form_error(std::move(value).error()));
  const cbor::Array* array = value->as_array();
  if (!array || array->size() < 2 || !(*array)[0].as_text() || !(*array)[1].as_bytes())
    return fail(form_error("the payload is not [version word, nonce]"));
  const std::string& word = *(*array)[0].as_text();
  if (word != payload_word && word != payload_word_with_ima)
    return fail(form_error("the payload is of another version")
                    .expected("\"" + std::string(payload_word) + "\"")
                    .found("\"" + printable(word, 40) + "\""));
  if (array->size() != (word == payload_word ? 2U : 3U))
    return fail(form_error("the payload has another length than its version"));
  const Bytes& bytes = *(*array)[1].as_bytes();
  Payload read;
  Nonce& nonce = read.nonce;
  if (bytes.size() != nonce.size())
    return fail(refused(rules::challenge_nonce, "the nonce has the wrong length")
                    .expected(std::to_string(nonce.size()) + " bytes")
                    .found(std::to_string(bytes.size()))
                    .within(place));
  std::ranges::copy(bytes, nonce.begin());
  if (array->size() == 3) {
    TRY_WITHIN(place, read.ima, parse_ima_state((*array)[2]));
  }
  return read;
}

Result<ChallengeContent> read_content(const cose::UntrustedSign1& message) {
  if (message.content_type != challenge_content_type)
    return fail(refused(rules::challenge_content_type, "the content type is not a challenge's")
                    .expected(std::string(challenge_content_type))
                    .found(printable(message.content_type.value_or("none"), 80))
                    .within(place));
  const cose::CwtClaims& claims = message.claims;
  if (!claims.issuer || !claims.subject || !claims.issued_at || !claims.expires)
    return fail(form_error("a claim is missing").expected("issuer, subject, issued-at and expiry"));
  if (claims.not_before || !claims.others.empty())
    return fail(form_error("there is a claim that challenges do not have"));
  if (!message.unprotected_header.empty())
    return fail(form_error("the unprotected header is not empty"));
  if (!message.payload) return fail(form_error("the payload is detached"));
  if (auto status = check_node_id(*claims.subject); !status)
    return fail(as_form_error(std::move(status).error()));
  TRY(const Payload read, read_payload(*message.payload));
  return ChallengeContent{*claims.issuer,    *claims.subject, read.nonce,
                          *claims.issued_at, *claims.expires, read.ima};
}

bool lives_too_long(const ChallengeContent& content) {
  return content.expires <= content.issued ||
         content.expires - content.issued > challenge_longest_life;
}

}  // namespace

Result<Bytes> make_challenge(const SigningKey& verifier_key, const ChallengeContent& content) {
  if (!is_node_id(content.node))
    return fail(usage_error("this is no node id").found(printable(content.node)));
  if (lives_too_long(content))
    return fail(usage_error("a challenge must live between one second and " +
                            to_words(challenge_longest_life)));
  cose::Sign1Content message;
  message.content_type = challenge_content_type;
  message.claims.issuer = content.verifier;
  message.claims.subject = content.node;
  message.claims.issued_at = content.issued;
  message.claims.expires = content.expires;
  cbor::Array payload{content.ima ? payload_word_with_ima : payload_word, content.nonce};
  if (content.ima) payload.push_back(to_cbor(*content.ima));
  message.payload = cbor::encode(std::move(payload));
  return cose::sign1(message, verifier_key);
}

Result<UntrustedChallenge> parse_challenge(ByteView bytes) {
  if (bytes.size() > challenge_size_limit)
    return fail(form_error("the challenge is too large")
                    .expected("at most " + std::to_string(challenge_size_limit) + " bytes")
                    .found(std::to_string(bytes.size())));
  auto message = cose::parse_sign1(bytes);
  if (!message) return fail(as_form_error(std::move(message).error()));
  TRY(ChallengeContent content, read_content(*message));
  return UntrustedChallenge(to_bytes(bytes), *std::move(message), std::move(content));
}

Result<VerifiedChallenge> verify_challenge(const UntrustedChallenge& challenge,
                                           std::span<const KnownVerifier> verifiers,
                                           std::string_view node, Time now) {
  const ChallengeContent& content = challenge.content_;
  bool known = false;
  bool signed_by_known = false;
  for (const KnownVerifier& verifier : verifiers) {
    if (verifier.name != content.verifier) continue;
    known = true;
    if (cose::verify_sign1(challenge.message_, verifier.key)) signed_by_known = true;
  }
  if (!known)
    return fail(refused(rules::challenge_unknown_verifier, "the verifier is not one we know")
                    .found("\"" + printable(content.verifier, 80) + "\"")
                    .next("if it should be known, add it to the trust root as a [[verifier]]")
                    .within(place));
  if (!signed_by_known)
    return fail(
        refused(rules::challenge_signature, "the signature is by no key known for verifier \"" +
                                                printable(content.verifier, 80) + "\"")
            .within(place));
  if (content.node != node)
    return fail(refused(rules::challenge_other_node, "the challenge is for another node")
                    .expected(std::string(node))
                    .found(content.node)
                    .within(place));
  if (content.issued > now + challenge_allowed_skew)
    return fail(refused(rules::challenge_not_yet_valid, "the challenge is from the future")
                    .expected("issued by " + to_rfc3339(now))
                    .found(to_rfc3339(content.issued))
                    .next("compare the clocks of node and verifier")
                    .within(place));
  if (lives_too_long(content))
    return fail(refused(rules::challenge_lives_too_long, "the challenge has no acceptable life")
                    .expected("at most " + to_words(challenge_longest_life))
                    .found(to_rfc3339(content.issued) + " to " + to_rfc3339(content.expires))
                    .within(place));
  if (now >= content.expires)
    return fail(refused(rules::challenge_expired, "the challenge has expired")
                    .expected("an answer before " + to_rfc3339(content.expires))
                    .found(to_rfc3339(now))
                    .within(place));
  return VerifiedChallenge(challenge.bytes_, content);
}

}  // namespace attest::evidence

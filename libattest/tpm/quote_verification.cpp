#include <algorithm>
#include <array>

#include "libattest/tpm/quote.h"

namespace attest::tpm {
namespace {

// Orders of the groups of P-256, P-384 and P-521 (FIPS 186-5, SP 800-186 section 3.2.1).
constexpr std::string_view order_p256 =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
constexpr std::string_view order_p384 =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc5"
    "2973";
constexpr std::string_view order_p521 =
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b"
    "7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409";

const Bytes& curve_order(KeyKind curve) {
  static const Bytes p256 = *from_hex(order_p256);
  static const Bytes p384 = *from_hex(order_p384);
  static const Bytes p521 = *from_hex(order_p521);
  return curve == KeyKind::ecdsa_p256 ? p256 : curve == KeyKind::ecdsa_p384 ? p384 : p521;
}

// fixed_width strips leading zeros or adds them; nothing when the number is wider than the order.
std::optional<Bytes> fixed_width(ByteView number, std::size_t size) {
  while (!number.empty() && number.front() == std::byte{0}) number = number.subspan(1);
  if (number.size() > size) return std::nullopt;
  Bytes fixed(size - number.size());
  append(fixed, number);
  return fixed;
}

bool in_range(const std::optional<Bytes>& number, const Bytes& order) {
  if (!number) return false;
  const bool zero = std::ranges::all_of(*number, [](std::byte b) { return b == std::byte{0}; });
  return !zero && std::ranges::lexicographical_compare(*number, order);
}

Result<Bytes> ecdsa_signature(const UntrustedSignature& signature, KeyKind curve) {
  const Bytes& order = curve_order(curve);
  const auto r = fixed_width(signature.r, order.size());
  const auto s = fixed_width(signature.s, order.size());
  if (!in_range(r, order) || !in_range(s, order))
    return fail(refused(rules::quote_signature_range, "r or s of the signature is out of range")
                    .expected("1 to the curve's order less 1"));
  return concat({*r, *s});
}

std::string scheme_words(AlgorithmId scheme) {
  return scheme == alg_rsassa ? "RSASSA" : scheme == alg_rsapss ? "RSAPSS" : "ECDSA";
}

}  // namespace

// QuoteVerification is one run of verify_quote; its functions stand in the order of the rules.
class QuoteVerification {
 public:
  QuoteVerification(const UntrustedQuote& quote, const UntrustedSignature& signature,
                    const PublicKey& key, const PcrValues& pcrs, const QuoteRules& rules)
      : quote_(quote), signature_(signature), key_(key), pcrs_(pcrs), rules_(rules) {}

  Status scheme_fits_key() const {
    const bool rsa_scheme = signature_.scheme != alg_ecdsa;
    if (rsa_scheme == (key_.kind() == KeyKind::rsa) && key_.kind() != KeyKind::ed25519) return {};
    return fail(
        refused(rules::quote_scheme, "the signature's scheme does not fit the key")
            .expected("one for a key of kind " + std::string(attest::to_string(key_.kind())))
            .found(scheme_words(signature_.scheme)));
  }

  Status scheme_is_that_of(const VerifiedAk& ak) const {
    const KeyParameters& parameters = ak.area().parameters;
    if (signature_.scheme != parameters.scheme)
      return fail(refused(rules::quote_scheme, "the signature's scheme is not the AK's")
                      .expected(scheme_words(parameters.scheme))
                      .found(scheme_words(signature_.scheme)));
    if (signature_.hash != parameters.scheme_hash)
      return fail(refused(rules::quote_hash, "the signature's hash is not the AK's")
                      .expected(std::string(hash_name(*parameters.scheme_hash)))
                      .found(std::string(hash_name(signature_.hash))));
    return {};
  }

  Result<VerifiedQuote> run(std::vector<std::string> not_checked) && {
    not_checked_ = std::move(not_checked);
    TRY_VOID(scheme_fits_key());
    TRY_VOID(sha1_signature_allowed());
    TRY_VOID(signature_holds());
    TRY_VOID(nonce_matches());
    TRY_VOID(selection_matches());
    TRY_VOID(sha1_bank_allowed());
    TRY_VOID(every_given_pcr_is_quoted());
    TRY_VOID(digest_matches());
    return VerifiedQuote(quote_, relied_on(), key_, std::move(not_checked_), uses_sha1_);
  }

 private:
  PcrValues relied_on() const {
    if (!sha1_set_aside_) return pcrs_;
    PcrValues values;
    for (const auto& [bank, registers] : pcrs_.banks())
      if (bank != HashAlgorithm::sha1)
        for (const auto& [index, value] : registers) (void)values.set(bank, index, value);
    return values;
  }

  Status sha1_signature_allowed() {
    if (signature_.hash != HashAlgorithm::sha1) return {};
    if (!rules_.allow_sha1_signature)
      return fail(refused(rules::quote_sha1_signature, "the quote is signed with SHA-1")
                      .expected("SHA-256, SHA-384 or SHA-512")
                      .found("sha1"));
    uses_sha1_ = true;
    return {};
  }

  Status signature_holds() const {
    Bytes value = signature_.rsa;
    if (signature_.scheme == alg_ecdsa) {
      TRY(value, ecdsa_signature(signature_, key_.kind()));
    }
    const SignatureScheme scheme = signature_scheme(signature_.scheme, signature_.hash);
    const Status holds = key_.verify(scheme, quote_.bytes, value, EcdsaForm::fixed);
    if (holds) return {};
    if (exit_status(holds.error().kind) != 1) return holds;
    return fail(refused(rules::quote_signature, "the quote's signature does not hold under this AK")
                    .found(holds.error().what));
  }

  Status nonce_matches() {
    if (quote_.extra_data.empty() && !rules_.allow_empty_nonce)
      return fail(
          refused(rules::quote_nonce_empty,
                  "the quote answers no challenge: it carries no nonce, and could be of any "
                  "time")
              .expected(rules_.nonce ? "nonce " + to_hex(*rules_.nonce) : "a nonce")
              .found("none"));
    if (!rules_.nonce) {
      not_checked_.emplace_back("freshness: no nonce was given to compare with");
      return {};
    }
    if (rules_.nonce->size() < rules_.minimum_nonce)
      return fail(refused(rules::quote_nonce_short, "the expected nonce is too short to be trusted")
                      .expected("at least " + std::to_string(rules_.minimum_nonce) + " bytes")
                      .found(std::to_string(rules_.nonce->size())));
    if (!equal(*rules_.nonce, quote_.extra_data))
      return fail(refused(rules::quote_nonce, "the quote answers another challenge")
                      .expected("nonce " + to_hex(*rules_.nonce))
                      .found(quote_.extra_data.empty() ? "none" : to_hex(quote_.extra_data)));
    return {};
  }

  Status selection_matches() {
    if (quote_.selection.empty())
      return fail(refused(rules::quote_selection_empty, "the quote covers no PCR at all"));
    if (!rules_.selection) {
      not_checked_.emplace_back("which PCRs had to be quoted");
    } else if (!quote_.selection.same_pcrs(*rules_.selection)) {
      return fail(refused(rules::quote_selection, "the quote covers other PCRs than those expected")
                      .expected(rules_.selection->to_string())
                      .found(quote_.selection.to_string()));
    }
    for (const PcrSelection::Bank& bank : quote_.selection.banks)
      if (!bank.pcrs.without(resettable_pcrs).empty()) return {};
    return fail(
        refused(rules::quote_only_resettable, "only PCRs are quoted that any program may reset")
            .found(quote_.selection.to_string()));
  }

  Status sha1_bank_allowed() {
    if (!std::ranges::any_of(quote_.selection.banks, [](const PcrSelection::Bank& bank) {
          return bank.bank == HashAlgorithm::sha1 && !bank.pcrs.empty();
        }))
      return {};
    const bool others =
        std::ranges::any_of(quote_.selection.banks, [](const PcrSelection::Bank& bank) {
          return bank.bank != HashAlgorithm::sha1 && !bank.pcrs.without(resettable_pcrs).empty();
        });
    if (!rules_.allow_sha1_bank && others) {
      sha1_set_aside_ = true;
      not_checked_.emplace_back(
          "PCRs of the SHA-1 bank: they are signed, but SHA-1 is not allowed to be relied on");
      return {};
    }
    if (!rules_.allow_sha1_bank)
      return fail(refused(rules::quote_sha1_bank, "PCRs of the SHA-1 bank are quoted")
                      .expected("banks sha256, sha384 or sha512")
                      .found(quote_.selection.to_string()));
    uses_sha1_ = true;
    return {};
  }

  // A value that was not quoted would be believed with the others though nothing signs it.
  Status every_given_pcr_is_quoted() const {
    for (const auto& [bank, values] : pcrs_.banks())
      for (const auto& [index, value] : values)
        if (!quote_.selection.contains(bank, index))
          return fail(
              refused(rules::quote_pcr_not_quoted, "a PCR value is given that is not quoted")
                  .expected(quote_.selection.to_string())
                  .found(std::string(hash_name(bank)) + ":" + std::to_string(index)));
    return {};
  }

  Status digest_matches() {
    if (rules_.without_pcr_values && pcrs_.empty()) {
      not_checked_.emplace_back(
          "what the PCRs hold: their values were not given, only the digest " +
          to_hex(quote_.pcr_digest) + " is signed");
      return {};
    }
    for (const PcrSelection::Bank& bank : quote_.selection.banks)
      for (const unsigned index : bank.pcrs.indexes())
        if (pcrs_.find(bank.bank, index) == nullptr)
          return fail(refused(rules::quote_pcr_missing, "a quoted PCR's value is not given")
                          .expected(std::string(hash_name(bank.bank)) + ":" + std::to_string(index))
                          .found("nothing"));
    // The digest is by the hash of the signing scheme (TPM 2.0 Part 3 section 18.4.1).
    TRY(const Bytes digest, pcr_digest(signature_.hash, quote_.selection, pcrs_));
    if (!equal(digest, quote_.pcr_digest))
      return fail(refused(rules::quote_pcr_digest, "the PCR values are not those that were quoted")
                      .expected("digest " + to_hex(quote_.pcr_digest))
                      .found(to_hex(digest)));
    return {};
  }

  const UntrustedQuote& quote_;
  const UntrustedSignature& signature_;
  const PublicKey& key_;
  const PcrValues& pcrs_;
  const QuoteRules& rules_;
  std::vector<std::string> not_checked_;
  bool uses_sha1_ = false;
  bool sha1_set_aside_ = false;
};

Result<VerifiedQuote> verify_quote(const UntrustedQuote& quote, const UntrustedSignature& signature,
                                   const VerifiedAk& ak, const PcrValues& pcrs,
                                   const QuoteRules& rules) {
  QuoteVerification verification(quote, signature, ak.key(), pcrs, rules);
  TRY_VOID(verification.scheme_is_that_of(ak));
  return std::move(verification).run({});
}

Result<VerifiedQuote> verify_quote(const UntrustedQuote& quote, const UntrustedSignature& signature,
                                   const PublicKey& key, const PcrValues& pcrs,
                                   const QuoteRules& rules) {
  return QuoteVerification(quote, signature, key, pcrs, rules)
      .run({"that the key is a restricted TPM key: its public area was not given"});
}

}  // namespace attest::tpm

#include "libattest/tpm/quote.h"

#include "tests/support/catch.h"
#include "tests/unit/tpm/made_quote.h"

namespace attest::tpm {
namespace {

const SigningKey& tpm_key() {
  static const auto key = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  return *key;
}

VerifiedAk attestation_key() {
  return must(verify_ak(must(parse_public(MadeKey{}.area(tpm_key().public_key())))));
}

QuoteRules usual_rules() {
  QuoteRules rules;
  rules.nonce = Bytes(32, std::byte{7});
  rules.selection = PcrSelection{{{PcrBank::sha256, {0, 4, 7}}}};
  return rules;
}

Result<VerifiedQuote> verify(const MadeQuote& made, const QuoteRules& rules = usual_rules()) {
  TRY(const UntrustedQuote quote, parse_quote(made.attest()));
  TRY(const UntrustedSignature signature, parse_signature(made.signature(tpm_key())));
  return verify_quote(quote, signature, attestation_key(), made.pcrs, rules);
}

// verify_signed is verify with a signature of the test's own.
Result<VerifiedQuote> verify_signed(ByteView r, ByteView s) {
  const MadeQuote made;
  TRY(const UntrustedQuote quote, parse_quote(made.attest()));
  TRY(const UntrustedSignature signature, parse_signature(made.signature_of(r, s)));
  return verify_quote(quote, signature, attestation_key(), made.pcrs, usual_rules());
}

TEST_CASE("a quote that carries no nonce is refused, asked for one or not, unless allowed") {
  MadeQuote made;
  made.nonce.clear();
  QuoteRules rules = usual_rules();
  REQUIRE_RULE(verify(made, rules), rules::quote_nonce_empty);
  rules.nonce.reset();
  REQUIRE_RULE(verify(made, rules), rules::quote_nonce_empty);
  rules.allow_empty_nonce = true;
  REQUIRE(must(verify(made, rules)).not_checked().size() == 1);
}

TEST_CASE("without PCR values only their digest is proven, and that is said") {
  MadeQuote made;
  QuoteRules rules = usual_rules();
  const UntrustedQuote quote = must(parse_quote(made.attest()));
  const UntrustedSignature signature = must(parse_signature(made.signature(tpm_key())));
  REQUIRE_RULE(verify_quote(quote, signature, attestation_key(), {}, rules),
               rules::quote_pcr_missing);
  rules.without_pcr_values = true;
  const VerifiedQuote verified = must(verify_quote(quote, signature, attestation_key(), {}, rules));
  REQUIRE(verified.pcrs().empty());
  REQUIRE(verified.not_checked().size() == 1);
}

TEST_CASE("beside another bank, SHA-1 values are signed and not relied on") {
  MadeQuote made;
  made.selection = PcrSelection{{{PcrBank::sha1, {0}}, {PcrBank::sha256, {0}}}};
  made.pcrs = numbered_pcrs(PcrBank::sha256, {0});
  must(made.pcrs.set(PcrBank::sha1, 0, Bytes(20, std::byte{9})));
  QuoteRules rules = usual_rules();
  rules.selection.reset();
  const VerifiedQuote quote = must(verify(made, rules));
  REQUIRE(quote.pcrs().find(PcrBank::sha1, 0) == nullptr);
  REQUIRE(quote.pcrs().find(PcrBank::sha256, 0) != nullptr);
  REQUIRE_FALSE(quote.uses_sha1());
  rules.allow_sha1_bank = true;
  REQUIRE(must(verify(made, rules)).pcrs().find(PcrBank::sha1, 0) != nullptr);
}

TEST_CASE("a whole quote is verified, with its PCRs, clock and nothing left out") {
  const VerifiedQuote quote = must(verify({}));
  REQUIRE(quote.clock().reset_count == 3);
  REQUIRE(quote.firmware_version() == 42);
  REQUIRE(*quote.pcrs().find(PcrBank::sha256, 4) == Bytes(32, std::byte{5}));
  REQUIRE(quote.not_checked().empty());
  REQUIRE_FALSE(quote.uses_sha1());
}

TEST_CASE("a TPM2B_ATTEST is read as the TPMS_ATTEST inside") {
  Bytes sized;
  append_sized(sized, MadeQuote{}.attest());
  REQUIRE(must(parse_quote(sized)).bytes == MadeQuote{}.attest());
}

TEST_CASE("an attestation with another magic was not made by a TPM") {
  MadeQuote made;
  made.magic = 0xff544348;
  REQUIRE_RULE(verify(made), rules::quote_magic);
}

TEST_CASE("a certification is no quote") {
  MadeQuote made;
  made.type = 0x8017;
  REQUIRE_RULE(verify(made), rules::quote_type);
}

TEST_CASE(
    "a quote whose clock is neither safe nor unsafe, or whose signer is endless, is refused") {
  constexpr std::size_t signer_at = 6;
  constexpr std::size_t safe_at = 4 + 2 + 2 + 34 + 2 + 32 + 8 + 4 + 4;
  const Bytes good = MadeQuote{}.attest();
  Bytes unsure = good;
  unsure[safe_at] = std::byte{2};
  REQUIRE_RULE(parse_quote(unsure), rules::quote_form);
  Bytes endless = good;
  endless[signer_at] = std::byte{0x7f};
  REQUIRE_RULE(parse_quote(concat({endless, Bytes(0x8000)})), rules::quote_form);
}

TEST_CASE("bytes after a quote are refused") {
  MadeQuote made;
  made.after = Bytes(1);
  REQUIRE_RULE(verify(made), rules::quote_trailing);
}

TEST_CASE("no cut of a quote or of its signature is accepted") {
  const Bytes attest = MadeQuote{}.attest();
  for (std::size_t size = 0; size < attest.size(); ++size)
    REQUIRE_FALSE(parse_quote(ByteView(attest).first(size)));
  const Bytes signature = MadeQuote{}.signature(tpm_key());
  for (std::size_t size = 0; size < signature.size(); ++size)
    REQUIRE_FALSE(parse_signature(ByteView(signature).first(size)));
}

TEST_CASE("a bank selected twice, or a PCR no platform has, is refused") {
  MadeQuote made;
  made.selection.banks.push_back({PcrBank::sha256, {1}});
  made.digest = Bytes(32);
  REQUIRE_RULE(verify(made), rules::quote_selection_form);

  // sizeofSelect 4 with PCR 24 set, in place of the three octets.
  Bytes attest = MadeQuote{}.attest();
  const auto select = attest.end() - 34 - 4;
  REQUIRE(*select == std::byte{3});
  *select = std::byte{4};
  attest.insert(select + 4, std::byte{1});
  REQUIRE_RULE(parse_quote(attest), rules::quote_selection_form);
}

TEST_CASE("bytes after a signature, and schemes that sign no quotes, are refused") {
  Bytes signature = MadeQuote{}.signature(tpm_key());
  signature.push_back(std::byte{0});
  REQUIRE_RULE(parse_signature(signature), rules::quote_signature_form);
  MadeQuote made;
  made.signature_scheme = 0x001a;  // ECDAA
  REQUIRE_RULE(parse_signature(made.signature(tpm_key())), rules::quote_signature_form);
}

TEST_CASE("a signature of another scheme than the AK's is refused") {
  MadeQuote made;
  const UntrustedQuote quote = must(parse_quote(made.attest()));
  UntrustedSignature signature = must(parse_signature(made.signature(tpm_key())));
  signature.scheme = alg_rsassa;
  REQUIRE_RULE(verify_quote(quote, signature, attestation_key(), made.pcrs, usual_rules()),
               rules::quote_scheme);
  REQUIRE_RULE(verify_quote(quote, signature, tpm_key().public_key(), made.pcrs, usual_rules()),
               rules::quote_scheme);
}

TEST_CASE("an RSA key that signs by one padding does not sign by the other") {
  Bytes area;
  append_u16_be(area, alg_rsa);
  append_u16_be(area, alg_sha256);
  append_u32_be(area, ak_attributes);
  append_sized(area, {});
  append_u16_be(area, alg_null);
  append_u16_be(area, alg_rsassa);
  append_u16_be(area, alg_sha256);
  append_u16_be(area, 2048);
  append_u32_be(area, 0);
  append_sized(area, Bytes(256, std::byte{0xf1}));
  const VerifiedAk ak = must(verify_ak(must(parse_public(area))));
  const MadeQuote made;
  const UntrustedQuote quote = must(parse_quote(made.attest()));
  const auto signed_by = [&](AlgorithmId scheme) {
    const UntrustedSignature signature{
        .scheme = scheme, .rsa = Bytes(256, std::byte{1}), .r = {}, .s = {}};
    return verify_quote(quote, signature, ak, made.pcrs, usual_rules());
  };
  REQUIRE_RULE(signed_by(alg_rsapss), rules::quote_scheme);
  REQUIRE_RULE(signed_by(alg_rsassa), rules::quote_signature);
}

TEST_CASE("a signature with another hash than the AK's is refused") {
  MadeQuote made;
  made.signature_hash = alg_sha384;
  REQUIRE_RULE(verify(made), rules::quote_hash);
}

TEST_CASE("a signature with SHA-1 is refused unless allowed") {
  const UntrustedPublic area =
      must(parse_public(MadeKey{.scheme_hash = alg_sha1}.area(tpm_key().public_key())));
  const VerifiedAk ak = must(verify_ak(area, {.allow_sha1 = true}));
  MadeQuote made;
  made.signature_hash = alg_sha1;
  const UntrustedQuote quote = must(parse_quote(made.attest()));
  const UntrustedSignature signature = must(parse_signature(made.signature(tpm_key())));
  REQUIRE_RULE(verify_quote(quote, signature, ak, made.pcrs, usual_rules()),
               rules::quote_sha1_signature);
  // Once allowed it goes on to the next rule: this one was signed with SHA-256.
  QuoteRules lenient = usual_rules();
  lenient.allow_sha1_signature = true;
  REQUIRE_RULE(verify_quote(quote, signature, ak, made.pcrs, lenient), rules::quote_signature);
}

TEST_CASE("r and s outside the group are refused") {
  const Bytes one(1, std::byte{1});
  const Bytes order =
      must(from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
  REQUIRE_RULE(verify_signed(Bytes(32), one), rules::quote_signature_range);
  REQUIRE_RULE(verify_signed(one, {}), rules::quote_signature_range);
  REQUIRE_RULE(verify_signed(order, one), rules::quote_signature_range);
  REQUIRE_RULE(verify_signed(one, order), rules::quote_signature_range);
  REQUIRE_RULE(verify_signed(Bytes(33, std::byte{1}), one), rules::quote_signature_range);
}

TEST_CASE("a signature by another key, or over other bytes, does not hold") {
  REQUIRE_RULE(verify_signed(Bytes(1, std::byte{1}), Bytes(1, std::byte{1})),
               rules::quote_signature);
  MadeQuote made;
  const UntrustedSignature signature = must(parse_signature(made.signature(tpm_key())));
  made.clock.reset_count = 2;
  REQUIRE_RULE(verify_quote(must(parse_quote(made.attest())), signature, attestation_key(),
                            made.pcrs, usual_rules()),
               rules::quote_signature);
}

TEST_CASE("a quote for another challenge, or for none, is refused") {
  MadeQuote made;
  made.nonce = Bytes(32, std::byte{8});
  REQUIRE_RULE(verify(made), rules::quote_nonce);
  made.nonce = Bytes(31, std::byte{7});
  REQUIRE_RULE(verify(made), rules::quote_nonce);
}

TEST_CASE("an expected nonce that could be guessed is refused") {
  MadeQuote made;
  made.nonce = Bytes(15, std::byte{7});
  QuoteRules rules = usual_rules();
  rules.nonce = made.nonce;
  REQUIRE_RULE(verify(made, rules), rules::quote_nonce_short);
}

TEST_CASE("a quote over no PCR is refused") {
  MadeQuote made;
  made.selection = PcrSelection{{{PcrBank::sha256, {}}}};
  made.pcrs = {};
  QuoteRules rules = usual_rules();
  rules.selection.reset();
  REQUIRE_RULE(verify(made, rules), rules::quote_selection_empty);
}

TEST_CASE("a quote over PCR 16 is not accepted as one over PCR 0") {
  MadeQuote made;
  made.selection = PcrSelection{{{PcrBank::sha256, {4, 7, 16}}}};
  made.pcrs = numbered_pcrs(PcrBank::sha256, {4, 7, 16});
  REQUIRE_RULE(verify(made), rules::quote_selection);
}

TEST_CASE("a quote over more or fewer PCRs, or another bank, than expected is refused") {
  MadeQuote made;
  made.selection = PcrSelection{{{PcrBank::sha256, {0, 4}}}};
  made.pcrs = numbered_pcrs(PcrBank::sha256, {0, 4});
  REQUIRE_RULE(verify(made), rules::quote_selection);
  made.selection = PcrSelection{{{PcrBank::sha384, {0, 4, 7}}}};
  made.pcrs = numbered_pcrs(PcrBank::sha384, {0, 4, 7});
  REQUIRE_RULE(verify(made), rules::quote_selection);
}

TEST_CASE("a quote over resettable PCRs alone proves nothing") {
  MadeQuote made;
  made.selection = PcrSelection{{{PcrBank::sha256, {16, 23}}}};
  made.pcrs = numbered_pcrs(PcrBank::sha256, {16, 23});
  QuoteRules rules = usual_rules();
  rules.selection = made.selection;
  REQUIRE_RULE(verify(made, rules), rules::quote_only_resettable);
}

TEST_CASE("PCRs of the SHA-1 bank are refused unless allowed, and then marked") {
  MadeQuote made;
  made.selection = PcrSelection{{{PcrBank::sha1, {0}}}};
  made.pcrs = numbered_pcrs(PcrBank::sha1, {0});
  QuoteRules rules = usual_rules();
  rules.selection = made.selection;
  REQUIRE_RULE(verify(made, rules), rules::quote_sha1_bank);
  rules.allow_sha1_bank = true;
  REQUIRE(must(verify(made, rules)).uses_sha1());
}

TEST_CASE("a PCR value that was not quoted is refused") {
  MadeQuote made;
  made.digest = must(pcr_digest(HashAlgorithm::sha256, made.selection, made.pcrs));
  must(made.pcrs.set(PcrBank::sha256, 1, Bytes(32)));
  REQUIRE_RULE(verify(made), rules::quote_pcr_not_quoted);
}

TEST_CASE("a quoted PCR whose value is not given is refused") {
  MadeQuote made;
  made.digest = Bytes(32);
  made.pcrs = numbered_pcrs(PcrBank::sha256, {0, 4});
  REQUIRE_RULE(verify(made), rules::quote_pcr_missing);
}

TEST_CASE("PCR values other than those quoted are refused") {
  MadeQuote made;
  made.digest = must(pcr_digest(HashAlgorithm::sha256, made.selection, made.pcrs));
  must(made.pcrs.set(PcrBank::sha256, 4, Bytes(32, std::byte{9})));
  REQUIRE_RULE(verify(made), rules::quote_pcr_digest);
}

TEST_CASE("what was not asked is said") {
  const MadeQuote made;
  const UntrustedQuote quote = must(parse_quote(made.attest()));
  const UntrustedSignature signature = must(parse_signature(made.signature(tpm_key())));
  const auto verified =
      must(verify_quote(quote, signature, tpm_key().public_key(), made.pcrs, QuoteRules{}));
  REQUIRE(verified.not_checked().size() == 3);
}

}  // namespace
}  // namespace attest::tpm

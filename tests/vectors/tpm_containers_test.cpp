// links: attest::tpm
// Quotes in the containers other projects keep them in. The container tells which project's it is;
// its parts are then verified like any quote.
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/tpm/event_log.h"
#include "libattest/tpm/quote.h"
#include "tests/support/catch.h"
#include "tests/support/corpus_table.h"

namespace attest::tpm {
namespace {

QuoteRules lenient() {
  QuoteRules rules;
  rules.allow_sha1_bank = rules.allow_sha1_signature = rules.allow_empty_nonce = true;
  return rules;
}

Bytes base64_of(const Json& object, const char* name) {
  return must(from_base64(object[name].get<std::string>()));
}

// The rows of containers whose name has this ending.
std::vector<test::CorpusRow> containers(const std::string& ending) {
  std::vector<test::CorpusRow> found;
  for (const test::CorpusRow& row : test::corpus_table("tpm", "quotes"))
    if (row.path.string().ends_with(ending)) found.push_back(row);
  return found;
}

PcrValues numbered(PcrBank bank, const Json& list) {
  PcrValues values;
  unsigned index = 0;
  for (const Json& value : list)
    must(values.set(bank, index++, must(from_hex(value.get<std::string>()))));
  return values;
}

TEST_CASE("go-attestation's evidence is valid only where SHA-1 and an empty nonce are allowed") {
  for (const test::CorpusRow& row : containers("shielded_vm.json")) {
    const Json evidence = must(parse_json(must(read_text_file(row.path))));
    const UntrustedPublic area = must(parse_any_public(base64_of(evidence["AK"], "Public")));
    REQUIRE_RULE(verify_ak(area), rules::ak_sha1);
    const VerifiedAk ak = must(verify_ak(area, {.allow_sha1 = true}));
    const auto quote = must(parse_quote(base64_of(evidence["Quote"], "Quote")));
    const auto signature = must(parse_signature(base64_of(evidence["Quote"], "Signature")));
    PcrValues pcrs;
    for (const Json& pcr : evidence["Log"]["PCRs"])
      must(pcrs.set(PcrBank::sha1, pcr["Index"].get<unsigned>(), base64_of(pcr, "Digest")));
    REQUIRE_RULE(verify_quote(quote, signature, ak, pcrs, {}), rules::quote_sha1_signature);
    QuoteRules rules = lenient();
    rules.allow_empty_nonce = false;
    REQUIRE_RULE(verify_quote(quote, signature, ak, pcrs, rules), rules::quote_nonce_empty);
    rules = lenient();
    rules.allow_sha1_bank = false;
    REQUIRE_RULE(verify_quote(quote, signature, ak, pcrs, rules), rules::quote_sha1_bank);
    const VerifiedQuote verified = must(verify_quote(quote, signature, ak, pcrs, lenient()));
    REQUIRE(verified.uses_sha1());
    const auto log = must(parse_event_log(base64_of(evidence["Log"], "Raw")));
    const PcrValues replayed = replay(log);
    for (const auto& [index, value] : replayed.banks().at(PcrBank::sha1))
      REQUIRE(value == *verified.pcrs().find(PcrBank::sha1, index));
  }
}

TEST_CASE("Trustee's TPM evidence is a valid quote over all PCRs") {
  for (const test::CorpusRow& row : containers("tpm_evidence.json")) {
    const Json evidence = must(parse_json(must(read_text_file(row.path))));
    const PublicKey key = must(PublicKey::from_der_or_pem(base64_of(evidence, "ak_public")));
    const Json& quote = evidence["tpm_quote"];
    const auto verified = must(verify_quote(must(parse_quote(base64_of(quote, "message"))),
                                            must(parse_signature(base64_of(quote, "signature"))),
                                            key, numbered(PcrBank::sha256, quote["pcrs"]), {}));
    REQUIRE(verified.quote().extra_data.size() == 64);
    REQUIRE(verified.selection().banks.front().pcrs == PcrSet::range(0, 23));
  }
}

// The AK of an Azure guest is in the runtime data of its report, as a JSON Web Key.
PublicKey key_in_report(const Bytes& report) {
  std::string_view text = as_text(report);
  text = text.substr(text.find("{\"keys\""));
  while (text.ends_with('\0')) text.remove_suffix(1);
  text = text.substr(0, text.rfind('}') + 1);
  const Json runtime = must(parse_json(text));
  for (const Json& key : runtime["keys"])
    if (key["kid"] == "HCLAkPub")
      return must(PublicKey::from_rsa(must(from_base64url(key["n"].get<std::string>())),
                                      must(from_base64url(key["e"].get<std::string>()))));
  FAIL("the report names no AK");
  std::abort();
}

TEST_CASE("an Azure guest's quote verifies under the key of its report, for its short nonce") {
  for (const test::CorpusRow& row : containers("tpm-quote-v1.json")) {
    const Json evidence = must(parse_json(must(read_text_file(row.path))));
    const PublicKey key = key_in_report(must(read_file(row.path.parent_path() / "hcl-report.bin")));
    const UntrustedSignature signature{alg_rsassa,
                                       HashAlgorithm::sha256,
                                       must(from_hex(evidence["signature"].get<std::string>())),
                                       {},
                                       {}};
    const auto quote = must(parse_quote(must(from_hex(evidence["message"].get<std::string>()))));
    const PcrValues pcrs = numbered(PcrBank::sha256, evidence["pcrs"]);
    QuoteRules rules;
    rules.nonce = to_bytes("challenge");
    REQUIRE_RULE(verify_quote(quote, signature, key, pcrs, rules), rules::quote_nonce_short);
    rules.minimum_nonce = 8;
    REQUIRE_OK(verify_quote(quote, signature, key, pcrs, rules));
  }
}

TEST_CASE("Keylime's quote verifies with PCRs as tpm2-tools keep them, and its AK has its Name") {
  for (const test::CorpusRow& row : containers("quote.out")) {
    const auto part = [&](const char* name) {
      return must(read_file(row.path.parent_path() / name));
    };
    const UntrustedPublic area = must(parse_any_public(part("ak.pub")));
    REQUIRE(area.name == part("ak.name"));
    REQUIRE(area.key == must(PublicKey::from_der_or_pem(part("akpub.pem"))));
    const auto quote = must(parse_quote(must(read_file(row.path))));
    const PcrValues pcrs = must(pcrs_from_tools(quote.selection, part("quotepcr.out")));
    QuoteRules rules;
    const std::size_t at = row.conclusion.find("nonce bytes ") + 12;
    rules.nonce = must(from_hex(row.conclusion.substr(at, 40)));
    rules.selection = must(parse_selection("sha256:15,16,22"));
    const auto signature = must(parse_signature(part("quotesig.out")));
    REQUIRE_OK(verify_quote(quote, signature, must(verify_ak(area)), pcrs, rules));
    rules.selection = must(parse_selection("sha256:0"));
    REQUIRE_RULE(verify_quote(quote, signature, must(verify_ak(area)), pcrs, rules),
                 rules::quote_selection);
  }
}

// Field of a protobuf message (encoding of protobuf.dev): what go-tpm-tools stores evidence in.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;
  ByteView content;
};

std::uint64_t varint(ByteReader& reader) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t octet = must(reader.u8("varint"));
    value |= (octet & 0x7f) << shift;
    if (octet < 0x80) break;
  }
  return value;
}

std::vector<Field> fields_of(ByteView message) {
  std::vector<Field> fields;
  ByteReader reader(message);
  while (!reader.at_end()) {
    const std::uint64_t tag = varint(reader);
    Field field{tag >> 3, 0, {}};
    if ((tag & 7) == 0)
      field.value = varint(reader);
    else
      field.content = must(reader.take(varint(reader), "field"));
    fields.push_back(field);
  }
  return fields;
}

// Pcrs {1: bank, 2: {1: index, 2: value}}.
PcrValues pcrs_of(ByteView message) {
  PcrValues values;
  PcrBank bank = PcrBank::sha256;
  for (const Field& field : fields_of(message)) {
    if (field.number == 1) bank = *hash_of(static_cast<AlgorithmId>(field.value));
    if (field.number != 2) continue;
    unsigned index = 0;
    ByteView value;
    for (const Field& entry : fields_of(field.content)) {
      if (entry.number == 1) index = static_cast<unsigned>(entry.value);
      if (entry.number == 2) value = entry.content;
    }
    must(values.set(bank, index, value));
  }
  return values;
}

TEST_CASE("go-tpm-tools' attestation holds a quote a bank, the SHA-1 one only where allowed") {
  for (const test::CorpusRow& row : containers(".pb")) {
    const Bytes content = must(read_file(row.path));
    std::optional<VerifiedAk> ak;
    ByteView log;
    for (const Field& field : fields_of(content)) {
      if (field.number == 1) ak = must(verify_ak(must(parse_any_public(field.content))));
      if (field.number == 3) log = field.content;
    }
    REQUIRE(ak);
    std::vector<PcrBank> banks;
    for (const Field& field : fields_of(content)) {
      if (field.number != 2) continue;
      Field part[4];
      for (const Field& each : fields_of(field.content))
        if (each.number < 4) part[each.number] = each;
      const auto quote = must(parse_quote(part[1].content));
      const auto signature = must(parse_signature(part[2].content));
      const PcrValues pcrs = pcrs_of(part[3].content);
      const PcrBank bank = quote.selection.banks.front().bank;
      QuoteRules rules;
      REQUIRE_RULE(verify_quote(quote, signature, *ak, pcrs, rules), rules::quote_nonce_empty);
      rules.allow_empty_nonce = true;
      if (bank == PcrBank::sha1) {
        REQUIRE_RULE(verify_quote(quote, signature, *ak, pcrs, rules), rules::quote_sha1_bank);
        rules.allow_sha1_bank = true;
      }
      const VerifiedQuote verified = must(verify_quote(quote, signature, *ak, pcrs, rules));
      const UntrustedEventLog parsed = must(parse_event_log(log));
      if (replay(parsed).banks().contains(bank)) REQUIRE_OK(verify_event_log(parsed, verified));
      banks.push_back(bank);
    }
    REQUIRE(banks == std::vector{PcrBank::sha1, PcrBank::sha256, PcrBank::sha384});
  }
}

// A node id, then TPMS_ATTEST behind its size, then TPMT_SIGNATURE.
TEST_CASE("an EnactTrust token's signature holds, and it is refused for freshness") {
  for (const test::CorpusRow& row : test::corpus_table("tpm", "evidence")) {
    if (row.path.extension() != ".token") continue;
    const Bytes token = must(read_file(row.path));
    ByteReader reader(token);
    must(reader.take(16, "node id"));
    const std::uint16_t size = must(reader.u16_be("size"));
    const auto quote = must(parse_quote(must(reader.take(size, "attest"))));
    const auto signature = must(parse_signature(reader.rest()));
    const Path key_file = Path(row.path).replace_extension(".pem.pub");
    const PublicKey key = must(PublicKey::from_der_or_pem(must(read_file(key_file))));
    QuoteRules rules;
    rules.without_pcr_values = true;
    REQUIRE_RULE(verify_quote(quote, signature, key, {}, rules), rules::quote_nonce_empty);
    rules.allow_empty_nonce = true;
    const VerifiedQuote verified = must(verify_quote(quote, signature, key, {}, rules));
    REQUIRE(verified.selection().to_string() == "sha256:1,2,3,4");
    REQUIRE(to_hex(verified.quote().pcr_digest).starts_with("87428fc522803d31065e7bce3c"));
    REQUIRE_FALSE(verified.clock().safe);
  }
}

}  // namespace
}  // namespace attest::tpm

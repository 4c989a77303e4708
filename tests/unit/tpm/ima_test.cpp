#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "libattest/crypto/openssl_handles.h"
#include "libattest/tpm/ima_verification.h"
#include "tests/support/catch.h"
#include "tests/support/test_ca.h"
#include "tests/unit/tpm/made_quote.h"

namespace attest::tpm {
namespace {

void field(Bytes& to, ByteView content) {
  append_u32_le(to, static_cast<std::uint32_t>(content.size()));
  append(to, content);
}

Bytes with_nul(std::string_view text) {
  Bytes bytes = to_bytes(text);
  bytes.push_back(std::byte{0});
  return bytes;
}

Bytes digest_field(std::string_view algorithm, ByteView digest) {
  return concat({with_nul(std::string(algorithm) + ":"), digest});
}

Bytes file_digest(std::string_view content) {
  return digest(HashAlgorithm::sha256, as_bytes(content));
}

// Entry is written as the kernel writes it in the binary list, and in the ascii one.
struct Entry {
  std::string form = "ima-ng";
  std::string path = "/usr/bin/true";
  std::string algorithm = "sha256";
  Bytes digest = file_digest("true");
  std::vector<std::pair<Bytes, std::string>> more{};  // fields after the path, binary and ascii
  bool violation = false;

  Bytes data() const {
    Bytes bytes;
    if (form == "ima") {
      append(bytes, digest);
      field(bytes, as_bytes(path));
      return bytes;
    }
    field(bytes, digest_field(algorithm, digest));
    field(bytes, with_nul(path));
    for (const auto& [binary, ascii] : more) field(bytes, binary);
    return bytes;
  }
  Bytes template_hash(HashAlgorithm hash) const {
    if (violation) return Bytes(digest_size(hash));
    if (form != "ima") return attest::digest(hash, data());
    Bytes name = to_bytes(path);
    name.resize(256);
    return attest::digest(hash, concat({digest, name}));
  }
  Bytes binary(HashAlgorithm hash = HashAlgorithm::sha1) const {
    Bytes bytes;
    append_u32_le(bytes, 10);
    append(bytes, template_hash(hash));
    field(bytes, as_bytes(form));
    if (form == "ima")
      append(bytes, data());
    else
      field(bytes, data());
    return bytes;
  }
  std::string ascii(HashAlgorithm hash = HashAlgorithm::sha1) const {
    std::string line = "10 " + to_hex(template_hash(hash)) + " " + form + " ";
    line += form == "ima" ? to_hex(digest) : algorithm + ":" + to_hex(digest);
    line += " " + path;
    for (const auto& [binary, ascii] : more) line += " " + ascii;
    return line + "\n";
  }
};

std::pair<Bytes, std::string> hex_field(ByteView content) {
  return {to_bytes(content), to_hex(content)};
}

std::pair<Bytes, std::string> number_field(std::uint32_t value, bool wide) {
  Bytes bytes;
  if (wide)
    append_u32_le(bytes, value);
  else
    append_u16_le(bytes, static_cast<std::uint16_t>(value));
  return {bytes, std::to_string(value)};
}

std::vector<Entry> every_template() {
  const auto name = with_nul("security.selinux|security.ima");
  return {
      {.form = "ima", .digest = Bytes(20, std::byte{3})},
      {},
      {.form = "ima-sig", .more = {hex_field(as_bytes("signature"))}},
      {.form = "ima-sig", .more = {hex_field({})}},
      {.form = "ima-ngv2", .algorithm = "ima:sha256"},
      {.form = "ima-sigv2", .algorithm = "verity:sha256", .more = {hex_field(as_bytes("v3"))}},
      {.form = "ima-buf",
       .path = ".ima",
       .digest = file_digest("key"),
       .more = {hex_field(as_bytes("key"))}},
      {.form = "ima-modsig",
       .more = {hex_field({}),
                {digest_field("sha256", file_digest("module")),
                 "sha256:" + to_hex(file_digest("module"))},
                hex_field(as_bytes("pkcs7"))}},
      {.form = "evm-sig",
       .more = {hex_field(as_bytes("evm")),
                {name, "security.selinux|security.ima"},
                hex_field(as_bytes("lengths")),
                hex_field(as_bytes("values")),
                number_field(1000, true),
                number_field(100, true),
                number_field(0755, false)}},
  };
}

TEST_CASE("every template is read alike from both forms, with hashes of every size") {
  for (const HashAlgorithm hash :
       {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    Bytes binary;
    std::string ascii;
    for (const Entry& entry : every_template()) {
      append(binary, entry.binary(hash));
      ascii += entry.ascii(hash);
    }
    const UntrustedImaLog from_binary = must(parse_ima_log(binary));
    const UntrustedImaLog from_ascii = must(parse_ima_log(as_bytes(ascii)));
    REQUIRE(from_binary.listed_hash() == hash);
    REQUIRE(from_ascii.entries().size() == every_template().size());
    const auto inspected = inspect_ima_entries(from_ascii.entries(), {});
    for (const auto& each : inspected.problems) REQUIRE(each.rule != rules::ima_template_hash);
    for (std::size_t i = 0; i < every_template().size(); ++i) {
      INFO(ima_template_name(from_ascii.entries()[i].form));
      const ImaEntry& one = from_binary.entries()[i];
      const ImaEntry& other = from_ascii.entries()[i];
      REQUIRE(one.path == other.path);
      REQUIRE(equal(one.file.value, other.file.value));
      REQUIRE(one.file.verity == other.file.verity);
      REQUIRE(equal(one.signature, other.signature));
      REQUIRE(equal(one.buffer, other.buffer));
      REQUIRE(equal(one.modsig, other.modsig));
    }
    REQUIRE(ima_replay(from_binary, PcrBank::sha256) == ima_replay(from_ascii, PcrBank::sha256));
  }
}

TEST_CASE("a path may hold spaces, and a signature that was cut off leaves the path whole") {
  const Entry spaced{.form = "ima-sig", .path = "/opt/my app", .more = {hex_field({})}};
  std::string line = spaced.ascii();
  REQUIRE(must(parse_ima_log(as_bytes(line))).entries()[0].path == "/opt/my app");
  line.erase(line.size() - 2, 1);
  const UntrustedImaLog log = must(parse_ima_log(as_bytes(line)));
  REQUIRE(inspect_ima_entries(log.entries(), {}).problems_in_all == 0);
  Entry newline;
  newline.path = "/tmp/a\n10 b";
  REQUIRE(must(parse_ima_log(newline.binary())).entries()[0].path == newline.path);
  REQUIRE_FALSE(parse_ima_log(as_bytes(newline.ascii())));
}

TEST_CASE("lists with sizes that lie, unknown templates and mixed hashes are refused") {
  const Bytes whole = Entry{.form = "ima-sig", .more = {hex_field(as_bytes("s"))}}.binary();
  for (std::size_t size = 1; size < whole.size(); ++size)
    REQUIRE_FALSE(parse_ima_log(ByteView(whole).first(size)));
  Bytes huge = whole;
  for (std::size_t i = 35; i < 39; ++i) huge[i] = std::byte{0xff};
  REQUIRE_FALSE(parse_ima_log(huge));
  REQUIRE_RULE(parse_ima_log(as_bytes(Entry{.form = "ima-new"}.ascii())), rules::ima_template);
  const std::string mixed = Entry{}.ascii() + Entry{}.ascii(HashAlgorithm::sha256);
  REQUIRE_RULE(parse_ima_log(as_bytes(mixed)), rules::ima_hash_size);
  REQUIRE_RULE(parse_ima_log({}), rules::ima_form);
}

// ---- against a quote ----

const SigningKey& tpm_key() {
  static const auto key = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  return *key;
}

VerifiedQuote quote_of(const Bytes& pcr10, std::uint32_t reset_count = 3, unsigned index = 10) {
  MadeQuote made;
  made.clock.reset_count = reset_count;
  PcrSet chosen = PcrSet::range(0, 9);
  chosen.insert(index);
  made.selection = PcrSelection{{{PcrBank::sha256, chosen}}};
  made.pcrs = {};
  for (const unsigned each : chosen.indexes())
    must(made.pcrs.set(PcrBank::sha256, each, each == index ? pcr10 : Bytes(32)));
  QuoteRules rules;
  rules.nonce = made.nonce;
  return must(verify_quote(must(parse_quote(made.attest())),
                           must(parse_signature(made.signature(tpm_key()))), tpm_key().public_key(),
                           made.pcrs, rules));
}

UntrustedImaLog log_of(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) text += entry.ascii();
  return must(parse_ima_log(as_bytes(text)));
}

const Entry aggregate{.path = "boot_aggregate",
                      .digest = digest(HashAlgorithm::sha256, Bytes(std::size_t{32} * 10))};
const Entry one{.path = "/bin/one"};
const Entry two{.path = "/bin/two"};
const Entry three{.path = "/bin/three"};

Bytes pcr_of(const std::vector<Entry>& entries) {
  return ima_replay(log_of(entries), PcrBank::sha256);
}

TEST_CASE("a list is vouched for up to where the quoted PCR 10 stands") {
  const auto verified = must(verify_ima_log(log_of({aggregate, one, two, three}),
                                            quote_of(pcr_of({aggregate, one, two}))));
  REQUIRE(verified.entries().size() == 3);
  REQUIRE(verified.not_vouched() == 1);
}

TEST_CASE("a list with entries removed, changed or in another order is refused") {
  const VerifiedQuote quote = quote_of(pcr_of({aggregate, one, two}));
  REQUIRE_RULE(verify_ima_log(log_of({aggregate, one}), quote), rules::ima_pcr_differs);
  REQUIRE_RULE(verify_ima_log(log_of({aggregate, two, one}), quote), rules::ima_pcr_differs);
  REQUIRE_RULE(verify_ima_log(log_of({one, two}), quote), rules::ima_pcr_differs);
  REQUIRE_RULE(verify_ima_log(log_of({aggregate, one, three}), quote), rules::ima_pcr_differs);
}

TEST_CASE("PCR 10 must be quoted") {
  REQUIRE_RULE(verify_ima_log(log_of({aggregate}), quote_of(pcr_of({aggregate}), 3, 11)),
               rules::ima_not_quoted);
}

TEST_CASE("a template hash that is not the data's is refused though PCR 10 agrees") {
  std::string text = aggregate.ascii() + one.ascii();
  text[text.find('\n') + 4] = text[text.find('\n') + 4] == '0' ? '1' : '0';
  const UntrustedImaLog log = must(parse_ima_log(as_bytes(text)));
  REQUIRE_RULE(verify_ima_log(log, quote_of(pcr_of({aggregate, one}))), rules::ima_template_hash);
  REQUIRE(inspect_ima_entries(log.entries(), {}).problems.front().rule == rules::ima_template_hash);
}

TEST_CASE("a boot_aggregate of other PCRs is of another boot") {
  Entry other = aggregate;
  other.digest = Bytes(32, std::byte{9});
  REQUIRE_RULE(verify_ima_log(log_of({other, one}), quote_of(pcr_of({other, one}))),
               rules::ima_boot_aggregate);
}

TEST_CASE("kernels that extend padded SHA-1 into other banks are understood") {
  const UntrustedImaLog log = log_of({aggregate, one});
  REQUIRE_OK(verify_ima_log(log, quote_of(ima_replay(log, PcrBank::sha256, true))));
}

TEST_CASE("verification goes on from a checkpoint, in the same boot only") {
  const auto first =
      must(verify_ima_log(log_of({aggregate, one}), quote_of(pcr_of({aggregate, one}))));
  const VerifiedQuote later = quote_of(pcr_of({aggregate, one, two}));
  const auto next = must(verify_ima_log(log_of({two}), later, first.checkpoint()));
  REQUIRE(next.checkpoint().entries == 3);
  REQUIRE_RULE(verify_ima_log(log_of({three}), later, first.checkpoint()), rules::ima_pcr_differs);
  REQUIRE_RULE(
      verify_ima_log(log_of({two}), quote_of(pcr_of({aggregate, one, two}), 4), first.checkpoint()),
      rules::ima_other_boot);
}

TEST_CASE("nothing may follow what was known, and then PCR 10 must stand where it stood") {
  const auto first =
      must(verify_ima_log(log_of({aggregate, one}), quote_of(pcr_of({aggregate, one}))));
  const UntrustedImaLog nothing = must(parse_ima_rest({}));
  const auto same =
      must(verify_ima_log(nothing, quote_of(pcr_of({aggregate, one})), first.checkpoint()));
  REQUIRE(same.checkpoint() == first.checkpoint());
  REQUIRE_RULE(verify_ima_log(nothing, quote_of(pcr_of({aggregate, one, two})), first.checkpoint()),
               rules::ima_pcr_differs);
  REQUIRE_RULE(parse_ima_log({}), rules::ima_form);
}

TEST_CASE("a whole list of a boot that was known shows what was done to it") {
  const auto known =
      must(verify_ima_log(log_of({aggregate, one}), quote_of(pcr_of({aggregate, one}))))
          .checkpoint();
  const VerifiedQuote later = quote_of(pcr_of({aggregate, one, two}));
  const auto grown = [&](const std::vector<Entry>& entries, const VerifiedQuote& quote) {
    return verify_grown_ima_log(log_of(entries), quote, known);
  };
  REQUIRE(must(grown({aggregate, one, two}, later)).checkpoint().entries == 3);
  SECTION("entries were taken out") {
    REQUIRE_RULE(grown({aggregate}, quote_of(pcr_of({aggregate, one}))), rules::ima_truncated);
    REQUIRE_RULE(grown({aggregate}, later), rules::ima_truncated);
  }
  SECTION("entries are others now") {
    REQUIRE_RULE(grown({aggregate, three, two}, later), rules::ima_rewritten);
  }
  SECTION("what follows is wrong") {
    REQUIRE_RULE(grown({aggregate, one, three}, later), rules::ima_pcr_differs);
  }
  SECTION("it was exported and cut where it was known") {
    const auto rest = must(grown({two}, later));
    REQUIRE(rest.checkpoint().entries == 3);
    REQUIRE(rest.entries().size() == 1);
    REQUIRE_OK(
        verify_grown_ima_log(must(parse_ima_rest({})), quote_of(pcr_of({aggregate, one})), known));
  }
  SECTION("another boot has a list of its own") {
    REQUIRE_RULE(grown({aggregate}, quote_of(pcr_of({aggregate, one, two}), 4)),
                 rules::ima_pcr_differs);
    REQUIRE_OK(grown({aggregate, three}, quote_of(pcr_of({aggregate, three}), 4)));
  }
}

TEST_CASE("a binary list can be gone through entry by entry") {
  const auto entry = [](std::string_view form, std::string_view digest, std::string_view data) {
    Bytes bytes;
    append_u32_le(bytes, 10);
    append(bytes, Bytes(20));
    append_u32_le(bytes, static_cast<std::uint32_t>(form.size()));
    append(bytes, as_bytes(form));
    append(bytes, as_bytes(digest));
    append_u32_le(bytes, static_cast<std::uint32_t>(data.size()));
    append(bytes, as_bytes(data));
    return bytes;
  };
  for (const Bytes& whole :
       {entry("ima-ng", "", "data"), entry("ima", std::string(20, 'd'), "/a/path")}) {
    const Bytes two_of_them = concat({whole, whole});
    REQUIRE(must(binary_ima_entry_size(two_of_them)) == whole.size());
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      const auto size = must(binary_ima_entry_size(ByteView(whole).first(cut)));
      if (size) REQUIRE(*size == whole.size());
    }
  }
  Bytes endless = entry("ima-ng", "", "data");
  std::fill(endless.end() - 8, endless.end() - 4, std::byte{0xff});
  REQUIRE_RULE(binary_ima_entry_size(endless), rules::ima_form);
}

TEST_CASE("a violation is extended as ones, counted, and refused unless allowed") {
  Entry broken = one;
  broken.violation = true;
  const UntrustedImaLog log = log_of({aggregate, broken});
  const Bytes pcr = extend(PcrBank::sha256, pcr_of({aggregate}), Bytes(32, std::byte{0xff}));
  REQUIRE_OK(verify_ima_log(log, quote_of(pcr)));
  const auto strict = inspect_ima_entries(log.entries(), {});
  REQUIRE(strict.problems.front().rule == rules::ima_violation);
  const auto lenient = inspect_ima_entries(log.entries(), {.allow_violations = true});
  REQUIRE(lenient.problems_in_all == 0);
  REQUIRE(lenient.violations.in_all() == 1);
}

TEST_CASE("a violation's kind shows by where its file was measured") {
  Entry broken = one;
  broken.violation = true;
  const auto kinds = [&](const std::vector<Entry>& entries) {
    const auto inspected = inspect_ima_entries(log_of(entries).entries(), {});
    const ImaViolations counted = count_violations(log_of(entries).entries());
    REQUIRE(counted.words() == inspected.violations.words());
    REQUIRE(counted.in_all() == 1);
    return inspected.problems.front().words.substr(0, 21) + "; " + counted.words();
  };
  REQUIRE(kinds({aggregate, broken, one}) ==
          "a violation by open w; 1 violations (1 by open writers, 0 ToMToU)");
  REQUIRE(kinds({aggregate, one, two, broken, three}) ==
          "a ToMToU violation: t; 1 violations (0 by open writers, 1 ToMToU)");
  for (const auto& unclear : {std::vector{aggregate, one, broken, one}, {aggregate, broken, two}})
    REQUIRE(kinds(unclear).ends_with("1 of either kind)"));
}

TEST_CASE("a measured key whose digest is not its own is refused") {
  Entry key{.form = "ima-buf",
            .path = ".ima",
            .digest = file_digest("another"),
            .more = {hex_field(as_bytes("key"))}};
  const UntrustedImaLog log = log_of({aggregate, key});
  REQUIRE_RULE(verify_ima_log(log, quote_of(pcr_of({aggregate, key}))), rules::ima_buffer_digest);
  REQUIRE(inspect_ima_entries(log.entries(), {}).problems.front().rule == rules::ima_buffer_digest);
}

// ---- against a list and keys ----

std::string policy(const std::string& digests, const std::string& rest = "") {
  return R"({"meta":{"version":1},"digests":{)" + digests + "}" + rest + "}";
}

ImaFinding judged(const std::string& json, const Entry& entry) {
  const ImaAllowList list = must(ImaAllowList::parse(json));
  return list.judge(log_of({entry}).entries()[0], {});
}

TEST_CASE("an allow list says allowed, other digest, unknown or excluded") {
  const std::string good = to_hex(one.digest);
  REQUIRE(judged(policy(R"("/bin/one":[")" + good + "\"]"), one) == ImaFinding::allowed);
  REQUIRE(judged(policy(R"("/bin/one":["sha256:)" + good + "\"]"), one) == ImaFinding::allowed);
  REQUIRE(judged(policy(R"("/bin/one":["sha512:)" + good + "\"]"), one) ==
          ImaFinding::other_digest);
  REQUIRE(judged(policy(R"("/bin/one":["00"])"), one) == ImaFinding::other_digest);
  REQUIRE(judged(policy(""), one) == ImaFinding::unknown);
  REQUIRE(judged(policy("", R"(,"excludes":["/bin/.*"])"), one) == ImaFinding::excluded);
  REQUIRE(judged(policy("", R"(,"excludes":["/(s?bin|lib)/o"])"), one) == ImaFinding::excluded);
  REQUIRE(judged(policy("", R"(,"excludes":["bin/one"])"), one) == ImaFinding::unknown);
}

TEST_CASE("a file with another digest than listed, or at no listed path, is a problem by name") {
  const ImaAllowList list = must(ImaAllowList::parse(policy(R"("/bin/one":["00"])")));
  const auto inspected = inspect_ima_entries(log_of({one, two}).entries(), {.allow_list = &list});
  REQUIRE(inspected.problems_in_all == 2);
  REQUIRE(inspected.problems[0].rule == rules::ima_digest_differs);
  REQUIRE(inspected.problems[0].expected == "00");
  REQUIRE(inspected.problems[1].rule == rules::ima_unknown_path);
}

TEST_CASE("measured keys are judged by the keyrings of the list") {
  const Entry key{.form = "ima-buf",
                  .path = ".ima",
                  .digest = file_digest("key"),
                  .more = {hex_field(as_bytes("key"))}};
  REQUIRE(judged(policy("", R"(,"keyrings":{".ima":[")" + to_hex(key.digest) + "\"]}"), key) ==
          ImaFinding::allowed);
  REQUIRE(judged(policy("", R"(,"keyrings":{".ima":["00"]})"), key) == ImaFinding::other_digest);
  REQUIRE(judged(policy(""), key) == ImaFinding::unknown);
  REQUIRE(judged(policy("", R"(,"ima":{"ignored_keyrings":["*"]})"), key) == ImaFinding::excluded);
}

TEST_CASE("policies of another version or form are refused") {
  REQUIRE_RULE(ImaAllowList::parse(R"({"meta":{"version":2}})"), rules::ima_policy_version);
  REQUIRE_RULE(ImaAllowList::parse("{}"), rules::ima_policy_form);
  REQUIRE_RULE(ImaAllowList::parse(policy(R"("/a":["zz"])")), rules::ima_policy_form);
  REQUIRE_RULE(ImaAllowList::parse(policy("", R"(,"excludes":["("])")), rules::ima_policy_exclude);
}

struct Signer {
  std::unique_ptr<SigningKey> key = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));

  static Bytes der_integer(ByteView fixed) {
    while (fixed.size() > 1 && fixed.front() == std::byte{0}) fixed = fixed.subspan(1);
    Bytes content = to_bytes(fixed);
    if (std::to_integer<unsigned>(content.front()) >= 0x80)
      content.insert(content.begin(), std::byte{0});
    return concat({Bytes{std::byte{2}, static_cast<std::byte>(content.size())}, content});
  }
  Bytes signature_over(ByteView message) const {
    const Bytes fixed = must(key->sign(message));
    const Bytes both =
        concat({der_integer(ByteView(fixed).first(32)), der_integer(ByteView(fixed).subspan(32))});
    return concat({Bytes{std::byte{0x30}, static_cast<std::byte>(both.size())}, both});
  }
  Bytes value(std::uint8_t type, std::uint8_t version, ByteView message) const {
    const Bytes signature = signature_over(message);
    Bytes bytes;
    append_u8(bytes, type);
    append_u8(bytes, version);
    append_u8(bytes, 4);
    append(bytes, ImaKey::of(key->public_key()).id);
    append_u16_be(bytes, static_cast<std::uint16_t>(signature.size()));
    append(bytes, signature);
    return bytes;
  }
};

Entry signed_entry(const Bytes& value, std::string algorithm = "sha256") {
  return {.form = algorithm == "sha256" ? "ima-sig" : "ima-sigv2",
          .algorithm = std::move(algorithm),
          .digest = file_digest("true"),
          .more = {hex_field(value)}};
}

Status verified(const Entry& entry, const Signer& signer) {
  const std::vector keys{ImaKey::of(signer.key->public_key())};
  const UntrustedImaLog log = log_of({entry});
  return verify_ima_signature(log.entries()[0], keys);
}

TEST_CASE("a file's signature holds under an allowed key, over this digest alone") {
  const Signer signer;
  const Signer stranger;
  // The signature is over the digest; signing the content gives the same.
  const Bytes good = signer.value(3, 2, as_bytes("true"));
  REQUIRE_OK(verified(signed_entry(good), signer));
  REQUIRE_RULE(verified(signed_entry(good), stranger), rules::ima_signature_key);
  REQUIRE_RULE(verified(signed_entry(signer.value(3, 2, as_bytes("false"))), signer),
               rules::ima_signature);
  Bytes longer = good;
  longer.push_back(std::byte{0});
  REQUIRE_RULE(verified(signed_entry(longer), signer), rules::ima_signature_form);
  Bytes other_hash = good;
  other_hash[2] = std::byte{6};
  REQUIRE_RULE(verified(signed_entry(other_hash), signer), rules::ima_signature_hash);
}

// What ima-evm-utils made with --rsa: the header, and RSA's padding around a bare SHA-1.
struct VersionOne {
  openssl::Key key{EVP_RSA_gen(2048)};
  PublicKey public_key() const { return must(PublicKey::from_openssl(key.get())); }
  Bytes value(ByteView digest, ByteView key_id) const {
    Bytes header{std::byte{1}};
    append_u32_be(header, 0x5f5e1000);
    append(header, Bytes{std::byte{0}, std::byte{1}});  // RSA over a SHA-256
    append(header, key_id);
    append_u8(header, 1);
    const Bytes hash = attest::digest(HashAlgorithm::sha1, concat({digest, header}));
    const openssl::KeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
    REQUIRE(EVP_PKEY_sign_init(context.get()) == 1);
    REQUIRE(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1);
    Bytes signature(256);
    std::size_t size = signature.size();
    REQUIRE(EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          reinterpret_cast<const unsigned char*>(hash.data()), hash.size()) == 1);
    Bytes bytes{std::byte{3}};
    append(bytes, header);
    append_u16_be(bytes, 2048);
    append(bytes, signature);
    return bytes;
  }
};

TEST_CASE("a signature of version 1 counts only where SHA-1 is allowed to") {
  const VersionOne signer;
  const std::vector keys{ImaKey::of(signer.public_key())};
  const auto verified_with = [&](const Bytes& value, bool allowed) {
    const UntrustedImaLog log = log_of({signed_entry(value)});
    return verify_ima_signature(log.entries()[0], keys, {allowed});
  };
  const Bytes good = signer.value(file_digest("true"), keys[0].id_of_version_one);
  REQUIRE_OK(verified_with(good, true));
  REQUIRE_RULE(verified_with(good, false), rules::ima_signature_version);
  REQUIRE_RULE(verified_with(signer.value(file_digest("false"), keys[0].id_of_version_one), true),
               rules::ima_signature);
  REQUIRE_RULE(verified_with(signer.value(file_digest("true"), Bytes(8)), true),
               rules::ima_signature_key);
  Bytes other_header = good;
  other_header[2] ^= std::byte{1};  // its time
  REQUIRE_RULE(verified_with(other_header, true), rules::ima_signature);
  Bytes longer = good;
  longer.push_back(std::byte{0});
  REQUIRE_RULE(verified_with(longer, true), rules::ima_signature_form);
}

// A module's appended signature, as the kernel's scripts/sign-file makes it: CMS without content,
// certificates or signed attributes.
Bytes appended_signature(const test::Certified& signer, ByteView content, unsigned flags) {
  const openssl::Bio input(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  const std::string pem = signer.key_pem();
  const openssl::Bio pem_input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const openssl::Key key(PEM_read_bio_PrivateKey(pem_input.get(), nullptr, nullptr, nullptr));
  CMS_ContentInfo* signed_data = CMS_sign(nullptr, nullptr, nullptr, nullptr,
                                          CMS_NOCERTS | CMS_PARTIAL | CMS_BINARY | CMS_DETACHED);
  REQUIRE(CMS_add1_signer(signed_data, signer.certificate().openssl(), key.get(), EVP_sha256(),
                          CMS_NOCERTS | CMS_BINARY | CMS_NOSMIMECAP | flags) != nullptr);
  REQUIRE(CMS_final(signed_data, input.get(), nullptr, CMS_NOCERTS | CMS_BINARY | CMS_DETACHED) ==
          1);
  unsigned char* der = nullptr;
  const int size = i2d_CMS_ContentInfo(signed_data, &der);
  CMS_ContentInfo_free(signed_data);
  const Bytes bytes = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return bytes;
}

TEST_CASE("a module's appended signature holds over the digest without it") {
  const auto signer = test::Certified::root({.common_name = "module signer"});
  const auto stranger = test::Certified::root({.common_name = "another"});
  const std::vector keys{ImaKey::of(must(signer.certificate().public_key()))};
  const auto verified_as = [&](const Bytes& signature, const std::string& content) {
    const Entry module{.form = "ima-modsig",
                       .path = "/lib/modules/one.ko",
                       .digest = file_digest("with its signature"),
                       .more = {hex_field({}),
                                {digest_field("sha256", file_digest(content)),
                                 "sha256:" + to_hex(file_digest(content))},
                                hex_field(signature)}};
    const UntrustedImaLog log = log_of({module});
    REQUIRE_FALSE(log.entries()[0].modsig.empty());
    return verify_ima_signature(log.entries()[0], keys);
  };
  const Bytes good = appended_signature(signer, as_bytes("module"), CMS_NOATTR);
  REQUIRE_OK(verified_as(good, "module"));
  REQUIRE_RULE(verified_as(good, "another module"), rules::ima_signature);
  REQUIRE_RULE(verified_as(appended_signature(stranger, as_bytes("module"), CMS_NOATTR), "module"),
               rules::ima_signature);
  REQUIRE_RULE(verified_as(appended_signature(signer, as_bytes("module"), 0), "module"),
               rules::ima_signature_form);
  REQUIRE_RULE(verified_as(to_bytes("no PKCS #7"), "module"), rules::ima_signature_form);
}

TEST_CASE("a signature of version 3 is over the verity digest and its kind") {
  const Signer signer;
  const Bytes file_id = concat({Bytes{std::byte{6}, std::byte{4}}, file_digest("true")});
  const Bytes value = signer.value(6, 3, file_id);
  REQUIRE_OK(verified(signed_entry(value, "verity:sha256"), signer));
  REQUIRE_RULE(verified(signed_entry(value, "ima:sha256"), signer), rules::ima_signature_version);
  REQUIRE_RULE(
      verified(signed_entry(signer.value(3, 2, as_bytes("true")), "verity:sha256"), signer),
      rules::ima_signature_version);
}

TEST_CASE("a signed file is accepted by its key, and unsigned ones are not judged without a list") {
  const Signer signer;
  const std::vector keys{ImaKey::of(signer.key->public_key())};
  const UntrustedImaLog log =
      log_of({aggregate, signed_entry(signer.value(3, 2, as_bytes("true")))});
  const auto with_key = inspect_ima_entries(log.entries(), {.keys = keys});
  REQUIRE(with_key.problems_in_all == 0);
  REQUIRE(with_key.signed_by_key == 1);
  REQUIRE(with_key.not_judged == 1);
  const auto without = inspect_ima_entries(log.entries(), {});
  REQUIRE(without.problems.front().rule == rules::ima_signature_key);
  const ImaAllowList none = must(ImaAllowList::parse(policy("")));
  REQUIRE(inspect_ima_entries(log.entries(), {.allow_list = &none, .keys = keys}).problems_in_all ==
          1);
}

}  // namespace
}  // namespace attest::tpm

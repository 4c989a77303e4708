// OpenSSF Model Signing: each test spoils one thing in a signature that is otherwise good.
#include <chrono>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include "libattest/base/json.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/model/oms_sign.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_ca.h"

using namespace attest;
using namespace attest::model;

namespace {

const Time now = from_unix(1'800'000'000);

const SigningKey& publisher() {
  static const auto key = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  return *key;
}

std::string digest_of(std::string_view content) {
  return to_hex(sha256(as_bytes(content)));
}

OrderedJson resource(const std::string& name, std::string_view content) {
  return {{"name", name}, {"algorithm", "sha256"}, {"digest", digest_of(content)}};
}

// A list of one: braces around one value are a copy of it to some compilers.
OrderedJson only(OrderedJson value) {
  return OrderedJson::array({std::move(value)});
}

// A statement about the files a = "one" and d/b = "two"; `spoil` changes it before its root is
// made.
OrderedJson statement_of(OrderedJson resources, OrderedJson serialization = {
                                                    {"method", "files"}, {"hash_type", "sha256"}}) {
  Hasher root;
  for (const auto& each : resources)
    if (const auto raw = from_hex(each["digest"].get<std::string>())) root.update(*raw);
  return {{"_type", "https://in-toto.io/Statement/v1"},
          {"subject", {{{"name", "m"}, {"digest", {{"sha256", to_hex(root.finish_sha256())}}}}}},
          {"predicateType", "https://model_signing/signature/v1.0"},
          {"predicate", {{"serialization", std::move(serialization)}, {"resources", resources}}}};
}
OrderedJson good_statement() {
  return statement_of({resource("a", "one"), resource("d/b", "two")});
}

Bytes sign(std::string_view type, ByteView payload, const SigningKey& key = publisher()) {
  return der_from_fixed(must(key.sign(statement::dsse_pae(type, payload))));
}

constexpr std::string_view in_toto = "application/vnd.in-toto+json";

OrderedJson bundle_of(const std::string& payload, const Bytes& signature) {
  return {{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
          {"verificationMaterial", {{"publicKey", {{"hint", oms_hint(publisher().public_key())}}}}},
          {"dsseEnvelope",
           {{"payload", to_base64(as_bytes(payload))},
            {"payloadType", in_toto},
            {"signatures", OrderedJson::array({{{"sig", to_base64(signature)}}})}}}};
}
OrderedJson bundle_of(const OrderedJson& statement) {
  const std::string payload = to_line(statement);
  return bundle_of(payload, sign(in_toto, as_bytes(payload)));
}

Result<VerifiedOmsStatement> verified(const OrderedJson& bundle,
                                      const PublicKey& key = publisher().public_key()) {
  TRY(const auto parsed, parse_sigstore_bundle(to_line(bundle)));
  return verify_oms_with_key(parsed, key);
}
Result<VerifiedOmsStatement> verified_statement(const OrderedJson& statement) {
  return verified(bundle_of(statement));
}

struct Model {
  TemporaryDirectory place;
  Path root = place.path() / "m";
  Model() {
    std::filesystem::create_directories(root / "d");
    write("a", "one");
    write("d/b", "two");
  }
  void write(const Path& name, std::string_view text) const { std::ofstream(root / name) << text; }
  OmsComparison compare(const OrderedJson& statement, const OmsFileOptions& options = {}) const {
    return must(compare_model_files(must(verified_statement(statement)), root, options));
  }
  Result<OmsComparison> try_compare(const OrderedJson& statement,
                                    const OmsFileOptions& options = {}) const {
    return compare_model_files(must(verified_statement(statement)), root, options);
  }
};

std::vector<std::string> told(const OmsComparison& comparison) {
  std::vector<std::string> lines;
  for (const OmsDifference& each : comparison.differences)
    lines.push_back(std::string(to_string(each.kind)) + " " + each.name);
  return lines;
}
using Told = std::vector<std::string>;

OrderedJson shards(std::initializer_list<std::pair<const char*, const char*>> pieces,
                   const OrderedJson& size = 2) {
  OrderedJson resources = OrderedJson::array();
  for (const auto& [name, content] : pieces) resources.push_back(resource(name, content));
  return statement_of(resources,
                      {{"method", "shards"}, {"hash_type", "sha256"}, {"shard_size", size}});
}

}  // namespace

TEST_CASE("a model that was signed is the model that is there") {
  const Model model;
  const OmsComparison same = model.compare(good_statement());
  CHECK(same.matches());
  CHECK(same.files.size() == 2);
  CHECK(same.bytes == 6);
}

TEST_CASE("each file that differs, is missing or is extra is named") {
  const Model model;
  model.write("a", "eno");
  std::filesystem::remove(model.root / "d/b");
  model.write("c", "more");
  CHECK(told(model.compare(good_statement())) == Told{"differs a", "extra c", "missing d/b"});
  CHECK(told(model.compare(good_statement(), {.ignore_unsigned = true})) ==
        Told{"differs a", "missing d/b"});
  CHECK(told(model.compare(good_statement(), {.ignore = {"c"}})) ==
        Told{"differs a", "missing d/b"});
}

TEST_CASE("git's files at the top, and the signature, are no part of a model") {
  const Model model;
  std::filesystem::create_directory(model.root / ".git");
  model.write(".git/x", "");
  model.write(".gitattributes", "");
  model.write("model.sig", "");
  CHECK(model.compare(good_statement(), {.signature_file = "model.sig"}).matches());
  model.write("d/.gitattributes", "");
  CHECK(told(model.compare(good_statement(), {.signature_file = "model.sig"})) ==
        Told{"extra d/.gitattributes"});
}

TEST_CASE("paths that the statement ignores are ignored, but never weights") {
  const Model model;
  model.write("notes", "");
  auto statement = statement_of({resource("a", "one"), resource("d/b", "two")},
                                {{"method", "files"},
                                 {"hash_type", "sha256"},
                                 {"ignore_paths", {"notes", "w", "x.safetensors"}}});
  CHECK(model.compare(statement).matches());
  std::filesystem::create_directory(model.root / "w");
  model.write("w/Model.BIN", "");
  model.write("x.safetensors", "");
  CHECK(told(model.compare(statement)) == Told{"unsafe w/Model.BIN", "unsafe x.safetensors"});
}

TEST_CASE("names that are no plain relative paths are refused") {
  for (const std::string name :
       {"../a", "d/../a", "/a", "./a", "d//b", "d/", "d\\b", "", ".", "a\x01", "d/."}) {
    INFO(name);
    REQUIRE_RULE(verified_statement(statement_of({resource(name, ""), resource("z", "")})),
                 rules::oms_name);
  }
  REQUIRE_RULE(
      verified_statement(statement_of({resource(std::string("a\0b", 3), ""), resource("z", "")})),
      rules::oms_name);
}

TEST_CASE("a resource listed twice is refused, alike or not") {
  REQUIRE_RULE(verified_statement(statement_of({resource("a", "one"), resource("a", "one")})),
               rules::oms_twice);
  REQUIRE_RULE(verified_statement(statement_of({resource("a", "one"), resource("a", "two")})),
               rules::oms_twice);
}

TEST_CASE("names that differ in case or Unicode form alone are refused") {
  REQUIRE_RULE(verified_statement(statement_of({resource("a", "one"), resource("A", "one")})),
               rules::oms_look_alike);
  REQUIRE_RULE(verified_statement(
                   statement_of({resource("caf\xc3\xa9", "one"), resource("cafe\xcc\x81", "one")})),
               rules::oms_look_alike);
}

TEST_CASE("ignored paths that hide everything, or lead out, are refused") {
  for (const char* path : {".", "*", "../x", "/x", "d/*", ""}) {
    INFO(path);
    REQUIRE_RULE(verified_statement(statement_of(
                     only(resource("a", "one")),
                     {{"method", "files"}, {"hash_type", "sha256"}, {"ignore_paths", only(path)}})),
                 rules::oms_ignore);
  }
  const Model model;
  REQUIRE_RULE(model.try_compare(good_statement(), {.ignore = {"../x"}}), rules::oms_ignore);
}

TEST_CASE("weak hashes and digests that are not whole are refused") {
  const auto with = [](const char* algorithm, const std::string& digest) {
    return statement_of(only({{"name", "a"}, {"algorithm", algorithm}, {"digest", digest}}));
  };
  const std::string whole = digest_of("one");
  for (const char* algorithm : {"md5", "sha1", "sha512", "", "blake2b", "sha256-sharded-2"})
    REQUIRE_RULE(verified_statement(with(algorithm, whole)), rules::oms_digest);
  for (const std::string& digest : {std::string(), whole.substr(2), whole + "00", "zz" + whole})
    REQUIRE_RULE(verified_statement(with("sha256", digest)), rules::oms_digest);
  for (const char* hash : {"md5", "sha1", "SHA256", ""})
    REQUIRE_RULE(verified_statement(statement_of(only(resource("a", "one")),
                                                 {{"method", "files"}, {"hash_type", hash}})),
                 rules::oms_serialization);
}

TEST_CASE("a subject whose digest is not that of the resources is refused") {
  auto statement = good_statement();
  statement["subject"][0]["digest"]["sha256"] = digest_of("else");
  REQUIRE_RULE(verified_statement(statement), rules::oms_root);
}

TEST_CASE("shards without gap, overlap or end past the file are accepted, all others refused") {
  const Model model;
  CHECK(
      model.compare(shards({{"a:0:2", "on"}, {"a:2:3", "e"}, {"d/b:0:2", "tw"}, {"d/b:2:3", "o"}}))
          .matches());
  // As the reference writes it.
  auto old = shards({{"a:0:2", "on"}, {"a:2:3", "e"}, {"d/b:0:2", "tw"}, {"d/b:2:3", "o"}}, 2.0);
  for (auto& each : old["predicate"]["resources"]) each["algorithm"] = "sha256-sharded-2";
  CHECK(model.compare(old).matches());

  REQUIRE_RULE(verified_statement(shards({{"a:0:2", ""}, {"a:4:6", ""}})), rules::oms_shards);
  REQUIRE_RULE(verified_statement(shards({{"a:0:2", ""}, {"a:1:3", ""}})), rules::oms_shards);
  REQUIRE_RULE(verified_statement(shards({{"a:0:2", ""}, {"a:0:2", ""}})), rules::oms_shards);
  REQUIRE_RULE(verified_statement(shards({{"a:2:4", ""}})), rules::oms_shards);
  REQUIRE_RULE(verified_statement(shards({{"a:0:1", ""}, {"a:1:3", ""}})), rules::oms_shards);
  REQUIRE_RULE(verified_statement(shards({{"a:0:3", ""}})), rules::oms_shards);
  REQUIRE_RULE(verified_statement(shards({{"a:0:0", ""}})), rules::oms_shards);
  for (const char* name : {"a", "a:1", ":0:2", "a:00:2", "a:0:x", "a::2", "a:0:", "a:-1:1"}) {
    INFO(name);
    REQUIRE_FALSE(verified_statement(shards({{name, ""}})).has_value());
  }
  for (const OrderedJson& size :
       {OrderedJson(0), OrderedJson(-2), OrderedJson(1.5), OrderedJson("2"), OrderedJson(1e300)})
    REQUIRE_RULE(verified_statement(shards({{"a:0:2", ""}}, size)), rules::oms_serialization);
}

TEST_CASE("a file longer or shorter than its shards differs") {
  const Model model;
  const auto statement =
      shards({{"a:0:2", "on"}, {"a:2:3", "e"}, {"d/b:0:2", "tw"}, {"d/b:2:3", "o"}});
  model.write("a", "one!");
  CHECK(told(model.compare(statement)) == Told{"differs a"});
  model.write("a", "on");
  CHECK(told(model.compare(statement)) == Told{"differs a"});
}

TEST_CASE("links are refused unless the signer allowed them, and never lead out or in a circle") {
  const Model model;
  std::filesystem::create_symlink("a", model.root / "l");
  REQUIRE_RULE(model.try_compare(good_statement()), rules::directory_symlink);
  auto allowed =
      statement_of({resource("a", "one"), resource("d/b", "two"), resource("l", "one")},
                   {{"method", "files"}, {"hash_type", "sha256"}, {"allow_symlinks", true}});
  CHECK(model.compare(allowed).matches());
  std::filesystem::create_symlink("../outside", model.root / "o");
  std::ofstream(model.place.path() / "outside") << "x";
  REQUIRE_RULE(model.try_compare(allowed), rules::directory_outside);
  std::filesystem::remove(model.root / "o");
  std::filesystem::create_directory_symlink(".", model.root / "d" / "up");
  REQUIRE_RULE(model.try_compare(allowed), rules::directory_cycle);
}

TEST_CASE("a FIFO in place of a signed file is refused without waiting") {
  const Model model;
  std::filesystem::remove(model.root / "a");
  REQUIRE(mkfifo((model.root / "a").c_str(), 0600) == 0);
  REQUIRE_RULE(model.try_compare(good_statement()), rules::directory_special);
}

TEST_CASE("a file or directory that is swapped while it is checked is refused") {
  const Model model;
  const auto while_hashing = [&](const std::function<void()>& act) {
    return model.try_compare(
        good_statement(),
        {.executor = [&](std::size_t count, const std::function<void(std::size_t)>& task) {
          // The kernel's clock for files ticks every few milliseconds.
          std::this_thread::sleep_for(std::chrono::milliseconds(30));
          act();
          serially(count, task);
        }});
  };
  // Content is as signed each time: only the swap is wrong.
  REQUIRE_RULE(while_hashing([&] {
                 std::filesystem::rename(model.root / "a", model.place.path() / "old");
                 model.write("a", "one");
               }),
               rules::file_changed);
  REQUIRE_RULE(while_hashing([&] {
                 std::filesystem::rename(model.root / "d", model.place.path() / "old-d");
                 std::filesystem::create_directory(model.root / "d");
                 model.write("d/b", "two");
               }),
               rules::file_changed);
  REQUIRE_RULE(while_hashing([&] { model.write("a", "one"); }), rules::file_changed);
  REQUIRE_RULE(while_hashing([&] { model.write("new", ""); }), rules::file_changed);
  std::filesystem::remove(model.root / "new");
  // A writer through another name of the same file.
  std::filesystem::create_hard_link(model.root / "a", model.place.path() / "other-name");
  REQUIRE_RULE(while_hashing([&] { std::ofstream(model.place.path() / "other-name") << "one"; }),
               rules::file_changed);
  CHECK(model.compare(good_statement()).matches());
}

TEST_CASE("an envelope of another type, or signed another way, is refused") {
  const std::string payload = to_line(good_statement());
  const auto with = [&](std::string_view type, const Bytes& signature) {
    auto bundle = bundle_of(payload, signature);
    bundle["dsseEnvelope"]["payloadType"] = type;
    return verified(bundle);
  };
  REQUIRE_OK(with(in_toto, sign(in_toto, as_bytes(payload))));
  REQUIRE_RULE(with("application/json", sign("application/json", as_bytes(payload))),
               rules::oms_envelope);
  REQUIRE_RULE(with(in_toto, sign("application/json", as_bytes(payload))), rules::dsse_signature);
  REQUIRE_RULE(with(in_toto, der_from_fixed(must(publisher().sign(as_bytes(payload))))),
               rules::dsse_signature);
  // Version 0.2's way opens no door for statements of version 1.
  const std::string old = "DSSEV1 28 application/vnd.in-toto+json " +
                          std::to_string(payload.size()) + " b'" + payload + "'";
  REQUIRE_RULE(with(in_toto, der_from_fixed(must(publisher().sign(as_bytes(old))))),
               rules::dsse_signature);
}

TEST_CASE("a statement of version 0.2 is read the way it was signed") {
  const OrderedJson statement = {{"_type", "https://in-toto.io/Statement/v1"},
                                 {"subject",
                                  {{{"name", "a"}, {"digest", {{"sha256", digest_of("one")}}}},
                                   {{"name", "d/b"}, {"digest", {{"sha256", digest_of("two")}}}}}},
                                 {"predicateType", "https://model_signing/Digests/v0.1"},
                                 {"predicate", {{"unused", "it's"}}}};
  const std::string payload = statement.dump(2);
  std::string repr;
  for (const char c : payload) repr += c == '\n' ? "\\n" : c == '\'' ? "\\'" : std::string(1, c);
  const std::string old = "DSSEV1 28 application/vnd.in-toto+json " +
                          std::to_string(payload.size()) + " b'" + repr + "'";
  const auto found =
      verified(bundle_of(payload, der_from_fixed(must(publisher().sign(as_bytes(old))))));
  REQUIRE_OK(found);
  CHECK(found->statement().version_0_2);
  CHECK(must(compare_model_files(*found, Model().root)).matches());
  REQUIRE_RULE(verified(bundle_of(payload, sign(in_toto, as_bytes(payload)))),
               rules::dsse_signature);
}

TEST_CASE("a model's envelope has one signature, without a key id") {
  auto bundle = bundle_of(good_statement());
  auto& signatures = bundle["dsseEnvelope"]["signatures"];
  signatures[0]["keyid"] = nullptr;
  REQUIRE_OK(verified(bundle));
  signatures[0]["keyid"] = "";
  REQUIRE_OK(verified(bundle));
  signatures[0]["keyid"] = "x";
  REQUIRE_RULE(verified(bundle), rules::oms_envelope);
  signatures[0].erase("keyid");
  signatures.push_back(OrderedJson(signatures[0]));
  REQUIRE_RULE(verified(bundle), rules::oms_envelope);
  signatures = OrderedJson::array();
  REQUIRE_RULE(verified(bundle), rules::dsse_form);
}

TEST_CASE("a bundle is verified by the key it names, in the way it names") {
  const auto bundle = bundle_of(good_statement());
  const auto other = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  REQUIRE_RULE(verified(bundle, other->public_key()), rules::oms_hint);
  auto hinted = bundle;
  hinted["verificationMaterial"]["publicKey"]["hint"] = oms_hint(other->public_key());
  REQUIRE_RULE(verified(hinted), rules::oms_hint);
  REQUIRE_RULE(verified(hinted, other->public_key()), rules::dsse_signature);
  auto old = bundle;
  old["verificationMaterial"]["publicKey"] = {
      {"rawBytes", to_base64(as_bytes(publisher().public_key().to_pem()))}};
  REQUIRE_OK(verified(old));
  REQUIRE_RULE(verified(old, other->public_key()), rules::oms_hint);
  REQUIRE_RULE(verify_oms_with_certificates(must(parse_sigstore_bundle(to_line(bundle))), {}, now),
               rules::oms_method);
  const auto ed25519 = must(make_signing_key(KeyKind::ed25519, system_random()));
  REQUIRE_RULE(verified(bundle, ed25519->public_key()), rules::oms_key);
}

TEST_CASE("signatures that are not strict DER, or have r or s out of range, are refused") {
  const std::string payload = to_line(good_statement());
  const Bytes good = sign(in_toto, as_bytes(payload));
  const auto refused_with = [&](const Bytes& signature) {
    REQUIRE_RULE(verified(bundle_of(payload, signature)), rules::dsse_signature);
  };
  refused_with(concat({good, Bytes(1)}));
  refused_with(must(fixed_from_der(KeyKind::ecdsa_p256, good)));
  refused_with(Bytes(good.begin(), good.end() - 1));
  refused_with(der_from_fixed(Bytes(64)));
  Bytes ber = good;  // the length in a longer form than it needs
  ber.insert(ber.begin() + 1, std::byte{0x81});
  refused_with(ber);
  const Bytes order =
      must(from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
  refused_with(der_from_fixed(concat({order, order})));
}

TEST_CASE("a bundle is one strict JSON document with one arm of each choice") {
  const std::string good = to_line(bundle_of(good_statement()));
  REQUIRE_OK(parse_sigstore_bundle(good));
  REQUIRE_RULE(parse_sigstore_bundle("\xef\xbb\xbf" + good), rules::json_form);
  REQUIRE_RULE(parse_sigstore_bundle(good + good), rules::json_form);
  REQUIRE_RULE(parse_sigstore_bundle(std::string(100'000, '[')), rules::json_depth);
  REQUIRE_RULE(parse_sigstore_bundle("{\"mediaType\":\"x\"," + good.substr(1)),
               rules::json_duplicate);
  auto both = bundle_of(good_statement());
  both["messageSignature"] = {{"signature", "AAAA"}};
  REQUIRE_RULE(parse_sigstore_bundle(to_line(both)), rules::sigstore_bundle_form);
  auto two_signers = bundle_of(good_statement());
  two_signers["verificationMaterial"]["certificate"] = {{"rawBytes", "AAAA"}};
  REQUIRE_RULE(parse_sigstore_bundle(to_line(two_signers)), rules::sigstore_bundle_form);
  auto none = bundle_of(good_statement());
  none.erase("verificationMaterial");
  REQUIRE_RULE(parse_sigstore_bundle(to_line(none)), rules::sigstore_bundle_form);
  auto unknown = bundle_of(good_statement());
  unknown["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json";
  REQUIRE_RULE(parse_sigstore_bundle(to_line(unknown)), rules::bundle_media_type);
  unknown["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2";
  REQUIRE_RULE(verified(unknown), rules::oms_envelope);
}

TEST_CASE("the statement itself is strict: type, predicate, one subject, no member twice") {
  auto statement = good_statement();
  statement["_type"] = "https://in-toto.io/Statement/v0.1";
  REQUIRE_RULE(verified_statement(statement), rules::oms_statement);
  statement = good_statement();
  statement["predicateType"] = "https://example.com/else";
  REQUIRE_RULE(verified_statement(statement), rules::oms_statement);
  statement = good_statement();
  statement["subject"].push_back(OrderedJson(statement["subject"][0]));
  REQUIRE_RULE(verified_statement(statement), rules::oms_statement);
  statement["subject"] = OrderedJson::array();
  REQUIRE_RULE(verified_statement(statement), rules::oms_statement);
  REQUIRE_RULE(verified_statement(statement_of(OrderedJson::array())), rules::oms_statement);
  std::string twice = to_line(good_statement());
  twice.insert(1, "\"predicateType\":\"x\",");
  REQUIRE_RULE(verified(bundle_of(twice, sign(in_toto, as_bytes(twice)))), rules::json_duplicate);
}

TEST_CASE("certificates must be in time, for signing, and lead to a root that is trusted") {
  using test::Certified;
  const auto root = Certified::root({.common_name = "root", .is_ca = true});
  const auto other_root = Certified::root({.common_name = "root", .is_ca = true});
  const std::vector<Certificate> roots{root.certificate()};
  const std::string payload = to_line(good_statement());
  const Time late = from_unix(1'900'000'000);
  const auto check = [&](const Certified& issuer, const test::CertificateSpec& spec,
                         const std::vector<Certificate>& between = {}, Time at = now) {
    const Certificate leaf = issuer.certify(spec, publisher().public_key());
    auto bundle = bundle_of(payload, sign(in_toto, as_bytes(payload)));
    auto certificates = OrderedJson::array({{{"rawBytes", to_base64(leaf.der())}}});
    for (const Certificate& each : between)
      certificates.push_back({{"rawBytes", to_base64(each.der())}});
    bundle["verificationMaterial"] = {{"x509CertificateChain", {{"certificates", certificates}}}};
    return verify_oms_with_certificates(must(parse_sigstore_bundle(to_line(bundle))), roots, at);
  };
  const std::vector<std::string> signing{"1.3.6.1.5.5.7.3.3"};
  REQUIRE_OK(check(root, {.common_name = "leaf", .eku = signing}));
  REQUIRE_RULE(check(other_root, {.common_name = "leaf", .eku = signing}), rules::chain_signature);
  REQUIRE_RULE(check(root, {.common_name = "leaf", .eku = {"1.3.6.1.5.5.7.3.1"}}),
               rules::chain_eku);
  REQUIRE_RULE(
      check(root, {.common_name = "leaf", .not_after = from_unix(1'790'000'000), .eku = signing}),
      rules::chain_time);
  // A leaf of the future, though its own beginning would suit it.
  REQUIRE_RULE(check(root, {.common_name = "leaf", .not_before = late, .eku = signing}),
               rules::chain_time);
  const auto between = root.issue({.common_name = "between", .is_ca = true});
  REQUIRE_OK(check(between, {.common_name = "leaf", .eku = signing}, {between.certificate()}));
  REQUIRE_RULE(check(between, {.common_name = "leaf", .eku = signing}), rules::chain_no_issuer);
  const auto expired =
      root.issue({.common_name = "between", .is_ca = true, .not_after = from_unix(1'790'000'000)});
  REQUIRE_RULE(check(expired, {.common_name = "leaf", .eku = signing}, {expired.certificate()}),
               rules::chain_time);
  REQUIRE_RULE(check(root, {.common_name = "leaf", .eku = signing}, {}, from_unix(2'100'000'000)),
               rules::chain_time);
  for (const auto& found :
       {check(root, {.common_name = "leaf", .not_before = late, .eku = signing}),
        check(between, {.common_name = "leaf", .eku = signing})})
    CHECK(found.error().kind == ErrorKind::refused);
  // A root that the bundle brings is not trusted for that.
  REQUIRE_FALSE(
      check(other_root, {.common_name = "leaf", .eku = signing}, {other_root.certificate()})
          .has_value());
}

TEST_CASE("what is signed here verifies, by every curve, hash and method") {
  const Model model;
  for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521}) {
    const auto key = must(make_signing_key(kind, system_random()));
    for (const OmsHash hash : {OmsHash::sha256, OmsHash::blake2b, OmsHash::blake3})
      for (const OmsMethod method : {OmsMethod::files, OmsMethod::shards}) {
        const auto description =
            must(describe_model(model.root, {.method = method, .hash = hash, .shard_size = 2}));
        const std::string bundle = must(sign_oms_statement(description, *key));
        const auto found =
            must(verify_oms_with_key(must(parse_sigstore_bundle(bundle)), key->public_key()));
        CHECK(must(compare_model_files(found, model.root)).matches());
        CHECK(found.statement().model_name == "m");
      }
  }
}

TEST_CASE("a single file is signed under its name, and known under its old name too") {
  const Model model;
  const auto description = must(describe_model(model.root / "a", {}));
  const auto found = must(verify_oms_with_key(
      must(parse_sigstore_bundle(must(sign_oms_statement(description, publisher())))),
      publisher().public_key()));
  CHECK(must(compare_model_files(found, model.root / "a")).matches());
  CHECK(told(must(compare_model_files(found, model.root / "d" / "b"))) ==
        Told{"missing a", "extra b"});
  const auto old = must(verified_statement(statement_of(only(resource(".", "one")))));
  CHECK(must(compare_model_files(old, model.root / "a")).matches());
  CHECK(told(must(compare_model_files(old, model.root / "d" / "b"))) == Told{"differs ."});
}

TEST_CASE("no weights are left out of a signature, and no key signs that verifiers refuse") {
  const Model model;
  REQUIRE_RULE(describe_model(model.root, {.ignore = {"w.safetensors"}}), rules::oms_ignore);
  REQUIRE_RULE(describe_model(model.root, {.ignore = {"../x"}}), rules::oms_ignore);
  const auto description = must(describe_model(model.root, {.ignore = {"d"}}));
  CHECK(description.statement.files.size() == 1);
  const auto ed25519 = must(make_signing_key(KeyKind::ed25519, system_random()));
  REQUIRE_RULE(sign_oms_statement(description, *ed25519), rules::oms_key);
  const auto root = test::Certified::root({.common_name = "root", .is_ca = true});
  REQUIRE_RULE(sign_oms_statement(description, publisher(), {root.certificate()}), rules::oms_key);
}

TEST_CASE("hash functions give their published digests") {
  const auto hashed = [](OmsHash hash, std::string_view text) {
    OmsHasher hasher(hash);
    for (std::size_t i = 0; i < text.size(); i += 7) hasher.update(as_bytes(text.substr(i, 7)));
    return to_hex(hasher.finish());
  };
  CHECK(hashed(OmsHash::sha256, "abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hashed(OmsHash::blake2b, "abc") ==
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
  CHECK(hashed(OmsHash::blake3, "") ==
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  CHECK(hashed(OmsHash::blake3, "abc") ==
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
  // Inputs of the published vectors: bytes 0, 1, … 250, 0, … at lengths around a chunk's and a
  // tree's edges.
  const std::vector<std::pair<std::size_t, const char*>> vectors = {
      {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
      {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"},
      {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"},
      {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
      {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
      {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
      {3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"},
      {8192, "aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"},
      {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"}};
  for (const auto& [size, digest] : vectors) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251);
    CHECK(hashed(OmsHash::blake3, text) == digest);
  }
}

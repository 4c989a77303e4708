#include "libattest/gpu/rim.h"

#include "tests/support/catch.h"
#include "tests/support/test_gpu.h"

using namespace attest;

namespace {

const Time at = from_unix(test::gpu_time);

const test::Vendor& vendor() {
  static const test::Vendor made = test::Vendor::make();
  return made;
}

gpu::RootPins roots() {
  return {{vendor().rim_root.certificate}, {}};
}

std::vector<Certificate> signers() {
  return {vendor().rim_signer.certificate, vendor().rim_ca.certificate,
          vendor().rim_root.certificate};
}

test::RimSpec spec() {
  return test::whole_gpu().driver;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t found = text.find(what);
  REQUIRE(found != std::string::npos);
  return text.replace(found, what.size(), with);
}

Result<gpu::UntrustedRim> parse(const std::string& xml) {
  return gpu::parse_rim(as_bytes(xml));
}

Result<gpu::VerifiedRim> verify(const std::string& xml, std::optional<Time> time = at) {
  return gpu::verify_rim(must(parse(xml)), roots(), time);
}

// A Resource of its own attributes, in a document that has nothing else wrong.
std::string with_resource(const std::string& attributes) {
  return "<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" "
         "xmlns:ns2=\"http://www.w3.org/2001/04/xmlenc#sha384\" name=\"GH100\"><Payload>"
         "<Resource index=\"1\" active=\"True\" alternatives=\"1\" size=\"1\" ns2:Hash0=\"aa\"/>"
         "<Resource " +
         attributes + "/></Payload></SoftwareIdentity>";
}

}  // namespace

TEST_CASE("a signed RIM gives its golden values") {
  const auto rim = must(verify(vendor().rim(spec())));
  REQUIRE(rim.content().kind == gpu::RimKind::driver);
  REQUIRE(rim.content().version == "550.90.07");
  REQUIRE(rim.content().product == "GH100");
  REQUIRE(rim.content().active_count() == 21);
  REQUIRE(rim.content().golden.front().alternatives.size() == 2);
}

TEST_CASE("what a RIM speaks of follows from edition and version") {
  REQUIRE(must(parse(vendor().rim(test::whole_gpu().vbios))).content.kind == gpu::RimKind::vbios);
  test::RimSpec of_switch = test::whole_gpu().vbios;
  of_switch.edition = "SWITCH";
  REQUIRE(must(parse(vendor().rim(of_switch))).content.kind == gpu::RimKind::switch_bios);
}

TEST_CASE("a RIM whose content was edited is refused") {
  REQUIRE_RULE(verify(replaced(vendor().rim(spec()), "550.90.07", "550.90.08")),
               rules::rim_signature);
}

TEST_CASE("a RIM without a signature is never verified") {
  const std::string xml = test::unsigned_rim(spec(), {});
  REQUIRE_FALSE(must(parse(xml)).has_signature);
  REQUIRE_RULE(verify(xml), rules::rim_unsigned);
}

TEST_CASE("a RIM signed by a key beside genuine certificates is refused") {
  const auto stranger = test::issue({.common_name = "stranger", .is_ca = false}, nullptr);
  const std::string forged = test::sign_rim(test::unsigned_rim(spec(), signers()), stranger);
  REQUIRE_RULE(verify(forged), rules::rim_signature);
  const std::string key_value = "<ds:KeyInfo><ds:KeyName>k</ds:KeyName>";
  REQUIRE_RULE(verify(test::sign_rim(
                   replaced(test::unsigned_rim(spec(), signers()), "<ds:KeyInfo>", key_value),
                   vendor().rim_signer)),
               rules::rim_signature_form);
  REQUIRE_RULE(
      verify(test::sign_rim(replaced(test::unsigned_rim(spec(), signers()), "<ds:X509Data>",
                                     "<ds:X509Data><ds:X509SKI>AA==</ds:X509SKI>"),
                            vendor().rim_signer)),
      rules::rim_signature_form);
}

TEST_CASE("a signature over a part of the document is refused") {
  const std::string part =
      replaced(replaced(test::unsigned_rim(spec(), signers()), "URI=\"\"", "URI=\"#xpointer(/)\""),
               "tagId=\"test\"", "tagId=\"test\"");
  REQUIRE_RULE(verify(test::sign_rim(part, vendor().rim_signer)), rules::rim_signature_form);
}

TEST_CASE("other algorithms than a RIM's are refused") {
  const std::string xml = test::unsigned_rim(spec(), signers());
  REQUIRE_RULE(verify(test::sign_rim(replaced(xml, "xmldsig-more#sha384", "xmldsig-more#sha224"),
                                     vendor().rim_signer)),
               rules::rim_signature_form);
  REQUIRE_RULE(
      verify(test::sign_rim(replaced(xml, "ecdsa-sha384", "ecdsa-sha256"), vendor().rim_signer)),
      rules::rim_signature_form);
}

TEST_CASE("a second signature, or one that hides in the payload, is refused") {
  const std::string genuine = vendor().rim(spec());
  const std::size_t from = genuine.find("<ds:Signature ");
  const std::size_t to = genuine.find("</ds:Signature>") + 15;
  const std::string signature = genuine.substr(from, to - from);
  REQUIRE_RULE(verify(replaced(genuine, "</ns0:Payload>", signature + "</ns0:Payload>")),
               rules::rim_signature_form);
}

TEST_CASE("a RIM of another root is refused") {
  const auto rim = must(parse(test::Vendor::make("GH100", "Other").rim(spec())));
  REQUIRE_RULE(gpu::verify_rim(rim, roots(), at), rules::chain_untrusted_root);
}

TEST_CASE("a RIM counts at a time at which its signer was valid, and at no other") {
  const std::string xml = vendor().rim(spec());
  const auto late = verify(xml, from_unix(test::gpu_time + 5 * 365 * 86400));
  REQUIRE_RULE(late, rules::chain_time);
  REQUIRE(late.error().kind == ErrorKind::incomplete);
  const auto timeless = verify(xml, {});
  REQUIRE_RULE(timeless, rules::rim_time);
  REQUIRE(timeless.error().kind == ErrorKind::incomplete);
}

TEST_CASE("without a time, an edited RIM is refused all the same") {
  REQUIRE_RULE(verify(replaced(vendor().rim(spec()), "550.90.07", "550.90.08"), {}),
               rules::rim_signature);
}

TEST_CASE("a signer of another chip's line does not speak for this one") {
  const test::Vendor blackwell = test::Vendor::make("GB1xx");
  const auto rim = must(parse(blackwell.rim(spec())));
  REQUIRE_RULE(gpu::verify_rim(rim, {{blackwell.rim_root.certificate}, {}}, at), rules::rim_scope);
  test::RimSpec fitting = spec();
  fitting.product = "GB100";
  REQUIRE_OK(gpu::verify_rim(must(parse(blackwell.rim(fitting))),
                             {{blackwell.rim_root.certificate}, {}}, at));
}

TEST_CASE("a signer that is not for signatures is refused") {
  const auto wrong = test::issue(
      {.common_name = "Test RIM L4 Signer", .is_ca = false, .key_usage = "critical,keyAgreement"},
      &vendor().rim_ca);
  const std::string xml = test::sign_rim(
      test::unsigned_rim(
          spec(), {wrong.certificate, vendor().rim_ca.certificate, vendor().rim_root.certificate}),
      wrong);
  REQUIRE_RULE(verify(xml), rules::chain_eku);
}

TEST_CASE("a RIM without a version is read, and not verified") {
  test::RimSpec nameless = spec();
  nameless.version = "";
  REQUIRE_RULE(verify(vendor().rim(nameless)), rules::rim_meta);
}

TEST_CASE("entities and document types are refused") {
  const std::string doctype = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]>";
  REQUIRE_RULE(parse(doctype + test::unsigned_rim(spec(), {})), rules::rim_xml);
  REQUIRE_RULE(parse("<SoftwareIdentity>"), rules::rim_xml);
  REQUIRE_RULE(parse(""), rules::rim_xml);
}

TEST_CASE("what lacks a part of a RIM is refused by the rule of that part") {
  const std::string ns = " xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\"";
  REQUIRE_RULE(parse("<Other/>"), rules::rim_meta);
  REQUIRE_RULE(parse("<SoftwareIdentity" + ns + "/>"), rules::rim_payload);
  REQUIRE_RULE(parse("<SoftwareIdentity" + ns + "><Payload/></SoftwareIdentity>"),
               rules::rim_empty);
  const std::string rest = "ns2:Hash0=\"bb\"";
  REQUIRE_OK(
      parse(with_resource("index=\"2\" active=\"True\" alternatives=\"1\" size=\"1\" " + rest)));
  const std::vector<std::pair<std::string, Rule>> wrong = {
      {"active=\"True\" alternatives=\"1\" size=\"1\" " + rest, rules::rim_index},
      {"index=\"x\" active=\"True\" alternatives=\"1\" size=\"1\" " + rest, rules::rim_index},
      {"index=\"-1\" active=\"True\" alternatives=\"1\" size=\"1\" " + rest, rules::rim_index},
      {"index=\"1\" active=\"True\" alternatives=\"1\" size=\"1\" " + rest,
       rules::rim_duplicate_index},
      {"index=\"2\" alternatives=\"1\" size=\"1\" " + rest, rules::rim_active},
      {"index=\"2\" active=\"True\" size=\"1\" " + rest, rules::rim_alternatives},
      {"index=\"2\" active=\"True\" alternatives=\"0\" size=\"1\" " + rest,
       rules::rim_alternatives},
      {"index=\"2\" active=\"True\" alternatives=\"1\" size=\"1\" ns2:Hash1=\"cc\" " + rest,
       rules::rim_alternatives},
      {"index=\"2\" active=\"True\" alternatives=\"1\" size=\"abc\" " + rest, rules::rim_size},
      {"index=\"2\" active=\"True\" alternatives=\"1\" size=\"2\" " + rest, rules::rim_hash},
      {"index=\"2\" active=\"True\" alternatives=\"2\" size=\"1\" " + rest, rules::rim_hash},
      {"index=\"2\" active=\"True\" alternatives=\"1\" size=\"1\"", rules::rim_hash},
      {"index=\"2\" active=\"True\" alternatives=\"1\" size=\"1\" ns2:Hash0=\"zz\"",
       rules::rim_hash}};
  for (const auto& [attributes, rule] : wrong) {
    INFO(attributes);
    REQUIRE_RULE(parse(with_resource(attributes)), rule);
  }
}

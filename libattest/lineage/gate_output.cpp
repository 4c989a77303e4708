#include "libattest/lineage/gate_output.h"

#include <set>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/base/xml_text.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/statement/dsse.h"
#include "libattest/statement/in_toto.h"

namespace attest::lineage {

namespace {

using result::Verdict;

std::string in_words(const ModelCheck& check) {
  std::string text = check.why.empty() ? check.name : check.why;
  if (!check.expected.empty()) text += "\nexpected: " + check.expected;
  if (!check.found.empty()) text += "\nfound: " + check.found;
  if (!check.place.empty()) text += "\npolicy: " + check.place;
  return printable(text, 4000);
}

// A path as a relative URI reference (RFC 3986): what SARIF and in-toto want for one.
std::string uri_of(std::string_view path) {
  constexpr std::string_view kept =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string uri;
  for (const char c : path) {
    if (kept.find(c) != std::string_view::npos) {
      uri += c;
      continue;
    }
    uri += '%';
    uri += to_hex(as_bytes(std::string_view(&c, 1)));
  }
  return uri;
}

OrderedJson location(const std::string& path) {
  return {{"physicalLocation", {{"artifactLocation", {{"uri", uri_of(path)}}}}}};
}

// "release.toml:14" as a place in the policy that was given.
OrderedJson policy_location(const ModelCheck& check, const std::string& policy) {
  OrderedJson place = location(policy);
  const std::size_t colon = check.place.rfind(':');
  const std::string line = colon == std::string::npos ? "" : check.place.substr(colon + 1);
  if (!line.empty() && line.size() < 8 &&
      line.find_first_not_of("0123456789") == std::string::npos && std::stoi(line) > 0)
    place["physicalLocation"]["region"] = {{"startLine", std::stoi(line)}};
  place["message"] = {{"text", "the rule of the policy"}};
  return place;
}

OrderedJson sarif_result(const GatedModel& model, const ModelCheck& check,
                         const std::string& policy) {
  std::string text = in_words(check);
  if (!model.more.empty()) text += "\nSee more: " + printable(model.more, 1000);
  OrderedJson result = {{"ruleId", check.name},
                        {"level", check.outcome == Verdict::refused ? "error" : "warning"},
                        {"message", {{"text", text}}},
                        {"locations", OrderedJson::array({location(model.path)})}};
  if (!policy.empty() && !check.place.empty())
    result["relatedLocations"] = OrderedJson::array({policy_location(check, policy)});
  return result;
}

constexpr std::size_t most_text = 8000;

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + xml_text(value, most_text) + "\"";
}

std::size_t count(const ModelVerdict& verdict, Verdict outcome) {
  std::size_t found = 0;
  for (const ModelCheck& check : verdict.checks) found += check.outcome == outcome ? 1 : 0;
  return found;
}

std::string seconds(std::int64_t milliseconds) {
  const std::string rest = std::to_string(milliseconds % 1000);
  return std::to_string(milliseconds / 1000) + "." + std::string(3 - rest.size(), '0') + rest;
}

std::string junit_case(const GatedModel& model, const ModelCheck& check) {
  std::string text =
      "    <testcase" + attribute("classname", model.path) + attribute("name", check.name);
  if (check.outcome == Verdict::pass) return text + "/>\n";
  const std::string kind = check.outcome == Verdict::refused ? "failure" : "error";
  text +=
      ">\n      <" + kind + attribute("type", check.name) + attribute("message", check.why) + ">";
  for (const auto& [name, value] : {std::pair("expected", &check.expected),
                                    {"found", &check.found},
                                    {"policy", &check.place},
                                    {"see more", &model.more}})
    if (!value->empty()) text += xml_text(std::string(name) + ": " + *value, most_text) + "\n";
  return text + "</" + kind + ">\n    </testcase>\n";
}

Result<Bytes> dsse_signature(std::string_view type, ByteView payload, const SigningKey& key) {
  TRY(Bytes signature, key.sign(statement::dsse_pae(type, payload)));
  // DSSE carries ECDSA signatures as DER.
  return field_size(key.public_key().kind()) == 0 ? signature : der_from_fixed(signature);
}

}  // namespace

std::string sarif(std::span<const GatedModel> models, const std::string& policy,
                  const std::string& version) {
  OrderedJson results = OrderedJson::array();
  OrderedJson rules = OrderedJson::array();
  std::set<std::string> named;
  for (const GatedModel& model : models)
    for (const ModelCheck& check : model.verdict.checks) {
      if (check.outcome == Verdict::pass) continue;
      if (named.insert(check.name).second) rules.push_back({{"id", check.name}});
      results.push_back(sarif_result(model, check, policy));
    }
  const OrderedJson driver = {
      {"name", "attestctl gate"}, {"version", version}, {"rules", std::move(rules)}};
  const OrderedJson log = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                           {"version", "2.1.0"},
                           {"runs", OrderedJson::array({{{"tool", {{"driver", driver}}},
                                                         {"columnKind", "utf16CodeUnits"},
                                                         {"results", std::move(results)}}})}};
  return to_pretty(log) + "\n";
}

std::string junit(std::span<const GatedModel> models) {
  std::string suites;
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  for (const GatedModel& model : models) {
    const std::size_t refused_here = count(model.verdict, Verdict::refused);
    const std::size_t open_here = count(model.verdict, Verdict::incomplete);
    tests += model.verdict.checks.size();
    failures += refused_here;
    errors += open_here;
    suites += "  <testsuite" + attribute("name", model.path) +
              attribute("tests", std::to_string(model.verdict.checks.size())) +
              attribute("failures", std::to_string(refused_here)) +
              attribute("errors", std::to_string(open_here)) +
              attribute("time", seconds(model.took_ms)) + ">\n";
    for (const ModelCheck& check : model.verdict.checks) suites += junit_case(model, check);
    suites += "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
         attribute("name", "attestctl gate") + attribute("tests", std::to_string(tests)) +
         attribute("failures", std::to_string(failures)) +
         attribute("errors", std::to_string(errors)) + ">\n" + suites + "</testsuites>\n";
}

Result<std::string> sign_vsa(const GatedModel& model, const VsaContext& context,
                             const SigningKey& key) {
  if (!model.subject.starts_with("sha256:"))
    return fail(
        refused(rules::vsa_no_subject, "no summary can be given of a model that could not be read")
            .within(model.path));
  const bool passed = model.verdict.outcome == Verdict::pass;
  OrderedJson inputs = OrderedJson::array();
  if (model.bundle != Sha256{})
    inputs.push_back({{"uri", uri_of(model.path + ".attest/bundle.cbor")},
                      {"digest", {{"sha256", to_hex(model.bundle)}}}});
  const OrderedJson statement = {
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject", OrderedJson::array({{{"name", uri_of(model.path)},
                                       {"digest", {{"sha256", model.subject.substr(7)}}}}})},
      {"predicateType", "https://slsa.dev/verification_summary/v1"},
      {"predicate",
       {{"verifier", {{"id", context.verifier}}},
        {"timeVerified", to_rfc3339(context.now)},
        {"resourceUri", uri_of(model.path)},
        {"policy",
         {{"uri", context.policy}, {"digest", {{"sha256", to_hex(context.policy_digest)}}}}},
        {"inputAttestations", std::move(inputs)},
        {"verificationResult", passed ? "PASSED" : "FAILED"},
        {"verifiedLevels", OrderedJson::array({passed ? "ATTEST_LINEAGE" : "FAILED"})},
        {"slsaVersion", "1.0"}}}};
  const std::string payload = to_line(statement);
  TRY(const Bytes signature,
      dsse_signature(statement::in_toto_payload_type, as_bytes(payload), key));
  const OrderedJson envelope = {
      {"payloadType", statement::in_toto_payload_type},
      {"payload", to_base64(as_bytes(payload))},
      {"signatures", OrderedJson::array({{{"keyid", to_hex(key.public_key().thumbprint())},
                                          {"sig", to_base64(signature)}}})}};
  return to_line(envelope);
}

}  // namespace attest::lineage

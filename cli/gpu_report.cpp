#include "cli/gpu_report.h"

#include <algorithm>

namespace attest::cli {

namespace {

using gpu::DeviceVerdict;
using gpu::Mismatch;
using gpu::VerifiedReport;
using result::Check;
using result::Verdict;

void add_if(OrderedJson& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

OrderedJson to_json(const Mismatch& mismatch) {
  OrderedJson json = {{"index", mismatch.index},
                      {"name", mismatch.name},
                      {"measures", mismatch.measures},
                      {"expected_size", mismatch.expected_size},
                      {"expected", OrderedJson::array()}};
  for (const Bytes& value : mismatch.expected) json["expected"].push_back(to_hex(value));
  json["found"] = mismatch.found ? OrderedJson(to_hex(*mismatch.found)) : OrderedJson();
  if (mismatch.nearest) {
    json["nearest"] = to_hex(mismatch.expected[*mismatch.nearest]);
    json["differing_bits"] = mismatch.differing_bits;
  }
  json["would_match"] = mismatch.would_match;
  return json;
}

OrderedJson device_json(const VerifiedReport& report) {
  const gpu::DeviceIdentity& device = report.device();
  const gpu::OpaqueData& opaque = report.opaque();
  OrderedJson json = {{"kind", gpu::to_string(device.kind)},
                      {"architecture", device.architecture},
                      {"chip", device.chip},
                      {"model", device.model},
                      {"serial", device.device_serial},
                      {"pdi", to_hex(device.pdi)},
                      {"key", "sha256:" + to_hex(device.device_key)},
                      {"leaf_serial", device.leaf_serial}};
  add_if(json, "driver_version", opaque.driver_version.value_or(""));
  add_if(json, "vbios_version", opaque.vbios_version.value_or(""));
  add_if(json, "project", opaque.project.value_or(""));
  add_if(json, "project_sku", opaque.project_sku.value_or(""));
  add_if(json, "chip_sku", opaque.chip_sku.value_or(""));
  if (device.firmware_id) json["firmware_id"] = to_hex(*device.firmware_id);
  json["nonce"] = to_hex(report.report().nonce);
  json["blocks"] = report.measurements().size();
  return json;
}

std::string shown(const Check& check) {
  std::string text = check.why;
  if (!check.expected.empty()) text += "\nexpected " + check.expected;
  if (!check.found.empty()) text += "\nfound    " + check.found;
  return text;
}

std::string shown(const Mismatch& mismatch) {
  std::string text = mismatch.name + ": " + mismatch.measures;
  if (!mismatch.found) return text + "\nfound    no such block in the report";
  text += "\nfound    " + to_hex(*mismatch.found).substr(0, 32) + "… (" +
          std::to_string(mismatch.found->size()) + " bytes)";
  if (mismatch.nearest)
    text += "\nexpected " + to_hex(mismatch.expected[*mismatch.nearest]).substr(0, 32) +
            "…, the nearest of " + std::to_string(mismatch.expected.size()) + ", " +
            std::to_string(mismatch.differing_bits) + " bits differ";
  for (const std::string& title : mismatch.would_match) text += "\nwould match " + title;
  if (mismatch.would_match.empty()) text += "\nno other RIM at hand knows this value";
  return text;
}

}  // namespace

Outcome outcome_of(Verdict verdict) {
  if (verdict == Verdict::pass) return Outcome::pass;
  return verdict == Verdict::refused ? Outcome::refused : Outcome::incomplete;
}

OrderedJson to_json(const Check& check) {
  OrderedJson json = {
      {"name", check.name}, {"outcome", result::to_string(check.outcome)}, {"why", check.why}};
  add_if(json, "expected", check.expected);
  add_if(json, "found", check.found);
  return json;
}

OrderedJson to_json(const gpu::RimComparison& comparison) {
  OrderedJson json = {
      {"kind", gpu::to_string(comparison.kind)}, {"title", comparison.title},
      {"matched", comparison.matched},           {"active", comparison.active},
      {"skipped", comparison.skipped},           {"mismatches", OrderedJson::array()}};
  for (const Mismatch& mismatch : comparison.mismatches)
    json["mismatches"].push_back(to_json(mismatch));
  return json;
}

OrderedJson claims_of(const VerifiedReport& report) {
  const gpu::OpaqueData& opaque = report.opaque();
  const auto level = result::to_string(result::TrustLevel::hardware_signed);
  OrderedJson claims = OrderedJson::array();
  const auto claim = [&](const char* name, OrderedJson value) {
    claims.push_back({{"name", name}, {"value", std::move(value)}, {"trust_level", level}});
  };
  if (opaque.feature_flag) claim("confidential-mode", gpu::to_string(*opaque.feature_flag));
  if (opaque.protected_pcie) claim("protected-pcie", *opaque.protected_pcie);
  if (opaque.nvdec0_enabled) claim("nvdec0", *opaque.nvdec0_enabled);
  if (opaque.switch_lock) claim("switch-lock", *opaque.switch_lock);
  return claims;
}

OrderedJson to_json(const DeviceVerdict& verdict) {
  OrderedJson json = {{"result", result::to_string(verdict.verdict)}};
  if (verdict.report) {
    json["device"] = device_json(*verdict.report);
    json["claims"] = claims_of(*verdict.report);
  }
  json["rims"] = OrderedJson::array();
  for (const auto& comparison : verdict.rims) json["rims"].push_back(to_json(comparison));
  json["missing_rims"] = OrderedJson::array();
  for (const auto& need : verdict.missing) json["missing_rims"].push_back(need.id);
  json["checks"] = OrderedJson::array();
  json["findings"] = OrderedJson::array();
  for (const Check& check : verdict.checks) {
    json["checks"].push_back(to_json(check));
    if (check.outcome != Verdict::pass) json["findings"].push_back(check.why);
  }
  json["not_checked"] = verdict.not_checked;
  return json;
}

void describe(Report& report, std::span<const Check> checks) {
  std::string passed;
  for (const Check& check : checks)
    if (check.outcome == Verdict::pass) passed += (passed.empty() ? "" : "; ") + check.why;
  if (!passed.empty()) report.field("passed", passed);
  for (const Verdict outcome : {Verdict::refused, Verdict::incomplete})
    for (const Check& check : checks)
      if (check.outcome == outcome) report.field(result::to_string(outcome), shown(check));
}

void describe(Report& report, const DeviceVerdict& verdict) {
  if (verdict.report) {
    const gpu::DeviceIdentity& device = verdict.report->device();
    const gpu::OpaqueData& opaque = verdict.report->opaque();
    report.field("device", device.model + ", serial " + device.device_serial);
    report.field("runs", (opaque.driver_version ? "driver " + *opaque.driver_version + ", " : "") +
                             (device.kind == gpu::DeviceKind::gpu ? "VBIOS " : "BIOS ") +
                             opaque.vbios_version.value_or("unknown"));
  }
  describe(report, verdict.checks);
  for (const auto& comparison : verdict.rims)
    for (const Mismatch& mismatch : comparison.mismatches)
      report.field("index " + std::to_string(mismatch.index), shown(mismatch));
  for (const auto& need : verdict.missing)
    report.field("missing",
                 "RIM " + need.id + "\nput it in the ledger with: attestctl rim add FILE");
  for (const std::string& text : verdict.not_checked) report.field("not checked", text);
}

}  // namespace attest::cli

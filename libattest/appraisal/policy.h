// The node policy: what a verifier asks of a node (packaging/examples/node-policy.toml documents
// every key). A policy is its TOML text: results name it by SHA-256 of those bytes.
//
// Plain value, usable from any thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "libattest/base/result.h"
#include "libattest/base/time.h"
#include "libattest/crypto/digest.h"
#include "libattest/hardware/custody.h"
#include "libattest/tpm/pcr.h"

namespace attest::appraisal {

enum class Need { required, any };

// How a GPU's confidential mode must be known: by the host's word, or by the GPU's own signature.
enum class Mode { any, reported, signed_by_device };

// What is asked of GPUs and NVSwitches.
struct GpuPolicy {
  Need reports = Need::any;     // whether each GPU must sign a report
  Need revocation = Need::any;  // whether OCSP responses must be stapled to it
  Mode confidential = Mode::any;
  bool allow_devtools = false;
  std::optional<std::string> minimum_vbios;
  std::optional<std::string> minimum_driver;
};

// What is asked of platform certificates.
struct PlatformPolicy {
  Need certificate = Need::any;  // whether the machine's maker must vouch for it
  Need components = Need::any;   // whether what was found must be what the certificates list
};

// What is asked of the lives of a node's devices.
struct CustodyRequirement {
  // Of which kinds each device's custody must stand in the ledger, whole and closed.
  std::set<statement::DeviceKind> required;
  hardware::CustodyPolicy rules;
};

struct Policy {
  std::string name;
  Sha256 digest{};  // of the text
  // Grows with each change of the text; who keeps policies refuses to go back. 0: none is given.
  std::int64_t revision = 0;
  std::string platform;  // whose reference values count: subject "platform:<name>"

  tpm::PcrBank bank = tpm::PcrBank::sha256;
  tpm::PcrSet required_pcrs;

  Need secure_boot = Need::required;
  Need event_log = Need::required;
  Need tee_report = Need::any;       // whether a TEE must sign
  Need tee_measurement = Need::any;  // whether its guest must be one of the ledger's
  Need models = Need::any;           // whether the node must report its models
  Need ima = Need::any;  // whether the node must send an IMA list that PCR 10 vouches for
  bool ima_allow_violations = false;
  // The list of files a node may run, by SHA-256 of its bytes: as signed as the policy that names
  // it. Nothing: files are not judged.
  std::optional<Sha256> ima_allow_list;
  // Or any list that a proven reference value of the platform names: an update then needs no other
  // policy.
  bool ima_list_by_reference = false;
  bool judges_ima_files() const { return ima_allow_list || ima_list_by_reference; }
  bool require_manifest = true;
  bool allow_software_tpm = false;
  GpuPolicy gpu;
  PlatformPolicy machine;
  CustodyRequirement custody;

  Seconds quote_max_age{};  // from the challenge to the appraisal
  Seconds result_lifetime{};

  // id is ear.appraisal-policy-id: "sha256:<hex>".
  std::string id() const { return digest_uri(digest); }
};

// parse_policy reads the text strictly: unknown and missing keys are refused with their line, and
// so are a version other than 1, a SHA-1 bank, an empty list of PCRs or one of resettable PCRs
// alone, a revision below 1, spans that are zero or longer than a day (quote) or thirty days
// (result), and a policy that asks for places and for nobody's custody, which alone says where a
// device is.
Result<Policy> parse_policy(std::string_view text, std::string file_name);

}  // namespace attest::appraisal

namespace attest::rules {
inline constexpr Rule policy_version{"appraisal.policy.version"};
inline constexpr Rule policy_pcrs{"appraisal.policy.pcrs"};
inline constexpr Rule policy_value{"appraisal.policy.value"};
}  // namespace attest::rules

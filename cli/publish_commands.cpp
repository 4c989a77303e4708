// attestctl hardware add, policy sign, key retire and revoke: statements about machines, policies
// and keys, signed here and entered in a ledger.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/text.h"
#include "libattest/crypto/certificate.h"
#include "libattest/evidence/node_id.h"
#include "libattest/tpm/ek.h"

namespace attest::cli {

namespace {

struct ManifestOptions {
  SubmissionOptions submission;
  std::string ek;
  std::string node;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::vector<std::string> components;
};

// The EK's public half: from its certificate (PEM, DER, or as in TPM NV), or a bare key.
Result<PublicKey> read_ek(const std::string& path) {
  TRY(const Bytes content, read_file(path, 1U << 20));
  if (auto key = PublicKey::from_der_or_pem(content)) return key;
  TRY_WITHIN(path, const Certificate certificate, tpm::certificate_from_nv(content));
  return certificate.public_key();
}

// "gpu:NVIDIA:H100:1652922000123", every part but the class may be empty.
Result<statement::DeviceManifest::Component> parse_component(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() != 4 || parts[0].empty())
    return fail(
        usage_error("--component takes CLASS:MANUFACTURER:MODEL:SERIAL, not \"" + text + "\""));
  return statement::DeviceManifest::Component{std::string(parts[0]), std::string(parts[1]),
                                              std::string(parts[2]), std::string(parts[3])};
}

Result<Report> hardware_add(const ManifestOptions& options, Time now) {
  TRY(const PublicKey ek, read_ek(options.ek));
  statement::DeviceManifest manifest;
  manifest.ek = ek.thumbprint();
  if (!options.node.empty()) manifest.node = options.node;
  manifest.manufacturer = options.manufacturer;
  manifest.model = options.model;
  manifest.serial = options.serial;
  for (const std::string& text : options.components) {
    TRY(auto component, parse_component(text));
    manifest.components.push_back(std::move(component));
  }
  return submit(options.submission, statement::Kind::device_manifest,
                statement::Subject::ek(ek.thumbprint()), statement::encode(manifest), now);
}

struct PolicyOptions {
  SubmissionOptions submission;
  std::string file;
  std::string name;
};

Result<Report> policy_sign(const PolicyOptions& options, Time now) {
  TRY(const std::string text, read_text_file(options.file, statement::max_statement_size));
  TRY(const auto subject, statement::Subject::policy(options.name));
  return submit(options.submission, statement::Kind::policy, subject, as_bytes(text), now);
}

struct KeyStatusOptions {
  SubmissionOptions submission;
  std::string subject;
  std::uint64_t from_index = 0;
  std::string reason;
};

Result<Report> key_status(const KeyStatusOptions& options, statement::KeyStatus::Status status,
                          Time now) {
  TRY(const auto subject, statement::Subject::parse(options.subject));
  return submit(options.submission, statement::Kind::key_status, subject,
                statement::encode(statement::KeyStatus{status, options.from_index, options.reason}),
                now);
}

}  // namespace

void add_publish_commands(CommandLine& command_line, CLI::App* key_group) {
  CLI::App* verb = command_line.verb(
      command_line.group("hardware", "Device manifests"), "add",
      "Enter a device manifest: which TPM is in which machine",
      "attestctl hardware add --ek ek.pem --manufacturer Example --model R7 --serial 0815 \\\n"
      "    --issuer integrator@dc1.example --key integrator.key --server https://127.0.0.1:8443");
  auto manifest = std::make_shared<ManifestOptions>();
  verb->add_option("--ek", manifest->ek, "The EK's certificate or public key")->required();
  verb->add_option("--node", manifest->node, "The node id, where it is fixed");
  verb->add_option("--manufacturer", manifest->manufacturer, "Of the machine")->required();
  verb->add_option("--model", manifest->model, "Of the machine")->required();
  verb->add_option("--serial", manifest->serial, "Of the machine")->required();
  verb->add_option("--component", manifest->components,
                   "CLASS:MANUFACTURER:MODEL:SERIAL, may be repeated");
  add_submission_options(verb, manifest->submission);
  command_line.runs(
      verb, [manifest](const Context& context) { return hardware_add(*manifest, context.now); });

  verb = command_line.verb(
      command_line.group("policy", "Appraisal policies"), "sign", "Sign a policy and enter it",
      "attestctl policy sign node-policy.toml --name node --issuer admin@dc1.example \\\n"
      "    --key admin.key --server https://127.0.0.1:8443");
  auto policy = std::make_shared<PolicyOptions>();
  verb->add_option("FILE", policy->file, "The policy (TOML)")->required();
  verb->add_option("--name", policy->name, "The policy's name in the ledger")->required();
  add_submission_options(verb, policy->submission);
  command_line.runs(verb,
                    [policy](const Context& context) { return policy_sign(*policy, context.now); });

  for (const auto& [name, status, what] :
       {std::tuple("retire", statement::KeyStatus::Status::retired,
                   "Say that a key signs no more from an entry on"),
        std::tuple("revoke", statement::KeyStatus::Status::revoked,
                   "Say that a key is not to be believed from an entry on")}) {
    verb = command_line.verb(key_group, name, what,
                             std::string("attestctl key ") + name +
                                 " key:5e0c… --from 118 --reason \"laptop stolen\" --issuer "
                                 "root@dc1.example --key root.key \\\n"
                                 "    --server https://127.0.0.1:8443");
    auto options = std::make_shared<KeyStatusOptions>();
    verb->add_option("KEY", options->subject, "The key's subject, key:<thumbprint>")->required();
    verb->add_option("--from", options->from_index,
                     "The ledger index from which on it does not count")
        ->required();
    verb->add_option("--reason", options->reason, "Why, in words")->required();
    add_submission_options(verb, options->submission);
    const statement::KeyStatus::Status said = status;
    command_line.runs(verb, [options, said](const Context& context) {
      return key_status(*options, said, context.now);
    });
  }
}

}  // namespace attest::cli

// attestctl hardware add: device manifests. Custody and platform certificates are in
// custody_commands.cpp.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/text.h"
#include "libattest/crypto/certificate.h"
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

}  // namespace

void add_hardware_commands(CommandLine& command_line) {
  Command* group =
      command_line.group("hardware", "Machines and devices: manifests, certificates, custody");
  Command* verb = command_line.verb(
      group, "add", "Enter a device manifest: which TPM is in which machine",
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

  add_custody_commands(command_line, group);
}

}  // namespace attest::cli

// agentd's configuration: one TOML file, every key documented in packaging/examples/agentd.toml.
// Unknown keys are an error. Plain values.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agentd/collect/collectors.h"
#include "agentd/tpm_client.h"
#include "libattest/base/file.h"
#include "libattest/base/time.h"

namespace attest::agentd {

struct VerifierConfiguration {
  std::string url;  // "https://verifier.example:8443", without a path
  std::optional<Path> ca_file;
  std::optional<Path> client_certificate;
  std::optional<Path> client_key;
};

struct RuntimeConfiguration {
  Path socket;
  std::vector<std::uint32_t> allowed_users;  // uids; empty: agentd's own alone
  std::set<Sha256> allowed_executables;      // SHA-256; empty: any, and its digest is reported
};

struct PlatformConfiguration {
  std::vector<Path> certificates;  // the base, then the deltas in their order
  std::optional<Path> inventory;   // JSON; without it, SMBIOS is read
};

struct Configuration {
  std::string node;
  Path state;  // directory, 0700
  Path trust;
  std::string tcti;
  std::optional<EkKind> ek;  // nothing: the first that has a certificate in NV
  tpm::PcrSelection pcrs;
  Path event_log;
  Path ima_log;
  std::vector<Path> models;  // files, or folders whose *.gguf and *.safetensors files are meant
  GpuSources gpus;
  PlatformConfiguration platform;
  Seconds interval{600};
  // How soon after an attestation a change makes the node attest again.
  Seconds change_interval{30};
  VerifierConfiguration verifier;
  std::optional<RuntimeConfiguration> runtime;
};

// parse_configuration reads the text; `name` is what errors call it. read_configuration also takes
// relative paths from the folder of the file.
Result<Configuration> parse_configuration(std::string_view text, std::string name);
Result<Configuration> read_configuration(const Path& path);

}  // namespace attest::agentd

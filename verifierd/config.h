// verifierd's configuration: a TOML file in which unknown keys are errors
// (packaging/examples/verifierd.toml documents every key).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/base/time.h"
#include "libattest/http/server.h"

namespace attest::verifierd {

struct WitnessAddress {
  std::string verifier_key;     // C2SP key text
  std::string url;              // prefix; "/add-checkpoint" is added
  std::optional<Path> ca_file;  // trust exactly these roots
  bool plain = false;           // http:// allowed
};

struct Config {
  http::Endpoint listen{"127.0.0.1", 8443, {}};
  Path tls_certificate;
  Path tls_key;
  std::optional<Path> client_ca;  // where set, clients must show a certificate of it

  Path trust;      // trust.toml
  Path directory;  // state, evidence, and the log unless it lies elsewhere

  std::string name;  // the verifier's name in the trust root: issuer of results and statements
  std::string key;   // file or pkcs11: URI
  Path policy;       // node policy, TOML
  std::optional<Path> ima_list;  // files nodes may run; counts where the policy names its digest
  std::vector<Path> collateral;  // files, or folders of them: certificates, CRLs, TCB info
  Path node_salt;                // 32 random bytes; made when missing
  Seconds challenge_lifetime{120};
  std::optional<Path> allowed_eks;  // EKs that are trusted by name, beside those of the trust root
  std::optional<Path> software_tpm_roots;  // EK chains that end here are marked as software TPMs

  Path log_directory;   // made by `attestctl ledger init`
  std::string log_key;  // file or pkcs11: URI
  std::string store;    // "postgresql://…" where several verifiers share the log; empty: SQLite
  std::string mirror;   // a directory or URL of the log's files, from which rot is repaired
  std::optional<Path> mirror_ca;
  std::chrono::milliseconds checkpoint_interval{1000};
  Seconds refresh_interval{600};  // an idle log's checkpoint is cosigned anew this often
  std::size_t witness_quorum = 0;
  std::vector<WitnessAddress> witnesses;
};

// parse_config checks form and ranges; paths are not opened. Relative paths are taken from
// `directory_of_file`.
Result<Config> parse_config(std::string_view text, const std::string& file_name,
                            const Path& directory_of_file);
Result<Config> read_config(const Path& file);

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule verifierd_config{"verifierd.config"};
}

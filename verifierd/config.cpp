#include "verifierd/config.h"

#include "libattest/base/toml.h"

namespace attest::verifierd {

namespace {

using std::chrono::milliseconds;

// Reads one table's keys into a Config, relative paths made absolute.
class Reader {
 public:
  Reader(TomlTable root, Path base) : root_(std::move(root)), base_(std::move(base)) {}

  Result<Config> read() {
    TRY(const std::int64_t version, root_.integer("version"));
    if (version != 1)
      return fail(
          root_.wrong("version", "is not known").expected("1").found(std::to_string(version)));
    TRY(const std::string directory, root_.text("directory"));
    config_.directory = absolute(directory);
    TRY(const std::string trust, root_.text("trust"));
    config_.trust = absolute(trust);
    TRY_VOID(read_server());
    TRY_VOID(read_verifier());
    TRY_VOID(read_log());
    TRY_VOID(root_.finish());
    return std::move(config_);
  }

 private:
  Path absolute(const std::string& path) const { return base_ / path; }
  // A key is a file, whose path may be relative, or a token's URI.
  std::string key(const std::string& text) const {
    return text.starts_with("pkcs11:") ? text : absolute(text).string();
  }

  Status read_server() {
    TRY(TomlTable server, root_.table("server"));
    TRY(const auto listen, server.optional_text("listen"));
    if (listen) {
      TRY_WITHIN(server.place("listen"), config_.listen, http::parse_endpoint(*listen));
    }
    TRY(const std::string certificate, server.text("certificate"));
    TRY(const std::string tls_key, server.text("key"));
    config_.tls_certificate = absolute(certificate);
    config_.tls_key = absolute(tls_key);
    TRY(const auto client_ca, server.optional_text("client_ca"));
    if (client_ca) config_.client_ca = absolute(*client_ca);
    return {};
  }

  Status read_verifier() {
    TRY(TomlTable verifier, root_.table("verifier"));
    TRY(config_.name, verifier.text("name"));
    TRY(const std::string signing_key, verifier.text("key"));
    config_.key = key(signing_key);
    TRY(const std::string policy, verifier.text("policy"));
    config_.policy = absolute(policy);
    TRY(const auto ima_list, verifier.optional_text("ima_list"));
    if (ima_list) config_.ima_list = absolute(*ima_list);
    TRY(const auto collateral, verifier.optional_texts("collateral"));
    for (const std::string& place : collateral) config_.collateral.push_back(absolute(place));
    TRY(const auto salt, verifier.optional_text("node_salt"));
    config_.node_salt = salt ? absolute(*salt) : config_.directory / "node-salt";
    TRY(const auto lifetime, verifier.optional_span("challenge_lifetime"));
    config_.challenge_lifetime = lifetime.value_or(config_.challenge_lifetime);
    if (config_.challenge_lifetime < Seconds(1) || config_.challenge_lifetime > Seconds(600))
      return fail(verifier.wrong("challenge_lifetime", "is out of range").expected("1s to 10m"));
    TRY(const auto allowed, verifier.optional_text("allowed_eks"));
    if (allowed) config_.allowed_eks = absolute(*allowed);
    TRY(const auto software, verifier.optional_text("software_tpm_roots"));
    if (software) config_.software_tpm_roots = absolute(*software);
    return {};
  }

  Status read_log() {
    TRY(TomlTable log, root_.table("log"));
    TRY(const auto directory, log.optional_text("directory"));
    config_.log_directory = directory ? absolute(*directory) : config_.directory / "log";
    TRY(const std::string signing_key, log.text("key"));
    config_.log_key = key(signing_key);
    TRY(const auto store, log.optional_text("store"));
    config_.store = store.value_or("");
    if (!config_.store.empty() && !config_.store.starts_with("postgresql://"))
      return fail(log.wrong("store", "is not known").expected("postgresql://…"));
    TRY(const auto mirror, log.optional_text("mirror"));
    if (mirror)
      config_.mirror =
          mirror->find("://") == std::string::npos ? absolute(*mirror).string() : *mirror;
    TRY(const auto mirror_ca, log.optional_text("mirror_ca_file"));
    if (mirror_ca) config_.mirror_ca = absolute(*mirror_ca);
    TRY(const auto interval, log.optional_short_span("checkpoint_interval"));
    config_.checkpoint_interval = interval.value_or(config_.checkpoint_interval);
    if (config_.checkpoint_interval < milliseconds(50) ||
        config_.checkpoint_interval > std::chrono::minutes(10))
      return fail(log.wrong("checkpoint_interval", "is out of range").expected("50ms to 10m"));
    TRY(const auto refresh, log.optional_span("refresh_interval"));
    config_.refresh_interval = refresh.value_or(config_.refresh_interval);
    if (config_.refresh_interval < Seconds(1))
      return fail(log.wrong("refresh_interval", "is out of range").expected("1s or more"));
    return read_witnesses(log);
  }

  Status read_witnesses(TomlTable& log) {
    TRY(const auto quorum, log.optional_integer("witness_quorum"));
    TRY(auto witnesses, log.tables("witness"));
    for (TomlTable& table : witnesses) {
      WitnessAddress witness;
      TRY(witness.verifier_key, table.text("key"));
      TRY(witness.url, table.text("url"));
      while (witness.url.ends_with('/')) witness.url.pop_back();
      TRY(const auto ca_file, table.optional_text("ca_file"));
      if (ca_file) witness.ca_file = absolute(*ca_file);
      TRY(const auto plain, table.optional_boolean("plain_http"));
      witness.plain = plain.value_or(false);
      config_.witnesses.push_back(std::move(witness));
    }
    const std::int64_t wanted = quorum.value_or(0);
    if (wanted < 0 || static_cast<std::uint64_t>(wanted) > config_.witnesses.size())
      return fail(log.wrong("witness_quorum", "is larger than the number of witnesses")
                      .expected("0 to " + std::to_string(config_.witnesses.size()))
                      .found(std::to_string(wanted)));
    config_.witness_quorum = static_cast<std::size_t>(wanted);
    // Each process knows only what it signed itself: of several signers the witnesses are the
    // floor.
    if (!config_.store.empty() && wanted == 0)
      return fail(log.wrong("witness_quorum", "is needed where several verifiers share a log")
                      .expected("1 or more: witnesses keep them from signing two histories"));
    return {};
  }

  TomlTable root_;
  Path base_;
  Config config_;
};

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file_name,
                            const Path& directory_of_file) {
  TRY(TomlTable root, parse_toml(text, file_name));
  return Reader(std::move(root), directory_of_file).read();
}

Result<Config> read_config(const Path& file) {
  TRY(const std::string text, read_text_file(file, 1U << 20));
  return parse_config(text, file.string(), std::filesystem::absolute(file).parent_path());
}

}  // namespace attest::verifierd

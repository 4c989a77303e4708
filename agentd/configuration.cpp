#include "agentd/configuration.h"

#include <algorithm>
#include <limits>

#include "libattest/base/toml.h"
#include "libattest/evidence/node_id.h"

namespace attest::agentd {
namespace {

std::optional<Path> to_path(std::optional<std::string> text) {
  if (!text) return std::nullopt;
  return Path(*text);
}

Result<VerifierConfiguration> read_verifier(TomlTable table) {
  VerifierConfiguration verifier;
  TRY(verifier.url, table.text("url"));
  if (!verifier.url.starts_with("https://"))
    return fail(table.wrong("url", "must begin with https://").found(verifier.url));
  while (verifier.url.ends_with('/')) verifier.url.pop_back();
  TRY(auto ca, table.optional_text("ca_file"));
  TRY(auto certificate, table.optional_text("client_certificate"));
  TRY(auto key, table.optional_text("client_key"));
  if (certificate.has_value() != key.has_value())
    return fail(table.wrong(certificate ? "client_certificate" : "client_key",
                            "needs both client_certificate and client_key"));
  verifier.ca_file = to_path(std::move(ca));
  verifier.client_certificate = to_path(std::move(certificate));
  verifier.client_key = to_path(std::move(key));
  return verifier;
}

Result<RuntimeConfiguration> read_runtime(TomlTable table) {
  RuntimeConfiguration runtime;
  TRY(runtime.socket, table.text("socket"));
  TRY(const auto users, table.optional_integers("allowed_users"));
  for (const std::int64_t user : users) {
    if (user < 0 || user > std::numeric_limits<std::uint32_t>::max())
      return fail(table.wrong("allowed_users", "has a number that is no user id")
                      .found(std::to_string(user)));
    runtime.allowed_users.push_back(static_cast<std::uint32_t>(user));
  }
  TRY(const auto executables, table.optional_texts("allowed_executables"));
  for (const std::string& text : executables) {
    const auto digest = parse_digest_uri(text);
    if (!digest)
      return fail(table.wrong("allowed_executables", "has an element that is no digest")
                      .expected("sha256:<64 hex digits>")
                      .found(text));
    runtime.allowed_executables.insert(*digest);
  }
  return runtime;
}

Status read_tpm(TomlTable table, Configuration& configuration) {
  TRY(const auto tcti, table.optional_text("tcti"));
  configuration.tcti = tcti.value_or("device:/dev/tpmrm0");
  TRY(const auto ek, table.optional_text("ek"));
  if (ek && *ek != "auto") {
    const auto kind = ek_kind_by_name(*ek);
    if (!kind)
      return fail(table.wrong("ek", "is no kind of endorsement key")
                      .expected("auto, ecc-p256, ecc-p384 or rsa-2048")
                      .found(*ek));
    configuration.ek = *kind;
  }
  TRY(const auto pcrs, table.optional_text("pcrs"));
  const auto selection = tpm::parse_selection(pcrs.value_or("sha256:0,1,2,3,4,5,6,7,8,9,10,14"));
  if (!selection) return fail(table.wrong("pcrs", selection.error().to_string()));
  configuration.pcrs = *selection;
  return {};
}

Status read_sources(TomlTable table, Configuration& configuration) {
  TRY(const auto event_log, table.optional_text("event_log"));
  TRY(const auto ima, table.optional_text("ima"));
  TRY(const auto models, table.optional_texts("models"));
  if (event_log) configuration.event_log = *event_log;
  if (ima) configuration.ima_log = *ima;
  for (const std::string& model : models) configuration.models.emplace_back(model);
  return {};
}

Status read_gpu(TomlTable& root, GpuSources& sources) {
  TRY(auto table, root.optional_table("gpu"));
  if (!table) return {};
  TRY(const auto nvml, table->optional_text("nvml"));
  TRY(const auto nscq, table->optional_text("nscq"));
  TRY(const auto amd_smi, table->optional_text("amd_smi"));
  TRY(const auto level_zero, table->optional_text("level_zero"));
  TRY(const auto limit, table->optional_short_span("time_limit"));
  sources.nvml = nvml.value_or(sources.nvml);
  sources.nscq = nscq.value_or(sources.nscq);
  sources.amd_smi = amd_smi.value_or(sources.amd_smi);
  sources.level_zero = level_zero.value_or(sources.level_zero);
  sources.time_limit = limit.value_or(sources.time_limit);
  if (sources.time_limit < std::chrono::milliseconds(100) ||
      sources.time_limit > std::chrono::minutes(5))
    return fail(table->wrong("time_limit", "is out of range").expected("100ms to 5m"));
  return {};
}

Status read_platform(TomlTable& root, PlatformConfiguration& platform) {
  TRY(auto table, root.optional_table("platform"));
  if (!table) return {};
  TRY(const auto certificates, table->optional_texts("certificates"));
  TRY(auto inventory, table->optional_text("inventory"));
  for (const std::string& file : certificates) platform.certificates.emplace_back(file);
  platform.inventory = to_path(std::move(inventory));
  return {};
}

}  // namespace

Result<Configuration> parse_configuration(std::string_view text, std::string name) {
  TRY(TomlTable root, parse_toml(text, std::move(name)));
  Configuration configuration;
  configuration.event_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
  configuration.ima_log = "/sys/kernel/security/ima/binary_runtime_measurements";

  TRY(const std::int64_t version, root.integer("version"));
  if (version != 1)
    return fail(root.wrong("version", "is not one this program knows")
                    .expected("1")
                    .found(std::to_string(version)));
  TRY(configuration.node, root.text("node"));
  if (!evidence::is_node_id(configuration.node))
    return fail(root.wrong("node", "is no node id").found(configuration.node));
  TRY(const auto directory, root.optional_text("directory"));
  configuration.state = directory.value_or("/var/lib/agentd");
  TRY(const auto trust, root.optional_text("trust"));
  configuration.trust = trust.value_or("/etc/attest/trust.toml");
  TRY(const auto interval, root.optional_span("interval"));
  configuration.interval = interval.value_or(Seconds(600));
  if (configuration.interval < Seconds(1))
    return fail(root.wrong("interval", "is too short").expected("at least 1s"));

  TRY(const auto change_interval, root.optional_span("change_interval"));
  configuration.change_interval = change_interval.value_or(configuration.change_interval);
  if (configuration.change_interval < Seconds(1))
    return fail(root.wrong("change_interval", "is too short").expected("at least 1s"));

  TRY(const auto verifier, root.table("verifier"));
  TRY(configuration.verifier, read_verifier(verifier));
  TRY(const auto tpm, root.optional_table("tpm"));
  if (tpm) {
    TRY_VOID(read_tpm(*tpm, configuration));
  } else {
    TRY(const TomlTable defaults, parse_toml("", "defaults"));
    TRY_VOID(read_tpm(defaults, configuration));
  }
  TRY(const auto evidence, root.optional_table("evidence"));
  if (evidence) TRY_VOID(read_sources(*evidence, configuration));
  TRY_VOID(read_gpu(root, configuration.gpus));
  TRY_VOID(read_platform(root, configuration.platform));
  TRY(const auto runtime, root.optional_table("runtime"));
  if (runtime) {
    TRY(configuration.runtime, read_runtime(*runtime));
  }
  TRY_VOID(root.finish());
  return configuration;
}

namespace {

// A relative path is taken from the folder of the file it stands in.
void resolve(Configuration& configuration, const Path& folder) {
  const auto from_folder = [&](Path& path) { path = (folder / path).lexically_normal(); };
  for (Path* path : {&configuration.state, &configuration.trust, &configuration.event_log,
                     &configuration.ima_log})
    from_folder(*path);
  std::ranges::for_each(configuration.models, from_folder);
  std::ranges::for_each(configuration.platform.certificates, from_folder);
  if (configuration.platform.inventory) from_folder(*configuration.platform.inventory);
  for (std::optional<Path>* path :
       {&configuration.verifier.ca_file, &configuration.verifier.client_certificate,
        &configuration.verifier.client_key})
    if (*path) from_folder(**path);
  if (configuration.runtime) from_folder(configuration.runtime->socket);
}

}  // namespace

Result<Configuration> read_configuration(const Path& path) {
  TRY(const std::string text, read_text_file(path, 1U << 20));
  TRY(Configuration configuration, parse_configuration(text, path.filename().string()));
  resolve(configuration, std::filesystem::absolute(path).parent_path());
  return configuration;
}

}  // namespace attest::agentd

#include "cli/gpu_files.h"

#include "cli/collateral_files.h"
#include "cli/command_line.h"
#include "cli/trust_file.h"
#include "libattest/base/file.h"
#include "libattest/gpu/golden_reference.h"
#include "libattest/statement/statement.h"

namespace attest::cli {

namespace {

constexpr std::uint64_t max_file = 4U << 20;

Result<gpu::RootPins> read_roots(const std::vector<std::string>& paths) {
  gpu::RootPins roots;
  for (const std::string& path : paths) {
    TRY(const std::vector<Path> files, files_at(path));
    for (const Path& file : files) {
      TRY(const Bytes content, read_file(file, max_file));
      TRY_WITHIN(file.string(), auto certificates, Certificate::from_der_or_pem(content));
      roots.certificates.insert(roots.certificates.end(), certificates.begin(), certificates.end());
    }
  }
  return roots;
}

}  // namespace

void add_root_options(Command* verb, RootOptions& options, bool device_roots) {
  if (device_roots)
    verb->add_option("--roots", options.device_roots,
                     "Roots of device certificates, files or folders; NVIDIA's published root "
                     "without");
  verb->add_option("--rim-roots", options.rim_roots,
                   "Roots of RIM signers, files or folders; NVIDIA's published root without");
  verb->add_option("--trust", options.trust, "Take both kinds of roots from this trust root");
}

Result<Roots> load_roots(const RootOptions& options) {
  Roots roots{gpu::nvidia_device_roots(), gpu::nvidia_rim_roots()};
  if (!options.trust.empty()) {
    TRY(const TrustRoot trust, load_trust(options.trust));
    roots.device = {trust.gpu_roots(), {}};
    roots.rim = {trust.rim_roots(), {}};
  }
  if (!options.device_roots.empty()) {
    TRY(roots.device, read_roots(options.device_roots));
  }
  if (!options.rim_roots.empty()) {
    TRY(roots.rim, read_roots(options.rim_roots));
  }
  return roots;
}

Result<std::vector<gpu::CollectedRim>> read_rims(const std::vector<std::string>& paths,
                                                 const gpu::RootPins& roots,
                                                 std::optional<Time> at) {
  std::vector<gpu::CollectedRim> rims;
  for (const std::string& path : paths) {
    std::error_code error;
    const bool folder = std::filesystem::is_directory(path, error);
    TRY(const std::vector<Path> files, files_at(path));
    for (const Path& file : files) {
      TRY(const Bytes content, read_file(file, max_file));
      auto rim = gpu::collect_rim(file.string(), content, roots, at);
      if (!rim && folder) continue;
      if (!rim) return fail(std::move(rim).error());
      rims.push_back(*std::move(rim));
    }
  }
  return rims;
}

Result<std::vector<gpu::CollectedRim>> read_golden(const std::vector<std::string>& paths) {
  std::vector<gpu::CollectedRim> all;
  for (const std::string& path : paths) {
    TRY(Bytes content, read_file(path, max_file));
    if (const auto statement = statement::parse_statement(content))
      content = to_bytes(statement->payload());
    TRY_WITHIN(path, const auto values, reference::parse_device_values(content));
    TRY_WITHIN(path, gpu::RimContent golden, gpu::golden_values(values));
    all.push_back({path, std::move(golden), {}, {}, "whoever gave " + path});
  }
  return all;
}

Result<std::vector<gpu::OcspResponse>> read_ocsp(const std::string& folder) {
  std::vector<gpu::OcspResponse> responses;
  TRY(const std::vector<Path> files, files_at(folder));
  for (const Path& file : files) {
    TRY(const Bytes content, read_file(file, max_file));
    TRY_WITHIN(file.string(), auto response, gpu::OcspResponse::parse(content));
    responses.push_back(std::move(response));
  }
  return responses;
}

Result<std::optional<Time>> read_time(const std::string& option, const std::string& text) {
  if (text.empty()) return std::optional<Time>();
  const auto time = parse_time(text);
  if (!time)
    return fail(usage_error(option + " is no time")
                    .expected("2026-11-21T10:02:00Z, a date, or @seconds")
                    .found(text));
  return std::optional<Time>(*time);
}

Result<std::optional<Bytes>> read_hex(const std::string& option, const std::string& text) {
  if (text.empty()) return std::optional<Bytes>();
  auto bytes = from_hex(text);
  if (!bytes)
    return fail(usage_error(option + " is no hexadecimal text").expected("64 digits").found(text));
  return std::optional<Bytes>(*std::move(bytes));
}

}  // namespace attest::cli

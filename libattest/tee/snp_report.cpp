#include "libattest/tee/snp_report.h"

#include <algorithm>

namespace attest::tee {

namespace {

constexpr std::size_t number_size = 72;  // r and s, little-endian, padded
constexpr std::size_t field_size_p384 = 48;

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{}; });
}

TcbVersion tcb_at(ByteView bytes, std::size_t offset) {
  TcbVersion version;
  for (std::size_t i = 0; i < version.bytes.size(); ++i)
    version.bytes[i] = std::to_integer<std::uint8_t>(bytes[offset + i]);
  return version;
}

Status append_number(Bytes& to, ByteView little, std::string_view name) {
  if (!is_zero(little.subspan(field_size_p384)))
    return fail(refused(rules::snp_form, std::string("the signature's ") + std::string(name) +
                                             " has more than 48 bytes"));
  for (std::size_t i = field_size_p384; i > 0; --i) to.push_back(little[i - 1]);
  return {};
}

Result<SnpSigner> signer_of(std::uint32_t flags) {
  switch (flags >> 2U & 7U) {
    case 0:
      return SnpSigner::vcek;
    case 1:
      return SnpSigner::vlek;
    case 7:
      return SnpSigner::none;
    default:
      return fail(refused(rules::snp_form, "the report names a signing key that is not defined")
                      .expected("0 (VCEK), 1 (VLEK) or 7 (none)")
                      .found(std::to_string(flags >> 2U & 7U))
                      .within("offset 0x48"));
  }
}

Status read_signature(ByteView field, Bytes& signature) {
  TRY_VOID(append_number(signature, field.first(number_size), "r"));
  TRY_VOID(append_number(signature, field.subspan(number_size, number_size), "s"));
  if (!is_zero(field.subspan(2 * number_size)))
    return fail(refused(rules::snp_form, "bytes follow the signature").within("offset 0x330"));
  return {};
}

}  // namespace

std::string TcbLevels::to_string() const {
  return (fmc ? "fmc " + std::to_string(*fmc) + ", " : "") + "boot loader " +
         std::to_string(boot_loader) + ", tee " + std::to_string(tee) + ", snp " +
         std::to_string(snp) + ", microcode " + std::to_string(microcode);
}

TcbLevels tcb_levels(const TcbVersion& version, bool has_fmc) {
  const auto& b = version.bytes;
  if (has_fmc) return {b[0], b[1], b[2], b[3], b[7]};
  return {{}, b[0], b[1], b[6], b[7]};
}

std::string_view to_string(SnpSigner signer) {
  switch (signer) {
    case SnpSigner::vcek:
      return "VCEK";
    case SnpSigner::vlek:
      return "VLEK";
    case SnpSigner::none:
      return "none";
  }
  return "none";
}

bool UntrustedSnpReport::chip_id_masked() const {
  return is_zero(chip_id);
}

Result<UntrustedSnpReport> parse_snp_report(ByteView bytes) {
  if (bytes.size() != snp_report_size)
    return fail(refused(rules::snp_size, "an SNP report has the wrong size")
                    .expected(std::to_string(snp_report_size) + " bytes")
                    .found(std::to_string(bytes.size())));
  ByteReader reader(bytes);
  UntrustedSnpReport report;
  TRY(report.version, reader.u32_le("version"));
  if (report.version < 2 || report.version > 5)
    return fail(refused(rules::snp_version, "this version of the SNP report is not known")
                    .expected("2 to 5")
                    .found(std::to_string(report.version))
                    .within("offset 0"));
  TRY(report.guest_svn, reader.u32_le("guest SVN"));
  TRY(report.policy.bits, reader.u64_le("policy"));
  if ((report.policy.bits >> 17U & 1U) == 0)
    return fail(refused(rules::snp_form, "bit 17 of the guest policy is reserved and must be one")
                    .within("offset 8"));
  TRY_VOID(reader.take(32, "family and image ids"));
  TRY(report.vmpl, reader.u32_le("VMPL"));
  TRY(const std::uint32_t algorithm, reader.u32_le("signature algorithm"));
  if (algorithm != 1)
    return fail(refused(rules::snp_algorithm, "the report's signature algorithm is not known")
                    .expected("1 (ECDSA P-384 with SHA-384)")
                    .found(std::to_string(algorithm))
                    .within("offset 0x34"));
  report.current_tcb = tcb_at(bytes, 0x38);
  TRY_VOID(reader.take(8, "current TCB"));
  TRY(report.platform_info, reader.u64_le("platform info"));
  TRY(const std::uint32_t flags, reader.u32_le("key flags"));
  TRY(report.signer, signer_of(flags));
  report.chip_key_masked = (flags & 2U) != 0;
  report.report_data = bytes.subspan(0x50, 64);
  report.measurement = bytes.subspan(0x90, 48);
  report.host_data = bytes.subspan(0xc0, 32);
  report.id_key_digest = bytes.subspan(0xe0, 48);
  report.report_id = bytes.subspan(0x140, 32);
  report.reported_tcb = tcb_at(bytes, 0x180);
  const auto octet = [&](std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); };
  if (report.version >= 3)
    report.cpuid = UntrustedSnpReport::Cpuid{octet(0x188), octet(0x189), octet(0x18a)};
  report.chip_id = bytes.subspan(0x1a0, 64);
  report.committed_tcb = tcb_at(bytes, 0x1e0);
  report.launch_tcb = tcb_at(bytes, 0x1f0);
  report.signed_bytes = bytes.first(snp_signed_size);
  TRY_VOID(read_signature(bytes.subspan(snp_signed_size), report.signature));
  return report;
}

}  // namespace attest::tee

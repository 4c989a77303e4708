// The attestation report of AMD SEV-SNP (AMD 56860, "SNP Firmware ABI", table ATTESTATION_REPORT),
// versions 2 to 5: 1,184 bytes, little-endian.
//
// parse_snp_report checks form; verify_snp_report (snp_verification.h) checks the signature and the
// chip's certificate. Pure functions; values may be used from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::tee {

inline constexpr std::size_t snp_report_size = 1184;
inline constexpr std::size_t snp_signed_size = 0x2a0;

// TcbVersion holds security patch levels, 8 bytes as the report has them. What a byte means depends
// on the processor: Turin and later have an FMC level in front.
struct TcbVersion {
  std::array<std::uint8_t, 8> bytes{};
  friend bool operator==(const TcbVersion&, const TcbVersion&) = default;
};

// TcbLevels is a TcbVersion read for a processor.
struct TcbLevels {
  std::optional<std::uint8_t> fmc;  // Turin and later
  std::uint8_t boot_loader = 0;
  std::uint8_t tee = 0;
  std::uint8_t snp = 0;
  std::uint8_t microcode = 0;
  // to_string gives "boot loader 2, tee 0, snp 5, microcode 68".
  std::string to_string() const;
  friend bool operator==(const TcbLevels&, const TcbLevels&) = default;
};

TcbLevels tcb_levels(const TcbVersion& version, bool has_fmc);

// GuestPolicy is what the guest's owner allowed when it was started.
struct GuestPolicy {
  std::uint64_t bits = 0;
  bool smt() const { return bit(16); }
  bool migration_agent() const { return bit(18); }
  bool debug() const { return bit(19); }
  bool single_socket() const { return bit(20); }
  unsigned abi_major() const { return static_cast<unsigned>(bits >> 8U & 0xffU); }
  unsigned abi_minor() const { return static_cast<unsigned>(bits & 0xffU); }

 private:
  bool bit(unsigned number) const { return (bits >> number & 1U) != 0; }
};

enum class SnpSigner { vcek, vlek, none };
std::string_view to_string(SnpSigner signer);

// UntrustedSnpReport: what a report says, before anything vouches for it. Views borrow the bytes
// given to parse_snp_report.
struct UntrustedSnpReport {
  std::uint32_t version = 0;
  std::uint32_t guest_svn = 0;
  GuestPolicy policy;
  std::uint32_t vmpl = 0;
  std::uint64_t platform_info = 0;
  SnpSigner signer = SnpSigner::vcek;
  bool chip_key_masked = false;
  TcbVersion current_tcb;
  TcbVersion reported_tcb;
  TcbVersion committed_tcb;
  TcbVersion launch_tcb;
  // Processor family, model and stepping; from version 3 on.
  struct Cpuid {
    std::uint8_t family = 0;
    std::uint8_t model = 0;
    std::uint8_t stepping = 0;
  };
  std::optional<Cpuid> cpuid;
  ByteView report_data;  // 64 bytes the guest chose
  ByteView measurement;  // SHA-384 of what was launched
  ByteView host_data;    // 32
  ByteView id_key_digest;
  ByteView report_id;
  ByteView chip_id;  // 64; zeros where the host masks it
  ByteView signed_bytes;
  Bytes signature;  // r ‖ s, big-endian, 96 bytes

  bool chip_id_masked() const;
};

// parse_snp_report checks: the size; version 2, 3, 4 or 5; the one signature algorithm there is
// (ECDSA P-384 with SHA-384); that the policy's reserved bit is one; that r and s fit 48 bytes and
// that nothing follows them in the signature field.
Result<UntrustedSnpReport> parse_snp_report(ByteView bytes);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule snp_size{"tee.snp.size"};
inline constexpr Rule snp_version{"tee.snp.version"};
inline constexpr Rule snp_algorithm{"tee.snp.algorithm"};
inline constexpr Rule snp_form{"tee.snp.form"};
}  // namespace attest::rules

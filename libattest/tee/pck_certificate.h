// What a PCK certificate says besides X.509 (Intel, "SGX PCK Certificate and CRL Profile", section
// 1.3.5): which kind of platform, and the patch levels its key was derived from.
#pragma once

#include <array>
#include <string>

#include "libattest/crypto/certificate.h"

namespace attest::tee {

struct PckFields {
  Bytes ppid = {};  // 16: names the processor for life; where the certificate says it
  Bytes fmspc;      // 6: family, model, stepping, platform
  Bytes pce_id;     // 2
  std::array<std::uint8_t, 16> components{};
  std::uint16_t pce_svn = 0;
  Bytes platform_instance_id = {};  // 16, on multi-package platforms
};

// read_pck_certificate fails with rules::pck_certificate where the SGX extension is missing or says
// one thing twice or not at all.
Result<PckFields> read_pck_certificate(const Certificate& certificate);

// Names Intel gives to the holders of each role; chains alone do not tell them apart.
inline constexpr std::string_view pck_name = "CN=Intel SGX PCK Certificate";
inline constexpr std::string_view tcb_signer_name = "CN=Intel SGX TCB Signing";

// has_common_name compares the subject's common name, written as RFC 2253 has it.
bool has_common_name(const Certificate& certificate, std::string_view wanted);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule pck_certificate{"tee.pck.certificate"};
}

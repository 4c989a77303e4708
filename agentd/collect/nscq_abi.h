// The part of NSCQ's binary interface that agentd calls, NVIDIA's library for NVSwitches: names and
// layouts as its public headers have them. What is asked for comes through callbacks, whose last
// two parameters are the value and the caller's own.
#pragma once

#include <cstdint>

namespace attest::agentd::nscq {

using Return = std::int8_t;  // 0: success; above: a warning; below: an error
inline constexpr Return success = 0;

using Session = void*;
struct Uuid {
  std::uint8_t bytes[16];
};
struct Label {  // a UUID as text
  char data[64];
};
struct SessionResult {
  Return code;
  Session session;
};
struct AttestationReport {
  std::uint32_t size;
  std::uint8_t report[0x2000];
};
struct Certificates {
  std::uint8_t chain[0x1400];
  std::uint32_t size;
};

inline constexpr std::uint32_t mount_devices = 1;
inline constexpr std::uint32_t nonce_size = 32;

inline constexpr const char* all_switches = "/drv/nvswitch/{device}/uuid";
// Of one switch, behind "/" and its label.
inline constexpr const char* report_path = "/config/attestation_report";
inline constexpr const char* certificate_path = "/config/certificate";
inline constexpr const char* mode_path = "/config/pcie_mode";

using AnyCallback = void (*)();
using UuidCallback = void (*)(const Uuid* device, Return, const Uuid*, void*);
using ReportCallback = void (*)(const Uuid* device, Return, AttestationReport, void*);
using CertificateCallback = void (*)(const Uuid* device, Return, Certificates, void*);
using ModeCallback = void (*)(const Uuid* device, Return, std::int8_t, void*);

using CreateSession = SessionResult (*)(std::uint32_t flags);
using DestroySession = void (*)(Session);
using Observe = Return (*)(Session, const char* path, AnyCallback, void*, std::uint32_t flags);
using SetInput = Return (*)(Session, std::uint32_t, void*, std::uint32_t size);
using ToLabel = Return (*)(const Uuid*, Label*, std::uint32_t flags);

}  // namespace attest::agentd::nscq

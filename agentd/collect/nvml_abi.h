// The part of NVML's binary interface that agentd calls: names and layouts as NVIDIA publishes them
// in nvml.h. The library is opened when it is there; nothing is linked, and a function that this
// driver lacks is simply absent.
#pragma once

#include <cstdint>

namespace attest::agentd::nvml {

using Device = void*;
using Return = int;  // 0: success; 3: not supported
inline constexpr Return success = 0;

inline constexpr unsigned text_size = 96;
inline constexpr unsigned max_devices = 64;
inline constexpr unsigned max_links = 18;

struct PciInfo {  // nvmlPciInfo_t, for nvmlDeviceGetPciInfo_v3
  char bus_id_legacy[16];
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned device_id;
  unsigned subsystem_id;
  char bus_id[32];
};

struct ConfidentialState {  // nvmlConfComputeSystemState_t
  unsigned environment;
  unsigned feature;
  unsigned devtools;
};

struct AttestationReport {  // nvmlConfComputeGpuAttestationReport_t
  unsigned has_cec_report;
  unsigned size;
  unsigned cec_size;
  unsigned char nonce[0x20];
  unsigned char report[0x2000];
  unsigned char cec_report[0x1000];
};

struct Certificates {  // nvmlConfComputeGpuCertificate_t
  unsigned chain_size;
  unsigned attestation_chain_size;
  unsigned char chain[0x1000];
  unsigned char attestation_chain[0x1400];
};

struct Pdi {  // nvmlPdi_t, version 1
  unsigned version;
  unsigned long long value;
};
inline constexpr unsigned pdi_version = static_cast<unsigned>(sizeof(Pdi) | (1U << 24));

using Init = Return (*)();
using DriverVersion = Return (*)(char*, unsigned);
using Count = Return (*)(unsigned*);
using HandleByIndex = Return (*)(unsigned, Device*);
using DeviceText = Return (*)(Device, char*, unsigned);
using GspVersion = Return (*)(Device, char*);
using GetPciInfo = Return (*)(Device, PciInfo*);
using GetPdi = Return (*)(Device, Pdi*);
using LinkState = Return (*)(Device, unsigned, unsigned*);
using SystemState = Return (*)(ConfidentialState*);
using GetReport = Return (*)(Device, AttestationReport*);
using GetCertificates = Return (*)(Device, Certificates*);

}  // namespace attest::agentd::nvml

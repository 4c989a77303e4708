// A library that speaks the part of NVML's interface that agentd calls. What it answers is in the
// folder that STUB_NVML names, made by the test: "report" and "chain" for each GPU under its
// number. A file "hang" makes the report call wait for ever, "crash" ends the process, and "old"
// hides the calls for reports: they answer as a driver that does not support them. Where a device
// has a "key.pem" its report is one without nonce and signature, and both are put in when it is
// asked.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "agentd/collect/nvml_abi.h"

namespace nvml = attest::agentd::nvml;

namespace {

std::string folder() {
  const char* named = std::getenv("STUB_NVML");
  return named == nullptr ? "" : named;
}

bool has(const std::string& name) {
  return ::access((folder() + "/" + name).c_str(), F_OK) == 0;
}

std::string content(const std::string& name) {
  std::ifstream file(folder() + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string number(nvml::Device device) {
  return std::to_string(reinterpret_cast<std::uintptr_t>(device) - 1);
}

nvml::Return give(const std::string& text, char* to, unsigned size) {
  std::snprintf(to, size, "%s", text.c_str());
  return nvml::success;
}

// The report's signature is r and s, 48 bytes each, over everything before it.
std::string signed_with(const std::string& key_file, std::string report,
                        const unsigned char* nonce) {
  constexpr std::size_t nonce_at = 4;
  constexpr int half = 48;
  std::memcpy(report.data() + nonce_at, nonce, 32);
  std::FILE* file = std::fopen(key_file.c_str(), "r");
  EVP_PKEY* key = file ? PEM_read_PrivateKey(file, nullptr, nullptr, nullptr) : nullptr;
  if (file) std::fclose(file);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const auto* message = reinterpret_cast<const unsigned char*>(report.data());
  unsigned char der[160];
  std::size_t size = sizeof der;
  EVP_DigestSignInit(context, nullptr, EVP_sha384(), nullptr, key);
  EVP_DigestSign(context, der, &size, message, report.size());
  const unsigned char* at = der;
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
  unsigned char fixed[2 * half];
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), fixed, half);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), fixed + half, half);
  ECDSA_SIG_free(signature);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return report.append(reinterpret_cast<const char*>(fixed), sizeof fixed);
}

}  // namespace

extern "C" {

nvml::Return nvmlInit_v2();
nvml::Return nvmlShutdown();
nvml::Return nvmlDeviceGetCount_v2(unsigned* count);
nvml::Return nvmlDeviceGetHandleByIndex_v2(unsigned index, nvml::Device* device);
nvml::Return nvmlDeviceGetUUID(nvml::Device device, char* text, unsigned size);
nvml::Return nvmlDeviceGetVbiosVersion(nvml::Device device, char* text, unsigned size);
nvml::Return nvmlDeviceGetPdi(nvml::Device device, nvml::Pdi* pdi);
nvml::Return nvmlDeviceGetPciInfo_v3(nvml::Device device, nvml::PciInfo* pci);
nvml::Return nvmlSystemGetConfComputeState(nvml::ConfidentialState* state);
nvml::Return nvmlDeviceGetConfComputeGpuAttestationReport(nvml::Device device,
                                                          nvml::AttestationReport* report);
nvml::Return nvmlDeviceGetConfComputeGpuCertificate(nvml::Device device,
                                                    nvml::Certificates* certificates);

nvml::Return nvmlInit_v2() {
  return has("0") ? nvml::success : 9;  // 9: the driver is not loaded
}

nvml::Return nvmlShutdown() {
  return nvml::success;
}

nvml::Return nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 0;
  while (has(std::to_string(*count))) ++*count;
  return nvml::success;
}

// Handles are numbers from 1; null is none.
nvml::Return nvmlDeviceGetHandleByIndex_v2(unsigned index, nvml::Device* device) {
  *device = reinterpret_cast<nvml::Device>(static_cast<std::uintptr_t>(index + 1));
  return nvml::success;
}

nvml::Return nvmlDeviceGetUUID(nvml::Device device, char* text, unsigned size) {
  return give("GPU-" + number(device), text, size);
}

nvml::Return nvmlDeviceGetVbiosVersion(nvml::Device /*device*/, char* text, unsigned size) {
  return give("96.00.9F.00.01\x1b[2J", text, size);
}

nvml::Return nvmlDeviceGetPdi(nvml::Device /*device*/, nvml::Pdi* pdi) {
  if (pdi->version != nvml::pdi_version) return 25;  // argument version mismatch
  pdi->value = 0x4301000000000000ULL;
  return nvml::success;
}

nvml::Return nvmlDeviceGetPciInfo_v3(nvml::Device device, nvml::PciInfo* pci) {
  pci->device_id = 0x233010de;
  return give("0000000" + number(device) + ":01:00.0", pci->bus_id, sizeof pci->bus_id);
}

nvml::Return nvmlSystemGetConfComputeState(nvml::ConfidentialState* state) {
  *state = {1, 1, has("devtools") ? 1U : 0U};
  return nvml::success;
}

// Says which nonce it was asked with, for the test to sign: the file "nonce" of the device.
nvml::Return nvmlDeviceGetConfComputeGpuAttestationReport(nvml::Device device,
                                                          nvml::AttestationReport* report) {
  if (has("old")) return 3;
  if (has("crash")) std::abort();
  while (has("hang")) ::pause();
  std::ofstream(folder() + "/" + number(device) + "/nonce", std::ios::binary)
      .write(reinterpret_cast<const char*>(report->nonce), sizeof report->nonce);
  std::string bytes = content(number(device) + "/report");
  if (has(number(device) + "/key.pem"))
    bytes = signed_with(folder() + "/" + number(device) + "/key.pem", bytes, report->nonce);
  report->size = has("endless") ? 0x2001 : static_cast<unsigned>(bytes.size());
  std::memcpy(report->report, bytes.data(), bytes.size());
  return nvml::success;
}

nvml::Return nvmlDeviceGetConfComputeGpuCertificate(nvml::Device device,
                                                    nvml::Certificates* certificates) {
  const std::string bytes = content(number(device) + "/chain");
  certificates->attestation_chain_size = static_cast<unsigned>(bytes.size());
  std::memcpy(certificates->attestation_chain, bytes.data(), bytes.size());
  return nvml::success;
}

}  // extern "C"

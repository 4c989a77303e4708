// Makes, for the test of whole programs, what a node with GPUs needs: a maker's roots, RIM files,
// GPUs that stub_nvml can show, and a platform certificate for a TPM.
//
// usage: made_gpu_node gpus DIRECTORY
//        made_gpu_node platform EK-CERTIFICATE DIRECTORY
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "libattest/base/file.h"
#include "libattest/gpu/rim_reference.h"
#include "libattest/hardware/smbios.h"
#include "tests/support/made_platform.h"
#include "tests/support/test_gpu.h"

using namespace attest;

namespace {

constexpr std::int64_t day = 24 * 3600;

void write(const Path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  if (const Status written = write_file_atomically(file, as_bytes(text)); !written)
    throw std::runtime_error(written.error().to_string());
}

std::string pem_of(const std::shared_ptr<void>& key) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(memory, static_cast<EVP_PKEY*>(key.get()), nullptr, nullptr, 0,
                                nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(memory);
  return pem;
}

// A GPU as stub_nvml shows it: it signs for whatever nonce it is asked with.
void write_gpu(const Path& folder, const test::TestDevice& device, const test::ReportSpec& report) {
  std::string chain;
  for (const Certificate& certificate : device.chain()) chain += certificate.to_pem();
  write(folder / "chain", chain);
  write(folder / "key.pem", pem_of(device.line.front().key));
  write(folder / "report", as_text(test::report_before_signature(report)));
}

void write_rim(const Path& folder, const test::Vendor& vendor, const test::RimSpec& spec,
               const std::string& id) {
  write(folder / (id + ".xml"), vendor.rim(spec));
}

// Two GPUs, a third of the same make, and the first as it was before a firmware update.
void make_gpus(const Path& directory) {
  const std::int64_t now =
      unix_seconds(std::chrono::floor<Seconds>(std::chrono::system_clock::now()));
  const test::Vendor vendor =
      test::Vendor::make("GH100", "Test", {from_unix(now - 10 * day), from_unix(now + 300 * day)});
  write(directory / "device-roots.pem", vendor.root.certificate.to_pem());
  write(directory / "rim-roots.pem", vendor.rim_root.certificate.to_pem());
  const test::WholeGpu whole = test::whole_gpu();
  const test::DeviceSpec first{.pdi = {std::byte{0x43}, std::byte{1}}};
  const test::TestDevice device = vendor.device(first);
  write_gpu(directory / "made/first", device, whole.report);
  write_gpu(directory / "made/second", vendor.device({.pdi = {std::byte{0x43}, std::byte{2}}}),
            whole.report);
  write_gpu(directory / "made/spare", vendor.device({.pdi = {std::byte{0x43}, std::byte{9}}}),
            whole.report);
  write_rim(directory, vendor, whole.driver, "NV_GPU_DRIVER_GH100_550.90.07");
  write_rim(directory, vendor, whole.vbios, "NV_GPU_VBIOS_1010_0200_882_96009F0001");

  test::WholeGpu older = whole;
  test::DeviceSpec flashed = first;
  flashed.firmware_id = Bytes(48, std::byte{0xF0});
  older.vbios.version = "96.00.5E.00.01";
  for (auto& [type, value] : older.report.opaque) {
    if (type == 6) value = *from_hex("005e009601000000");
    if (type == 20) value = flashed.firmware_id;
  }
  write_gpu(directory / "made/older", vendor.reflashed(device, flashed), older.report);
  write_rim(directory, vendor, older.vbios, "NV_GPU_VBIOS_1010_0200_882_96005E0001");
}

void make_platform(const Path& ek_file, const Path& directory) {
  const auto ek = Certificate::from_der_or_pem(*read_file(ek_file, 1U << 20));
  const auto maker = test::Certified::root({.common_name = "Example Machines", .is_ca = true});
  const hardware::Component board{
      {"2.23.133.18.3.1", "00030003"}, "Example", "Board 7", "B1", "A00"};
  const hardware::Component module{{"2.23.133.18.3.1", "00060001"}, "Example", "DIMM", "M1", ""};
  test::MadePlatform made;
  made.components = {board, module};
  made.holder_issuer = test::issuer_der(ek->front());
  made.holder_serial = *from_hex(ek->front().serial_hex());
  write(directory / "platform-ca.pem", maker.certificate().to_pem());
  write(directory / "platform.cer", as_text(made.by(maker)));
  const hardware::PlatformName name{"Example", "Rack 7", "", "0815"};
  write(directory / "components.json", hardware::inventory_json({name, {board, module}}));
  write(directory / "fewer.json", hardware::inventory_json({name, {board}}));
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::strcmp(arguments[1], "gpus") == 0) {
    make_gpus(arguments[2]);
  } else if (count == 4 && std::strcmp(arguments[1], "platform") == 0) {
    make_platform(arguments[2], arguments[3]);
  } else {
    std::fputs("usage: made_gpu_node gpus DIRECTORY | platform EK-CERTIFICATE DIRECTORY\n", stderr);
    return 64;
  }
  return 0;
}

// Switches, and GPUs of AMD and Intel, asked of libraries that speak their drivers' interfaces.
#include <cstdlib>
#include <filesystem>

#include "agentd/collect/collectors.h"
#include "agentd/collect/library_child.h"
#include "agentd/collect/nscq_reader.h"
#include "agentd/collect/vendor_readers.h"
#include "libattest/gpu/report_verification.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_gpu.h"

using namespace attest;
using namespace std::chrono_literals;

namespace {

const Sha256 challenge = sha256(as_bytes("challenge"));

Sha256 nonce_of(std::size_t number) {
  return evidence::gpu_nonce(challenge, evidence::label::gpu(number));
}

struct Drivers {
  TemporaryDirectory folder;
  Drivers() { ::setenv("STUB_DRIVERS", folder.path().c_str(), 1); }
  void put(const std::string& name, std::string_view text = "on") const {
    std::filesystem::create_directories((folder.path() / name).parent_path());
    must(write_file_atomically(folder.path() / name, as_bytes(text)));
  }
  agentd::GpuSources sources(std::chrono::milliseconds limit = 20s) const {
    return {.nvml = "none",
            .nscq = STUB_DRIVERS_LIBRARY,
            .amd_smi = STUB_DRIVERS_LIBRARY,
            .level_zero = STUB_DRIVERS_LIBRARY,
            .sysfs = folder.path() / "sysfs",
            .time_limit = limit};
  }
};

// A switch that signs for the nonce of the first label.
struct Switch : Drivers {
  test::Vendor vendor = test::Vendor::make("LS_10");
  test::TestDevice device =
      vendor.device({.kind = gpu::DeviceKind::nvswitch, .chip = "LS_10", .has_firmware_id = false});

  Switch() {
    const Sha256 nonce = nonce_of(0);
    const gpu::Pdi pdi{std::byte{0x43}, std::byte{1}};
    const test::ReportSpec report{.nonce = to_bytes(ByteView(nonce)),
                                  .blocks = {Bytes(48)},
                                  .opaque = {{22, to_bytes(ByteView(pdi))}, {26, Bytes(128)}}};
    put("switch0/report", as_text(device.report(report)));
    std::string pem;
    for (const Certificate& certificate : device.chain()) pem += certificate.to_pem();
    put("switch0/chain", pem);
  }
};

}  // namespace

TEST_CASE("a switch signs for the nonce of its label, and its report verifies") {
  const Switch made;
  const auto items = agentd::read_nscq(STUB_DRIVERS_LIBRARY, nonce_of);
  REQUIRE(items.size() == 1);
  REQUIRE(items[0].host.at("kind") == "nvswitch");
  REQUIRE(items[0].host.at("uuid") == "switch0");
  REQUIRE(items[0].host.at("cc.tnvl") == "locked");
  const auto chain = must(
      gpu::verify_device_chain(must(Certificate::all_from_pem(as_text(items[0].chain.value()))),
                               {{made.vendor.root.certificate}, {}}, from_unix(test::gpu_time)));
  REQUIRE(chain.identity().kind == gpu::DeviceKind::nvswitch);
  const Sha256 nonce = nonce_of(0);
  REQUIRE_OK(gpu::verify_report(must(gpu::parse_report(items[0].report.value())), chain,
                                to_bytes(ByteView(nonce))));
}

TEST_CASE("a switch that signs nothing, or too much, is still listed with the reason") {
  const Switch made;
  made.put("lie");
  made.put("switch1/chain", "");
  const auto items = agentd::read_nscq(STUB_DRIVERS_LIBRARY, nonce_of);
  REQUIRE(items.size() == 2);
  REQUIRE_FALSE(items[0].report);
  REQUIRE(items[0].host.contains("report.error"));
  REQUIRE(items[1].host.at("report.error") == "NSCQ error -7");
}

TEST_CASE("each switch is asked with the nonce of the label that it gets") {
  const Switch made;
  made.put("switch1/report", "");
  const auto items = must(agentd::collect_gpus(challenge, made.sources()));
  REQUIRE(items.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(items[i].label == evidence::label::gpu(i));
    const Sha256 nonce = nonce_of(i);
    REQUIRE(must(read_file(made.folder.path() / ("switch" + std::to_string(i)) / "nonce")) ==
            to_bytes(ByteView(nonce)));
  }
}

TEST_CASE("what management libraries say stands beside what the kernel shows, by PCI address") {
  const Drivers drivers;
  drivers.put("amd");
  drivers.put("intel");
  const Path device = drivers.folder.path() / "sysfs/devices/0000:01:02.1";
  drivers.put("sysfs/devices/0000:01:02.1/vendor", "0x1002\n");
  drivers.put("sysfs/devices/0000:01:02.1/unique_id", "5a8c\n");
  std::filesystem::create_directories(drivers.folder.path() / "sysfs/class/drm/card0");
  std::filesystem::create_directory_symlink(device,
                                            drivers.folder.path() / "sysfs/class/drm/card0/device");
  const auto items = must(agentd::collect_gpus(challenge, drivers.sources()));
  REQUIRE(items.size() == 2);
  const auto amd = must(evidence::parse_gpu(items[0].content));
  REQUIRE(amd.vendor == "amd");
  REQUIRE(amd.host.at("unique_id") == "5a8c");
  REQUIRE(amd.host.at("smi.uuid") == "8cff74a1-0000-1000-804d-92e0aed1ac31");
  const auto intel = must(evidence::parse_gpu(items[1].content));
  REQUIRE(intel.host.at("pci") == "0000:03:00.0");
  REQUIRE(intel.host.at("ze.serial") == "S1\\x1b[2J");
  REQUIRE(intel.host.at("ze.driver") == "1.3.29735");
  REQUIRE(intel.host.at("ze.fw.GSC") == "DG02_1.3");
  REQUIRE(intel.host.contains("report.error"));
}

TEST_CASE("a number of devices beyond reason is not believed") {
  const Drivers drivers;
  drivers.put("amd");
  drivers.put("lie");
  REQUIRE(agentd::read_amd_smi(STUB_DRIVERS_LIBRARY).size() <= 64 * 64);
  drivers.put("intel");
  REQUIRE(agentd::read_level_zero(STUB_DRIVERS_LIBRARY).size() <= 16 * 64);
}

TEST_CASE("libraries that hang are cut off, and the rest of the inventory stays") {
  const Drivers drivers;
  drivers.put("hang");
  drivers.put("sysfs/devices/0000:01:02.1/vendor", "0x1002\n");
  std::filesystem::create_directories(drivers.folder.path() / "sysfs/class/drm/card0");
  std::filesystem::create_directory_symlink(drivers.folder.path() / "sysfs/devices/0000:01:02.1",
                                            drivers.folder.path() / "sysfs/class/drm/card0/device");
  const auto items = must(agentd::collect_gpus(challenge, drivers.sources(200ms)));
  REQUIRE(items.size() == 2);
  const auto nvswitch = must(evidence::parse_gpu(items[0].content));
  REQUIRE(nvswitch.host.at("kind") == "nvswitch");
  REQUIRE(nvswitch.host.contains("error"));
  const auto amd = must(evidence::parse_gpu(items[1].content));
  REQUIRE(amd.host.at("pci") == "0000:01:02.1");
  REQUIRE(amd.host.contains("smi.error"));
}

TEST_CASE("no library, or no driver behind it, means no devices") {
  const Drivers drivers;
  for (const char* library : {"libno-such-library.so", STUB_DRIVERS_LIBRARY}) {
    REQUIRE(agentd::read_nscq(library, nonce_of).empty());
    REQUIRE(agentd::read_amd_smi(library).empty());
    REQUIRE(agentd::read_level_zero(library).empty());
  }
}

#include <cstdlib>
#include <filesystem>

#include "agentd/collect/collectors.h"
#include "agentd/collect/library_child.h"
#include "agentd/collect/nvml_reader.h"
#include "agentd/collect/sysfs_inventory.h"
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

void put(const Path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  must(write_file_atomically(file, as_bytes(text)));
}

// A driver with one GPU, which signs for the nonce that agentd should ask with.
struct Driver {
  TemporaryDirectory folder;
  test::Vendor vendor = test::Vendor::make();
  test::TestDevice device = vendor.device();

  Driver() {
    test::ReportSpec spec = test::whole_gpu().report;
    const Sha256 nonce = nonce_of(0);
    spec.nonce = to_bytes(ByteView(nonce));
    put(folder.path() / "0/report", as_text(device.report(spec)));
    std::string pem;
    for (const Certificate& certificate : device.chain()) pem += certificate.to_pem();
    put(folder.path() / "0/chain", pem);
    ::setenv("STUB_NVML", folder.path().c_str(), 1);
  }
  void set(const std::string& name) { put(folder.path() / name, "on"); }
  Result<std::vector<evidence::GpuItem>> collect(std::chrono::milliseconds limit = 20s) const {
    return agentd::collect_in_child([] { return agentd::read_nvml(STUB_NVML_LIBRARY, nonce_of); },
                                    limit);
  }
};

}  // namespace

TEST_CASE("a GPU signs for the nonce of its label, and its report verifies") {
  const Driver driver;
  const auto items = must(driver.collect());
  REQUIRE(items.size() == 1);
  const auto chain = must(
      gpu::verify_device_chain(must(Certificate::all_from_pem(as_text(items[0].chain.value()))),
                               {{driver.vendor.root.certificate}, {}}, from_unix(test::gpu_time)));
  const Sha256 nonce = nonce_of(0);
  REQUIRE_OK(gpu::verify_report(must(gpu::parse_report(items[0].report.value())), chain,
                                to_bytes(ByteView(nonce))));
  REQUIRE(must(read_file(driver.folder.path() / "0/nonce")) == to_bytes(ByteView(nonce)));
}

TEST_CASE("the inventory is the host's word, and absent functions leave facts out") {
  const Driver driver;
  const auto host = must(driver.collect())[0].host;
  REQUIRE(host.at("uuid") == "GPU-0");
  REQUIRE(host.at("pdi") == "4301000000000000");
  REQUIRE(host.at("pci.device") == "233010de");
  REQUIRE(host.at("cc.mode") == "on");
  REQUIRE(host.at("cc.devtools") == "off");
  REQUIRE(host.at("vbios") == "96.00.9F.00.01\\x1b[2J");
  REQUIRE_FALSE(host.contains("serial"));
  REQUIRE_FALSE(host.contains("gsp"));
  REQUIRE_FALSE(host.contains("report.error"));
}

TEST_CASE("devtools mode is reported") {
  Driver driver;
  driver.set("devtools");
  REQUIRE(must(driver.collect())[0].host.at("cc.devtools") == "on");
}

TEST_CASE("a GPU that signs nothing is still listed, with the reason") {
  Driver driver;
  driver.set("old");
  const auto item = must(driver.collect())[0];
  REQUIRE_FALSE(item.report);
  REQUIRE(item.host.at("report.error") == "NVML error 3");
  REQUIRE(item.host.at("uuid") == "GPU-0");
}

TEST_CASE("a length beyond the driver's own buffer is not believed") {
  Driver driver;
  driver.set("endless");
  const auto item = must(driver.collect())[0];
  REQUIRE_FALSE(item.report);
  REQUIRE(item.host.at("report.error") == "lengths out of bounds");
}

TEST_CASE("a driver that hangs is cut off, and one that crashes takes nobody with it") {
  Driver hangs;
  hangs.set("hang");
  const auto started = std::chrono::steady_clock::now();
  const auto late = hangs.collect(300ms);
  REQUIRE_RULE(late, rules::library_no_answer);
  REQUIRE(late.error().kind == ErrorKind::incomplete);
  REQUIRE(std::chrono::steady_clock::now() - started < 10s);
  Driver crashes;
  crashes.set("crash");
  REQUIRE_RULE(crashes.collect(), rules::library_no_answer);
}

TEST_CASE("no library, or no driver behind it, means no GPUs") {
  REQUIRE(agentd::read_nvml("libno-such-library.so.1", nonce_of).empty());
  const TemporaryDirectory empty;
  ::setenv("STUB_NVML", empty.path().c_str(), 1);
  REQUIRE(agentd::read_nvml(STUB_NVML_LIBRARY, nonce_of).empty());
}

TEST_CASE("a driver that does not answer is an item of its own, not a GPU fewer") {
  Driver hangs;
  hangs.set("hang");
  const auto items = must(agentd::collect_gpus(challenge, {.nvml = STUB_NVML_LIBRARY,
                                                           .nscq = "none",
                                                           .amd_smi = "none",
                                                           .level_zero = "none",
                                                           .sysfs = hangs.folder.path(),
                                                           .time_limit = 300ms}));
  REQUIRE(items.size() == 1);
  REQUIRE(items[0].label == "gpu/0");
  REQUIRE(must(evidence::parse_gpu(items[0].content)).host.contains("error"));
}

TEST_CASE("GPUs of AMD and Intel are read from sysfs, outputs and other vendors are not") {
  const TemporaryDirectory sysfs;
  const Path devices = sysfs.path() / "devices/pci0000:00";
  const auto card = [&](const std::string& name, const std::string& address,
                        const std::string& vendor) {
    put(devices / address / "vendor", vendor + "\n");
    std::filesystem::create_directories(sysfs.path() / "class/drm" / name);
    std::filesystem::create_directory_symlink(devices / address,
                                              sysfs.path() / "class/drm" / name / "device");
  };
  card("card0", "0000:03:00.0", "0x8086");
  card("card1", "0000:01:00.0", "0x1002");
  card("card2", "0000:02:00.0", "0x10de");
  card("card1-DP-1", "0000:04:00.0", "0x1002");
  put(devices / "0000:01:00.0/unique_id", "5a8c3b1d2e4f6071\n");
  put(devices / "0000:01:00.0/vbios_version", "113-D65201-042\n");
  put(devices / "0000:01:00.0/fw_version/smc_fw_version", "0x00556e00\n");
  const auto items = agentd::sysfs_gpus(sysfs.path());
  REQUIRE(items.size() == 2);
  REQUIRE(items[0].vendor == "amd");
  REQUIRE(items[0].host.at("pci") == "0000:01:00.0");
  REQUIRE(items[0].host.at("unique_id") == "5a8c3b1d2e4f6071");
  REQUIRE(items[0].host.at("vbios_version") == "113-D65201-042");
  REQUIRE(items[0].host.at("fw.smc") == "0x00556e00");
  REQUIRE(items[1].vendor == "intel");
}

TEST_CASE("the inventory lists PCI functions, drives, adapters, microcode and SMBIOS") {
  const TemporaryDirectory sysfs;
  put(sysfs.path() / "bus/pci/devices/0000:00:1f.0/vendor", "0x8086\n");
  put(sysfs.path() / "bus/pci/devices/0000:00:1f.0/class", "0x060100\n");
  put(sysfs.path() / "class/nvme/nvme0/firmware_rev", "GDC7302Q  \n");
  put(sysfs.path() / "class/nvme/nvme0/serial", "  S64GNE0R\n");
  put(sysfs.path() / "class/infiniband/mlx5_0/fw_ver", "28.41.1000\n");
  put(sysfs.path() / "class/net/eth0/device/vendor", "0x15b3\n");
  put(sysfs.path() / "class/net/eth0/address", "02:00:00:00:00:01\n");
  put(sysfs.path() / "class/net/lo/address", "00:00:00:00:00:00\n");
  put(sysfs.path() / "devices/system/cpu/cpu0/microcode/version", "0xb000643\n");
  put(sysfs.path() / "class/dmi/id/board_name", "R7\n");
  evidence::HostFacts facts;
  agentd::add_devices(sysfs.path(), facts);
  const auto text = [&](const std::string& name) { return std::get<std::string>(facts.at(name)); };
  REQUIRE(std::get<std::vector<std::string>>(facts.at("pci.0000:00:1f.0")) ==
          std::vector<std::string>{"0x8086", "", "", "", "0x060100", ""});
  REQUIRE(text("nvme.nvme0.firmware_rev") == "GDC7302Q");
  REQUIRE(text("nvme.nvme0.serial") == "S64GNE0R");
  REQUIRE(text("infiniband.mlx5_0.firmware") == "28.41.1000");
  REQUIRE(text("net.eth0.address") == "02:00:00:00:00:01");
  REQUIRE(text("cpu.microcode") == "0xb000643");
  REQUIRE(text("dmi.board_name") == "R7");
  REQUIRE_FALSE(facts.contains("net.lo.address"));
}

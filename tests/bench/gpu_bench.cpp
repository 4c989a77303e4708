// links: attest::gpu made_gpu OpenSSL::Crypto benchmark
// What judging GPUs costs, beside what OpenSSL takes for the P-384 signatures alone in the same
// run.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/gpu/device_verdict.h"
#include "libattest/gpu/topology.h"
#include "tests/support/test_gpu.h"

using namespace attest;

namespace {

const Time at = from_unix(test::gpu_time);

template <typename T>
T made(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return *std::move(result);
}

// A GPU with its RIM files and its chain's OCSP responses.
struct Scene {
  test::Vendor vendor = test::Vendor::make();
  test::WholeGpu whole = test::whole_gpu();
  test::TestDevice device = vendor.device();
  Bytes report = device.report(whole.report);
  std::vector<Certificate> certificates = device.chain();
  gpu::RootPins roots{{vendor.root.certificate}, {}};
  gpu::VerifiedDeviceChain chain = made(gpu::verify_device_chain(certificates, roots, at));
  std::vector<gpu::CollectedRim> rims;
  gpu::Stapled stapled{{}, at};

  Scene() {
    const gpu::RootPins rim_roots{{vendor.rim_root.certificate}, {}};
    for (const test::RimSpec& spec : {whole.driver, whole.vbios})
      rims.push_back(
          made(gpu::collect_rim(spec.version, as_bytes(vendor.rim(spec)), rim_roots, at)));
    for (std::size_t i = 1; i <= 3; ++i)
      stapled.responses.push_back(made(gpu::OcspResponse::parse(test::ocsp(
          device.line[i].certificate, device.line[i + 1].certificate, device.line[i + 1]))));
  }
};

const Scene& scene() {
  static const Scene made_once;
  return made_once;
}

// The bound: OpenSSL's verification of the report's signature, digest included, and nothing else.
void openssl_p384_verify(benchmark::State& state) {
  const auto report = made(gpu::parse_report(scene().report));
  const Bytes der = der_from_fixed(report.signature);
  for (auto _ : state) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha384(), nullptr,
                         scene().chain.leaf_key().openssl());
    const int held =
        EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(der.data()), der.size(),
                         reinterpret_cast<const unsigned char*>(report.signed_bytes.data()),
                         report.signed_bytes.size());
    EVP_MD_CTX_free(context);
    if (held != 1) state.SkipWithError("the signature does not hold");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(openssl_p384_verify);

// One signature: chain and RIM files were verified before.
void report_with_known_chain(benchmark::State& state) {
  for (auto _ : state) {
    const auto report = gpu::verify_report(made(gpu::parse_report(scene().report)), scene().chain,
                                           scene().whole.report.nonce);
    const auto verdict = gpu::judge_report(*report, scene().chain, {scene().rims, {}});
    if (verdict.verdict != result::Verdict::pass) state.SkipWithError("the GPU does not pass");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(report_with_known_chain);

// Four signatures: the report's and those of three OCSP responses; items are signatures.
void report_with_stapled_ocsp(benchmark::State& state) {
  for (auto _ : state) {
    const auto report = gpu::verify_report(made(gpu::parse_report(scene().report)), scene().chain,
                                           scene().whole.report.nonce);
    const auto verdict = gpu::judge_report(*report, scene().chain, {scene().rims, scene().stapled});
    if (verdict.verdict != result::Verdict::pass) state.SkipWithError("the GPU does not pass");
  }
  state.SetItemsProcessed(4 * state.iterations());
}
BENCHMARK(report_with_stapled_ocsp);

// Five signatures more: four of the chain besides the report's. Items are signatures.
void report_with_new_chain(benchmark::State& state) {
  for (auto _ : state) {
    const auto verdict = gpu::judge_device(
        {made(gpu::parse_report(scene().report)), scene().certificates, scene().whole.report.nonce},
        scene().roots, at, {scene().rims, {}});
    if (verdict.verdict != result::Verdict::pass) state.SkipWithError("the GPU does not pass");
  }
  state.SetItemsProcessed(5 * state.iterations());
}
BENCHMARK(report_with_new_chain);

// A host of eight GPUs and four switches, as one appraisal: twelve reports whose chains are known,
// RIM comparison for the GPUs, and the topology.
void host_of_eight_gpus_and_four_switches(benchmark::State& state) {
  const test::Vendor& vendor = scene().vendor;
  const auto pdi = [](unsigned number) {
    return gpu::Pdi{std::byte{0x40}, static_cast<std::byte>(number)};
  };
  struct Device {
    gpu::VerifiedDeviceChain chain;
    Bytes report;
  };
  std::vector<Device> devices;
  for (unsigned i = 0; i < 12; ++i) {
    const bool is_gpu = i < 8;
    test::ReportSpec spec = scene().whole.report;
    Bytes links;
    if (is_gpu) {
      for (unsigned other = 8; other < 12; ++other) {
        gpu::Pdi reversed = pdi(other);
        std::reverse(reversed.begin(), reversed.end());
        append(links, reversed);
      }
      spec.opaque.emplace_back(std::uint16_t{22}, links);
    } else {
      for (unsigned other = 0; other < 8; ++other) append(links, pdi(other));
      append(links, Bytes(64, std::byte{0xFF}));
      spec.opaque = {{22, to_bytes(ByteView(pdi(i)))}, {26, links}};
    }
    const auto device =
        vendor.device({.kind = is_gpu ? gpu::DeviceKind::gpu : gpu::DeviceKind::nvswitch,
                       .chip = is_gpu ? "GH100" : "LS_10",
                       .pdi = pdi(i)});
    devices.push_back(
        {made(gpu::verify_device_chain(device.chain(), scene().roots, at)), device.report(spec)});
  }
  for (auto _ : state) {
    std::vector<gpu::VerifiedReport> reports;
    for (const Device& device : devices) {
      reports.push_back(made(gpu::verify_report(made(gpu::parse_report(device.report)),
                                                device.chain, scene().whole.report.nonce)));
      benchmark::DoNotOptimize(gpu::judge_report(reports.back(), device.chain, {scene().rims, {}}));
    }
    std::vector<gpu::NamedReport> named;
    for (const auto& report : reports) named.push_back({report.device().device_serial, &report});
    const auto checks = gpu::check_topology(named);
    if (gpu::verdict_of(checks) != result::Verdict::pass) state.SkipWithError("it does not close");
  }
}
BENCHMARK(host_of_eight_gpus_and_four_switches)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

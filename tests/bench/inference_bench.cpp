// links: attest::inference random_model
// What the runtime makes of this machine: decoding beside the memory's bandwidth, reading a prompt
// beside the peak of its byte products, replay beside generation, verified loading beside a plain
// read. All limits are measured in the same run, with the same threads, between the figures they
// are compared with.
//
//   inference_bench [MIX …]     f16, q8_0, q4_0, q4_k_m; all but f16 without
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixtures/random-model/random_model.h"
#include "inference/answer/generate.h"
#include "inference/model/unreleased_model.h"
#include "tests/support/temporary_directory.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace attest;
using namespace attest::inference;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The shortest of several times: what the machine can do when nobody else uses it.
double best_of(int rounds, const std::function<void()>& work) {
  double best = 1e300;
  for (int i = 0; i < rounds; ++i) best = std::min(best, seconds_of(work));
  return best;
}

template <typename T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::cerr << result.error().to_string() << "\n";
  std::exit(exit_status(result.error().kind));
}

// --- What the machine can do --------------------------------------------------------------------

#if defined(__x86_64__)
__attribute__((target("avx512f"))) std::uint64_t read_all(const std::uint8_t* at,
                                                          std::size_t size) {
  __m512i sums[4] = {};
  for (std::size_t i = 0; i + 256 <= size; i += 256)
    for (std::size_t lane = 0; lane < 4; ++lane) {
      sums[lane] = _mm512_add_epi64(sums[lane], _mm512_loadu_si512(at + i + 64 * lane));
      _mm_prefetch(reinterpret_cast<const char*>(at + i + 64 * lane + 4096), _MM_HINT_T0);
    }
  const __m512i all =
      _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]), _mm512_add_epi64(sums[2], sums[3]));
  std::uint64_t lanes[8];
  _mm512_storeu_si512(lanes, all);
  return lanes[0] + lanes[7];
}

__attribute__((target("avx512f,avx512vnni"))) std::uint64_t multiply_bytes(std::size_t rounds) {
  // Twelve sums, by name: an array of them would be kept in memory, which is no peak of anything.
  __m512i a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, k{}, l{};
  const __m512i weights = _mm512_set1_epi8(3);
  __m512i values = _mm512_set1_epi8(5);
  for (std::size_t round = 0; round < rounds; ++round) {
    a = _mm512_dpbusd_epi32(a, weights, values);
    b = _mm512_dpbusd_epi32(b, weights, values);
    c = _mm512_dpbusd_epi32(c, weights, values);
    d = _mm512_dpbusd_epi32(d, weights, values);
    e = _mm512_dpbusd_epi32(e, weights, values);
    f = _mm512_dpbusd_epi32(f, weights, values);
    g = _mm512_dpbusd_epi32(g, weights, values);
    h = _mm512_dpbusd_epi32(h, weights, values);
    i = _mm512_dpbusd_epi32(i, weights, values);
    j = _mm512_dpbusd_epi32(j, weights, values);
    k = _mm512_dpbusd_epi32(k, weights, values);
    l = _mm512_dpbusd_epi32(l, weights, values);
    asm volatile("" : "+v"(values));
  }
  __m512i all = a;
  for (const __m512i& sum : {b, c, d, e, f, g, h, i, j, k, l}) all = _mm512_add_epi32(all, sum);
  std::uint64_t lanes[8];
  _mm512_storeu_si512(lanes, all);
  return lanes[0] + lanes[7];
}
#endif

std::atomic<std::uint64_t> kept;  // so that nothing measured is optimised away

double bytes_a_second(const Machine& machine, const PanelMemory& memory, unsigned threads) {
  const std::size_t pieces = 64 * threads;
  const std::size_t piece = memory.size() / pieces;
  const double time = best_of(5, [&] {
    machine.each(pieces,
                 [&](std::size_t i) { kept += read_all(memory.data() + i * piece, piece); });
  });
  return static_cast<double>(memory.size()) / time;
}

double byte_products_a_second(const Machine& machine, unsigned threads) {
  constexpr std::size_t rounds = 4'000'000;
  const double time = best_of(
      5, [&] { machine.each(threads, [&](std::size_t) { kept += multiply_bytes(rounds); }); });
  return 2.0 * 64 * 12 * static_cast<double>(rounds) * threads / time;
}

// --- What the runtime does ----------------------------------------------------------------------

// Every matrix that a token passes through, but for the embedding, of which it takes one row.
void each_matrix(const Transformer& transformer, const std::function<void(const Matrix&)>& visit) {
  visit(transformer.output());
  for (std::size_t i = 0; i < transformer.shape().layers; ++i) {
    const auto layer = must(transformer.layer(i));
    for (const Matrix* matrix :
         {&layer->query, &layer->key, &layer->value, &layer->attention_output,
          &layer->experts[0].gate, &layer->experts[0].up, &layer->experts[0].down})
      visit(*matrix);
  }
}

double weight_bytes(const Transformer& transformer) {
  double bytes = 0;
  each_matrix(transformer,
              [&](const Matrix& each) { bytes += static_cast<double>(each.file_bytes()); });
  return bytes;
}

double weights(const Transformer& transformer) {
  double count = 0;
  each_matrix(transformer, [&](const Matrix& each) {
    count += static_cast<double>(each.rows() * each.columns());
  });
  return count;
}

std::vector<Token> some_text(std::size_t length) {
  std::vector<Token> text{1};
  while (text.size() < length) text.push_back(static_cast<Token>(300 + 37 * text.size() % 30000));
  return text;
}

Status ignore(std::size_t, std::span<const float>) {
  return {};
}

struct Figures {
  double decode;   // seconds a token
  double prefill;  // seconds for 512
  double generate;
  double replay;
};

Figures measure(const Transformer& transformer, const Machine& machine) {
  Figures figures{1e300, 1e300, 0, 1e300};
  const auto text = some_text(512);
  for (int round = 0; round < 3; ++round) {
    auto sequence = must(Sequence::begin(transformer, 600));
    figures.prefill = std::min(figures.prefill,
                               seconds_of([&] { (void)sequence.append(text, machine, ignore); }));
  }
  auto sequence = must(Sequence::begin(transformer, 600));
  (void)sequence.append(some_text(128), machine, ignore);
  // Windows of eight tokens: the best of them was disturbed least.
  for (int window = 0; window < 32; ++window) {
    const auto tokens = some_text(9);
    const double time = seconds_of([&] {
      for (std::size_t i = 1; i < 9; ++i)
        (void)sequence.append(std::span(tokens).subspan(i, 1), machine, ignore);
    });
    figures.decode = std::min(figures.decode, time / 8);
    figures.generate += time;
  }
  for (int round = 0; round < 3; ++round) {
    auto again = must(Sequence::begin(transformer, 384));
    const auto whole = some_text(384);
    LogitsChain chain;
    figures.replay = std::min(figures.replay, seconds_of([&] {
                                (void)again.append(whole, machine, [&](std::size_t, auto logits) {
                                  chain.add(logits);
                                  return Status();
                                });
                              }));
  }
  return figures;
}

// --- Loading
// --------------------------------------------------------------------------------------

void drop_from_cache(const Path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  (void)fdatasync(file);
  (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

// A plain read of the whole file, in pieces of 4 MB: past the page cache, or out of it.
double plain_read(const Path& path, int flags) {
  PanelMemory buffer(4U << 20);
  return seconds_of([&] {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
    off_t at = 0;
    for (ssize_t got = 1; got > 0; at += got) got = pread(file, buffer.data(), buffer.size(), at);
    close(file);
  });
}

struct Loading {
  double plain_cold = 1e300, cold = 1e300, plain_warm = 1e300, warm = 1e300;
};

Loading measure_loading(const Path& path, const Machine& machine) {
  const auto file = must(system_files().open(path, OpenMode::read));
  const auto both = must(model::digest_file_with_leaves(*file));
  const model::ExpectedFile expected{both.digests.size, both.digests.sha256, both.digests.fsverity};
  const Bytes tree = model::make_block_tree(both.leaves);
  const auto verified = [&] {
    auto opened = must(model::VerifiedFile::open(path, expected, tree));
    (void)must(Transformer::load(opened, machine));
  };
  Loading loading;
  for (int round = 0; round < 3; ++round) {
    drop_from_cache(path);
    loading.plain_cold = std::min(loading.plain_cold, plain_read(path, O_DIRECT));
    drop_from_cache(path);
    loading.cold = std::min(loading.cold, seconds_of(verified));
    (void)plain_read(path, 0);
    loading.plain_warm = std::min(loading.plain_warm, plain_read(path, 0));
    loading.warm = std::min(loading.warm, seconds_of(verified));
  }
  return loading;
}

// A budget of a quarter of the file: what decoding reads from disk for each token.
void report_streaming(const Path& path, const Machine& machine) {
  const auto size = std::filesystem::file_size(path);
  const auto file = must(system_files().open(path, OpenMode::read));
  const auto both = must(model::digest_file_with_leaves(*file));
  auto opened = must(model::VerifiedFile::open(
      path, {both.digests.size, both.digests.sha256, both.digests.fsverity},
      model::make_block_tree(both.leaves)));
  drop_from_cache(path);
  const auto transformer =
      must(Transformer::stream(std::move(opened), std::max<std::uint64_t>(size / 4, 192U << 20U)));
  auto sequence = must(Sequence::begin(transformer, 16));
  (void)sequence.append(some_text(8), machine, ignore);
  const auto tokens = some_text(6);
  const double time =
      best_of(5, [&] { (void)sequence.append(std::span(tokens).subspan(1, 1), machine, ignore); });
  const double bytes = static_cast<double>(transformer.streamed_bytes());
  std::printf(
      "        streamed %.2f s/token with a quarter of the file or 200 MB in memory, %.2f GB/s\n",
      time, bytes / time / 1e9);
}

void report_loading(const Path& path, const Machine& machine) {
  const Loading loading = measure_loading(path, machine);
  const double gigabytes = static_cast<double>(std::filesystem::file_size(path)) / 1e9;
  std::printf("        cold     verified %.2f s, plain read %.2f s (%.2f GB/s): %.2f times\n",
              loading.cold, loading.plain_cold, gigabytes / loading.plain_cold,
              loading.cold / loading.plain_cold);
  std::printf("        warm     verified %.2f s, plain read %.2f s: %.2f s a GB more\n",
              loading.warm, loading.plain_warm, (loading.warm - loading.plain_warm) / gigabytes);
}

void report(const std::string& name, const Path& path, const Machine& machine, unsigned threads) {
  const auto model = must(open_unreleased_model(path));
  const PanelMemory memory(1U << 30);
  machine.each(1, [&](std::size_t) {
    std::fill_n(const_cast<std::uint8_t*>(memory.data()), memory.size(), 1);
  });
  double bandwidth = bytes_a_second(machine, memory, threads);
  double peak = byte_products_a_second(machine, threads);
  const Figures figures = measure(model.transformer, machine);
  bandwidth = std::max(bandwidth, bytes_a_second(machine, memory, threads));
  peak = std::max(peak, byte_products_a_second(machine, threads));

  const double bytes = weight_bytes(model.transformer);
  const double products = 2 * weights(model.transformer);
  const double rate = bytes / figures.decode;
  const double operations = products * 512 / figures.prefill;
  std::printf("%-7s memory %5.1f GB/s, byte products %6.0f GOPS\n", name.c_str(), bandwidth / 1e9,
              peak / 1e9);
  std::printf("        decode   %7.1f tokens/s %6.1f GB/s  %3.0f %% of the memory's bandwidth\n",
              1 / figures.decode, rate / 1e9, 100 * rate / bandwidth);
  std::printf("        prefill  %7.1f tokens/s %6.0f GOPS  %3.0f %% of the peak of byte products\n",
              512 / figures.prefill, operations / 1e9, 100 * operations / peak);
  std::printf(
      "        replay   128 + 256 tokens in %.2f s, %.3f of the %.2f s (best: %.2f s) to write\n",
      figures.replay, figures.replay / (256 * figures.decode), figures.generate,
      256 * figures.decode);
  report_loading(path, machine);
  report_streaming(path, machine);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("        largest  %.2f GB of memory in this process so far\n",
              static_cast<double>(usage.ru_maxrss) / 1e6);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> mixes(arguments + 1, arguments + count);
  if (mixes.empty()) mixes = {"q8_0", "q4_0", "q4_k_m"};
  if (!avx512_vnni_kernels()) {
    std::cerr << "inference_bench: its limits are measured with AVX-512 VNNI, which this processor "
                 "has not got\n";
    return 2;
  }
  const unsigned threads = std::min(2U, std::max(1U, std::thread::hardware_concurrency()));
  const auto pool = make_thread_pool(threads);
  const Machine machine{.executor = pool.get()};
  std::printf("%u threads, kernels %s\n", threads, machine.kernels->name);
  const TemporaryDirectory here;
  for (const std::string& name : mixes) {
    const Path path = here.path() / (name + ".gguf");
    {
      const Bytes file = must(random_model::make({}, must(random_model::parse_mix(name))));
      const Status written = write_file_atomically(path, file);
      if (!written) std::cerr << written.error().to_string() << "\n";
    }
    report(name, path, machine, threads);
    std::filesystem::remove(path);
  }
  return 0;
}

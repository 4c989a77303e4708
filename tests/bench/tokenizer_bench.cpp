// links: attest::inference benchmark
// What tokenizing costs, with each vocabulary of a corpus: ATTEST_CORPUS names the folder.
#include <cstdlib>
#include <iostream>

#include <benchmark/benchmark.h>

#include "inference/text/tokenizer.h"
#include "libattest/base/file.h"

using namespace attest;
using inference::Tokenizer;

namespace {

// The texts of the vocabulary's own conformance file, over and over: words, numbers, many scripts.
std::string text_of(const Path& vocabulary, std::size_t size) {
  std::string text;
  const std::string part = *read_text_file(Path(vocabulary.string() + ".inp"));
  while (text.size() < size) text += part;
  return text;
}

void encode(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.encode(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const char* root = std::getenv("ATTEST_CORPUS");
  const Path folder = Path(root ? root : "") / "inference/vocab";
  if (!root || !std::filesystem::exists(folder)) {
    std::cout << "skipped: ATTEST_CORPUS has no inference/vocab\n";
    return 0;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    const auto gguf = model::parse_gguf(*read_file(entry.path()));
    const auto tokenizer = std::make_shared<Tokenizer>(*Tokenizer::read(*gguf));
    const std::string name = entry.path().stem().string();
    for (const std::size_t size : {std::size_t{1} << 14, std::size_t{1} << 20})
      benchmark::RegisterBenchmark(
          (name + "/" + std::to_string(size >> 10) + "KiB").c_str(),
          [tokenizer, text = text_of(entry.path(), size)](benchmark::State& state) {
            encode(state, *tokenizer, text);
          });
    // One word without an end, the worst of all texts.
    benchmark::RegisterBenchmark((name + "/one word of 256KiB").c_str(),
                                 [tokenizer, text = std::string(std::size_t{1} << 18, 'a')](
                                     benchmark::State& state) { encode(state, *tokenizer, text); });
  }
  benchmark::RunSpecifiedBenchmarks();
}

// Loading and streaming: only the bytes that were released are computed with, whatever happens to
// the file meanwhile, and where they come from changes no bit of an answer.
#include <array>
#include <atomic>
#include <fstream>
#include <thread>

#include "inference/answer/logits_chain.h"
#include "inference/model/streamed_layers.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

struct OnDisk {
  TemporaryDirectory here;
  Path path = here.path() / "model.gguf";
  Bytes bytes;
  model::DigestsWithLeaves both;

  explicit OnDisk(const SmallShape& shape = {})
      : bytes(small_model(shape)), both(model::digest_bytes_with_leaves(bytes)) {
    must(write_file_atomically(path, bytes));
  }
  Result<model::VerifiedFile> open() const {
    const auto& own = both.digests;
    return model::VerifiedFile::open(path, {own.size, own.sha256, own.fsverity},
                                     model::make_block_tree(both.leaves));
  }
  // Writes one byte of the file where it lies.
  void damage(std::uint64_t at) const {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(~std::to_integer<unsigned>(bytes[at])));
  }
  std::uint64_t offset_of(std::string_view tensor) const {
    return must(model::parse_gguf(bytes)).find_tensor(tensor)->offset;
  }
};

Result<std::vector<Sha256>> hashes(const Transformer& transformer) {
  const auto executor = make_serial_executor();
  const std::vector<Token> text{1, 40, 41, 42, 7, 9};
  TRY(auto sequence, Sequence::begin(transformer, text.size()));
  LogitsChain chain;
  TRY_VOID(sequence.append(text, {.executor = executor.get(), .chunk = 2},
                           [&](std::size_t, std::span<const float> logits) {
                             chain.add(logits);
                             return Status();
                           }));
  return chain.hashes();
}

// A budget under which none, or so many, of a small model's layers stay.
constexpr std::uint64_t little = 21U << 20;

}  // namespace

TEST_CASE("a byte that was changed is refused by the tensor it lies in") {
  // Larger than what is read of the front for its description: the last two are checked as weights.
  for (const std::string name : {"token_embd.weight", "blk.1.ffn_up.weight", "output.weight"}) {
    const OnDisk model({.embedding = 256, .feed_forward = 512});
    REQUIRE((name == "token_embd.weight" || model.offset_of(name) > 1U << 20));
    auto file = must(model.open());
    // After the file was opened and its size and tree were checked.
    model.damage(model.offset_of(name) + 4096);
    const auto loaded = Transformer::load(file);
    REQUIRE_RULE(loaded, rules::block_wrong);
    REQUIRE(loaded.error().to_string().find(name) != std::string::npos);
  }
}

TEST_CASE("another file in the place of the one that was opened changes nothing or is refused") {
  const OnDisk model;
  const auto expected = must(hashes(must(load_from(model.bytes))));
  auto file = must(model.open());
  must(write_file_atomically(model.path, small_model({.poison = 2.0F})));
  const auto loaded = Transformer::load(file);
  if (loaded)
    REQUIRE(must(hashes(*loaded)) == expected);
  else
    REQUIRE(loaded.error().rule == rules::block_wrong);
}

TEST_CASE("a file that is changed again and again while it is loaded gives its own bytes or none") {
  const OnDisk model({.layers = 6});
  const auto expected = must(hashes(must(load_from(model.bytes))));
  const std::uint64_t at = model.offset_of("blk.3.ffn_down.weight") + 100;
  std::atomic<bool> done = false;
  std::thread meddler([&] {
    std::fstream file(model.path, std::ios::in | std::ios::out | std::ios::binary);
    for (unsigned i = 0; !done; ++i) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(std::to_integer<unsigned>(model.bytes[at]) ^ (i & 1U)));
      file.flush();
    }
  });
  for (int round = 0; round < 20; ++round) {
    auto file = must(model.open());
    const auto loaded = Transformer::load(file);
    if (loaded)
      CHECK(must(hashes(*loaded)) == expected);
    else
      CHECK(loaded.error().rule == rules::block_wrong);
  }
  done = true;
  meddler.join();
}

TEST_CASE("a file that became shorter is refused") {
  const OnDisk model;
  auto file = must(model.open());
  std::filesystem::resize_file(model.path, model.bytes.size() / 2);
  REQUIRE_RULE(Transformer::load(file), rules::file_changed);
}

TEST_CASE("streamed layers give the same logits as resident ones, for every type") {
  for (const model::TensorType type : all_weight_types) {
    const OnDisk model({.embedding = 256, .layers = 5, .feed_forward = 256, .type = type});
    const auto expected = must(hashes(must(load_from(model.bytes))));
    for (const std::uint64_t budget : {little + 2 * model.bytes.size(), std::uint64_t{1} << 30}) {
      const auto streamed = must(Transformer::stream(must(model.open()), budget));
      INFO(model::to_string(type) << ", " << streamed.streamed_bytes() << " bytes streamed");
      REQUIRE(must(hashes(streamed)) == expected);
      REQUIRE(must(hashes(streamed)) == expected);
    }
  }
}

TEST_CASE("a layer is checked each time it comes from disk") {
  const OnDisk model({.embedding = 256, .layers = 5, .feed_forward = 256});
  const auto streamed =
      must(Transformer::stream(must(model.open()), little + model.bytes.size() / 2));
  REQUIRE(streamed.streamed_bytes() > 0);
  REQUIRE_OK(hashes(streamed));
  model.damage(model.offset_of("blk.4.ffn_up.weight") + 5000);
  const auto after = hashes(streamed);
  REQUIRE_RULE(after, rules::block_wrong);
  REQUIRE(after.error().to_string().find("blk.4.ffn_up.weight") != std::string::npos);
  must(write_file_atomically(model.path, model.bytes));
}

TEST_CASE("a budget too small for any layer is refused") {
  const OnDisk model;
  REQUIRE_RULE(Transformer::stream(must(model.open()), 1U << 20), rules::transformer_budget);
}

TEST_CASE("layers that stay are read once, the others once a pass, and never too many are held") {
  std::atomic<int> held = 0;
  std::atomic<int> most = 0;
  std::vector<int> reads(6);
  {
    StreamedLayers layers(6, 2, [&](std::size_t number) -> Result<std::shared_ptr<const Layer>> {
      ++reads[number];
      most = std::max(most.load(), ++held);
      const auto bytes = std::make_shared<int>(0);
      return std::shared_ptr<const Layer>(static_cast<const Layer*>(nullptr),
                                          [&held, bytes](const Layer*) { --held; });
    });
    for (int pass = 0; pass < 3; ++pass) {
      const auto turn = layers.begin_pass();
      for (std::size_t number = 0; number < 6; ++number) must(layers.layer(number));
    }
  }
  REQUIRE(reads[0] == 1);
  REQUIRE(reads[1] == 1);
  REQUIRE(reads[3] == 3);
  REQUIRE(most <= 4);
  REQUIRE(held == 0);
}

TEST_CASE("a model whose file is swapped after it was opened is loaded as it was opened") {
  const OnDisk disk;
  auto untouched = must(disk.open());
  const auto expected = must(hashes(must(Transformer::load(untouched))));
  auto file = must(disk.open());
  auto streamed = must(disk.open());
  must(write_file_atomically(disk.path, Bytes(disk.bytes.size())));
  CHECK(must(hashes(must(Transformer::load(file)))) == expected);
  CHECK(must(hashes(must(Transformer::stream(std::move(streamed), little)))) == expected);
}

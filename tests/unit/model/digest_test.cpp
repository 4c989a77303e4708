#include "libattest/model/digest.h"

#include <cstdio>
#include <memory>

#include "libattest/model/block_tree.h"
#include "libattest/model/sha256_lanes.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::model;

namespace {

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 4096);
  return bytes;
}

// fsverity_tool gives the digest that fsverity-utils prints, or nothing where it is not installed.
std::string fsverity_tool(const Path& path) {
  const std::string command = "fsverity digest --compact '" + path.string() + "' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  char line[128] = {};
  if (!pipe || !fgets(line, sizeof line, pipe.get())) return {};
  return std::string(line).substr(0, 64);
}

}  // namespace

TEST_CASE("fs-verity digests are those the fsverity tool prints") {
  const TemporaryDirectory here;
  const Path path = here.path() / "file";
  // Around a block, around a level of 128 blocks, and two levels.
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 524288U, 524289U, 1048577U}) {
    REQUIRE_OK(write_file_atomically(path, pattern(size)));
    const std::string tool = fsverity_tool(path);
    if (tool.empty()) {
      WARN("fsverity is not installed: digests not compared with it");
      return;
    }
    REQUIRE(to_hex(must(digest_file(path)).fsverity) == tool);
  }
}

TEST_CASE("a file and its bytes have the same digests, and progress reaches the end") {
  const TemporaryDirectory here;
  const Bytes bytes = pattern((2U << 20) + 5);
  REQUIRE_OK(write_file_atomically(here.path() / "file", bytes));
  std::uint64_t seen = 0;
  const auto digests =
      must(digest_file(here.path() / "file", [&](std::uint64_t done, std::uint64_t total) {
        REQUIRE(total == bytes.size());
        REQUIRE(done >= seen);
        seen = done;
      }));
  REQUIRE(seen == bytes.size());
  REQUIRE(digests == digest_bytes(bytes));
  REQUIRE(digests.sha256 == sha256(bytes));
  REQUIRE(digests.size == bytes.size());
}

TEST_CASE("the fs-verity digest of a known file does not change") {
  REQUIRE(to_hex(digest_bytes({}).fsverity) ==
          "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95");
}

TEST_CASE("a block tree is believed only when it gives the signed digest") {
  const Bytes bytes = pattern(3 * 4096 + 10);
  const auto both = digest_bytes_with_leaves(bytes);
  const Bytes tree = make_block_tree(both.leaves);
  const auto verified = must(verify_block_tree(tree, bytes.size(), both.digests.fsverity));
  REQUIRE(verified.block_count() == 4);

  Bytes altered = tree;
  altered[40] ^= std::byte{1};
  REQUIRE_RULE(verify_block_tree(altered, bytes.size(), both.digests.fsverity), rules::tree_digest);
  REQUIRE_RULE(verify_block_tree(tree, bytes.size() + 1, both.digests.fsverity),
               rules::tree_digest);
  REQUIRE_RULE(verify_block_tree(ByteView(tree).first(96), bytes.size(), both.digests.fsverity),
               rules::tree_size);
  REQUIRE_RULE(
      verify_block_tree(concat({tree, as_bytes("x")}), bytes.size(), both.digests.fsverity),
      rules::tree_size);

  const ByteView second = ByteView(bytes).subspan(4096, 4096);
  REQUIRE_OK(verified.check_block(1, second));
  REQUIRE_OK(verified.check_block(3, ByteView(bytes).last(10)));
  REQUIRE_RULE(verified.check_block(2, second), rules::block_wrong);
  REQUIRE_RULE(verified.check_block(1, second.first(4095)), rules::block_length);
  REQUIRE_RULE(verified.check_block(4, {}), rules::block_length);
  // A short last block padded by the sender hashes the same, but is not the file's block.
  Bytes padded = to_bytes(ByteView(bytes).last(10));
  padded.resize(4096);
  REQUIRE_RULE(verified.check_block(3, padded), rules::block_length);
}

TEST_CASE("every kernel gives the digests that OpenSSL gives, for every number of blocks") {
  for (const std::size_t block_size : {std::size_t{64}, std::size_t{192}, std::size_t{4096}}) {
    Bytes data(block_size * 37);
    std::uint32_t state = 1;
    for (std::byte& byte : data) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<std::byte>(state >> 24);
    }
    for (const Sha256Kernel kernel : usable_kernels())
      for (std::size_t count = 0; count <= 37; ++count) {
        std::vector<Sha256> digests(count);
        sha256_blocks(ByteView(data).first(count * block_size), block_size, digests, kernel);
        for (std::size_t i = 0; i < count; ++i) {
          INFO(to_string(kernel) << ", block " << i << " of " << count);
          REQUIRE(digests[i] == sha256(ByteView(data).subspan(i * block_size, block_size)));
        }
      }
  }
  CHECK(usable_kernels().front() == Sha256Kernel::reference);
}

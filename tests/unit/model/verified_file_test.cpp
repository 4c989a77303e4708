#include "libattest/model/verified_file.h"

#include <fstream>

#include <sys/stat.h>

#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::model;

namespace {

Bytes model_file() {
  GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  writer.add_tensor_f32("small", {8}, std::vector<float>(8, 1.0F));
  writer.add_tensor_f32("large", {1024, 600}, std::vector<float>(1024 * 600, 0.5F));
  return must(writer.finish());
}

struct Released {
  Bytes bytes = model_file();
  DigestsWithLeaves both = digest_bytes_with_leaves(bytes);
  ExpectedFile expected{both.digests.size, both.digests.sha256, both.digests.fsverity};
  Bytes tree = make_block_tree(both.leaves);
};

// SwappingFile gives other bytes from its second read of a place on.
class SwappingFile final : public File {
 public:
  explicit SwappingFile(Bytes bytes) : bytes_(std::move(bytes)) {}
  Result<std::uint64_t> size() override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer) override {
    const std::size_t count = std::min<std::size_t>(buffer.size(), bytes_.size() - offset);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, buffer.begin());
    if (offset == 0 && reads_++ > 0) buffer[100] ^= std::byte{1};
    return count;
  }
  Status write_at(std::uint64_t, ByteView) override { return {}; }
  Status truncate(std::uint64_t) override { return {}; }
  Status sync() override { return {}; }

 private:
  Bytes bytes_;
  int reads_ = 0;
};

}  // namespace

TEST_CASE("a genuine model is read whole, with and without its tree") {
  const TemporaryDirectory here;
  const Released released;
  const Path path = here.path() / "model.gguf";
  REQUIRE_OK(write_file_atomically(path, released.bytes));
  for (const bool with_tree : {true, false}) {
    auto file = must(VerifiedFile::open(path, released.expected,
                                        with_tree ? std::optional(released.tree) : std::nullopt));
    Bytes part(10000);
    REQUIRE_OK(file.read(4000, part));
    REQUIRE(equal(part, ByteView(released.bytes).subspan(4000, 10000)));
    const auto model = must(load_verified_gguf(file));
    REQUIRE(equal(model.bytes(), released.bytes));
    REQUIRE(model.data(*model.gguf().find_tensor("small")).size() == 32);
  }
}

TEST_CASE("a flipped byte is refused, and named by byte, block and tensor") {
  const TemporaryDirectory here;
  Released released;
  const Path path = here.path() / "model.gguf";
  released.bytes[1'300'000] ^= std::byte{1};
  REQUIRE_OK(write_file_atomically(path, released.bytes));
  auto file = must(VerifiedFile::open(path, released.expected, released.tree));
  const auto model = load_verified_gguf(file);
  REQUIRE_RULE(model, rules::block_wrong);
  const Error& error = model.error();
  REQUIRE(error.what.find("tensor large") != std::string::npos);
  REQUIRE(error.where.find("byte 1,298,432") != std::string::npos);
  REQUIRE(error.where.find("block 317") != std::string::npos);
  // Blocks before the wrong one can still be used.
  Bytes part(4096);
  REQUIRE_OK(file.read(0, part));
  REQUIRE_RULE(file.read(1'300'001, std::span(part).first(1)), rules::block_wrong);

  REQUIRE_RULE(VerifiedFile::open(path, released.expected, std::nullopt),
               rules::verified_file_digest);
}

TEST_CASE("a file of another size is refused before it is read") {
  const TemporaryDirectory here;
  Released released;
  const Path path = here.path() / "model.gguf";
  released.bytes.push_back(std::byte{0});
  REQUIRE_OK(write_file_atomically(path, released.bytes));
  REQUIRE_RULE(VerifiedFile::open(path, released.expected, released.tree),
               rules::verified_file_size);
}

TEST_CASE("a wrong tree is refused even where the file is genuine") {
  const TemporaryDirectory here;
  Released released;
  const Path path = here.path() / "model.gguf";
  REQUIRE_OK(write_file_atomically(path, released.bytes));
  released.tree[0] ^= std::byte{1};
  REQUIRE_RULE(VerifiedFile::open(path, released.expected, released.tree), rules::tree_digest);
}

TEST_CASE("bytes that change between check and use are caught") {
  const Released released;
  auto file = must(VerifiedFile::of(std::make_unique<SwappingFile>(released.bytes), "swapped",
                                    released.expected, std::nullopt));
  REQUIRE_RULE(load_verified_gguf(file), rules::block_wrong);
}

TEST_CASE("a file that is swapped for another after it was opened is read as what was opened") {
  const TemporaryDirectory here;
  const Released released;
  const Path path = here.path() / "model.gguf";
  REQUIRE_OK(write_file_atomically(path, released.bytes));
  for (const bool with_tree : {true, false}) {
    auto file = must(VerifiedFile::open(path, released.expected,
                                        with_tree ? std::optional(released.tree) : std::nullopt));
    REQUIRE(file.descriptor() >= 0);
    REQUIRE_OK(write_file_atomically(path, Bytes(released.bytes.size())));
    CHECK(equal(must(load_verified_gguf(file)).bytes(), released.bytes));
    // Who opens it now gets the other file.
    REQUIRE_RULE(VerifiedFile::open(path, released.expected, std::nullopt),
                 rules::verified_file_digest);
    REQUIRE_OK(write_file_atomically(path, released.bytes));
  }
}

TEST_CASE("a file that is written to after it was opened is refused at the block that changed") {
  const TemporaryDirectory here;
  const Released released;
  const Path path = here.path() / "model.gguf";
  REQUIRE_OK(write_file_atomically(path, released.bytes));
  const Path other_name = here.path() / "hard-link";
  std::filesystem::create_hard_link(path, other_name);
  auto file = must(VerifiedFile::open(path, released.expected, std::nullopt));
  Bytes part(4096);
  REQUIRE_OK(file.read(0, part));
  {
    std::fstream writer(other_name, std::ios::in | std::ios::out | std::ios::binary);
    writer.seekp(1'300'000);
    writer.put('x');
  }
  REQUIRE_OK(file.read(0, part));
  REQUIRE_RULE(file.read(1'300'000, part), rules::block_wrong);
}

TEST_CASE("what is no regular file is never waited for") {
  const TemporaryDirectory here;
  const Released released;
  const Path path = here.path() / "fifo";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  REQUIRE_RULE(VerifiedFile::open(path, released.expected, std::nullopt), rules::directory_special);
}

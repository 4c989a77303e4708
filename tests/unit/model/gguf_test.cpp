#include "libattest/model/gguf.h"

#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::model;

namespace {

// A file with everything in it that the reader has rules for.
GgufWriter complete(std::uint32_t alignment = 32) {
  GgufWriter writer(alignment);
  writer.add_string("general.architecture", "llama");
  writer.add_u32("general.base_model.count", 1);
  writer.add_string("general.base_model.0.name", "base");
  writer.add_strings("tokenizer.ggml.tokens", {"<unk>", "a"});
  writer.add_f32s("tokenizer.ggml.scores", {0.0F, -1.5F});
  writer.add_i32s("tokenizer.ggml.token_type", {2, 1});
  writer.add_u32("tokenizer.ggml.bos_token_id", 1);
  writer.add_boolean("tokenizer.ggml.add_bos_token", true);
  writer.add_tensor_f32("first", {3, 2}, {1, 2, 3, 4, 5, 6});
  writer.add_tensor_f32("second", {4}, {7, 8, 9, 10});
  return writer;
}

Bytes good() {
  return must(complete().finish());
}

// changed replaces the first occurrence of one text by another of the same length.
Bytes changed(Bytes file, std::string_view from, std::string_view to) {
  const std::size_t at = as_text(file).find(from);
  REQUIRE(at != std::string_view::npos);
  REQUIRE(from.size() == to.size());
  std::copy_n(as_bytes(to).begin(), to.size(), file.begin() + static_cast<std::ptrdiff_t>(at));
  return file;
}

std::size_t behind(const Bytes& file, std::string_view text) {
  const std::size_t at = as_text(file).find(text);
  REQUIRE(at != std::string_view::npos);
  return at + text.size();
}

Bytes with_u64(Bytes file, std::size_t at, std::uint64_t value) {
  Bytes encoded;
  append_u64_le(encoded, value);
  std::copy(encoded.begin(), encoded.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
  return file;
}

Bytes with_u32(Bytes file, std::size_t at, std::uint32_t value) {
  Bytes encoded;
  append_u32_le(encoded, value);
  std::copy(encoded.begin(), encoded.end(), file.begin() + static_cast<std::ptrdiff_t>(at));
  return file;
}

}  // namespace

TEST_CASE("what the writer wrote the reader reads") {
  const Bytes file = good();
  const Gguf gguf = must(parse_gguf(file));
  REQUIRE(gguf.version() == 3);
  REQUIRE(must(gguf.text("general.architecture")) == "llama");
  REQUIRE(must(gguf.unsigned_integer("tokenizer.ggml.bos_token_id")) == 1);
  REQUIRE(must(gguf.boolean("tokenizer.ggml.add_bos_token")));
  REQUIRE(must(gguf.array("tokenizer.ggml.tokens", GgufType::string))->strings()->at(1) == "a");
  REQUIRE(must(gguf.array("tokenizer.ggml.scores", GgufType::f32))->numbers()->at(1) == -1.5);
  const GgufTensor* second = gguf.find_tensor("second");
  REQUIRE(second != nullptr);
  REQUIRE(second->offset % 32 == 0);
  REQUIRE(second->size == 16);
  REQUIRE(gguf.region_at(second->offset + 15) == "tensor second");
  REQUIRE(gguf.region_at(second->offset + 16) == "padding");
  REQUIRE(gguf.region_at(0) == "header");
  REQUIRE_RULE(gguf.text("general.name"), rules::gguf_key_missing);
  REQUIRE_RULE(gguf.text("general.base_model.count"), rules::gguf_key_type);
}

TEST_CASE("an alignment other than 32 is written and kept") {
  const Gguf gguf = must(parse_gguf(must(complete(256).finish())));
  REQUIRE(gguf.alignment() == 256);
  REQUIRE(gguf.find_tensor("second")->offset % 256 == 0);
}

TEST_CASE("a description that goes on behind the given front asks for more") {
  const Bytes file = good();
  const auto result = parse_gguf(ByteView(file).first(100), file.size());
  REQUIRE_RULE(result, rules::gguf_front_too_short);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
  const Gguf gguf = must(parse_gguf(file));
  REQUIRE_OK(parse_gguf(ByteView(file).first(gguf.data_offset()), file.size()));
}

TEST_CASE("every truncation of a file is refused") {
  const Bytes file = good();
  // The padding behind the last tensor may be missing, but not a byte of the tensor.
  const Gguf gguf = must(parse_gguf(file));
  const std::size_t end = gguf.tensors().back().offset + gguf.tensors().back().size;
  for (std::size_t size = 0; size < file.size(); ++size) {
    const bool accepted = parse_gguf(ByteView(file).first(size)).has_value();
    REQUIRE(accepted == (size == end));
  }
}

TEST_CASE("each rule of the container has an input that breaks it alone") {
  const Bytes file = good();
  const std::size_t first = behind(file, "first");
  REQUIRE_RULE(parse_gguf(changed(file, "GGUF", "GGUM")), rules::gguf_magic);
  REQUIRE_RULE(parse_gguf(with_u32(file, 4, 4)), rules::gguf_version);
  REQUIRE_RULE(parse_gguf(with_u32(file, 4, 3U << 24)), rules::gguf_version);
  REQUIRE_RULE(parse_gguf(with_u64(file, 8, 1ULL << 63)), rules::gguf_count);
  REQUIRE_RULE(parse_gguf(with_u64(file, 16, 1'000'000'000)), rules::gguf_count);
  REQUIRE_RULE(parse_gguf(changed(file, "general.arch", "General.arch")), rules::gguf_key);
  REQUIRE_RULE(parse_gguf(with_u32(file, behind(file, "general.architecture"), 13)),
               rules::gguf_value_type);
  REQUIRE_RULE(parse_gguf(changed(file, "llama", "ll\xff\xfe!")), rules::gguf_utf8);
  const std::size_t boolean = behind(file, "add_bos_token") + 4;
  Bytes two = file;
  two[boolean] = std::byte{2};
  REQUIRE_RULE(parse_gguf(two), rules::gguf_boolean);
  REQUIRE_RULE(parse_gguf(with_u32(file, behind(file, "ggml.tokens") + 4, 9)),
               rules::gguf_nested_array);
  REQUIRE_RULE(parse_gguf(with_u64(file, behind(file, "ggml.scores") + 8, 1ULL << 61)),
               rules::gguf_count);
  REQUIRE_RULE(parse_gguf(with_u32(file, first, 5)), rules::gguf_dimensions);
  REQUIRE_RULE(parse_gguf(with_u32(file, first, 0)), rules::gguf_dimensions);
  REQUIRE_RULE(parse_gguf(with_u64(file, first + 4, 0)), rules::gguf_dimensions);
  REQUIRE_RULE(parse_gguf(with_u64(file, first + 4, 1ULL << 63)), rules::gguf_dimensions);
  REQUIRE_RULE(parse_gguf(with_u64(with_u64(file, first + 4, 1ULL << 32), first + 12, 1ULL << 32)),
               rules::gguf_dimensions);
  REQUIRE_RULE(parse_gguf(with_u64(file, first + 4, 1ULL << 61)), rules::gguf_size);
  REQUIRE_RULE(parse_gguf(with_u32(file, first + 20, 4)), rules::gguf_tensor_type);
  REQUIRE_RULE(parse_gguf(with_u32(file, first + 20, 0xffffffff)), rules::gguf_tensor_type);
  REQUIRE_RULE(parse_gguf(with_u32(file, first + 20, 8)), rules::gguf_row);
  REQUIRE_RULE(parse_gguf(with_u64(file, first + 24, 32)), rules::gguf_offset);
  const std::size_t second = behind(file, "second");
  REQUIRE_RULE(parse_gguf(with_u64(file, second + 16, 33)), rules::gguf_offset);
  REQUIRE_RULE(parse_gguf(with_u64(file, second + 16, 0)), rules::gguf_offset);
  REQUIRE_RULE(parse_gguf(with_u64(file, second + 4, 4096)), rules::gguf_past_end);
  REQUIRE_RULE(parse_gguf(concat({file, as_bytes("x")})), rules::gguf_trailing);
  Bytes hidden = file;
  hidden.back() = std::byte{1};
  REQUIRE_RULE(parse_gguf(hidden), rules::gguf_padding);
}

TEST_CASE("keys and names are there once") {
  GgufWriter keys;
  keys.add_u32("a", 1);
  keys.add_u32("a", 1);
  REQUIRE_RULE(keys.finish(), rules::gguf_key_twice);
  GgufWriter names;
  names.add_tensor_f32("a", {1}, {1});
  names.add_tensor_f32("a", {1}, {1});
  REQUIRE_RULE(names.finish(), rules::gguf_tensor_twice);
  GgufWriter empty;
  empty.add_u32("", 1);
  REQUIRE_RULE(empty.finish(), rules::gguf_key);
}

TEST_CASE("the name of a tensor has 1 to 63 bytes") {
  for (const std::size_t length : {0U, 64U}) {
    GgufWriter writer;
    writer.add_tensor_f32(std::string(length, 'n'), {1}, {1});
    REQUIRE_RULE(writer.finish(), rules::gguf_tensor_name);
  }
  GgufWriter writer;
  writer.add_tensor_f32(std::string(63, 'n'), {1}, {1});
  REQUIRE_OK(writer.finish());
}

TEST_CASE("an alignment is a u32 and a power of two") {
  for (const std::uint32_t alignment : {0U, 3U, 48U, 131072U}) {
    GgufWriter writer;
    writer.add_u32("general.alignment", alignment);
    REQUIRE_RULE(writer.finish(), rules::gguf_alignment);
  }
  GgufWriter text;
  text.add_string("general.alignment", "32");
  REQUIRE_RULE(text.finish(), rules::gguf_alignment);
  GgufWriter wide;
  wide.add_u64("general.alignment", 32);
  REQUIRE_RULE(wide.finish(), rules::gguf_alignment);
}

TEST_CASE("tokenizer arrays have their types and one length, and ids name tokens") {
  GgufWriter shorter;
  shorter.add_strings("tokenizer.ggml.tokens", {"a", "b"});
  shorter.add_f32s("tokenizer.ggml.scores", {1});
  REQUIRE_RULE(shorter.finish(), rules::gguf_tokenizer);
  GgufWriter typed;
  typed.add_strings("tokenizer.ggml.tokens", {"a", "b"});
  typed.add_i32s("tokenizer.ggml.scores", {1, 2});
  REQUIRE_RULE(typed.finish(), rules::gguf_tokenizer);
  GgufWriter text;
  text.add_string("tokenizer.ggml.tokens", "ab");
  REQUIRE_RULE(text.finish(), rules::gguf_tokenizer);
  GgufWriter id;
  id.add_strings("tokenizer.ggml.tokens", {"a", "b"});
  id.add_u32("tokenizer.ggml.eos_token_id", 2);
  REQUIRE_RULE(id.finish(), rules::gguf_tokenizer);
  GgufWriter orphan;
  orphan.add_f32s("tokenizer.ggml.scores", {1});
  REQUIRE_RULE(orphan.finish(), rules::gguf_tokenizer);
}

TEST_CASE("the number of base models is that of the base models named") {
  GgufWriter more;
  more.add_u32("general.base_model.count", 2);
  more.add_string("general.base_model.0.name", "a");
  REQUIRE_RULE(more.finish(), rules::gguf_base_models);
  GgufWriter other;
  other.add_u32("general.base_model.count", 1);
  other.add_string("general.base_model.1.name", "a");
  REQUIRE_RULE(other.finish(), rules::gguf_base_models);
  GgufWriter uncounted;
  uncounted.add_string("general.base_model.0.name", "a");
  REQUIRE_RULE(uncounted.finish(), rules::gguf_base_models);
}

TEST_CASE("version 1 has counts and lengths of 32 bits") {
  Bytes file = to_bytes("GGUF");
  append_u32_le(file, 1);
  append_u32_le(file, 1);
  append_u32_le(file, 1);
  append_u32_le(file, 4);
  append(file, as_bytes("name"));
  append_u32_le(file, 8);
  append_u32_le(file, 2);
  append(file, as_bytes("ok"));
  append_u32_le(file, 1);
  append(file, as_bytes("t"));
  append_u32_le(file, 1);
  append_u32_le(file, 2);
  append_u32_le(file, 0);
  append_u64_le(file, 0);
  file.resize((file.size() + 31) / 32 * 32 + 8);
  const Gguf gguf = must(parse_gguf(file));
  REQUIRE(must(gguf.text("name")) == "ok");
  REQUIRE(gguf.tensors().front().size == 8);
}

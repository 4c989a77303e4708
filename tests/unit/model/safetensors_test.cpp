#include "libattest/model/safetensors.h"

#include "libattest/base/json.h"
#include "libattest/model/safetensors_index.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::model;

namespace {

// A file with this header, byte for byte, and this much data.
Bytes file_of(std::string_view header, std::size_t data_size) {
  Bytes file;
  append_u64_le(file, header.size());
  append(file, as_bytes(header));
  file.resize(file.size() + data_size);
  return file;
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

Result<Safetensors> parsed(const std::string& header, std::size_t data_size) {
  return parse_safetensors(file_of(header, data_size));
}

}  // namespace

TEST_CASE("a safetensors file gives its tensors in the order of their data") {
  const auto file = must(parsed("{" + tensor("b", "F32", "[2,3]", "[4,28]") + "," +
                                    tensor("a", "BF16", "[2]", "[0,4]") +
                                    ",\"__metadata__\":{\"format\":\"pt\"}}   ",
                                28));
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors[0].name == "a");
  CHECK(file.tensors[1].offset == file.data_offset + 4);
  CHECK(file.tensors[1].elements() == 6);
  CHECK(file.metadata.at("format") == "pt");
  CHECK(file.find("b") == &file.tensors[1]);
  CHECK(file.find("c") == nullptr);
}

TEST_CASE("scalars, empty tensors and files without tensors are safetensors") {
  REQUIRE_OK(parsed("{" + tensor("s", "F64", "[]", "[0,8]") + "}", 8));
  REQUIRE_OK(parsed(
      "{" + tensor("z", "F32", "[0,4]", "[0,0]") + "," + tensor("a", "U8", "[1]", "[0,1]") + "}",
      1));
  REQUIRE_OK(parsed("{}", 0));
}

TEST_CASE("a safetensors header that is not whole is refused, and one not read is incomplete") {
  REQUIRE_RULE(parse_safetensors(Bytes(7)), rules::safetensors_truncated);
  Bytes file = file_of("{}", 0);
  file[0] = std::byte{200};
  REQUIRE_RULE(parse_safetensors(file), rules::safetensors_truncated);
  file[0] = std::byte{1};
  REQUIRE_RULE(parse_safetensors(file), rules::safetensors_header_size);
  Bytes large;
  append_u64_le(large, max_safetensors_header + 1);
  REQUIRE_RULE(parse_safetensors(large, 1ULL << 40), rules::safetensors_header_size);
  const Bytes whole = file_of("{" + tensor("a", "U8", "[1]", "[0,1]") + "}", 1);
  REQUIRE_RULE(parse_safetensors(ByteView(whole).first(20), whole.size()),
               rules::safetensors_front_too_short);
}

TEST_CASE("nothing but the JSON object and spaces stands in a safetensors header") {
  REQUIRE_RULE(parsed(" {}", 0), rules::safetensors_header);
  REQUIRE_RULE(parsed("{}\n", 0), rules::safetensors_header);
  REQUIRE_RULE(parsed("{} {}", 0), rules::json_form);
}

TEST_CASE("a tensor named twice is refused, also where an escape hides it") {
  const std::string a = tensor("a", "U8", "[1]", "[0,1]");
  REQUIRE_RULE(parsed("{" + a + "," + a + "}", 1), rules::json_duplicate);
  REQUIRE_RULE(parsed("{" + a + "," + tensor("\\u0061", "U8", "[1]", "[0,1]") + "}", 1),
               rules::json_duplicate);
}

TEST_CASE("a safetensors tensor says what it is, and no more") {
  REQUIRE_RULE(parsed("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1), rules::safetensors_tensor);
  REQUIRE_RULE(parsed("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1),
               rules::safetensors_tensor);
  REQUIRE_RULE(parsed("{" + tensor("a", "u8", "[1]", "[0,1]") + "}", 1), rules::safetensors_dtype);
  REQUIRE_RULE(parsed("{" + tensor("a", "U8", "[1.0]", "[0,1]") + "}", 1),
               rules::safetensors_shape);
  REQUIRE_RULE(parsed("{" + tensor("a", "U8", "[-1]", "[0,1]") + "}", 1), rules::safetensors_shape);
  REQUIRE_RULE(parsed("{" + tensor("a", "F4", "[3]", "[0,1]") + "}", 1), rules::safetensors_size);
  REQUIRE_RULE(parsed("{\"__metadata__\":{\"a\":1}}", 0), rules::safetensors_metadata);
}

TEST_CASE("shapes whose product wraps are refused") {
  REQUIRE_RULE(parsed("{" + tensor("a", "U8", "[4294967296,4294967296,16]", "[0,0]") + "}", 0),
               rules::safetensors_size);
  REQUIRE_RULE(parsed("{" + tensor("a", "F64", "[2305843009213693952]", "[0,0]") + "}", 0),
               rules::safetensors_size);
  REQUIRE_RULE(parsed("{" + tensor("a", "F32", "[2]", "[0,4]") + "}", 4), rules::safetensors_size);
}

TEST_CASE("tensors cover the data exactly: no hole, no overlap, nothing behind") {
  const std::string a = tensor("a", "U8", "[2]", "[0,2]");
  REQUIRE_RULE(parsed("{" + a + "," + tensor("b", "U8", "[2]", "[3,5]") + "}", 5),
               rules::safetensors_offsets);
  REQUIRE_RULE(parsed("{" + a + "," + tensor("b", "U8", "[2]", "[1,3]") + "}", 3),
               rules::safetensors_offsets);
  REQUIRE_RULE(parsed("{" + tensor("a", "U8", "[2]", "[1,3]") + "}", 3),
               rules::safetensors_offsets);
  REQUIRE_RULE(parsed("{" + tensor("a", "U8", "[2]", "[2,0]") + "}", 2),
               rules::safetensors_offsets);
  REQUIRE_RULE(parsed("{" + a + "}", 3), rules::safetensors_end);
  REQUIRE_RULE(parsed("{" + a + "}", 1), rules::safetensors_end);
}

TEST_CASE("an index and its shards say the same") {
  const std::map<std::string, Safetensors> shards = {
      {"1.safetensors", must(parsed("{" + tensor("a", "U8", "[2]", "[0,2]") + "}", 2))},
      {"2.safetensors", must(parsed("{" + tensor("b", "U8", "[3]", "[0,3]") + "}", 3))}};
  const auto check = [&](const std::string& map, const std::string& size) -> Status {
    TRY(const auto index, parse_safetensors_index("{\"metadata\":{\"total_size\":" + size +
                                                  "},\"weight_map\":{" + map + "}}"));
    return check_shards(index, shards);
  };
  const std::string a = "\"a\":\"1.safetensors\"";
  const std::string b = "\"b\":\"2.safetensors\"";
  REQUIRE_OK(check(a + "," + b, "5"));
  REQUIRE_RULE(check(a + "," + b, "6"), rules::shards_total_size);
  REQUIRE_RULE(check(a, "5"), rules::shards_map);
  REQUIRE_RULE(check(a + ",\"b\":\"1.safetensors\"", "5"), rules::shards_map);
  REQUIRE_RULE(check(a + "," + b + ",\"c\":\"2.safetensors\"", "5"), rules::shards_map);
  REQUIRE_RULE(check(a + "," + b + ",\"c\":\"3.safetensors\"", "5"), rules::shards_missing);
  REQUIRE_RULE(check(a + "," + b, "\"5\""), rules::shards_index);
  REQUIRE_RULE(parse_safetensors_index("{\"weight_map\":{}}"), rules::shards_index);
  for (const char* name : {"../1.safetensors", "/1.safetensors", "a/1.safetensors", "1.bin",
                           ".hidden.safetensors", "a\\\\1.safetensors", "1\\u0000.safetensors"})
    REQUIRE_RULE(check("\"a\":\"" + std::string(name) + "\"", "5"), rules::shards_file_name);
}

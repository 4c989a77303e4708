// links: attest::reference
#include "libattest/reference/corim.h"

#include "libattest/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;

TEST_CASE("reference values of devices, signed and not, are read as CoRIM") {
  const auto folder = corpus("gpu/corim");
  if (!folder) return;
  std::size_t seen = 0;
  for (const std::string& name : must(system_files().list(*folder))) {
    if (name.find("corim") == std::string::npos) continue;
    INFO(name);
    const Bytes bytes = must(read_file(*folder / name));
    REQUIRE_FALSE(bytes.empty());
    // Tag 18 is a COSE_Sign1, in one byte.
    const bool is_signed = bytes.front() == std::byte{0xd2};
    CHECK(is_signed == (name.find("signed") != std::string::npos));
    const auto corim =
        is_signed ? reference::parse_signed_corim(bytes) : reference::parse_corim(bytes);
    INFO((corim ? std::string("read") : corim.error().to_string()));
    CHECK(corim.has_value());
    ++seen;
  }
  CHECK(seen > 0);
}

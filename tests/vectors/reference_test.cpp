// links: attest::reference attest::base
#include "libattest/base/file.h"
#include "libattest/reference/corim_profiles.h"
#include "tests/support/catch.h"
#include "tests/support/corpus_table.h"

using namespace attest;

namespace {

// read_any reads an unsigned CoRIM, a signed one, or a bare CoMID, whichever the bytes are, and
// checks the profile where there is one that is known.
Status read_any(ByteView bytes) {
  const auto value = cbor::decode(bytes);
  // A CoMID has its identity, a map, under 1; a CoRIM has its tags, an array, there.
  if (value && value->find(1) && value->find(1)->as_map()) {
    TRY_VOID(reference::parse_comid(bytes));
    return {};
  }
  const cbor::Tagged* tagged = value ? value->as_tagged() : nullptr;
  auto corim = tagged && tagged->tag == 18 ? reference::parse_signed_corim(bytes)
                                           : reference::parse_corim(bytes);
  if (!corim) return fail(std::move(corim).error());
  auto status = reference::check_profile(*corim);
  // A profile that is not known here is reported, and does not make the file malformed.
  if (!status && status.error().rule == rules::corim_profile_unknown) return {};
  return status;
}

}  // namespace

TEST_CASE("the CoRIM files are read and refused as their table says") {
  const auto rows = test::corpus_table("tpm", "corim");
  for (const test::CorpusRow& row : rows) {
    const Status status = read_any(must(read_file(row.path)));
    INFO(row.path.filename().string() << ": " << row.conclusion);
    INFO((status ? std::string("accepted") : status.error().to_string()));
    CHECK(status.has_value() == !row.conclusion.starts_with("reject"));
  }
}

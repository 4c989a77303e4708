#include "libattest/tee/collateral.h"

#include "libattest/tee/roots.h"
#include "tests/support/catch.h"
#include "tests/support/made_tdx.h"

namespace attest::tee {
namespace {

const Time now = from_unix(1'799'000'000);

std::string crl_pem(ByteView der) {
  return "-----BEGIN X509 CRL-----\n" + to_base64(der) + "\n-----END X509 CRL-----\n";
}

Bytes table_of(const std::vector<Bytes>& entries) {
  Bytes head;
  Bytes content;
  const std::size_t start = (entries.size() + 1) * 24;
  for (const Bytes& entry : entries) {
    append(head, Bytes(16, std::byte{1}));
    append_u32_le(head, static_cast<std::uint32_t>(start + content.size()));
    append_u32_le(head, static_cast<std::uint32_t>(entry.size()));
    append(content, entry);
  }
  append(head, Bytes(24));
  return concat({head, content});
}

TEST_CASE("collateral is told by what it holds") {
  const test::MadeTdx made;
  const Bytes crl = made.crls(now).front();
  Collateral collateral;
  REQUIRE(must(collateral.add(made.pck.certificate().der())));
  REQUIRE(must(collateral.add(as_bytes(made.chain_pem()))));
  REQUIRE(collateral.certificates.size() == 4);
  REQUIRE(must(collateral.add(crl)));
  REQUIRE(must(collateral.add(as_bytes(to_hex(crl) + "\n"))));
  REQUIRE(must(collateral.add(as_bytes(crl_pem(crl)))));
  REQUIRE(collateral.crls == std::vector<Bytes>{crl, crl, crl});
  REQUIRE(must(collateral.add(
      as_bytes(test::signed_json(made.tcb_signing, "tcbInfo", test::tcb_info_body({{}})) + "\n"))));
  REQUIRE(must(collateral.add(
      as_bytes(test::signed_json(made.tcb_signing, "enclaveIdentity", test::qe_identity_body())))));
  REQUIRE(collateral.tcb_infos.size() == 1);
  REQUIRE(collateral.qe_identities.size() == 1);
}

TEST_CASE("the table that a host hands to an SNP guest is read") {
  const test::MadeSnp made;
  Collateral collateral;
  REQUIRE(must(collateral.add(
      table_of({made.vcek.certificate().der(), to_bytes("other"), made.ask.certificate().der()}))));
  REQUIRE(collateral.certificates.size() == 2);
  Bytes past = table_of({made.vcek.certificate().der()});
  past[20] = std::byte{0xff};
  past[23] = std::byte{0xff};
  REQUIRE_FALSE(must(collateral.add(past)));
}

TEST_CASE(
    "what is no collateral is passed over; what calls itself TCB info and is not is refused") {
  Collateral collateral;
  for (const std::string_view other : {"", "hello", "{\"a\":1}", "-----BEGIN PUBLIC KEY-----"})
    REQUIRE_FALSE(must(collateral.add(as_bytes(other))));
  REQUIRE_FALSE(collateral.add(as_bytes("{\"tcbInfo\":{}}")));
}

TEST_CASE("a root is known by its key, and ours are not") {
  const test::MadeSnp made;
  REQUIRE_FALSE(root_owner(made.root.certificate()));
  REQUIRE(known_roots({made.root.certificate(), made.ask.certificate()}).empty());
}

}  // namespace
}  // namespace attest::tee

#include "libattest/crypto/der_reader.h"
#include "libattest/dice/chain.h"
#include "tests/support/catch.h"
#include "tests/support/test_ca.h"

namespace attest::dice {
namespace {

const Time now = from_unix(1'800'000'000);

Bytes firmware_id(ByteView digest) {
  return der_element(der_tag::sequence,
                     concat({der_element(der_tag::oid, der_oid("2.16.840.1.101.3.4.2.2")),
                             der_element(der_tag::octet_string, digest)}));
}
Bytes member(unsigned number, ByteView content) {
  return der_element(der_tag::context(number), content);
}
Bytes tcb_info(ByteView members) {
  return der_element(der_tag::sequence, members);
}
const Bytes& sample() {
  static const Bytes info = tcb_info(concat(
      {member(0, as_bytes("maker")), member(1, as_bytes("model")), member(3, must(from_hex("02"))),
       der_element(der_tag::context_constructed(6), firmware_id(Bytes(48, std::byte{9}))),
       member(7, must(from_hex("0410"))), member(9, as_bytes("FMC"))}));
  return info;
}

struct Device {
  test::Certified root = test::Certified::root({.common_name = "maker", .is_ca = true});
  test::Certified idevid = root.issue({.common_name = "IDevID", .is_ca = true});
  test::Certified ldevid = idevid.issue({.common_name = "LDevID", .is_ca = true, .path_length = 1});
  test::Certified alias =
      ldevid.issue({.common_name = "alias", .extensions = {{std::string(tcb_info_oid), sample()}}});
  std::vector<Certificate> chain() const {
    return {alias.certificate(), ldevid.certificate(), idevid.certificate()};
  }
  std::vector<Certificate> anchors() const { return {root.certificate()}; }
};
const Device& device() {
  static const Device made;
  return made;
}

TEST_CASE("a chain of layers is verified up to an anchor, and says their firmware") {
  const VerifiedDiceChain chain =
      must(verify_dice_chain(device().chain(), device().anchors(), now));
  REQUIRE(chain.layers().size() == 3);
  const TcbInfo& info = chain.layers().front().tcb_infos.front();
  REQUIRE(info.vendor == "maker");
  REQUIRE(info.svn == 2);
  REQUIRE(info.firmware_ids.front().digest == Bytes(48, std::byte{9}));
  REQUIRE(info.type == to_bytes("FMC"));
  REQUIRE(info.debug());
  // A device's own identity can be the anchor.
  REQUIRE_OK(verify_dice_chain({device().alias.certificate(), device().ldevid.certificate()},
                               {device().ldevid.certificate()}, now));
  REQUIRE_OK(verify_dice_chain({device().alias.certificate(), device().ldevid.certificate()},
                               {device().idevid.certificate()}, now));
}

TEST_CASE("a certificate whose issuer is another, or a namesake, is refused") {
  const Device other;
  REQUIRE_RULE(verify_dice_chain({device().alias.certificate(), device().idevid.certificate()},
                                 device().anchors(), now),
               rules::dice_not_issuer);
  REQUIRE_RULE(verify_dice_chain({device().alias.certificate(), other.ldevid.certificate()},
                                 {other.idevid.certificate()}, now),
               rules::dice_signature);
  REQUIRE_RULE(verify_dice_chain({}, device().anchors(), now), rules::dice_empty);
}

TEST_CASE("a layer that is no authority, or not for so many layers, certifies nothing") {
  const auto below = device().alias.issue({.common_name = "below"});
  std::vector<Certificate> chain = device().chain();
  chain.insert(chain.begin(), below.certificate());
  REQUIRE_FALSE(verify_dice_chain(chain, device().anchors(), now));
  const auto one = device().ldevid.issue({.common_name = "one", .is_ca = true});
  const auto two = one.issue({.common_name = "two", .is_ca = true});
  const auto three = two.issue({.common_name = "three"});
  REQUIRE_RULE(verify_dice_chain({three.certificate(), two.certificate(), one.certificate(),
                                  device().ldevid.certificate(), device().idevid.certificate()},
                                 device().anchors(), now),
               rules::dice_authority);
}

TEST_CASE("a chain without its anchor, or out of its time, is incomplete") {
  const Device other;
  const auto result = verify_dice_chain(device().chain(), {other.ldevid.certificate()}, now);
  REQUIRE_RULE(result, rules::dice_anchor);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
  const auto late =
      verify_dice_chain(device().chain(), device().anchors(), from_unix(2'200'000'000));
  REQUIRE_RULE(late, rules::chain_time);
  REQUIRE(late.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a layer that its issuer revoked is refused, by a CRL that is signed and in its time") {
  const auto verify = [](const Bytes& crl, Time at = now) {
    return verify_dice_chain(device().chain(), device().anchors(), at, {crl});
  };
  const Time begin = now - Seconds{3600};
  const Time end = now + Seconds{3600};
  REQUIRE_OK(verify(device().ldevid.crl({}, begin, end)));
  REQUIRE_RULE(verify(device().ldevid.crl({device().alias.certificate()}, begin, end)),
               rules::chain_revoked);
  REQUIRE_RULE(verify(device().idevid.crl({device().ldevid.certificate()}, begin, end)),
               rules::chain_revoked);
  // The anchor's word about the last certificate counts as well.
  REQUIRE_RULE(verify(device().root.crl({device().idevid.certificate()}, begin, end)),
               rules::chain_revoked);
  // Another issuer's CRL says nothing, even about the same serial number.
  const auto stranger = test::Certified::root({.common_name = "stranger", .is_ca = true});
  REQUIRE_OK(verify(stranger.crl({device().alias.certificate()}, begin, end)));
  const auto namesake = test::Certified::root({.common_name = "LDevID", .is_ca = true});
  REQUIRE_RULE(verify(namesake.crl({}, begin, end)), rules::chain_crl);
  const auto late = verify(device().ldevid.crl({}, begin, end), end + Seconds{1});
  REQUIRE_RULE(late, rules::chain_crl);
  REQUIRE(late.error().kind == ErrorKind::incomplete);
  REQUIRE_RULE(verify(to_bytes("no CRL")), rules::chain_crl);
}

TEST_CASE("what a layer says is read strictly") {
  REQUIRE_OK(parse_tcb_info(sample()));
  REQUIRE_FALSE(parse_tcb_info(concat({sample(), Bytes(1)})));
  for (std::size_t size = 0; size < sample().size(); ++size)
    REQUIRE_FALSE(parse_tcb_info(ByteView(sample()).first(size)));
  const auto refused = [](ByteView members) {
    REQUIRE_RULE(parse_tcb_info(tcb_info(members)), rules::tcb_info_form);
  };
  refused(concat({member(1, as_bytes("m")), member(0, as_bytes("v"))}));
  refused(concat({member(0, as_bytes("v")), member(0, as_bytes("v"))}));
  refused(member(12, Bytes(1)));
  refused(member(0, must(from_hex("ff"))));
  refused(member(7, Bytes(6)));
  const Bytes both = der_element(der_tag::sequence, concat({sample(), sample()}));
  REQUIRE(must(parse_multi_tcb_info(both)).size() == 2);
  REQUIRE_FALSE(parse_multi_tcb_info(concat({both, Bytes(1)})));
}

TEST_CASE("flags that the mask leaves out are not said") {
  TcbInfo info;
  REQUIRE_FALSE(info.debug());
  info.flags = 1U << 3U;
  REQUIRE(info.debug());
  info.flags_mask = 1U << 0U;
  REQUIRE_FALSE(info.debug());
}

}  // namespace
}  // namespace attest::dice

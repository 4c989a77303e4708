#include "libattest/dice/spdm.h"

#include "tests/support/catch.h"
#include "tests/support/test_ca.h"

namespace attest::dice {
namespace {

const Time now = from_unix(1'800'000'000);

const test::Certified& maker() {
  static const auto made = test::Certified::root({.common_name = "maker", .is_ca = true});
  return made;
}
const test::Certified& responder() {
  static const auto made = maker().issue(
      {.common_name = "device", .eku = {std::string(spdm_responder_usage)}, .curve = "P-384"});
  return made;
}

Bytes block(std::uint8_t index, std::uint8_t type, ByteView value) {
  Bytes out;
  append_u8(out, index);
  append_u8(out, 1);
  append_u16_le(out, static_cast<std::uint16_t>(value.size() + 3));
  append_u8(out, type);
  append_u16_le(out, static_cast<std::uint16_t>(value.size()));
  append(out, value);
  return out;
}

// An exchange as a device has it; members may be changed before it is signed.
struct Exchange {
  std::uint8_t version = 0x11;
  std::uint8_t response_version = 0;  // 0: the same
  std::uint8_t attributes = 1;
  std::uint8_t slot = 0;
  std::uint8_t response_slot = 0;
  std::uint8_t blocks = 2;
  Bytes record = concat({block(1, 0, Bytes(48, std::byte{1})), block(2, 0x81, to_bytes("raw"))});
  Bytes nonce = Bytes(32, std::byte{0x42});
  Bytes opaque = to_bytes("opaque");
  Bytes context = Bytes(8, std::byte{7});
  Bytes response_context = Bytes(8, std::byte{7});
  Bytes negotiation = to_bytes("VCA");

  Bytes bytes() const {
    Bytes out{static_cast<std::byte>(version), std::byte{0xe0}, static_cast<std::byte>(attributes),
              std::byte{0xff}};
    append(out, nonce);
    if (version > 0x10) append_u8(out, slot);
    if (version >= 0x13) append(out, context);
    append_u8(out, response_version != 0 ? response_version : version);
    append_u8(out, 0x60);
    append_u8(out, 0);
    append_u8(out, response_slot);
    append_u8(out, blocks);
    append_u16_le(out, static_cast<std::uint16_t>(record.size()));
    append_u8(out, 0);
    append(out, record);
    append(out, Bytes(32, std::byte{0x24}));
    append_u16_le(out, static_cast<std::uint16_t>(opaque.size()));
    append(out, opaque);
    if (version >= 0x13) append(out, response_context);
    return out;
  }
  Bytes message() const {
    if (version < 0x12) return bytes();
    std::string text;
    for (int i = 0; i < 4; ++i) text += "dmtf-spdm-v1." + std::to_string(version & 15U) + ".*";
    text.append(6, '\0');
    text += "responder-measurements signing";
    return concat({as_bytes(text), digest(HashAlgorithm::sha384, concat({negotiation, bytes()}))});
  }
  Bytes signed_by(const test::Certified& key) const {
    return concat({bytes(), key.sign(message())});
  }
};

SpdmRules rules_for(const Exchange& exchange) {
  return {.at = now, .roots = {maker().certificate()}, .negotiation = exchange.negotiation};
}
Result<VerifiedMeasurements> verify(const Exchange& exchange) {
  return verify_measurements(exchange.signed_by(responder()), responder().certificate(),
                             rules_for(exchange));
}

TEST_CASE("transcripts of all versions are verified") {
  for (std::uint8_t version = 0x10; version <= 0x13; ++version) {
    Exchange exchange;
    exchange.version = version;
    const VerifiedMeasurements measured = must(verify(exchange));
    REQUIRE(measured->version == version);
    REQUIRE(measured->blocks.size() == 2);
    REQUIRE(measured->blocks[1].raw);
    REQUIRE(measured->blocks[1].type == 1);
    REQUIRE(equal(measured->nonce, exchange.nonce));
    REQUIRE(equal(measured->opaque, to_bytes("opaque")));
  }
}

TEST_CASE("every byte of a transcript is protected") {
  const Exchange exchange;
  const Bytes good = exchange.signed_by(responder());
  for (const std::size_t at : {4U, 60U, 120U}) {
    Bytes other = good;
    other[at] ^= std::byte{1};
    REQUIRE_RULE(verify_measurements(other, responder().certificate(), rules_for(exchange)),
                 rules::spdm_signature);
  }
}

TEST_CASE("from version 1.2 on the negotiation is signed as well") {
  Exchange exchange;
  exchange.version = 0x12;
  SpdmRules rules = rules_for(exchange);
  rules.negotiation = to_bytes("other");
  const Bytes transcript = exchange.signed_by(responder());
  REQUIRE_RULE(verify_measurements(transcript, responder().certificate(), rules),
               rules::spdm_signature);
  rules.negotiation.clear();
  const auto missing = verify_measurements(transcript, responder().certificate(), rules);
  REQUIRE_RULE(missing, rules::spdm_negotiation);
  REQUIRE(missing.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a requester's certificate does not respond") {
  const auto requester = maker().issue(
      {.common_name = "host", .eku = {std::string(spdm_requester_usage)}, .curve = "P-384"});
  const Exchange exchange;
  REQUIRE_RULE(verify_measurements(exchange.signed_by(requester), requester.certificate(),
                                   rules_for(exchange)),
               rules::spdm_role);
  const auto both =
      maker().issue({.common_name = "both",
                     .eku = {std::string(spdm_requester_usage), std::string(spdm_responder_usage)},
                     .curve = "P-384"});
  REQUIRE_OK(
      verify_measurements(exchange.signed_by(both), both.certificate(), rules_for(exchange)));
}

TEST_CASE("a maker that is not trusted, and an answer to another request, are refused") {
  const Exchange exchange;
  SpdmRules rules = rules_for(exchange);
  rules.nonce = Bytes(32, std::byte{0x43});
  REQUIRE_RULE(
      verify_measurements(exchange.signed_by(responder()), responder().certificate(), rules),
      rules::spdm_nonce);
  rules.nonce = exchange.nonce;
  rules.roots = {test::Certified::root({.common_name = "other"}).certificate()};
  REQUIRE_FALSE(
      verify_measurements(exchange.signed_by(responder()), responder().certificate(), rules));
}

TEST_CASE("the form of a transcript is strict") {
  const auto refused = [](auto change, Rule rule) {
    Exchange exchange;
    change(exchange);
    REQUIRE_RULE(verify(exchange), rule);
  };
  refused([](Exchange& e) { e.version = 0x14; }, rules::spdm_form);
  refused([](Exchange& e) { e.response_version = 0x12; }, rules::spdm_form);
  refused([](Exchange& e) { e.attributes = 0; }, rules::spdm_form);
  refused([](Exchange& e) { e.response_slot = 1; }, rules::spdm_form);
  refused([](Exchange& e) { e.blocks = 1; }, rules::spdm_form);
  refused([](Exchange& e) { e.blocks = 3; }, rules::spdm_form);
  refused(
      [](Exchange& e) {
        e.version = 0x13;
        e.response_context = Bytes(8);
      },
      rules::spdm_form);
  const Bytes good = Exchange().signed_by(responder());
  REQUIRE_OK(parse_measurements(good, 96));
  REQUIRE_RULE(parse_measurements(concat({good, Bytes(1)}), 96), rules::bytes_trailing);
  for (std::size_t size = 0; size < good.size(); size += 7)
    REQUIRE_FALSE(parse_measurements(ByteView(good).first(size), 96));
}

TEST_CASE("a measurement record is strict") {
  const Bytes one = block(1, 0, Bytes(4));
  const Bytes two = block(2, 0, Bytes(4));
  REQUIRE(must(parse_measurement_record(concat({one, two}))).size() == 2);
  REQUIRE_RULE(parse_measurement_record(concat({one, one})), rules::spdm_record);
  REQUIRE_RULE(parse_measurement_record(concat({two, one})), rules::spdm_record);
  REQUIRE_RULE(parse_measurement_record(block(0, 0, Bytes(4))), rules::spdm_record);
  Bytes wrong = one;
  wrong[1] = std::byte{2};
  REQUIRE_RULE(parse_measurement_record(wrong), rules::spdm_record);
  wrong = one;
  wrong[2] = std::byte{9};
  REQUIRE_RULE(parse_measurement_record(wrong), rules::spdm_record);
  REQUIRE_FALSE(parse_measurement_record(concat({one, Bytes(1)})));
}

}  // namespace
}  // namespace attest::dice

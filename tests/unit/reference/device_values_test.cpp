#include "libattest/reference/device_values.h"

#include <functional>

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::reference;

namespace {

DeviceValues some_values() {
  DeviceValues values{"guest-12", "board", "guest image 12", {}};
  values.values["tdx/mrtd"] = {{Bytes(48, std::byte{1}), "image"}, {Bytes(48, std::byte{2}), ""}};
  values.values["tdx/rtmr1"] = {{Bytes(48, std::byte{3}), ""}};
  return values;
}

Result<DeviceValues> parse_changed(const std::function<void(Corim&)>& change) {
  Corim corim = must(parse_corim(must(encode_device_values(some_values()))));
  change(corim);
  return parse_device_values(encode_corim(corim));
}

Measurement& first(Corim& corim) {
  return corim.comids[0].reference[0].measurements[0];
}

}  // namespace

TEST_CASE("a device's values are read back as they were written") {
  REQUIRE(must(parse_device_values(must(encode_device_values(some_values())))) == some_values());
}

TEST_CASE("a CoRIM that is not of the devices' profile is refused by the rule it breaks") {
  REQUIRE_RULE(parse_changed([](Corim& corim) { corim.profile = std::string(pcr_profile); }),
               rules::reference_profile);
  REQUIRE_RULE(parse_changed([](Corim& corim) { first(corim).key = cbor::Value(4); }),
               rules::reference_key);
  REQUIRE_RULE(parse_changed([](Corim& corim) { first(corim).key = cbor::Value("Not A Name"); }),
               rules::reference_key);
  REQUIRE_RULE(parse_changed([](Corim& corim) { first(corim).digests.clear(); }),
               rules::reference_digest);
  REQUIRE_RULE(parse_changed([](Corim& corim) { first(corim).digests[0].value.pop_back(); }),
               rules::reference_digest);
  REQUIRE_RULE(parse_changed([](Corim& corim) {
                 first(corim).digests.push_back({cbor::Value(ni_sha256), Bytes(32)});
               }),
               rules::reference_digest);
  REQUIRE_RULE(parse_changed([](Corim& corim) { corim.extensions.emplace_back(99, 1); }),
               rules::reference_extra);
  REQUIRE_RULE(parse_changed([](Corim& corim) {
                 corim.comids[0].reference[0].environment.environment_class->model = "a b";
               }),
               rules::reference_platform);
}

TEST_CASE("what cannot be a reference value is not written") {
  DeviceValues none = some_values();
  none.values.clear();
  REQUIRE(encode_device_values(none).error().kind == ErrorKind::usage);
  DeviceValues wrong = some_values();
  wrong.values["tdx/mrtd"][0].digest.pop_back();
  REQUIRE(encode_device_values(wrong).error().kind == ErrorKind::usage);
}

TEST_CASE("each name must be met, by any of its values") {
  const DeviceValues values = some_values();
  std::map<std::string, Bytes> measured = {{"tdx/mrtd", Bytes(48, std::byte{2})},
                                           {"tdx/rtmr1", Bytes(48, std::byte{3})},
                                           {"tdx/rtmr2", Bytes(48)}};
  REQUIRE(differences(values, measured).empty());
  measured["tdx/rtmr1"] = Bytes(48);
  REQUIRE(differences(values, measured).size() == 1);
  REQUIRE(differences(values, measured)[0].name == "tdx/rtmr1");
  measured.erase("tdx/rtmr1");
  REQUIRE(differences(values, measured)[0].found.empty());
}

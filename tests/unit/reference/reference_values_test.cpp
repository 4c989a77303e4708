#include "libattest/reference/reference_values.h"

#include <functional>

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::reference;

namespace {

ReferenceValues some_values() {
  ReferenceValues values;
  values.id = "board-2026-11";
  values.platform = "example-board";
  values.description = "firmware 1.0 with the distribution's boot loader";
  values.pcrs[HashAlgorithm::sha256][4] = {{Bytes(32, std::byte{1}), "old"},
                                           {Bytes(32, std::byte{2}), ""}};
  values.pcrs[HashAlgorithm::sha384][7] = {{Bytes(48, std::byte{3}), ""}};
  values.events[HashAlgorithm::sha256][4] = {{Bytes(32, std::byte{4}), "boot loader"}};
  return values;
}

// parse_changed reads the values after a change to their CoRIM.
Result<ReferenceValues> parse_changed(const std::function<void(Corim&)>& change) {
  Corim corim = must(parse_corim(must(encode_reference_values(some_values()))));
  change(corim);
  return parse_reference_values(encode_corim(corim));
}

Measurement& first(Corim& corim) {
  return corim.comids[0].reference[0].measurements[0];
}

}  // namespace

TEST_CASE("reference values are read back as they were written") {
  REQUIRE(must(parse_reference_values(must(encode_reference_values(some_values())))) ==
          some_values());
}

TEST_CASE("a CoRIM of no profile or of another is refused") {
  REQUIRE_RULE(parse_changed([](Corim& c) { c.profile.reset(); }), rules::reference_profile);
  REQUIRE_RULE(parse_changed([](Corim& c) { c.profile = std::string(parsec_profile); }),
               rules::reference_profile);
}

TEST_CASE("an environment that is not one platform's name alone is refused") {
  const auto environment = [](auto change) {
    return parse_changed([&](Corim& c) { change(c.comids[0].reference[0].environment); });
  };
  REQUIRE_RULE(environment([](Environment& e) { e.environment_class->vendor = "v"; }),
               rules::reference_platform);
  REQUIRE_RULE(environment([](Environment& e) { e.environment_class->layer = 1; }),
               rules::reference_platform);
  REQUIRE_RULE(environment([](Environment& e) { e.environment_class->model = "a b"; }),
               rules::reference_platform);
  REQUIRE_RULE(environment([](Environment& e) { e.group = cbor::Value("g"); }),
               rules::reference_platform);
  REQUIRE_RULE(environment([](Environment& e) {
                 e.environment_class.reset();
                 e.instance = cbor::Value("i");
               }),
               rules::reference_platform);
  REQUIRE_RULE(parse_changed([](Corim& c) {
                 auto second = c.comids[0].reference[0];
                 second.environment.environment_class->model = "other-board";
                 c.comids[0].reference.push_back(second);
               }),
               rules::reference_platform);
}

TEST_CASE("a measurement key that names no PCR is refused") {
  for (const cbor::Value& key : {cbor::Value(24), cbor::Value("4"), cbor::Value("24/event"),
                                 cbor::Value("04/event"), cbor::Value("/event"), cbor::Value(-1)}) {
    REQUIRE_RULE(parse_changed([&](Corim& c) { first(c).key = key; }), rules::reference_key);
  }
  REQUIRE_RULE(parse_changed([](Corim& c) { first(c).key.reset(); }), rules::reference_key);
}

TEST_CASE("digests of no bank, of a wrong length, or two by one algorithm are refused") {
  const auto digest = [](auto change) {
    return parse_changed([&](Corim& c) { change(first(c).digests); });
  };
  REQUIRE_RULE(digest([](auto& d) { d[0].algorithm = cbor::Value(2); }), rules::reference_digest);
  REQUIRE_RULE(digest([](auto& d) { d[0].algorithm = cbor::Value("sha-256"); }),
               rules::reference_digest);
  REQUIRE_RULE(digest([](auto& d) { d[0].value.pop_back(); }), rules::reference_digest);
  REQUIRE_RULE(digest([](auto& d) { d.push_back(d[0]); }), rules::reference_digest);
  REQUIRE_RULE(parse_changed([](Corim& c) {
                 first(c).digests.clear();
                 first(c).name = "a name alone";
               }),
               rules::reference_digest);
}

TEST_CASE("anything besides digests and names is refused") {
  const std::vector<std::function<void(Corim&)>> changes{
      [](Corim& c) { first(c).other_values.emplace_back(1, 3); },
      [](Corim& c) { first(c).authorized_by.push_back({554, cbor::Value("key")}); },
      [](Corim& c) { c.id = cbor::Value(Bytes(16)); },
      [](Corim& c) { c.comids[0].id = cbor::Value(Bytes(16)); },
      [](Corim& c) { c.comids.push_back(c.comids[0]); },
      [](Corim& c) { c.comids[0].endorsed = c.comids[0].reference; },
      [](Corim& c) { c.comids[0].language = "en"; },
      [](Corim& c) { c.comids[0].version = 1; },
      [](Corim& c) { c.comids[0].extensions.emplace_back(-1, 1); },
      [](Corim& c) { c.comids[0].entities.push_back({"e", {}, {0}, {}}); },
      [](Corim& c) { c.extensions.emplace_back(-1, 1); },
      [](Corim& c) { c.other_tags.emplace_back(505, Bytes(1)); },
      [](Corim& c) { c.validity = Validity{{}, from_unix(1)}; },
      [](Corim& c) { c.entities.push_back({"e", {}, {0}, {}}); },
      [](Corim& c) { c.dependent_rims = cbor::Array{1}; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO(i);
    REQUIRE_RULE(parse_changed(changes[i]), rules::reference_extra);
  }
}

TEST_CASE("lists of files are named by their SHA-256 alone") {
  ReferenceValues values = some_values();
  values.ima_lists = {{Bytes(32, std::byte{1}), "debian 12"}, {Bytes(32, std::byte{2}), ""}};
  REQUIRE(must(parse_reference_values(must(encode_reference_values(values)))) == values);
  values.ima_lists[0].digest.pop_back();
  REQUIRE_FALSE(encode_reference_values(values));
  REQUIRE_RULE(parse_changed([](Corim& c) {
                 first(c).key = cbor::Value("ima/list");
                 first(c).digests = {{ni_sha384, Bytes(48)}};
               }),
               rules::reference_digest);
}

TEST_CASE("what cannot be read back is not written") {
  const auto refused_to_write = [](auto change) {
    ReferenceValues values = some_values();
    change(values);
    const auto written = encode_reference_values(values);
    return !written && written.error().kind == ErrorKind::usage;
  };
  REQUIRE(refused_to_write([](auto& v) { v.platform = "a b"; }));
  REQUIRE(refused_to_write([](auto& v) { v.id.clear(); }));
  REQUIRE(refused_to_write([](auto& v) { v.description.clear(); }));
  REQUIRE(refused_to_write([](auto& v) { v.pcrs[HashAlgorithm::sha1][0] = {{Bytes(20), ""}}; }));
  REQUIRE(refused_to_write([](auto& v) { v.pcrs[HashAlgorithm::sha256][24] = {{Bytes(32), ""}}; }));
  REQUIRE(refused_to_write([](auto& v) { v.pcrs[HashAlgorithm::sha256][0] = {{Bytes(31), ""}}; }));
  REQUIRE(refused_to_write([](auto& v) {
    v.pcrs.clear();
    v.events.clear();
  }));
}

#include "tests/unit/statement/sample_payloads.h"

namespace attest::statement {

namespace {

// with gives a payload with one member set, or taken away where the value is Undefined.
Bytes with(const Bytes& payload, const char* member, const cbor::Value& value) {
  const cbor::Value decoded = must(cbor::decode(payload));
  cbor::Map map = *decoded.as_map();
  std::erase_if(map, [&](const auto& each) { return each.first == cbor::Value(member); });
  if (value != cbor::Value(cbor::Undefined{})) map.emplace_back(member, value);
  return cbor::encode(map);
}

// What every payload keeps: version 1, no member missing, none unknown, one encoding.
template <typename Decode>
void check_strict(const Bytes& payload, Decode decode) {
  REQUIRE_OK(decode(payload));
  REQUIRE_RULE(decode(with(payload, "version", 2)), rules::cbor_schema);
  REQUIRE_RULE(decode(with(payload, "surplus", 1)), rules::cbor_schema);
  const cbor::Value decoded = must(cbor::decode(payload));
  for (const auto& [key, value] : *decoded.as_map())
    if (!value.is_null()) {
      INFO(*key.as_text());
      REQUIRE_FALSE(decode(with(payload, key.as_text()->c_str(), cbor::Value(cbor::Undefined{}))));
      REQUIRE_FALSE(decode(with(payload, key.as_text()->c_str(), cbor::Value(1.5))));
    }
  Bytes longer = payload;
  longer.push_back(std::byte{0});
  REQUIRE_RULE(decode(longer), rules::cbor_trailing);
}

}  // namespace

TEST_CASE("every payload is read back as it was written, and by a strict schema") {
  CHECK(must(decode_device_manifest(encode(sample_manifest()))) == sample_manifest());
  CHECK(must(decode_data_set(encode(sample_data_set()))) == sample_data_set());
  CHECK(must(decode_model_release(encode(sample_release()))) == sample_release());
  CHECK(must(decode_training_run(encode(sample_run()))) == sample_run());
  CHECK(must(decode_consent(encode(sample_consent()))) == sample_consent());
  CHECK(must(decode_custody(encode(sample_custody()))) == sample_custody());
  CHECK(must(decode_inspection(encode(sample_inspection()))) == sample_inspection());
  CHECK(must(decode_node_state_change(encode(sample_change()))) == sample_change());
  CHECK(must(decode_batch(encode(sample_batch()))) == sample_batch());
  CHECK(must(decode_key_status(encode(sample_key_status()))) == sample_key_status());
  CHECK(must(decode_revocation(encode(sample_revocation()))) == sample_revocation());

  check_strict(encode(sample_manifest()), decode_device_manifest);
  check_strict(encode(sample_data_set()), decode_data_set);
  check_strict(encode(sample_release()), decode_model_release);
  check_strict(encode(sample_run()), decode_training_run);
  check_strict(encode(sample_consent()), decode_consent);
  check_strict(encode(sample_custody()), decode_custody);
  check_strict(encode(sample_inspection()), decode_inspection);
  check_strict(encode(sample_change()), decode_node_state_change);
  check_strict(encode(sample_batch()), decode_batch);
  check_strict(encode(sample_key_status()), decode_key_status);
  check_strict(encode(sample_revocation()), decode_revocation);
}

TEST_CASE("a release names its files in order, each once") {
  ModelRelease release = sample_release();
  release.files.push_back(release.files.front());
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  release.files.back().name = "a.gguf";
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  release.files.back().name = "z.gguf";
  REQUIRE_OK(decode_model_release(encode(release)));
  release.files.clear();
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
}

TEST_CASE("a release has an operation exactly when it has parents") {
  ModelRelease release = sample_release();
  release.operation.reset();
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  release.parents.clear();
  REQUIRE_OK(decode_model_release(encode(release)));
  release.operation = Operation{"train", {}};
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
}

TEST_CASE("operations, roles and parents are of the known kinds") {
  ModelRelease release = sample_release();
  release.operation->name = "improve";
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  release = sample_release();
  release.parents.front().role = "cousin";
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  release = sample_release();
  release.parents.front().subject = Subject::key(digest_b);
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  release = sample_release();
  release.parents.front().subject = Subject::artefact(digest_a);  // itself
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  release = sample_release();
  release.parents.push_back(release.parents.front());
  REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
}

TEST_CASE(
    "releases and data sets say their jurisdictions and demands in version 2, and in no other") {
  ModelRelease release = sample_release();
  const Bytes first = encode(release);
  release.jurisdictions = {"EU", "US-CA"};
  release.consent_required = true;
  CHECK(must(decode_model_release(encode(release))) == release);
  REQUIRE_RULE(decode_model_release(with(encode(release), "version", 1)), rules::cbor_schema);
  REQUIRE_RULE(decode_model_release(with(encode(release), "version", 3)), rules::cbor_schema);
  REQUIRE_RULE(decode_model_release(with(encode(release), "consent", "perhaps")),
               rules::release_form);
  release.jurisdictions.clear();
  CHECK(must(decode_model_release(encode(release))) == release);
  // What says nothing new has no second encoding.
  REQUIRE_RULE(decode_model_release(with(encode(release), "consent", "free")), rules::release_form);
  for (const auto& names : std::vector<std::vector<std::string>>{
           {"US", "EU"}, {"EU", "EU"}, {"eu"}, {""}, {std::string(41, 'A')}}) {
    release.jurisdictions = names;
    REQUIRE_RULE(decode_model_release(encode(release)), rules::release_form);
  }
  DataSet data_set = sample_data_set();
  data_set.jurisdictions = {"EU"};
  CHECK(must(decode_data_set(encode(data_set))) == data_set);
  REQUIRE_RULE(decode_data_set(with(encode(data_set), "jurisdictions", cbor::Array{})),
               rules::release_form);
}

TEST_CASE("a training run is in order, and makes something new in a time that passes") {
  TrainingRun run = sample_run();
  run.inputs.push_back(run.inputs.front());
  REQUIRE_RULE(decode_training_run(encode(run)), rules::training_run_form);
  run = sample_run();
  run.inputs = {Subject::key(digest_b)};
  REQUIRE_RULE(decode_training_run(encode(run)), rules::training_run_form);
  run.inputs = {run.output};
  REQUIRE_RULE(decode_training_run(encode(run)), rules::training_run_form);
  run = sample_run();
  std::swap(run.hardware[0], run.hardware[1]);
  REQUIRE_RULE(decode_training_run(encode(run)), rules::training_run_form);
  run = sample_run();
  run.hardware[0].node.clear();
  REQUIRE_RULE(decode_training_run(encode(run)), rules::training_run_form);
  run = sample_run();
  run.hardware[0].result = Bytes((16U << 10) + 1);
  REQUIRE_RULE(decode_training_run(encode(run)), rules::training_run_form);
  run = sample_run();
  run.finished = run.started - Seconds(1);
  REQUIRE_RULE(decode_training_run(encode(run)), rules::training_run_form);
}

TEST_CASE("consent is given for a known operation between two artefacts") {
  Consent consent = sample_consent();
  consent.operation = "improve";
  REQUIRE_RULE(decode_consent(encode(consent)), rules::consent_form);
  consent = sample_consent();
  consent.parent = consent.child;
  REQUIRE_RULE(decode_consent(encode(consent)), rules::consent_form);
  consent.parent = Subject::key(digest_b);
  REQUIRE_RULE(decode_consent(encode(consent)), rules::consent_form);
}

TEST_CASE("a batch holds something, and states and kinds are known") {
  Batch batch = sample_batch();
  batch.count = 0;
  REQUIRE_RULE(decode_batch(encode(batch)), rules::cbor_schema);
  REQUIRE_RULE(decode_batch(with(encode(sample_batch()), "of", "rumours")), rules::cbor_schema);
  REQUIRE_RULE(decode_key_status(with(encode(sample_key_status()), "status", "tired")),
               rules::cbor_schema);
  REQUIRE_RULE(decode_node_state_change(with(encode(sample_change()), "to", "well")),
               rules::cbor_schema);
  REQUIRE_RULE(decode_node_state_change(with(encode(sample_change()), "time", 253'402'300'800)),
               rules::cbor_schema);
}

TEST_CASE("custody says what its event needs, and nothing else") {
  const auto refused = [](auto change) {
    Custody custody = sample_custody();
    change(custody);
    REQUIRE_RULE(decode_custody(encode(custody)), rules::custody_form);
  };
  refused([](Custody& c) { c.event = CustodyEvent::made; });  // and names one before
  refused([](Custody& c) { c.previous.reset(); });
  refused([](Custody& c) { c.place.reset(); });
  refused([](Custody& c) { c.event = CustodyEvent::received; });  // and has a place
  refused([](Custody& c) { c.to = "owner.example"; });
  refused([](Custody& c) {
    c.event = CustodyEvent::sold;  // to nobody
    c.place.reset();
  });
  refused([](Custody& c) {
    c.event = CustodyEvent::sold;
    c.place.reset();
    c.to = "no name";
  });
  refused([](Custody& c) { c.place->site = ""; });
  refused([](Custody& c) { c.jurisdiction = ""; });
  refused([](Custody& c) { c.device.key.reset(); });
  refused([](Custody& c) { c.device.serial.clear(); });
  refused([](Custody& c) { c.device.kind = DeviceKind::ek; });    // which has no serial
  refused([](Custody& c) { c.device.kind = DeviceKind::chip; });  // which has no key
}

TEST_CASE("a device is named by kind, serial and key together") {
  const DeviceIdentity device = sample_custody().device;
  DeviceIdentity other = device;
  other.kind = DeviceKind::nvswitch;
  CHECK(subject_of(device) != subject_of(other));
  other = device;
  other.serial = to_bytes("serial2");
  CHECK(subject_of(device) != subject_of(other));
  other = device;
  other.key = digest_b;
  CHECK(subject_of(device) != subject_of(other));
  CHECK(subject_of(device).kind() == SubjectKind::device);
}

}  // namespace attest::statement

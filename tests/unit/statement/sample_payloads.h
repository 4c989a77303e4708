// One good payload of each kind, for tests to change.
#pragma once

#include "libattest/statement/statement.h"
#include "tests/support/catch.h"

namespace attest::statement {

inline const Sha256 digest_a = sha256(as_bytes("a"));
inline const Sha256 digest_b = sha256(as_bytes("b"));
inline const Time sample_time = from_unix(1'795'000'000);

inline DeviceManifest sample_manifest() {
  return {digest_a, "rack7-n03", "maker.example",
          "server", "SN-1",      {{"gpu", "gpus.example", "G", "1"}}};
}
inline DataSet sample_data_set() {
  return {"texts", {{"texts.txt", 7, digest_a}}, "CC0-1.0"};
}
inline ModelRelease sample_release() {
  return {"tiny",
          {{"tiny.gguf", 9, digest_a, digest_b}},
          Operation{"quantize", {{"to", "q8_0"}}},
          {{"base", Subject::artefact(digest_b)}},
          "Apache-2.0"};
}
inline TrainingRun sample_run() {
  return {Subject::artefact(digest_a),
          {"trainer 1.4", digest_b},
          {{"learning_rate", "0.001"}},
          {Subject::artefact(digest_b)},
          {{"rack7-n03", to_bytes("result")}, {"rack7-n04", {}}},
          sample_time,
          sample_time + Seconds(60)};
}
inline Consent sample_consent() {
  return {Subject::artefact(digest_a), Subject::artefact(digest_b), "fine-tune"};
}
inline Custody sample_custody() {
  return {{DeviceKind::gpu, to_bytes("serial"), digest_a},
          CustodyEvent::moved,
          digest_b,
          {},
          "SE",
          Place{"eu-north", "hall 3"},
          sample_time};
}
inline Inspection sample_inspection() {
  return {{DeviceKind::chip, to_bytes("chip"), {}},
          digest_b,
          {"eu-north", "hall 3"},
          "seen",
          sample_time};
}
inline NodeStateChange sample_change() {
  return {NodeState::trusted, NodeState::failed, digest_a, {"PCR 4 differs"}, sample_time};
}
inline Batch sample_batch() {
  return {Batch::Of::receipts, digest_a, 3, sample_time};
}
inline KeyStatus sample_key_status() {
  return {KeyStatus::Status::revoked, 17, "lost"};
}
inline Revocation sample_revocation() {
  return {"poisoned data set"};
}

}  // namespace attest::statement

// Training run: how weights were made, as whoever ran it tells: the code, its parameters, what went
// in, and on which nodes, each with the attestation result it had meanwhile.
#pragma once

#include <string>
#include <vector>

#include "libattest/base/cbor.h"
#include "libattest/base/time.h"
#include "libattest/statement/subject.h"

namespace attest::statement {

struct TrainingCode {
  std::string name;  // "trainer 1.4", or a repository's address: for people
  Sha256 digest{};   // of the archive or image that was run
  friend bool operator==(const TrainingCode&, const TrainingCode&) = default;
};

// A node that took part. `result` is a signed attestation result as the verifier issued it, a JWT's
// text or a CWT; empty where there is none, which is then a claim and no more.
struct TrainingHardware {
  std::string node;
  Bytes result;
  friend bool operator==(const TrainingHardware&, const TrainingHardware&) = default;
};

struct TrainingRun {
  Subject output;  // the artefact that came out of it: the statement's subject
  TrainingCode code;
  cbor::Map parameters;                    // hyper-parameters: text → anything
  std::vector<Subject> inputs;             // artefacts, in order, each once
  std::vector<TrainingHardware> hardware;  // in the order of the nodes' ids, each once
  Time started;
  Time finished;  // not before `started`
  friend bool operator==(const TrainingRun&, const TrainingRun&) = default;
};

// decode_training_run refuses what is out of order, named twice, or no artefact
// (rules::training_run_form), and a result that is larger than 16 KiB; the whole statement is
// bounded by max_statement_size, which leaves room for about thirty nodes.
Bytes encode(const TrainingRun& run);
Result<TrainingRun> decode_training_run(ByteView payload);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule training_run_form{"statement.training-run.form"};
}

#include "libattest/statement/training_run.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/statement/payload_fields.h"

namespace attest::statement {

namespace {

constexpr std::size_t max_result_size = 16U << 10;

std::unexpected<Error> bad_run(std::string what) {
  return fail(refused(rules::training_run_form, std::move(what)));
}

Result<Subject> artefact_of(const std::string& text) {
  TRY(Subject subject, Subject::parse(text));
  if (subject.kind() != SubjectKind::artefact)
    return bad_run("a training run names something that is no artefact: " + printable(text, 80));
  return subject;
}

Result<TrainingCode> decode_code(cbor::Fields& run) {
  TRY(const cbor::Value* const value, run.required("code"));
  TRY(cbor::Fields fields, cbor::Fields::of(*value, "code"));
  TrainingCode code;
  TRY(code.name, fields.text("name"));
  TRY(code.digest, digest_field(fields, "digest"));
  TRY_VOID(fields.finish());
  return code;
}

Result<TrainingHardware> decode_hardware(const cbor::Value& value, std::string what) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, std::move(what)));
  TrainingHardware hardware;
  TRY(hardware.node, fields.text("node"));
  TRY(hardware.result, fields.bytes("result"));
  TRY_VOID(fields.finish());
  if (hardware.node.empty()) return bad_run("a node has no name");
  if (hardware.result.size() > max_result_size)
    return bad_run("a node's attestation result is larger than 16 KiB");
  return hardware;
}

template <typename T, typename Projection>
bool ascends(const std::vector<T>& values, Projection projection) {
  return std::ranges::adjacent_find(values, std::ranges::greater_equal{}, projection) ==
         values.end();
}

Status check_order(const TrainingRun& run) {
  if (!ascends(run.inputs, [](const Subject& subject) { return subject.text(); }))
    return bad_run("inputs are out of order, or one stands twice");
  if (std::ranges::find(run.inputs, run.output) != run.inputs.end())
    return bad_run("a training run has its output as its input");
  if (!ascends(run.hardware, &TrainingHardware::node))
    return bad_run("nodes are out of order, or one stands twice");
  if (run.finished < run.started) return bad_run("a training run ended before it began");
  return {};
}

}  // namespace

Bytes encode(const TrainingRun& run) {
  cbor::Array inputs;
  for (const Subject& input : run.inputs) inputs.push_back(input.text());
  cbor::Array hardware;
  for (const TrainingHardware& each : run.hardware)
    hardware.push_back(cbor::Map{{"node", each.node}, {"result", each.result}});
  return cbor::encode(
      cbor::Map{{"version", 1},
                {"output", run.output.text()},
                {"code", cbor::Map{{"name", run.code.name}, {"digest", run.code.digest}}},
                {"parameters", run.parameters},
                {"inputs", std::move(inputs)},
                {"hardware", std::move(hardware)},
                {"started", unix_seconds(run.started)},
                {"finished", unix_seconds(run.finished)}});
}

Result<TrainingRun> decode_training_run(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "training run"));
  TRY(const std::string output, fields.text("output"));
  TRY(Subject subject, artefact_of(output));
  TRY(TrainingCode code, decode_code(fields));
  TRY(const cbor::Map* const parameters, fields.map("parameters"));
  TrainingRun run{std::move(subject), std::move(code), *parameters, {}, {}, {}, {}};
  TRY(const std::vector<std::string> inputs, texts_field(fields, "inputs"));
  for (const std::string& text : inputs) {
    TRY(Subject input, artefact_of(text));
    run.inputs.push_back(std::move(input));
  }
  TRY(const cbor::Array* const hardware, fields.array("hardware"));
  for (const cbor::Value& each : *hardware) {
    TRY(TrainingHardware node, decode_hardware(each, at("hardware", run.hardware.size())));
    run.hardware.push_back(std::move(node));
  }
  TRY(run.started, time_field(fields, "started"));
  TRY(run.finished, time_field(fields, "finished"));
  TRY_VOID(fields.finish());
  TRY_VOID(check_order(run));
  return run;
}

}  // namespace attest::statement

#include "libattest/statement/node_state.h"

#include <algorithm>
#include <array>

#include "libattest/base/text.h"
#include "libattest/statement/payload_fields.h"

namespace attest::statement {

namespace {
constexpr std::array<std::string_view, 4> state_names = {"enrolled", "trusted", "failed",
                                                         "incomplete"};
}

std::string_view to_string(NodeState state) {
  return state_names[static_cast<std::size_t>(state)];
}

Result<NodeState> parse_node_state(std::string_view text) {
  const auto* found = std::ranges::find(state_names, text);
  if (found == state_names.end())
    return fail(refused(rules::cbor_schema, "unknown state of a node")
                    .expected("enrolled, trusted, failed or incomplete")
                    .found("\"" + printable(text, 60) + "\""));
  return static_cast<NodeState>(found - state_names.begin());
}

Bytes encode(const NodeStateChange& change) {
  cbor::Array reasons;
  for (const std::string& reason : change.reasons) reasons.emplace_back(reason);
  return cbor::encode(
      cbor::Map{{"version", 1},
                {"from", change.from ? cbor::Value(to_string(*change.from)) : cbor::Value(nullptr)},
                {"to", to_string(change.to)},
                {"result", change.result},
                {"reasons", std::move(reasons)},
                {"time", unix_seconds(change.time)}});
}

Result<NodeStateChange> decode_node_state_change(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "node state change"));
  NodeStateChange change;
  TRY(const auto from, nullable_text_field(fields, "from"));
  if (from) {
    TRY(change.from, parse_node_state(*from));
  }
  TRY(const std::string to, fields.text("to"));
  TRY(change.to, parse_node_state(to));
  TRY(change.result, digest_field(fields, "result"));
  TRY(change.reasons, texts_field(fields, "reasons"));
  TRY(change.time, time_field(fields, "time"));
  TRY_VOID(fields.finish());
  return change;
}

}  // namespace attest::statement

// What a model runtime and agentd say to each other over agentd's local UNIX socket.
//
// A frame is a 32-bit big-endian length and that many bytes of deterministic CBOR, at most
// runtime_frame_limit. The runtime sends one request at a time and gets one response for each:
//
//   {request: "bind-runtime-key", spki: bytes}   have the node quote this key, now
//   {request: "submit-receipt", digest: bytes}   have the verifier batch this receipt's SHA-256
//   {request: "status"}                          what the agent knows of its last attestation
//
// and a response is
//
//   {ok: true, result: text or null, executable: bytes or null, verdict: text or null,
//    detail: text}
//   {ok: false, rule: text, what: text}
//
// with `result` the EAR, `executable` the SHA-256 of the runtime's program as agentd measured it.
// Pure functions over plain values; the socket is elsewhere (libattest/http/agent_client.h).
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "libattest/base/bytes.h"
#include "libattest/crypto/digest.h"

namespace attest::evidence {

inline constexpr std::size_t runtime_frame_limit = 256U << 10;
inline constexpr std::size_t runtime_spki_limit = 2048;

struct BindRuntimeKey {
  Bytes spki;  // SubjectPublicKeyInfo, DER
  friend bool operator==(const BindRuntimeKey&, const BindRuntimeKey&) = default;
};
struct SubmitReceipt {
  Sha256 digest;
  friend bool operator==(const SubmitReceipt&, const SubmitReceipt&) = default;
};
struct AskStatus {
  friend bool operator==(AskStatus, AskStatus) = default;
};
using RuntimeRequest = std::variant<BindRuntimeKey, SubmitReceipt, AskStatus>;

struct RuntimeAnswer {
  std::optional<std::string> result;   // the EAR, where one was made
  std::optional<Sha256> executable;    // digest of the runtime's program
  std::optional<std::string> verdict;  // "pass", "refused" or "incomplete"
  std::string detail;                  // one line for people
  friend bool operator==(const RuntimeAnswer&, const RuntimeAnswer&) = default;
};
struct RuntimeRefusal {
  std::string rule;
  std::string what;
  friend bool operator==(const RuntimeRefusal&, const RuntimeRefusal&) = default;
};
using RuntimeResponse = std::variant<RuntimeAnswer, RuntimeRefusal>;

// encode_… give the CBOR without the length in front; parse_… take the same.
Bytes encode_runtime_request(const RuntimeRequest& request);
Result<RuntimeRequest> parse_runtime_request(ByteView cbor);
Bytes encode_runtime_response(const RuntimeResponse& response);
Result<RuntimeResponse> parse_runtime_response(ByteView cbor);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule runtime_message_form{"evidence.runtime-message.form"};
}

// What a client asks of POST /v1/completions and /v1/chat/completions, read strictly: pure
// functions over untrusted JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inference/answer/sampler.h"
#include "inference/form/answer_form.h"
#include "libattest/base/bytes.h"

namespace attest::inference {

struct CompletionLimits {
  std::uint64_t body = 1U << 20;      // bytes
  std::uint64_t prompt = 256U << 10;  // bytes
  std::uint64_t max_tokens = 4096;
};

struct CompletionRequest {
  std::string model;
  bool chat = false;
  std::string prompt;        // without chat
  std::string conversation;  // with chat: what the chat template is given, as a JSON object
  std::size_t max_tokens = 16;
  // The interface that clients know has a temperature of 1 unless they say otherwise.
  SamplerSettings sampler{.temperature = 1.0F};
  bool has_seed = false;  // without one, the server draws it
  std::vector<std::string> stop;
  bool stream = false;
  // The log-probability of each token, and of so many likeliest ones.
  std::optional<std::size_t> log_probabilities;
  // The form the answer shall have, and what it was compiled to.
  std::optional<AnswerForm> form;
  std::shared_ptr<const ByteGrammar> grammar;
};

inline constexpr std::size_t max_stops = 4;
inline constexpr std::size_t max_stop_size = 256;
inline constexpr std::size_t max_likeliest = 20;

// parse_completion_request refuses what is no JSON object (the JSON rules); a member it does not
// know (rules::request_unknown_field), rather than leaving out what was asked for; and a member
// that is missing, of the wrong type or out of range (rules::request_field). For the latter two
// `where` of the error is the member's name. Optional members may be null. A form of the answer, as
// `response_format` or `grammar`, is compiled; what cannot be kept of it is refused.
Result<CompletionRequest> parse_completion_request(ByteView body, const CompletionLimits& limits);

// parse_chat_request does the same for a conversation. A message's content may be a text, null or a
// list of texts; arguments of tool calls may be JSON in a text, as clients send them back. What
// this runtime cannot keep (several choices, a tool that must be called) is refused.
Result<CompletionRequest> parse_chat_request(ByteView body, const CompletionLimits& limits);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule request_unknown_field{"inference.request.unknown-field"};
inline constexpr Rule request_field{"inference.request.field"};
}  // namespace attest::rules

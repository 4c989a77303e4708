// What a client asks of POST /v1/embeddings, read strictly: a pure function over untrusted JSON.
#pragma once

#include <string>
#include <vector>

#include "inference/serving/completion_request.h"

namespace attest::inference {

struct EmbeddingsRequest {
  std::string model;
  std::vector<std::string> inputs;  // at least one
  bool base64 = false;              // vectors as base64 of little-endian f32, not as lists
};

inline constexpr std::size_t max_embedding_inputs = 256;

// parse_embeddings_request refuses as parse_completion_request does. An input is a text or a list
// of texts, together within limits.prompt; tokens are refused, and so are `dimensions`.
Result<EmbeddingsRequest> parse_embeddings_request(ByteView body, const CompletionLimits& limits);

}  // namespace attest::inference

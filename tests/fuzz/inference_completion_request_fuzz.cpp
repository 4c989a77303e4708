// links: attest::inferd
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/serving/completion_request.h"
#include "inference/serving/embeddings_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)attest::inference::parse_completion_request(bytes, {});
  (void)attest::inference::parse_chat_request(bytes, {});
  (void)attest::inference::parse_embeddings_request(bytes, {});
  return 0;
}

// links: attest::http attest::crypto
#include "libattest/http/router.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto text = attest::as_text(std::as_bytes(std::span(data, size)));
  if (const auto target = attest::http::parse_target(text)) {
    attest::http::Router router;
    router.add(attest::http::Method::get, "/tile/{level}/{rest...}", {});
    (void)router.find(attest::http::Method::get, target->path);
  }
  return 0;
}

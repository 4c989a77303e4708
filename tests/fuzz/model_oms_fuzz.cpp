// links: attest::model
// seeds: model/oms/payload-goldens model/oms/crafted/bundles
#include "libattest/model/oms_statement.h"
#include "libattest/model/sigstore_bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto statement = attest::model::parse_oms_statement(bytes))
    for (const auto& [name, pieces] : statement->files)
      if (pieces.empty() || (name != "." && !attest::model::is_canonical_name(name)))
        __builtin_trap();
  const auto bundle = attest::model::parse_sigstore_bundle(attest::as_text(bytes));
  if (bundle && bundle->envelope)
    (void)attest::model::parse_oms_statement(bundle->envelope->payload);
  return 0;
}

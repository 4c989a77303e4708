// links: attest::lineage
// seeds: model/lineage model/slsa
#include <cstdlib>

#include "libattest/base/bytes.h"
#include "libattest/lineage/provenance_graph.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  const auto report = lineage::check_provenance(as_text(input));
  // What passes names everything by digest and descends from something.
  if (report.problems.empty() && (report.roots == 0 || report.generations == 0)) std::abort();
  return 0;
}

// Where conformance tests find their vectors: a folder given from outside, in ATTEST_CORPUS.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

namespace attest {

// corpus gives a part of the corpus, "ledger/notes"; nothing, said aloud, where there is none.
inline std::optional<std::filesystem::path> corpus(const std::string& part) {
  const char* root = std::getenv("ATTEST_CORPUS");
  if (root != nullptr && std::filesystem::exists(std::filesystem::path(root) / part))
    return std::filesystem::path(root) / part;
  std::cout << "skipped: ATTEST_CORPUS has no " << part << "\n";
  return std::nullopt;
}

}  // namespace attest

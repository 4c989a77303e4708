// Passphrases come from files, never from arguments or the environment, which others can read.
#pragma once

#include <optional>
#include <string>

#include "libattest/base/file.h"

namespace attest::cli {

// passphrase_from gives the first line of a file, or nothing for an empty path.
inline Result<std::optional<std::string>> passphrase_from(const std::string& path) {
  if (path.empty()) return std::nullopt;
  TRY(std::string text, read_text_file(path, 4096));
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

}  // namespace attest::cli

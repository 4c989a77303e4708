// The small forms that C2SP texts are made of: lines, decimal numbers, hashes in base64.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libattest/transparency/tree.h"

namespace attest::transparency {

// Lines walks a text line by line. A line ends in a line feed; a last line without one is none.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next();
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// decimal reads digits without sign, space or leading zeros, up to 2^64-1.
std::optional<std::uint64_t> decimal(std::string_view text);
// hash_in_base64 reads the base64 of exactly 32 bytes.
std::optional<Hash> hash_in_base64(std::string_view text);
std::string to_base64_line(const Hash& hash);

}  // namespace attest::transparency

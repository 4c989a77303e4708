#include "libattest/transparency/lines.h"

#include <algorithm>
#include <limits>

namespace attest::transparency {

std::optional<std::string_view> Lines::next() {
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (most - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<Hash> hash_in_base64(std::string_view text) {
  const Result<Bytes> bytes = from_base64(text);
  if (!bytes || bytes->size() != Hash{}.size()) return std::nullopt;
  Hash hash;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

std::string to_base64_line(const Hash& hash) {
  return to_base64(hash) + "\n";
}

}  // namespace attest::transparency

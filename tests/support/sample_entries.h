// Many entries at no cost, for benchmarks.
#pragma once

#include "tests/support/ledger_fixture.h"

namespace attest::ledger {

// Entries are copies of one signed statement of about 300 bytes, each about another subject. Their
// signatures no longer hold; the log judges none, so that costs and sizes are those of true ones.
class SampleEntries {
 public:
  explicit SampleEntries(const SigningKey& key) {
    const std::string reason(60, 'r');
    sample_ = signed_as(statement::Kind::revocation, artefact("x"),
                        statement::encode(statement::Revocation{reason}), key);
    const std::string digits = to_hex(digest_of("x"));
    place_ = as_text(sample_).find(digits);
  }
  Bytes entry(std::uint64_t n) const {
    Bytes entry = sample_;
    const std::string digits = to_hex(sha256(as_bytes(std::to_string(n))));
    std::ranges::copy(as_bytes(digits), entry.begin() + static_cast<std::ptrdiff_t>(place_));
    return entry;
  }
  std::vector<Bytes> batch(std::uint64_t first, std::uint64_t count) const {
    std::vector<Bytes> entries;
    for (std::uint64_t i = 0; i < count; ++i) entries.push_back(entry(first + i));
    return entries;
  }
  std::size_t size() const { return sample_.size(); }

 private:
  Bytes sample_;
  std::size_t place_;
};

}  // namespace attest::ledger

#include "inference/form/token_order.h"

#include <algorithm>

namespace attest::inference {

TokenOrder::TokenOrder(const Tokenizer& tokenizer)
    : end_tokens_(tokenizer.vocabulary().end_tokens()) {
  for (std::size_t i = 0; i < tokenizer.vocabulary().size(); ++i) {
    const auto token = static_cast<Token>(i);
    bytes_.push_back(tokenizer.piece(token));
    const bool ends = std::ranges::find(end_tokens_, token) != end_tokens_.end();
    if (!bytes_.back().empty() && !ends) entries_.push_back({token, bytes_.back(), 0});
  }
  std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
    return a.bytes < b.bytes || (a.bytes == b.bytes && a.token < b.token);
  });
  for (std::size_t i = 1; i < entries_.size(); ++i) {
    const std::string& before = entries_[i - 1].bytes;
    const std::string& here = entries_[i].bytes;
    const auto end = std::ranges::mismatch(before, here).in2;
    entries_[i].shared = static_cast<std::size_t>(end - here.begin());
  }
}

}  // namespace attest::inference

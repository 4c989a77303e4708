#include "inference/text/special_texts.h"

#include <algorithm>
#include <functional>

namespace attest::inference {

void SpecialTexts::add(std::string_view text, Token token) {
  if (text.empty() || !by_text_.emplace(text, token).second) return;
  auto& lengths = lengths_[static_cast<unsigned char>(text.front())];
  const auto place = std::ranges::lower_bound(lengths, text.size(), std::greater());
  if (place == lengths.end() || *place != text.size()) lengths.insert(place, text.size());
}

std::optional<SpecialTexts::Found> SpecialTexts::first_in(std::string_view text,
                                                          std::size_t from) const {
  for (std::size_t at = from; at < text.size(); ++at)
    for (const std::size_t length : lengths_[static_cast<unsigned char>(text[at])]) {
      if (length > text.size() - at) continue;
      const auto found = by_text_.find(std::string(text.substr(at, length)));
      if (found != by_text_.end()) return Found{at, length, found->second};
    }
  return std::nullopt;
}

}  // namespace attest::inference

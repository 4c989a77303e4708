#include "inference/serving/answer_text.h"

#include <algorithm>
#include <utility>

namespace attest::inference {

namespace {

// The length of the longest end of `text` that is a proper beginning of `stop`.
std::size_t begun(std::string_view text, std::string_view stop) {
  for (std::size_t size = std::min(text.size(), stop.size() - 1); size > 0; --size)
    if (text.ends_with(stop.substr(0, size))) return size;
  return 0;
}

// Bytes at the end of `text` that are the beginning of a UTF-8 character.
std::size_t unfinished_character(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(3, text.size()); ++size) {
    const auto byte = static_cast<unsigned char>(text[text.size() - size]);
    if ((byte & 0xC0U) == 0x80U) continue;  // goes on a character: its first byte is before
    const std::size_t whole = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return whole > size ? size : 0;
  }
  return 0;
}

}  // namespace

std::string AnswerText::add(std::string_view piece) {
  if (stopped_) return {};
  held_ += piece;
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    stopped_ = true;
    std::string text = held_.substr(0, first);
    held_.clear();
    return text;
  }
  std::size_t waits = unfinished_character(held_);
  for (const std::string& stop : stops_) waits = std::max(waits, begun(held_, stop));
  // Holding back for a stop must not cut a character in two either.
  std::size_t ready = held_.size() - waits;
  ready -= unfinished_character(std::string_view(held_).substr(0, ready));
  std::string text = held_.substr(0, ready);
  held_.erase(0, ready);
  return text;
}

std::string AnswerText::finish() {
  return std::exchange(held_, {});
}

}  // namespace attest::inference

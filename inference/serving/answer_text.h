// From pieces of tokens to text that may be sent: whole characters, and nothing of a stop text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attest::inference {

// AnswerText is for one answer, on one thread. What it gives, put together, is the answer's text up
// to the first stop; bytes that are no UTF-8 are handed on as they are.
class AnswerText {
 public:
  // `stops` are not empty texts.
  explicit AnswerText(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // add takes a token's bytes and gives what can be sent now. A character's first bytes wait for
  // the others, and what may be the beginning of a stop waits until it is known.
  std::string add(std::string_view piece);
  // stopped is true once a stop was found; nothing comes after it.
  bool stopped() const { return stopped_; }
  // finish gives what was still held back.
  std::string finish();

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace attest::inference

// links: attest::inference
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/form/answer_form.h"

using namespace attest;
using namespace attest::inference;

// The first byte says what the text up to a NUL is; what lies behind it goes through the matcher.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t end = std::min(text.find('\0'), text.size());
  const auto kind = data[0] % 2 == 0 ? AnswerForm::Kind::json_schema : AnswerForm::Kind::grammar;
  const auto grammar = compile_form({kind, std::string(text.substr(0, end))});
  if (!grammar) return 0;
  auto matcher = GrammarMatcher::make(*grammar);
  if (!matcher) return 0;
  GrammarMatcher::State state = matcher->start();
  for (const char byte : text.substr(end)) {
    const auto next = matcher->after(state, static_cast<std::uint8_t>(byte));
    if (!next) return 0;
    // What a state was is what it is once the others are forgotten.
    const bool complete = matcher->complete(*next);
    const bool open = matcher->open(*next);
    state = matcher->forget_others(*next);
    if (matcher->complete(state) != complete || matcher->open(state) != open) __builtin_trap();
  }
  return 0;
}

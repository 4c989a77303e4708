// Chat templates: from a conversation to the text a model was trained to continue, by the Jinja
// template its publisher put into the file.
//
// A template is a program of somebody else: what it may do is bounded in steps, in bytes made and
// in depth, it reaches nothing but the conversation, and what this runtime does not know it refuses
// rather than skips. template_syntax.h says what the language has; the settings are those of
// transformers (trim_blocks, lstrip_blocks, loop controls, tojson without escapes).
//
// A ChatTemplate is immutable and may be used from several threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libattest/base/result.h"
#include "libattest/base/time.h"

namespace attest::inference {

struct TemplateLimits {
  std::uint64_t work = 64'000'000;  // steps and bytes made
  std::size_t text = 16U << 20;     // bytes of the rendered text
};

class ChatTemplate {
 public:
  // parse refuses what is not in the language (rules::template_syntax) and what is too large or
  // nested too deeply (rules::template_limit).
  static Result<ChatTemplate> parse(std::string_view source);

  // render gives the text of a conversation. `variables` is an object: `messages`, and what else
  // the template may ask for: add_generation_prompt, bos_token, eos_token, tools, …; its members
  // keep their order. `now` is what strftime_now is told. Refused: a template that goes wrong on
  // this conversation (rules::template_value), one that refuses it with raise_exception
  // (rules::template_raised), one that does too much (rules::template_limit).
  Result<std::string> render(const nlohmann::ordered_json& variables, Time now,
                             TemplateLimits limits = {}) const;

  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

 private:
  struct Parsed;
  explicit ChatTemplate(std::shared_ptr<const Parsed> parsed);
  std::shared_ptr<const Parsed> parsed_;
};

// parse_variables reads what render takes from JSON text, as strictly as parse_json does. An array
// stands for the messages alone, with add_generation_prompt set.
Result<nlohmann::ordered_json> parse_variables(std::string_view json);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule template_variables{"inference.template.variables"};
}

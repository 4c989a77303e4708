// links: attest::inference
// seeds: inference/chat-template
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/template/chat_template.h"
#include "libattest/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  static const nlohmann::ordered_json conversation = {
      {"messages",
       {{{"role", "system"}, {"content", "Be terse."}},
        {{"role", "user"}, {"content", "a</s>"}},
        {{"role", "assistant"},
         {"content", nullptr},
         {"tool_calls", {{{"function", {{"name", "f"}, {"arguments", {{"x", 1.5}}}}}}}}}}},
      {"tools", {{{"type", "function"}, {"function", {{"name", "f"}}}}}},
      {"add_generation_prompt", true},
      {"bos_token", "<s>"},
      {"eos_token", "</s>"}};
  const auto text = as_text(std::as_bytes(std::span(data, size)));
  if (const auto chat_template = inference::ChatTemplate::parse(text))
    (void)chat_template->render(conversation, from_unix(1'800'000'000),
                                {.work = 200'000, .text = 1U << 16});
  (void)inference::parse_variables(text);
  return 0;
}

#include "inference/text/conversation.h"

namespace attest::inference {

namespace {

// guard marks special texts in everything that came from outside. The names of members stay: a
// template asks for them.
Status guard(nlohmann::ordered_json& value, const Tokenizer& tokenizer) {
  if (value.is_string()) {
    auto& text = value.get_ref<std::string&>();
    if (text.find(Tokenizer::guard_mark) != std::string::npos)
      return fail(refused(rules::conversation, "a message has the private character U+F8FF"));
    text = tokenizer.guarded(text);
    return {};
  }
  if (value.is_structured())
    for (auto& each : value) TRY_VOID(guard(each, tokenizer));
  return {};
}

std::string unguarded(std::string text) {
  for (std::size_t at = text.find(Tokenizer::guard_mark); at != std::string::npos;
       at = text.find(Tokenizer::guard_mark, at))
    text.erase(at, Tokenizer::guard_mark.size());
  return text;
}

}  // namespace

Result<ReadConversation> read_conversation(const ChatTemplate& chat_template,
                                           const Tokenizer& tokenizer,
                                           nlohmann::ordered_json variables, Time now) {
  if (!variables.is_object())
    return fail(refused(rules::conversation, "a conversation's variables are an object"));
  for (auto& [name, value] : variables.items())
    if (name != "bos_token" && name != "eos_token") TRY_VOID(guard(value, tokenizer));
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  const auto text_of = [&](std::optional<Token> token) {
    return token ? vocabulary.text(*token) : std::string();
  };
  if (!variables.contains("bos_token"))
    variables["bos_token"] = text_of(vocabulary.begin_of_text());
  if (!variables.contains("eos_token")) variables["eos_token"] = text_of(vocabulary.end_of_text());
  TRY(std::string text, chat_template.render(variables, now));
  TRY(auto tokens,
      tokenizer.encode(text, {.add_begin = false, .read_special = true, .drop_guards = true}));
  return ReadConversation{unguarded(std::move(text)), std::move(tokens)};
}

}  // namespace attest::inference

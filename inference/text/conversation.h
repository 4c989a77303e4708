// From a conversation to the tokens a model continues: rendered by its chat template, and read with
// its special tokens.
//
// What people write cannot pretend to be more than a text: where a message or a tool holds the text
// of a special token ("<|im_end|>"), it is read as the characters it is made of. Only what the
// template itself writes becomes special. The template alone says what stands at the beginning.
#pragma once

#include "inference/template/chat_template.h"
#include "inference/text/tokenizer.h"

namespace attest::inference {

struct ReadConversation {
  std::string text;  // as the template wrote it
  std::vector<Token> tokens;
};

// read_conversation refuses what ChatTemplate::render and Tokenizer::encode refuse, and messages
// with U+F8FF, the private character that guards special texts on their way (rules::conversation).
// bos_token and eos_token are set from the vocabulary where `variables` has not got them.
Result<ReadConversation> read_conversation(const ChatTemplate& chat_template,
                                           const Tokenizer& tokenizer,
                                           nlohmann::ordered_json variables, Time now);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule conversation{"inference.conversation"};
}

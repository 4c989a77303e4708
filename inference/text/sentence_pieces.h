// SentencePiece merging, as `llama` vocabularies have it: characters are joined pair by pair, the
// pair whose joint text has the highest score first, the leftmost of equals; what has no token at
// the end becomes the tokens of its bytes.
#pragma once

#include <string_view>
#include <vector>

#include "inference/text/vocabulary.h"

namespace attest::inference {

// append_sentence_pieces adds the tokens of `text`, UTF-8 in which spaces are already written
// U+2581.
Status append_sentence_pieces(const Vocabulary& vocabulary, std::string_view text,
                              std::vector<Token>& to);

}  // namespace attest::inference

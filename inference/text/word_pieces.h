// WordPiece, as `bert` vocabularies have it: the text is cleaned (no control characters, small
// letters, no accents, as the model asks), cut at spaces, signs and ideographs, and each word taken
// from the left by the longest piece that is a token; a word that cannot be taken whole is unknown.
//
// In the vocabulary of a GGUF file a piece that begins a word is written with U+2581 before it.
#pragma once

#include <string_view>
#include <vector>

#include "inference/text/vocabulary.h"

namespace attest::inference {

struct WordPieceCleaning {
  bool small_letters = true;
  bool strip_accents = true;
};

// append_word_pieces adds the tokens of `text`, well-formed UTF-8. Refused: a word that is unknown
// where there is no unknown token (rules::tokenizer_text).
Status append_word_pieces(const Vocabulary& vocabulary, WordPieceCleaning cleaning,
                          std::string_view text, std::vector<Token>& to);

}  // namespace attest::inference

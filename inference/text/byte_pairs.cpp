#include "inference/text/byte_pairs.h"

#include <algorithm>
#include <limits>
#include <queue>

#include "inference/text/tokenizer.h"
#include "inference/text/unicode.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

// GPT-2's alphabet: printable characters of Latin-1 stand for their own bytes, the other bytes for
// the characters from U+0100 on, in order.
constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct ByteAlphabet {
  std::array<char32_t, 256> character{};
  std::array<std::int16_t, 0x144> byte{};  // -1 where a character is not of the alphabet
  constexpr ByteAlphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (unsigned value = 0; value < 256; ++value) {
      character[value] = stands_for_itself(value) ? char32_t{value} : next++;
      byte[character[value]] = static_cast<std::int16_t>(value);
    }
  }
};
constexpr ByteAlphabet alphabet;

std::string written(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes)
    append_utf8(text, alphabet.character[static_cast<unsigned char>(byte)]);
  return text;
}

constexpr std::size_t none = static_cast<std::size_t>(-1);

}  // namespace

Result<BytePairs> BytePairs::read(const model::Gguf& gguf, const Vocabulary& vocabulary) {
  BytePairs pairs;
  for (unsigned value = 0; value < 256; ++value) {
    std::string text;
    append_utf8(text, alphabet.character[value]);
    pairs.bytes_[value] = vocabulary.find(text);
  }
  TRY(const auto* merges, gguf.array("tokenizer.ggml.merges", model::GgufType::string));
  const auto& texts = *merges->strings();
  if (texts.size() > std::numeric_limits<std::uint32_t>::max())
    return fail(refused(rules::byte_pairs_merge, "too many merges"));
  pairs.merges_.reserve(texts.size());
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    const std::string_view text = texts[rank];
    const std::size_t space = text.find(' ', 1);
    const auto wrong = [&](std::string what) {
      return fail(refused(rules::byte_pairs_merge, std::move(what))
                      .expected("two tokens whose joint text is a token")
                      .found("\"" + printable(text) + "\"")
                      .within("merge " + std::to_string(rank)));
    };
    if (space == std::string_view::npos || space + 1 == text.size())
      return wrong("a merge is not two texts with a space between them");
    const auto left = vocabulary.find(text.substr(0, space));
    const auto right = vocabulary.find(text.substr(space + 1));
    const auto joint =
        vocabulary.find(std::string(text.substr(0, space)) + std::string(text.substr(space + 1)));
    if (!left || !right || !joint) return wrong("a merge of unknown pieces");
    // Of equal merges the first counts.
    pairs.merges_.emplace(std::uint64_t{*left} << 32 | *right,
                          Merge{static_cast<std::uint32_t>(rank), *joint});
  }
  return pairs;
}

const BytePairs::Merge* BytePairs::find(Token left, Token right) const {
  const auto found = merges_.find(std::uint64_t{left} << 32 | right);
  return found == merges_.end() ? nullptr : &found->second;
}

Status BytePairs::append(const Vocabulary& vocabulary, std::string_view word, bool whole_words,
                         std::vector<Token>& to) const {
  if (whole_words) {
    if (const auto token = vocabulary.find(written(word))) {
      to.push_back(*token);
      return {};
    }
  }
  std::vector<Token> symbols;
  symbols.reserve(word.size());
  for (const char byte : word) {
    const auto token = bytes_[static_cast<unsigned char>(byte)];
    if (!token && !vocabulary.unknown())
      return fail(refused(rules::tokenizer_text, "the vocabulary has no token for this text")
                      .found("\"" + printable(word) + "\""));
    symbols.push_back(token ? *token : *vocabulary.unknown());
  }
  // Looking through a short word again for each merge is quicker than keeping a queue.
  constexpr std::size_t short_word = 48;
  if (symbols.size() <= short_word) {
    merge(symbols);
  } else {
    merge_long(symbols);
  }
  to.insert(to.end(), symbols.begin(), symbols.end());
  return {};
}

void BytePairs::merge(std::vector<Token>& symbols) const {
  for (;;) {
    const Merge* best = nullptr;
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Merge* merge = find(symbols[i], symbols[i + 1]);
      if (merge && (!best || merge->rank < best->rank)) {
        best = merge;
        where = i;
      }
    }
    if (!best) return;
    symbols[where] = best->joint;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

void BytePairs::merge_long(std::vector<Token>& symbols) const {
  // A pair waits with the tokens it was made of, so that it is known to be stale.
  struct Pair {
    std::uint32_t rank;
    std::size_t left, right;
    Token left_token, right_token, joint;
    bool operator<(const Pair& other) const {  // the queue gives the greatest first
      return rank > other.rank || (rank == other.rank && left > other.left);
    }
  };
  const std::size_t size = symbols.size();
  std::vector<std::size_t> before(size), behind(size);
  std::vector<bool> gone(size);
  for (std::size_t i = 0; i < size; ++i) {
    before[i] = i == 0 ? none : i - 1;
    behind[i] = i + 1 == size ? none : i + 1;
  }
  std::priority_queue<Pair> queue;
  const auto consider = [&](std::size_t left, std::size_t right) {
    if (left == none || right == none) return;
    if (const Merge* merge = find(symbols[left], symbols[right]))
      queue.push({merge->rank, left, right, symbols[left], symbols[right], merge->joint});
  };
  for (std::size_t i = 0; i + 1 < size; ++i) consider(i, i + 1);
  while (!queue.empty()) {
    const Pair pair = queue.top();
    queue.pop();
    if (gone[pair.left] || gone[pair.right] || symbols[pair.left] != pair.left_token ||
        symbols[pair.right] != pair.right_token || behind[pair.left] != pair.right)
      continue;
    symbols[pair.left] = pair.joint;
    gone[pair.right] = true;
    behind[pair.left] = behind[pair.right];
    if (behind[pair.left] != none) before[behind[pair.left]] = pair.left;
    consider(before[pair.left], pair.left);
    consider(pair.left, behind[pair.left]);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < size; ++i)
    if (!gone[i]) symbols[kept++] = symbols[i];
  symbols.resize(kept);
}

std::string BytePairs::bytes_of(std::string_view token_text) {
  std::string bytes;
  for (const char32_t character : to_characters(token_text)) {
    const int byte = character < alphabet.byte.size() ? alphabet.byte[character] : -1;
    if (byte >= 0) {
      bytes += static_cast<char>(byte);
    } else {
      append_utf8(bytes, character);
    }
  }
  return bytes;
}

}  // namespace attest::inference

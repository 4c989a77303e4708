#include "inference/text/sentence_pieces.h"

#include <queue>

#include "inference/text/tokenizer.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

// A run of the text between its neighbours; empty once it was joined to the one before it.
struct Piece {
  std::string_view text;
  std::size_t before;
  std::size_t behind;
};

// Pair is two neighbours whose joint text is a token. It is stale once either has changed, which
// shows in the joint length.
struct Pair {
  float score;
  std::size_t left;
  std::size_t right;
  std::size_t length;

  // The queue gives the greatest first: the highest score, then the leftmost.
  friend bool operator<(const Pair& a, const Pair& b) {
    return a.score < b.score || (a.score == b.score && a.left > b.left);
  }
};

std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(length, text.size());
}

class Merger {
 public:
  Merger(const Vocabulary& vocabulary, std::string_view text) : vocabulary_(vocabulary) {
    while (!text.empty()) {
      const std::size_t length = character_length(text);
      const std::size_t number = pieces_.size();
      pieces_.push_back({text.substr(0, length), number == 0 ? none : number - 1, number + 1});
      text.remove_prefix(length);
    }
    if (!pieces_.empty()) pieces_.back().behind = none;
  }

  void merge() {
    for (std::size_t i = 1; i < pieces_.size(); ++i) consider(i - 1, i);
    while (!pairs_.empty()) {
      const Pair pair = pairs_.top();
      pairs_.pop();
      Piece& left = pieces_[pair.left];
      Piece& right = pieces_[pair.right];
      if (left.text.empty() || right.text.empty() ||
          left.text.size() + right.text.size() != pair.length)
        continue;
      left.text = joint(left, right);
      right.text = {};
      left.behind = right.behind;
      if (right.behind != none) pieces_[right.behind].before = pair.left;
      consider(left.before, pair.left);
      consider(pair.left, left.behind);
    }
  }

  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  // Neighbours lie side by side in the text.
  static std::string_view joint(const Piece& left, const Piece& right) {
    return {left.text.data(), left.text.size() + right.text.size()};
  }

  void consider(std::size_t left, std::size_t right) {
    if (left == none || right == none) return;
    const std::string_view text = joint(pieces_[left], pieces_[right]);
    if (const auto token = vocabulary_.find(text))
      pairs_.push({vocabulary_.score(*token), left, right, text.size()});
  }

  const Vocabulary& vocabulary_;
  std::vector<Piece> pieces_;
  std::priority_queue<Pair> pairs_;
};

}  // namespace

Status append_sentence_pieces(const Vocabulary& vocabulary, std::string_view text,
                              std::vector<Token>& to) {
  Merger merger(vocabulary, text);
  merger.merge();
  for (const Piece& piece : merger.pieces()) {
    if (piece.text.empty()) continue;
    if (const auto token = vocabulary.find(piece.text)) {
      to.push_back(*token);
      continue;
    }
    for (const char c : piece.text) {
      const auto token = vocabulary.byte(static_cast<std::uint8_t>(c));
      if (!token && !vocabulary.unknown())
        return fail(refused(rules::tokenizer_text, "the vocabulary has no token for this text")
                        .found("\"" + printable(piece.text) + "\""));
      to.push_back(token ? *token : *vocabulary.unknown());
    }
  }
  return {};
}

}  // namespace attest::inference

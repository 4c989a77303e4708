// Following a text through a grammar, byte by byte: what may come next, and whether it may end.
//
// A state is the set of all ways in which the text so far can be read, each a stack of places in
// the grammar. States and the steps between them are found once and kept.
//
// A GrammarMatcher is for one text, on one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "inference/form/byte_grammar.h"

namespace attest::inference {

inline constexpr std::size_t max_stack_depth = 512;  // a byte that leads deeper does not follow
inline constexpr std::size_t max_readings = 256;     // of one text at once
inline constexpr std::size_t max_matcher_states = 1U << 14;

class GrammarMatcher {
 public:
  using State = std::uint32_t;
  static constexpr State dead = 0;  // no text of the grammar begins so

  // make fails where the very beginning can be read in too many ways (rules::grammar_ambiguous).
  static Result<GrammarMatcher> make(std::shared_ptr<const ByteGrammar> grammar);

  State start() const { return start_; }
  // after fails where a text can be read in more than max_readings ways, or where more states were
  // met since forget_others than are kept (rules::grammar_ambiguous).
  Result<State> after(State state, std::uint8_t byte);
  // complete: the text may end here. open: something may follow.
  bool complete(State state) const { return states_[state].complete; }
  bool open(State state) const { return !states_[state].tops.empty(); }

  std::size_t states() const { return states_.size(); }
  // forget_others drops all states but one, and gives its new number.
  State forget_others(State state);

 private:
  // A place in the grammar, and what follows where its rule ends; 0 has no place: the bottom.
  struct Node {
    std::uint32_t position;
    std::uint32_t parent;
    std::uint32_t depth;
  };
  using Next = std::array<State, 256>;
  struct Known {
    std::vector<std::uint32_t> tops;  // nodes at bytes, rising
    bool complete = false;
    std::unique_ptr<Next> next;
  };
  struct Closure;

  explicit GrammarMatcher(std::shared_ptr<const ByteGrammar> grammar)
      : grammar_(std::move(grammar)) {
    clear();
  }
  void clear();
  std::uint32_t node(std::uint32_t position, std::uint32_t parent);
  Status expand(Closure& closure);
  State enter(Closure&& closure);

  std::shared_ptr<const ByteGrammar> grammar_;
  std::vector<Node> nodes_;
  std::unordered_map<std::uint64_t, std::uint32_t> node_numbers_;
  std::vector<Known> states_;
  std::unordered_map<std::string, State> state_numbers_;
  State start_ = dead;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule grammar_ambiguous{"inference.grammar.ambiguous"};
}

#include "inference/form/grammar_matcher.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_set>

namespace attest::inference {

namespace {

constexpr GrammarMatcher::State unknown_state = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t max_closure_steps = 1U << 14;

std::uint64_t pair_of(std::uint32_t position, std::uint32_t parent) {
  return std::uint64_t{position} << 32U | parent;
}

Error ambiguous() {
  return refused(rules::grammar_ambiguous,
                 "the form asked for can be read in too many ways at once")
      .expected("at most " + std::to_string(max_readings))
      .next("let alternatives begin differently");
}

}  // namespace

// Closure is a state on its way: places still to be looked at, and what was found.
struct GrammarMatcher::Closure {
  std::vector<std::uint64_t> waiting;
  std::unordered_set<std::uint64_t> seen;
  std::vector<std::uint32_t> tops;
  bool complete = false;

  void add(std::uint32_t position, std::uint32_t parent) {
    if (seen.insert(pair_of(position, parent)).second) waiting.push_back(pair_of(position, parent));
  }
};

Result<GrammarMatcher> GrammarMatcher::make(std::shared_ptr<const ByteGrammar> grammar) {
  GrammarMatcher matcher(std::move(grammar));
  Closure closure;
  for (const std::uint32_t alternative : matcher.grammar_->rules[matcher.grammar_->root])
    closure.add(alternative, 0);
  TRY_VOID(matcher.expand(closure));
  matcher.start_ = matcher.enter(std::move(closure));
  return matcher;
}

void GrammarMatcher::clear() {
  nodes_.assign(1, {0, 0, 0});
  node_numbers_.clear();
  states_.clear();
  states_.emplace_back();
  state_numbers_.clear();
  state_numbers_.emplace(std::string(1, '\0'), dead);
}

std::uint32_t GrammarMatcher::node(std::uint32_t position, std::uint32_t parent) {
  const auto [at, is_new] =
      node_numbers_.emplace(pair_of(position, parent), static_cast<std::uint32_t>(nodes_.size()));
  if (is_new) nodes_.push_back({position, parent, nodes_[parent].depth + 1});
  return at->second;
}

Status GrammarMatcher::expand(Closure& closure) {
  while (!closure.waiting.empty()) {
    const std::uint64_t place = closure.waiting.back();
    closure.waiting.pop_back();
    if (closure.seen.size() > max_closure_steps || closure.tops.size() > max_readings)
      return fail(ambiguous());
    const auto position = static_cast<std::uint32_t>(place >> 32U);
    const auto parent = static_cast<std::uint32_t>(place);
    const ByteGrammar::Element& element = grammar_->elements[position];
    switch (element.kind) {
      case ByteGrammar::Kind::bytes:
        closure.tops.push_back(node(position, parent));
        break;
      case ByteGrammar::Kind::end:
        if (parent == 0) {
          closure.complete = true;
        } else {
          closure.add(nodes_[parent].position, nodes_[parent].parent);
        }
        break;
      case ByteGrammar::Kind::rule: {
        // A rule that stands last leaves nothing to come back to.
        const bool last = grammar_->elements[position + 1].kind == ByteGrammar::Kind::end;
        if (!last && nodes_[parent].depth >= max_stack_depth) break;
        const std::uint32_t behind = last ? parent : node(position + 1, parent);
        for (const std::uint32_t alternative : grammar_->rules[element.value])
          closure.add(alternative, behind);
        break;
      }
    }
  }
  return {};
}

GrammarMatcher::State GrammarMatcher::enter(Closure&& closure) {
  std::ranges::sort(closure.tops);
  std::string name(1, closure.complete ? '\1' : '\0');
  name.resize(1 + closure.tops.size() * sizeof(std::uint32_t));
  if (!closure.tops.empty()) std::memcpy(name.data() + 1, closure.tops.data(), name.size() - 1);
  const auto [at, is_new] =
      state_numbers_.emplace(std::move(name), static_cast<State>(states_.size()));
  if (is_new) states_.push_back({std::move(closure.tops), closure.complete, nullptr});
  return at->second;
}

Result<GrammarMatcher::State> GrammarMatcher::after(State state, std::uint8_t byte) {
  if (states_[state].tops.empty()) return dead;
  if (!states_[state].next) {
    states_[state].next = std::make_unique<Next>();
    states_[state].next->fill(unknown_state);
  }
  const State known = (*states_[state].next)[byte];
  if (known != unknown_state) return known;
  Closure closure;
  for (const std::uint32_t top : states_[state].tops) {
    const Node& at = nodes_[top];
    if (grammar_->sets[grammar_->elements[at.position].value].test(byte))
      closure.add(at.position + 1, at.parent);
  }
  TRY_VOID(expand(closure));
  const State next = enter(std::move(closure));
  if (states_.size() > max_matcher_states) return fail(ambiguous());
  (*states_[state].next)[byte] = next;
  return next;
}

GrammarMatcher::State GrammarMatcher::forget_others(State state) {
  const std::vector<Node> old = std::move(nodes_);
  Closure kept;
  kept.complete = states_[state].complete;
  const std::vector<std::uint32_t> tops = std::move(states_[state].tops);
  clear();
  if (state == dead) return dead;
  std::vector<std::uint32_t> path;
  for (const std::uint32_t top : tops) {
    path.clear();
    for (std::uint32_t at = top; at != 0; at = old[at].parent) path.push_back(at);
    std::uint32_t parent = 0;
    for (auto at = path.rbegin(); at != path.rend(); ++at) parent = node(old[*at].position, parent);
    kept.tops.push_back(parent);
  }
  return enter(std::move(kept));
}

}  // namespace attest::inference

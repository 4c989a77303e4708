// Commitments to private prompts, which open in parts.
//
// A prompt's tokens are the leaves of a tree (transparency/tree.h), each with a salt of its own, so
// that nobody can guess a token that was not shown:
//   salt of token i = SHA-256("attest-prompt-salt-v1" || salt (32 bytes) || u32le i)
//   leaf i          = "attest-prompt-token-v1" || salt of token i || u32le token
// A receipt carries the root and the number of tokens. Whoever has the salt and the prompt opens
// all of it, or discloses single tokens, each with its own salt and its path to the root.
#pragma once

#include <string_view>
#include <vector>

#include "inference/text/vocabulary.h"
#include "libattest/crypto/digest.h"

namespace attest::inference {

struct PromptTree {
  Sha256 root{};
  std::uint64_t count = 0;
  friend bool operator==(const PromptTree&, const PromptTree&) = default;
};

PromptTree commit_to_tokens(std::span<const Token> prompt, const Sha256& salt);

struct DisclosedToken {
  std::uint64_t index = 0;
  Token token = 0;
  Sha256 salt{};  // this token's own
  std::vector<Sha256> path;
  friend bool operator==(const DisclosedToken&, const DisclosedToken&) = default;
};

// disclose_tokens refuses indexes beyond the prompt (rules::prompt_disclosure).
Result<std::vector<DisclosedToken>> disclose_tokens(std::span<const Token> prompt,
                                                    const Sha256& salt,
                                                    std::span<const std::uint64_t> indexes);

// verify_disclosure checks that each token is the prompt's at its place (the tree's rules), and
// that places rise (rules::prompt_disclosure).
Status verify_disclosure(const PromptTree& tree, std::span<const DisclosedToken> tokens);

// A disclosure travels as JSON: {"tokens": [{"index", "token", "salt": hex, "path": [hex…]}, …]}.
std::string encode_disclosure(std::span<const DisclosedToken> tokens);
Result<std::vector<DisclosedToken>> decode_disclosure(std::string_view json);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule prompt_disclosure{"inference.prompt.disclosure"};
}

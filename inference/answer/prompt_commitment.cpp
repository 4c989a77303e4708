#include "inference/answer/prompt_commitment.h"

#include <algorithm>

#include "libattest/base/json.h"
#include "libattest/transparency/tree.h"

namespace attest::inference {

namespace {

Error wrong(std::string what) {
  return refused(rules::prompt_disclosure, std::move(what));
}

Sha256 salt_of(const Sha256& salt, std::uint64_t index) {
  Bytes number;
  append_u32_le(number, static_cast<std::uint32_t>(index));
  return sha256({as_bytes("attest-prompt-salt-v1"), ByteView(salt), ByteView(number)});
}

Sha256 leaf_of(const Sha256& own_salt, Token token) {
  Bytes leaf = to_bytes("attest-prompt-token-v1");
  append(leaf, own_salt);
  append_u32_le(leaf, token);
  return transparency::leaf_hash(leaf);
}

std::vector<Sha256> leaves_of(std::span<const Token> prompt, const Sha256& salt) {
  std::vector<Sha256> leaves;
  for (std::size_t i = 0; i < prompt.size(); ++i)
    leaves.push_back(leaf_of(salt_of(salt, i), prompt[i]));
  return leaves;
}

Result<Sha256> digest_in(const Json& value) {
  if (!value.is_string()) return fail(wrong("a digest is 64 hex digits"));
  return parse_digest_uri("sha256:" + value.get<std::string>());
}

Result<DisclosedToken> token_in(const Json& value) {
  TRY(JsonFields fields, JsonFields::of(value, "disclosed token"));
  DisclosedToken token;
  TRY(token.index, fields.unsigned_integer("index"));
  TRY(const std::uint64_t number, fields.unsigned_integer("token"));
  if (number > 0xffffffffU) return fail(wrong("a token is below 2^32"));
  token.token = static_cast<Token>(number);
  TRY(const Json* salt, fields.required("salt"));
  TRY(token.salt, digest_in(*salt));
  TRY(const Json* path, fields.array("path"));
  for (const Json& each : *path) {
    TRY(const Sha256 hash, digest_in(each));
    token.path.push_back(hash);
  }
  TRY_VOID(fields.finish());
  return token;
}

}  // namespace

PromptTree commit_to_tokens(std::span<const Token> prompt, const Sha256& salt) {
  return {transparency::root_of(leaves_of(prompt, salt)), prompt.size()};
}

Result<std::vector<DisclosedToken>> disclose_tokens(std::span<const Token> prompt,
                                                    const Sha256& salt,
                                                    std::span<const std::uint64_t> indexes) {
  const std::vector<Sha256> leaves = leaves_of(prompt, salt);
  const auto reader = [&leaves](unsigned level, std::uint64_t index) -> Result<Sha256> {
    const std::size_t size = std::size_t{1} << level;
    return transparency::root_of(std::span(leaves).subspan(index * size, size));
  };
  std::vector<DisclosedToken> tokens;
  for (const std::uint64_t index : indexes) {
    if (index >= prompt.size())
      return fail(wrong("the prompt has no such token")
                      .expected("below " + std::to_string(prompt.size()))
                      .found(std::to_string(index)));
    TRY(auto path, transparency::prove_inclusion(index, leaves.size(), reader));
    tokens.push_back({index, prompt[index], salt_of(salt, index), std::move(path)});
  }
  return tokens;
}

Status verify_disclosure(const PromptTree& tree, std::span<const DisclosedToken> tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const DisclosedToken& token = tokens[i];
    if (i > 0 && token.index <= tokens[i - 1].index)
      return fail(wrong("disclosed tokens are not in their order"));
    TRY_VOID(transparency::verify_inclusion(
        token.index, tree.count, leaf_of(token.salt, token.token), token.path, tree.root));
  }
  return {};
}

std::string encode_disclosure(std::span<const DisclosedToken> tokens) {
  OrderedJson list = OrderedJson::array();
  for (const DisclosedToken& token : tokens) {
    OrderedJson path = OrderedJson::array();
    for (const Sha256& hash : token.path) path.push_back(to_hex(hash));
    list.push_back({{"index", token.index},
                    {"token", token.token},
                    {"salt", to_hex(token.salt)},
                    {"path", std::move(path)}});
  }
  return to_line(OrderedJson{{"tokens", std::move(list)}}) + "\n";
}

Result<std::vector<DisclosedToken>> decode_disclosure(std::string_view text) {
  TRY(const Json json, parse_json(text, {.depth = 6}));
  TRY(JsonFields fields, JsonFields::of(json, "disclosure"));
  TRY(const Json* list, fields.array("tokens"));
  TRY_VOID(fields.finish());
  std::vector<DisclosedToken> tokens;
  for (const Json& each : *list) {
    TRY(DisclosedToken token, token_in(each));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace attest::inference

// What a model card says of a model's descent: the YAML front matter of a README.md, as model hubs
// have it. All of it is a claim: parents are names there, and a name is no digest.
//
// Read is a small part of YAML 1.2, strictly: top-level "key: value" with plain and quoted scalars,
// lists in brackets, and lists of "- value" lines. What stands below other keys is passed over
// unread. Anchors, aliases, tags, block scalars and nested values under the keys that are asked for
// are refused, never guessed at. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/result.h"

namespace attest::lineage {

struct ModelCardClaims {
  std::vector<std::string> base_models;  // names, such as "lab.example/base"
  std::string relation;                  // finetune, adapter, merge, quantized; may be empty
  std::vector<std::string> data_sets;
  std::string licence;
};

// parse_model_card reads a card of at most a megabyte whose front matter is at most 64 KiB and
// 2,000 lines. Refused: no front matter or none that ends (rules::model_card_none), a key twice
// (rules::model_card_twice), and whatever is outside of the part above (rules::model_card_form),
// each with its line.
Result<ModelCardClaims> parse_model_card(std::string_view text);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule model_card_none{"lineage.model-card.none"};
inline constexpr Rule model_card_twice{"lineage.model-card.twice"};
inline constexpr Rule model_card_form{"lineage.model-card.form"};
}  // namespace attest::rules

// The operations that this program performs, each specified to the bit where it is done:
//
//   quantize  {to: q8_0, q4_0, q4_k, q5_k or q6_k}       one base          model/quantize.h
//   convert   {to: gguf}                                 one base          model/convert.h
//   merge     {method: linear, weights: "0.5,0.25,…"}    two bases or more  model/merge.h
//   merge     {method: slerp, t: "0.3"}                  two bases
//   merge     {method: lora}                             a base, then an adapter
//
// Parents are in the order the release names them in: a merge goes by it. Numbers are decimal, and
// mean the f32 nearest to them. What makes a model and what makes it again call the same function.
// Pure; parents and result are held in memory.
#pragma once

#include <span>
#include <string>

#include "libattest/model/executor.h"
#include "libattest/model/model_files.h"
#include "libattest/statement/artefact.h"

namespace attest::lineage {

struct ParentFiles {
  std::string role;  // "base" or "adapter"
  model::ModelFiles files;
};

// subject_of_files gives the subject that a release of these files has.
statement::Subject subject_of_files(const model::ModelFiles& files);

// can_perform says whether this program performs an operation on parents in these roles: its name,
// exactly its parameters, and the roles, as above.
bool can_perform(const statement::Operation& operation, std::span<const std::string> roles);

// perform gives the one file that the operation makes. An operation that can_perform does not know
// is incomplete (rules::perform_unknown): it may still be true. Files of a parent that should be
// one, and what the operation itself refuses, are refused.
Result<Bytes> perform(const statement::Operation& operation, std::span<const ParentFiles> parents,
                      const model::Executor& executor = model::serially);

// performance_text gives "quantize to=q8_0" for people, parameters in the order of their names.
std::string performance_text(const statement::Operation& operation);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule perform_unknown{"lineage.perform.unknown-operation"};
inline constexpr Rule perform_files{"lineage.perform.files"};
}  // namespace attest::rules

// What the file itself says against being used, before any statement is read: a pointer in place of
// the file, a format whose loader runs code, a description that cannot be true.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libattest/lineage/policy.h"
#include "libattest/lineage/verdict.h"
#include "libattest/model/digest.h"
#include "libattest/model/kernel_verity.h"

namespace attest::lineage {

struct LookedAt {
  model::FileDigests digests;
  std::string format;              // as model::to_string has it
  std::vector<ModelCheck> checks;  // what stands against it; empty: nothing
  bool is_pointer = false;         // a git-lfs pointer: the file itself is not here
};

// Digester gives an open file's digests; by reading all of it, or by what is known of it.
using Digester = std::function<Result<model::FileDigests>(File&)>;

// look_at reads an open file: what it is judged by, and what is digested, come from this one
// descriptor. It finds, in this order:
//   - a git-lfs pointer (rules::file_is_pointer, incomplete: the file has yet to be fetched);
//   - a format whose loader runs code from it, code in a configuration or a chat template
//     (model::code_by_format and its kind, refused by that rule), unless the policy's `formats`
//     names the format;
//   - a GGUF or safetensors description that is not strict (the reader's own rules).
// `name` tells the format where the content does not. Fails where the file cannot be read.
Result<LookedAt> look_at(File& file, const std::string& name, const ReleasePolicy& policy,
                         const Digester& digester);

// enforced_digests gives the digests of the file that the kernel enforces with fs-verity, where
// one of the files that are named has this size and that fs-verity digest: then its bytes are that
// file's, and its SHA-256 is what is said of it.
std::optional<model::FileDigests> enforced_digests(std::span<const statement::ModelFile> named,
                                                   std::uint64_t size,
                                                   const model::KernelVerity& enforced);

// is_no_model says whether the policy's `not_models` takes a file out, by its name.
bool is_no_model(const std::string& name, const ReleasePolicy& policy);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule file_is_pointer{"lineage.file.git-lfs-pointer"};
}

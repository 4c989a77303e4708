// Digests for the gate: of what is known to be unchanged, without reading it.
#pragma once

#include <mutex>
#include <span>

#include "cli/model_place.h"
#include "libattest/model/digest.h"
#include "libattest/model/directory.h"
#include "libattest/statement/artefact.h"

namespace attest::cli {

// GateDigests may be used from several threads. Without a cache it learns nothing.
class GateDigests {
 public:
  explicit GateDigests(model::DigestCache* cache) : cache_(cache) {}

  // of gives an open file's digests, from the first of these that has them:
  //   - the cache (digest_cache.h says when it is believed);
  //   - the kernel, where it enforces with fs-verity exactly one of the files in `claimed`: the
  //     verdict must still find that a verified release names these digests together;
  //   - all of the file, which the cache then learns.
  Result<model::FileDigests> of(model::OpenedFile& file,
                                std::span<const statement::ModelFile> claimed);

  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  model::DigestCache* cache_;
  std::mutex mutex_;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace attest::cli

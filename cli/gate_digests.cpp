#include "cli/gate_digests.h"

#include "libattest/lineage/file_check.h"

namespace attest::cli {

Result<model::FileDigests> GateDigests::of(model::OpenedFile& file,
                                           std::span<const statement::ModelFile> claimed) {
  model::DigestCache::Reading reading;
  {
    const std::lock_guard lock(mutex_);
    if (cache_ != nullptr) {
      if (const auto known = cache_->known_digests(file)) return *known;
      TRY(reading, model::DigestCache::begin(file, CacheFile::now_ns()));
    }
  }
  TRY(const std::uint64_t size, file.size());
  if (const auto enforced = model::kernel_verity(file.descriptor()))
    if (const auto digests = lineage::enforced_digests(claimed, size, *enforced)) return *digests;
  TRY(const model::FileDigests digests, model::digest_file(file));
  const std::lock_guard lock(mutex_);
  bytes_read_ += digests.size;
  if (cache_ != nullptr) cache_->learn(file, reading, digests);
  return digests;
}

}  // namespace attest::cli

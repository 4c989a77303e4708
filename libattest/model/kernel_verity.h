// What the kernel itself enforces on a file: its fs-verity digest, where fs-verity is enabled. Such
// a file cannot be changed by anyone, and each of its pages is checked as it is read, so its digest
// need not be computed again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libattest/crypto/digest.h"

namespace attest::model {

struct KernelVerity {
  std::uint16_t algorithm = 0;  // FS_VERITY_HASH_ALG_…: 1 is SHA-256
  Bytes digest;

  std::string text() const;  // "1:9f3a…"
  // sha256 gives the digest where it is one of SHA-256. It covers the size of blocks and the salt,
  // so that one equal to a digest of digest.h was made as those are.
  std::optional<Sha256> sha256() const;
};

// kernel_verity asks by FS_IOC_MEASURE_VERITY; nothing where fs-verity is not enabled on the file.
std::optional<KernelVerity> kernel_verity(int descriptor);

}  // namespace attest::model

// The digests that identify a model file: SHA-256 of its bytes, and its fs-verity digest, from one
// pass over the file.
//
// fs-verity (Linux, Documentation/filesystems/fsverity.rst): SHA-256, blocks of 4,096 bytes, no
// salt. Each block, the last padded with zeros, is hashed; hashes are joined, 128 a block, padded
// and hashed again until one is left, the root (zeros for an empty file). The digest is SHA-256 of
// a 256-byte descriptor of version, hash, block size, file size and root. It is what
// `fsverity digest FILE` prints, and what the kernel enforces where fs-verity is enabled.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/crypto/digest.h"

namespace attest::model {

inline constexpr std::size_t verity_block = 4096;

struct FileDigests {
  std::uint64_t size = 0;
  Sha256 sha256{};
  Sha256 fsverity{};
  friend bool operator==(const FileDigests&, const FileDigests&) = default;
};

// verity_leaf hashes one block; a short one, the last of its file, is padded with zeros.
Sha256 verity_leaf(ByteView block);
// verity_digest gives the fs-verity digest of a file of `size` bytes from its leaf hashes, of which
// there must be exactly verity_leaf_count(size).
Sha256 verity_digest(std::uint64_t size, std::span<const Sha256> leaves);
std::uint64_t verity_leaf_count(std::uint64_t size);

// Progress is called now and then with the bytes done and the bytes in all.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// DigestsWithLeaves also keeps the leaf hashes: 32 bytes for each 4,096 of the file.
struct DigestsWithLeaves {
  FileDigests digests;
  std::vector<Sha256> leaves;
};

// digest_bytes and digest_file give both digests. digest_file reads `file` once, front to back, and
// refuses a file whose size changes meanwhile (rules::file_changed).
FileDigests digest_bytes(ByteView bytes);
Result<FileDigests> digest_file(File& file, const Progress& progress = {});
Result<FileDigests> digest_file(const Path& path, const Progress& progress = {});
DigestsWithLeaves digest_bytes_with_leaves(ByteView bytes);
Result<DigestsWithLeaves> digest_file_with_leaves(File& file, const Progress& progress = {});

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule file_changed{"model.file.changed"};
}  // namespace attest::rules

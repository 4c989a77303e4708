#include "libattest/model/digest.h"

#include <algorithm>
#include <array>

#include "libattest/model/sha256_lanes.h"

namespace attest::model {

namespace {

constexpr std::size_t hashes_per_block = verity_block / sizeof(Sha256);
constexpr std::array<std::byte, verity_block> zeros{};

Sha256 leaf_with(Hasher& hasher, ByteView block) {
  hasher.update(block);
  if (block.size() < verity_block)
    hasher.update(ByteView(zeros).first(verity_block - block.size()));
  return hasher.finish_sha256();
}

// A piece is a multiple of the block size, so that only the last piece has a short block.
constexpr std::size_t piece_size = 1U << 20;

class BothDigests {
 public:
  // update takes pieces of whole blocks, but for the last.
  void update(ByteView piece) {
    whole_.update(piece);
    size_ += piece.size();
    const std::size_t whole = piece.size() / verity_block;
    leaves_.resize(leaves_.size() + whole);
    sha256_blocks(piece.first(whole * verity_block), verity_block, std::span(leaves_).last(whole));
    if (const ByteView rest = piece.subspan(whole * verity_block); !rest.empty())
      leaves_.push_back(leaf_with(block_, rest));
  }

  DigestsWithLeaves finish() {
    const FileDigests digests{size_, whole_.finish_sha256(), verity_digest(size_, leaves_)};
    return {digests, std::move(leaves_)};
  }

 private:
  Hasher whole_;
  Hasher block_;
  std::uint64_t size_ = 0;
  std::vector<Sha256> leaves_;
};

Error changed_while_read(std::uint64_t expected, std::uint64_t found) {
  return refused(rules::file_changed, "the file changed while it was read")
      .expected(std::to_string(expected) + " bytes")
      .found(std::to_string(found));
}

}  // namespace

std::uint64_t verity_leaf_count(std::uint64_t size) {
  return size / verity_block + (size % verity_block != 0 ? 1 : 0);
}

Sha256 verity_leaf(ByteView block) {
  Hasher hasher;
  return leaf_with(hasher, block);
}

Sha256 verity_digest(std::uint64_t size, std::span<const Sha256> leaves) {
  Hasher hasher;
  std::vector<Sha256> level(leaves.begin(), leaves.end());
  while (level.size() > 1) {
    std::vector<Sha256> above;
    for (std::span<const Sha256> rest = level; !rest.empty();) {
      const auto block = rest.first(std::min(rest.size(), hashes_per_block));
      above.push_back(leaf_with(hasher, std::as_bytes(block)));
      rest = rest.subspan(block.size());
    }
    level = std::move(above);
  }

  // struct fsverity_descriptor: version 1, SHA-256 (1), 2^12 bytes a block, no salt.
  Bytes descriptor{std::byte{1}, std::byte{1}, std::byte{12}, std::byte{0}};
  append_u32_le(descriptor, 0);
  append_u64_le(descriptor, size);
  if (!level.empty()) append(descriptor, level.front());
  descriptor.resize(256);
  return sha256(descriptor);
}

DigestsWithLeaves digest_bytes_with_leaves(ByteView bytes) {
  BothDigests both;
  both.update(bytes);
  return both.finish();
}

FileDigests digest_bytes(ByteView bytes) {
  return digest_bytes_with_leaves(bytes).digests;
}

Result<DigestsWithLeaves> digest_file_with_leaves(File& file, const Progress& progress) {
  TRY(const std::uint64_t total, file.size());
  BothDigests both;
  Bytes piece(piece_size);
  std::uint64_t done = 0;
  for (;;) {
    TRY(const std::size_t got, file.read_at(done, piece));
    both.update(ByteView(piece).first(got));
    done += got;
    if (progress) progress(done, total);
    if (got < piece.size()) break;
  }
  if (done != total) return fail(changed_while_read(total, done));
  return both.finish();
}

Result<FileDigests> digest_file(File& file, const Progress& progress) {
  TRY(const DigestsWithLeaves both, digest_file_with_leaves(file, progress));
  return both.digests;
}

Result<FileDigests> digest_file(const Path& path, const Progress& progress) {
  TRY(const std::unique_ptr<File> file, system_files().open(path, OpenMode::read));
  TRY_WITHIN(path.string(), const FileDigests digests, digest_file(*file, progress));
  return digests;
}

}  // namespace attest::model

#include "libattest/model/verified_file.h"

#include <algorithm>
#include <cstring>

namespace attest::model {

namespace {

Error not_the_file(Rule rule, std::string expected, std::string found) {
  return refused(rule, "this is not the file that was released")
      .expected(std::move(expected))
      .found(std::move(found))
      .next("fetch the file again, or ask its publisher");
}

Result<VerifiedBlockTree> tree_of_whole_file(File& file, const ExpectedFile& expected,
                                             const Progress& progress) {
  TRY(const DigestsWithLeaves both, digest_file_with_leaves(file, progress));
  if (both.digests.sha256 != expected.sha256)
    return fail(not_the_file(rules::verified_file_digest, digest_uri(expected.sha256),
                             digest_uri(both.digests.sha256)));
  return verify_block_tree(make_block_tree(both.leaves), expected.size, expected.fsverity);
}

constexpr std::size_t piece_size = 1U << 20;

}  // namespace

Result<VerifiedFile> VerifiedFile::open(const Path& path, const ExpectedFile& expected,
                                        const std::optional<Bytes>& tree,
                                        const Progress& progress) {
  TRY(std::unique_ptr<OpenedFile> file, OpenedFile::open(path));
  return of(std::move(file), expected, tree, progress);
}

Result<VerifiedFile> VerifiedFile::of(std::unique_ptr<OpenedFile> file,
                                      const ExpectedFile& expected,
                                      const std::optional<Bytes>& tree, const Progress& progress) {
  const int descriptor = file->descriptor();
  std::string name = file->name();
  TRY(VerifiedFile verified,
      of(std::unique_ptr<File>(std::move(file)), std::move(name), expected, tree, progress));
  verified.descriptor_ = descriptor;
  return verified;
}

Result<VerifiedFile> VerifiedFile::of(std::unique_ptr<File> file, std::string name,
                                      const ExpectedFile& expected,
                                      const std::optional<Bytes>& tree, const Progress& progress) {
  TRY_WITHIN(name, const std::uint64_t size, file->size());
  if (size != expected.size)
    return fail(not_the_file(rules::verified_file_size, std::to_string(expected.size) + " bytes",
                             std::to_string(size))
                    .within(name));
  TRY_WITHIN(name, VerifiedBlockTree verified,
             tree ? verify_block_tree(*tree, expected.size, expected.fsverity)
                  : tree_of_whole_file(*file, expected, progress));
  return VerifiedFile(std::move(file), std::move(name), expected.sha256, std::move(verified));
}

Status VerifiedFile::read(std::uint64_t offset, std::span<std::byte> out) {
  if (offset > size() || out.size() > size() - offset)
    return fail(fault(rules::verified_file_size, "a read past the end of the file").within(name_));
  Bytes blocks;
  while (!out.empty()) {
    const std::uint64_t first = offset / verity_block;
    const std::uint64_t start = first * verity_block;
    const std::uint64_t wanted = offset - start + std::min(out.size(), piece_size);
    const std::uint64_t whole_blocks = (wanted + verity_block - 1) / verity_block * verity_block;
    blocks.resize(std::min(whole_blocks, size() - start));
    TRY_WITHIN(name_, const std::size_t got, file_->read_at(start, blocks));
    if (got != blocks.size())
      return fail(
          refused(rules::file_changed, "the file became shorter while it was read").within(name_));
    TRY_VOID(check(first, blocks));
    const std::size_t skip = offset - start;
    const std::size_t count = std::min(out.size(), blocks.size() - skip);
    std::memcpy(out.data(), blocks.data() + skip, count);
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

Status VerifiedFile::check(std::uint64_t first_block, ByteView blocks) const {
  for (std::uint64_t block = first_block; !blocks.empty(); ++block) {
    const ByteView one = blocks.first(std::min(blocks.size(), verity_block));
    if (auto genuine = tree_.check_block(block, one); !genuine) {
      Error error = std::move(genuine).error();
      if (description_)
        error.what = description_->region_at(block * verity_block) + " " + error.what;
      error.next("fetch the file again, or ask its publisher");
      return fail(std::move(error).within(name_));
    }
    blocks = blocks.subspan(one.size());
  }
  return {};
}

Result<Gguf> VerifiedFile::read_description() {
  Bytes front;
  for (;;) {
    const std::size_t had = front.size();
    front.resize(std::min<std::uint64_t>(size(), had == 0 ? piece_size : had * 4));
    if (!read(had, std::span(front).subspan(had))) {
      // What is genuine in front of the wrong block may already describe the tensor it lies in.
      std::size_t genuine = had;
      while (genuine < front.size() &&
             read(genuine, std::span(front).subspan(
                               genuine, std::min(verity_block, front.size() - genuine))))
        genuine += verity_block;
      if (auto described = parse_gguf(ByteView(front).first(genuine), size()))
        description_ = *std::move(described);
      TRY_VOID(read(had, std::span(front).subspan(had)));
    }
    auto gguf = parse_gguf(front, size());
    if (gguf) description_ = *gguf;
    if (gguf || gguf.error().rule != rules::gguf_front_too_short || front.size() == size()) {
      if (!gguf) return fail(std::move(gguf).error().within(name_));
      return gguf;
    }
  }
}

ByteView VerifiedGguf::data(const GgufTensor& tensor) const {
  return bytes().subspan(tensor.offset, tensor.size);
}

Result<VerifiedGguf> load_verified_gguf(VerifiedFile& file, const Progress& progress) {
  TRY_VOID(file.read_description());
  Bytes bytes(file.size());
  for (std::uint64_t done = 0; done < bytes.size();) {
    const std::size_t count = std::min<std::uint64_t>(piece_size, bytes.size() - done);
    TRY_VOID(file.read(done, std::span(bytes).subspan(done, count)));
    done += count;
    if (progress) progress(done, bytes.size());
  }
  TRY_WITHIN(file.name(), Gguf gguf, parse_gguf(bytes));
  const FileDigests digests{file.size(), file.sha256(), file.fsverity()};
  return VerifiedGguf(std::move(gguf), std::move(bytes), file.name(), digests);
}

}  // namespace attest::model

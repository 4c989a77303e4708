// Reading a model file so that the bytes that were checked are the bytes that are used.
//
// The file is opened once and read into memory of ours; each 4 KiB block is hashed there, and only
// what passed is handed out. Nothing is mapped: whoever can write to the file, or swap it, between
// our check and our use changes nothing that we compute with.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libattest/base/file.h"
#include "libattest/model/block_tree.h"
#include "libattest/model/digest.h"
#include "libattest/model/directory.h"
#include "libattest/model/gguf.h"

namespace attest::model {

// ExpectedFile is what a verified statement says of the file.
struct ExpectedFile {
  std::uint64_t size;
  Sha256 sha256;
  Sha256 fsverity;
};

// VerifiedFile is an open file with the block tree it is judged by. For one thread at a time.
class VerifiedFile {
 public:
  // open opens `path` once and checks its size. With the tree's bytes (`F.attest/tree`) blocks are
  // judged singly as they are read; without, the whole file is read once here to make the tree,
  // and a difference can only be told for the file as a whole.
  // Refused: another size (rules::verified_file_size), a tree that does not give the expected
  // digest (rules::tree_…), a file that does not (rules::verified_file_digest).
  static Result<VerifiedFile> open(const Path& path, const ExpectedFile& expected,
                                   const std::optional<Bytes>& tree, const Progress& progress = {});
  // of is open for a file that is already open; `name` is for errors. There is no second way in:
  // what is read afterwards is read through that descriptor.
  static Result<VerifiedFile> of(std::unique_ptr<File> file, std::string name,
                                 const ExpectedFile& expected, const std::optional<Bytes>& tree,
                                 const Progress& progress = {});
  static Result<VerifiedFile> of(std::unique_ptr<OpenedFile> file, const ExpectedFile& expected,
                                 const std::optional<Bytes>& tree, const Progress& progress = {});

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return tree_.file_size(); }
  const Sha256& sha256() const { return sha256_; }
  const Sha256& fsverity() const { return tree_.fsverity(); }

  // descriptor is the open file's, for those who read it themselves; -1 where it is no system's
  // file.
  int descriptor() const { return descriptor_; }

  // tree is what blocks are judged by; check refuses the first of `blocks`, from number
  // `first_block` of the file on, that is not the file's, as read does: for those who read the file
  // themselves.
  const VerifiedBlockTree& tree() const { return tree_; }
  Status check(std::uint64_t first_block, ByteView blocks) const;

  // read fills `out` with the file's bytes from `offset`, every block they touch having been
  // checked. The first wrong block is refused with its byte offset, number, and both hashes.
  Status read(std::uint64_t offset, std::span<std::byte> out);

  // read_description parses the GGUF description at the front, through the checks. From then on a
  // wrong block is named by the tensor it lies in.
  Result<Gguf> read_description();

 private:
  VerifiedFile(std::unique_ptr<File> file, std::string name, const Sha256& sha256,
               VerifiedBlockTree tree)
      : file_(std::move(file)), name_(std::move(name)), sha256_(sha256), tree_(std::move(tree)) {}

  std::unique_ptr<File> file_;
  std::string name_;
  Sha256 sha256_;
  VerifiedBlockTree tree_;
  int descriptor_ = -1;
  std::optional<Gguf> description_;
};

// VerifiedGguf is a whole GGUF file in memory whose every block was checked. Immutable.
class VerifiedGguf {
 public:
  const Gguf& gguf() const { return gguf_; }
  ByteView bytes() const { return bytes_; }
  // data gives a tensor's bytes.
  ByteView data(const GgufTensor& tensor) const;
  const std::string& name() const { return name_; }
  const FileDigests& digests() const { return digests_; }

 private:
  friend Result<VerifiedGguf> load_verified_gguf(VerifiedFile&, const Progress&);
  VerifiedGguf(Gguf gguf, Bytes bytes, std::string name, const FileDigests& digests)
      : gguf_(std::move(gguf)),
        bytes_(std::move(bytes)),
        name_(std::move(name)),
        digests_(digests) {}

  Gguf gguf_;
  Bytes bytes_;
  std::string name_;
  FileDigests digests_;
};

// load_verified_gguf reads all of `file` through its checks and parses it. A wrong block is named
// by the tensor it lies in, where the description in front of it was genuine.
Result<VerifiedGguf> load_verified_gguf(VerifiedFile& file, const Progress& progress = {});

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule verified_file_size{"model.verified-file.size"};
inline constexpr Rule verified_file_digest{"model.verified-file.digest"};
}  // namespace attest::rules

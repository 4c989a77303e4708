// Digests of files that are known to be unchanged, so that signing a model again reads only what
// changed.
//
// An entry names a file by device, inode, size, modification and change time. The kernel sets the
// change time at every write, also through a mapping or another name, and no program can set it
// back. So an entry is stale only where that clock could not tell two writes apart, or where the
// file is no longer the kernel's own; both are ruled out when it is made and when it is asked for:
//   - a digest is learned only where nobody had the file open for writing when reading began (a
//   read
//     lease was granted), its change time was then at least two seconds past, and its identity was
//     the same when reading ended;
//   - it is believed only in the same boot, on a local file system (ext4, XFS, Btrfs, F2FS, tmpfs);
//   - a file with fs-verity enabled cannot change at all: it is known by its fs-verity digest, as
//   the
//     kernel measures it, anywhere and at any time.
// Whoever can write the cache's file can lie to its owner: programs keep it where others cannot.
// A DigestCache is for one thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "libattest/model/digest.h"
#include "libattest/model/directory.h"
#include "libattest/model/oms_hash.h"

namespace attest::model {

class DigestCache {
 public:
  // of reads what text() wrote. Text that is malformed gives an empty cache: it costs time, never
  // truth. `boot` names this boot of this machine.
  static DigestCache of(std::string_view text, std::string boot);
  std::string text() const;
  std::size_t size() const { return by_identity_.size() + by_verity_.size(); }

  // known gives a digest that must be the file's; nothing where it has to be read.
  std::optional<Bytes> known(const OpenedFile& file, OmsHash hash) const;
  // known_digests gives both digests (digest.h) where both are known.
  std::optional<FileDigests> known_digests(const OpenedFile& file) const;

  // Reading is a file's state before it was read: begin asks for it, and learn is given it back.
  struct Reading {
    FileIdentity identity;
    bool quiet = false;  // nobody was writing, and not for two seconds
  };
  // now_ns is the wall clock's time, in nanoseconds since 1970.
  static Result<Reading> begin(const OpenedFile& file, std::int64_t now_ns);
  // learn remembers a digest, where it may.
  void learn(const OpenedFile& file, const Reading& reading, OmsHash hash, ByteView digest);
  void learn(const OpenedFile& file, const Reading& reading, const FileDigests& digests);

 private:
  struct Key {
    std::string hash;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Known {
    FileIdentity identity;
    Bytes digest;
  };
  explicit DigestCache(std::string boot) : boot_(std::move(boot)) {}
  // `name` is that of a hash function, or "fs-verity".
  std::optional<Bytes> named(const OpenedFile& file, std::string_view name) const;
  void learn_named(const OpenedFile& file, const Reading& reading, std::string_view name,
                   ByteView digest);

  std::string boot_;
  std::map<Key, Known> by_identity_;
  std::map<std::string, Bytes> by_verity_;  // "hash verity-digest"
};

}  // namespace attest::model

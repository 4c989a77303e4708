#include "libattest/model/digest_cache.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "libattest/base/text.h"
#include "libattest/model/kernel_verity.h"

namespace attest::model {

namespace {

constexpr std::string_view head = "attest-digests-v1";
constexpr std::int64_t quiet_time_ns = 2'000'000'000;

// A lease is granted only where nobody has the file open for writing, mapped included, and only to
// the file's owner. Its break would be told by a signal: by one that is ignored by default.
bool has_no_writer(int descriptor) {
  if (::fcntl(descriptor, F_SETSIG, SIGURG) != 0) return false;
  if (::fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) return false;
  return ::fcntl(descriptor, F_SETLEASE, F_UNLCK) == 0;
}

bool is_local(int descriptor) {
  constexpr std::int64_t xfs = 0x58465342;
  constexpr std::array<std::int64_t, 5> known{EXT4_SUPER_MAGIC, xfs, BTRFS_SUPER_MAGIC,
                                              F2FS_SUPER_MAGIC, TMPFS_MAGIC};
  struct statfs status{};
  return ::fstatfs(descriptor, &status) == 0 &&
         std::ranges::find(known, static_cast<std::int64_t>(status.f_type)) != known.end();
}

// fsverity_name stands beside the names of hash functions: it is our fs-verity digest (digest.h).
constexpr std::string_view fsverity_name = "fs-verity";

std::optional<std::size_t> digest_size_of(std::string_view name) {
  if (name == fsverity_name) return sizeof(Sha256);
  const auto hash = oms_hash_by_name(name);
  if (!hash) return std::nullopt;
  return digest_size(*hash);
}

std::string verity_key(std::string_view name, const KernelVerity& verity) {
  return std::string(name) + " " + verity.text();
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

// A line an entry: "file HASH DEVICE INODE SIZE MODIFIED CHANGED DIGEST", of the boot in the first
// line, or "verity HASH ALGORITHM:DIGEST DIGEST".
DigestCache DigestCache::of(std::string_view text, std::string boot) {
  DigestCache cache(std::move(boot));
  const DigestCache nothing = cache;
  bool same_boot = false;
  bool first = true;
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (first) {
      if (words.size() != 2 || words[0] != head) return nothing;
      same_boot = words[1] == cache.boot_;
      first = false;
      continue;
    }
    if (line.empty()) continue;
    const auto size = words.size() > 1 ? digest_size_of(words[1]) : std::nullopt;
    const auto digest = from_hex(words.back());
    if (!size || !digest || digest->size() != *size) return nothing;
    if (words[0] == "verity" && words.size() == 4) {
      cache.by_verity_[std::string(words[1]) + " " + std::string(words[2])] = *digest;
      continue;
    }
    FileIdentity identity;
    if (words[0] != "file" || words.size() != 8 || !read_number(words[2], identity.device) ||
        !read_number(words[3], identity.inode) || !read_number(words[4], identity.size) ||
        !read_number(words[5], identity.modified_ns) || !read_number(words[6], identity.changed_ns))
      return nothing;
    if (same_boot)
      cache.by_identity_[{std::string(words[1]), identity.device, identity.inode}] = {identity,
                                                                                      *digest};
  }
  return cache;
}

std::string DigestCache::text() const {
  std::string text = std::string(head) + " " + boot_ + "\n";
  for (const auto& [key, known] : by_identity_) {
    const FileIdentity& id = known.identity;
    text += "file " + key.hash + " " + std::to_string(id.device) + " " + std::to_string(id.inode) +
            " " + std::to_string(id.size) + " " + std::to_string(id.modified_ns) + " " +
            std::to_string(id.changed_ns) + " " + to_hex(known.digest) + "\n";
  }
  for (const auto& [key, digest] : by_verity_)
    text += "verity " + key + " " + to_hex(digest) + "\n";
  return text;
}

std::optional<Bytes> DigestCache::named(const OpenedFile& file, std::string_view name) const {
  if (const auto verity = kernel_verity(file.descriptor())) {
    const auto found = by_verity_.find(verity_key(name, *verity));
    if (found != by_verity_.end()) return found->second;
  }
  const auto identity = file.identity();
  if (!identity || !is_local(file.descriptor())) return std::nullopt;
  const auto found = by_identity_.find({std::string(name), identity->device, identity->inode});
  if (found == by_identity_.end() || found->second.identity != *identity) return std::nullopt;
  return found->second.digest;
}

std::optional<Bytes> DigestCache::known(const OpenedFile& file, OmsHash hash) const {
  return named(file, to_string(hash));
}

std::optional<FileDigests> DigestCache::known_digests(const OpenedFile& file) const {
  const auto before = file.identity();
  const auto sha256 = named(file, to_string(OmsHash::sha256));
  const auto fsverity = named(file, fsverity_name);
  const auto after = file.identity();
  if (!sha256 || !fsverity || !before || !after || *before != *after) return std::nullopt;
  FileDigests digests{before->size, {}, {}};
  std::ranges::copy(*sha256, digests.sha256.begin());
  std::ranges::copy(*fsverity, digests.fsverity.begin());
  return digests;
}

Result<DigestCache::Reading> DigestCache::begin(const OpenedFile& file, std::int64_t now_ns) {
  Reading reading;
  TRY(reading.identity, file.identity());
  reading.quiet = is_local(file.descriptor()) && has_no_writer(file.descriptor()) &&
                  reading.identity.changed_ns <= now_ns - quiet_time_ns;
  return reading;
}

void DigestCache::learn(const OpenedFile& file, const Reading& reading, OmsHash hash,
                        ByteView digest) {
  learn_named(file, reading, to_string(hash), digest);
}

void DigestCache::learn(const OpenedFile& file, const Reading& reading,
                        const FileDigests& digests) {
  learn_named(file, reading, to_string(OmsHash::sha256), digests.sha256);
  learn_named(file, reading, fsverity_name, digests.fsverity);
}

void DigestCache::learn_named(const OpenedFile& file, const Reading& reading, std::string_view name,
                              ByteView digest) {
  if (const auto verity = kernel_verity(file.descriptor()))
    by_verity_[verity_key(name, *verity)] = to_bytes(digest);
  const auto now = file.identity();
  if (!reading.quiet || !now || *now != reading.identity) return;
  by_identity_[{std::string(name), now->device, now->inode}] = {*now, to_bytes(digest)};
}

}  // namespace attest::model

#include "libattest/model/digest_cache.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>

#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "libattest/base/text.h"

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

// verity_of asks the kernel for the digest it enforces; empty where fs-verity is not enabled.
std::string verity_of(int descriptor) {
  alignas(fsverity_digest) std::array<std::byte, sizeof(fsverity_digest) + 64> buffer{};
  auto* measured = reinterpret_cast<fsverity_digest*>(buffer.data());
  measured->digest_size = 64;
  if (::ioctl(descriptor, FS_IOC_MEASURE_VERITY, measured) != 0) return {};
  return std::to_string(measured->digest_algorithm) + ":" +
         to_hex(ByteView(buffer).subspan(sizeof(fsverity_digest), measured->digest_size));
}

std::string verity_key(OmsHash hash, const std::string& verity) {
  return std::string(to_string(hash)) + " " + verity;
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
    const auto hash = words.size() > 1 ? oms_hash_by_name(words[1]) : std::nullopt;
    const auto digest = from_hex(words.back());
    if (!hash || !digest || digest->size() != digest_size(*hash)) return nothing;
    if (words[0] == "verity" && words.size() == 4) {
      cache.by_verity_[verity_key(*hash, std::string(words[2]))] = *digest;
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

std::optional<Bytes> DigestCache::known(const OpenedFile& file, OmsHash hash) const {
  if (const std::string verity = verity_of(file.descriptor()); !verity.empty()) {
    const auto found = by_verity_.find(verity_key(hash, verity));
    if (found != by_verity_.end()) return found->second;
  }
  const auto identity = file.identity();
  if (!identity || !is_local(file.descriptor())) return std::nullopt;
  const auto found =
      by_identity_.find({std::string(to_string(hash)), identity->device, identity->inode});
  if (found == by_identity_.end() || found->second.identity != *identity) return std::nullopt;
  return found->second.digest;
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
  if (const std::string verity = verity_of(file.descriptor()); !verity.empty())
    by_verity_[verity_key(hash, verity)] = to_bytes(digest);
  const auto now = file.identity();
  if (!reading.quiet || !now || *now != reading.identity) return;
  by_identity_[{std::string(to_string(hash)), now->device, now->inode}] = {*now, to_bytes(digest)};
}

}  // namespace attest::model

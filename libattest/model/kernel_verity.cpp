#include "libattest/model/kernel_verity.h"

#include <algorithm>
#include <array>

#include <linux/fsverity.h>
#include <sys/ioctl.h>

namespace attest::model {

std::string KernelVerity::text() const {
  return std::to_string(algorithm) + ":" + to_hex(digest);
}

std::optional<Sha256> KernelVerity::sha256() const {
  Sha256 same{};
  if (algorithm != FS_VERITY_HASH_ALG_SHA256 || digest.size() != same.size()) return std::nullopt;
  std::ranges::copy(digest, same.begin());
  return same;
}

std::optional<KernelVerity> kernel_verity(int descriptor) {
  constexpr std::size_t most = 64;
  alignas(fsverity_digest) std::array<std::byte, sizeof(fsverity_digest) + most> buffer{};
  auto* measured = reinterpret_cast<fsverity_digest*>(buffer.data());
  measured->digest_size = most;
  if (::ioctl(descriptor, FS_IOC_MEASURE_VERITY, measured) != 0) return std::nullopt;
  const std::size_t size = std::min<std::size_t>(measured->digest_size, most);
  return KernelVerity{measured->digest_algorithm,
                      to_bytes(ByteView(buffer).subspan(sizeof(fsverity_digest), size))};
}

}  // namespace attest::model

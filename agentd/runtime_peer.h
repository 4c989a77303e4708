// RuntimePeer is the process at the other end of the local socket, and what it runs: the digest of
// its executable's bytes, read from the file the kernel has open for it (/proc/PID/exe), whatever
// lies at that path by now.
//
// The process is held by a pidfd while it is measured, so its number cannot come to mean another.
// What this does not show: a process that connects, hands the socket to another, and starts the
// measured program in its own place. Host-reported, like all a running system says of itself.
#pragma once

#include <cstdint>
#include <string>

#include "libattest/base/descriptor.h"
#include "libattest/crypto/digest.h"

namespace attest::agentd {

class RuntimePeer {
 public:
  // measure reads SO_PEERCRED of a connected UNIX socket and digests the peer's executable.
  static Result<RuntimePeer> measure(int socket);

  std::uint32_t user() const { return user_; }
  std::int32_t process() const { return process_; }
  const Sha256& executable() const { return executable_; }
  const std::string& path() const { return path_; }
  bool alive() const;

 private:
  RuntimePeer() = default;
  Descriptor pidfd_;
  std::uint32_t user_ = 0;
  std::int32_t process_ = 0;
  Sha256 executable_{};
  std::string path_;
};

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule runtime_peer{"agentd.runtime.peer"};
}

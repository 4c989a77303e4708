#include "agentd/runtime_peer.h"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libattest/base/text.h"

namespace attest::agentd {
namespace {

Result<Sha256> digest_descriptor(int file) {
  Hasher hasher;
  std::vector<std::byte> buffer(1U << 18);
  for (;;) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(system_fault(rules::runtime_peer, "cannot read the runtime's executable", errno));
    if (got == 0) return hasher.finish_sha256();
    hasher.update(ByteView(buffer).first(static_cast<std::size_t>(got)));
  }
}

std::string link_target(const std::string& link) {
  std::string target(4096, '\0');
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) return "";
  target.resize(static_cast<std::size_t>(size));
  return printable(target, 1024);
}

}  // namespace

Result<RuntimePeer> RuntimePeer::measure(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return fail(system_fault(rules::runtime_peer, "cannot tell who connects", errno));
  RuntimePeer peer;
  peer.user_ = credentials.uid;
  peer.process_ = credentials.pid;
  peer.pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, credentials.pid, 0)));
  if (!peer.pidfd_.valid())
    return fail(refused(rules::runtime_peer, "the runtime that connected is gone"));
  const std::string link = "/proc/" + std::to_string(credentials.pid) + "/exe";
  const Descriptor executable(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
  if (!executable.valid())
    return fail(incomplete(rules::runtime_peer, "cannot open the runtime's executable")
                    .found(link)
                    .next("agentd needs CAP_SYS_PTRACE to measure another user's process"));
  TRY(peer.executable_, digest_descriptor(executable.get()));
  peer.path_ = link_target(link);
  // Alive after the measurement: the number meant this process all the while.
  if (!peer.alive())
    return fail(refused(rules::runtime_peer, "the runtime ended while it was measured"));
  return peer;
}

bool RuntimePeer::alive() const {
  pollfd watched{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) == 0;
}

}  // namespace attest::agentd

#include "agentd/runtime_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace attest::agentd {
namespace {

constexpr std::size_t connections_limit = 16;
constexpr timeval request_timeout{.tv_sec = 30, .tv_usec = 0};
constexpr std::size_t request_limit = 8192;

// receive gives nothing when the peer closes, is too slow, or goes.
std::optional<Bytes> receive(int socket, std::size_t count) {
  Bytes bytes(count);
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::recv(socket, bytes.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

bool send_frame(int socket, ByteView body) {
  Bytes frame;
  append_u32_be(frame, static_cast<std::uint32_t>(body.size()));
  append(frame, body);
  ByteView left = frame;
  while (!left.empty()) {
    const ssize_t sent = ::send(socket, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    left = left.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool send_response(int socket, const Result<evidence::RuntimeAnswer>& answer) {
  if (answer) return send_frame(socket, evidence::encode_runtime_response(*answer));
  return send_frame(socket,
                    evidence::encode_runtime_response(evidence::RuntimeRefusal{
                        std::string(answer.error().rule.name), answer.error().to_string()}));
}

}  // namespace

Result<std::unique_ptr<RuntimeSocket>> RuntimeSocket::open(
    const RuntimeConfiguration& configuration, RuntimeHandler handler) {
  const std::string name = configuration.socket.string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof(address.sun_path))
    return fail(usage_error("runtime.socket has too long a path: " + name));
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.valid())
    return fail(system_fault(rules::runtime_socket, "cannot make a socket", errno));
  struct stat there{};
  if (::lstat(name.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) ::unlink(name.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return fail(system_fault(rules::runtime_socket, "cannot listen at " + name, errno));
  // Anyone may connect; who may ask is decided by peer credentials, which cannot be made up.
  if (::chmod(name.c_str(), 0666) != 0 || ::listen(listener.get(), connections_limit) != 0)
    return fail(system_fault(rules::runtime_socket, "cannot listen at " + name, errno));
  std::unique_ptr<RuntimeSocket> socket(
      new RuntimeSocket(configuration, std::move(handler), std::move(listener)));
  RuntimeSocket* self = socket.get();
  socket->acceptor_ =
      std::jthread([self](const std::stop_token& stop) { self->accept_connections(stop); });
  return socket;
}

RuntimeSocket::~RuntimeSocket() {
  acceptor_.request_stop();
  ::shutdown(listener_.get(), SHUT_RDWR);
  if (acceptor_.joinable()) acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const Connection& connection : connections_)
      ::shutdown(connection.socket.get(), SHUT_RDWR);
  }
  connections_.clear();  // joins each thread
  std::error_code ignored;
  std::filesystem::remove(configuration_.socket, ignored);
}

void RuntimeSocket::accept_connections(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (stop.stop_requested()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // out of descriptors
      continue;
    }
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &request_timeout, sizeof request_timeout);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &request_timeout, sizeof request_timeout);
    const std::lock_guard lock(mutex_);
    std::erase_if(connections_, [](const Connection& connection) { return connection.done; });
    if (connections_.size() >= connections_limit) {
      send_response(socket.get(),
                    fail(incomplete(rules::runtime_busy, "too many runtimes are connected")));
      continue;
    }
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    connection.thread = std::jthread([this, &connection] {
      serve(connection.socket.get());
      const std::lock_guard done_lock(mutex_);
      connection.done = true;
    });
  }
}

Status RuntimeSocket::admit(const RuntimePeer& peer) const {
  const auto& users = configuration_.allowed_users;
  if (peer.user() != ::geteuid() && std::ranges::find(users, peer.user()) == users.end())
    return fail(refused(rules::runtime_user, "this user may not ask for a runtime key")
                    .found("uid " + std::to_string(peer.user()))
                    .next("add it to runtime.allowed-users of agentd's configuration"));
  const auto& executables = configuration_.allowed_executables;
  if (!executables.empty() && !executables.contains(peer.executable()))
    return fail(refused(rules::runtime_executable, "this runtime's executable is not allowed")
                    .found(digest_uri(peer.executable()) + " " + peer.path())
                    .next("add its digest to runtime.allowed-executables"));
  return {};
}

void RuntimeSocket::serve(int socket) const {
  const auto peer = RuntimePeer::measure(socket);
  const Status admitted = peer ? admit(*peer) : Status(fail(peer.error()));
  if (!admitted) {
    send_response(socket, fail(admitted.error()));
    return;
  }
  while (peer->alive()) {
    const auto header = receive(socket, 4);
    if (!header) return;
    const std::uint32_t size = *ByteReader(*header).u32_be("frame length");
    if (size > request_limit) return;
    const auto body = receive(socket, size);
    if (!body) return;
    const auto request = evidence::parse_runtime_request(*body);
    const auto answer = request ? handler_(*peer, *request)
                                : Result<evidence::RuntimeAnswer>(fail(request.error()));
    if (!send_response(socket, answer)) return;
  }
}

}  // namespace attest::agentd

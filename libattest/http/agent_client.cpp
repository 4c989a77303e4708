#include "libattest/http/agent_client.h"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace attest::http {
namespace {

using Clock = std::chrono::steady_clock;

Error exchange_error(std::string what) {
  return incomplete(rules::agent_exchange, "agentd: " + std::move(what));
}

// wait blocks until the socket is ready for `events` or the deadline has passed.
Status wait(int socket, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd watched{.fd = socket, .events = events, .revents = 0};
    const int ready = left <= 0 ? 0 : ::poll(&watched, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready == 0) return fail(exchange_error("no answer in time"));
    if (errno != EINTR) return fail(system_fault(rules::agent_exchange, "poll", errno));
  }
}

Status send_all(int socket, ByteView bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    TRY_VOID(wait(socket, POLLOUT, deadline));
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return fail(exchange_error("closed the connection"));
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<Bytes> receive(int socket, std::size_t count, Clock::time_point deadline) {
  Bytes bytes(count);
  std::size_t done = 0;
  while (done < count) {
    TRY_VOID(wait(socket, POLLIN, deadline));
    const ssize_t got = ::recv(socket, bytes.data() + done, count - done, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return fail(exchange_error("closed the connection"));
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

Result<AgentConnection> connect_agent(const Path& socket, std::chrono::seconds deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = socket.string();
  if (name.size() >= sizeof(address.sun_path))
    return fail(usage_error("the path of agentd's socket is too long: " + name));
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!connection.valid())
    return fail(system_fault(rules::agent_unreachable, "cannot make a socket", errno));
  if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0)
    return fail(incomplete(rules::agent_unreachable, "agentd does not answer at " + name)
                    .found(std::strerror(errno))
                    .next("is agentd running, and does its [runtime] socket say the same path?"));
  return AgentConnection(std::move(connection), deadline);
}

Result<evidence::RuntimeAnswer> AgentConnection::exchange(const evidence::RuntimeRequest& request) {
  const auto deadline = Clock::now() + deadline_;
  const Bytes body = evidence::encode_runtime_request(request);
  Bytes frame;
  append_u32_be(frame, static_cast<std::uint32_t>(body.size()));
  append(frame, body);
  TRY_VOID(send_all(socket_.get(), frame, deadline));
  TRY(const Bytes header, receive(socket_.get(), 4, deadline));
  TRY(const std::uint32_t size, ByteReader(header).u32_be("frame length"));
  if (size > evidence::runtime_frame_limit)
    return fail(refused(rules::agent_exchange, "agentd's answer is too large")
                    .found(std::to_string(size) + " bytes"));
  TRY(const Bytes answer, receive(socket_.get(), size, deadline));
  TRY(auto response, evidence::parse_runtime_response(answer));
  if (const auto* refusal = std::get_if<evidence::RuntimeRefusal>(&response))
    return fail(
        refused(rules::agent_refused, "agentd refuses: " + refusal->what).found(refusal->rule));
  return std::get<evidence::RuntimeAnswer>(std::move(response));
}

Result<evidence::RuntimeAnswer> AgentConnection::bind_runtime_key(ByteView spki) {
  return exchange(evidence::BindRuntimeKey{to_bytes(spki)});
}

Result<evidence::RuntimeAnswer> AgentConnection::submit_receipt(const Sha256& receipt_digest) {
  return exchange(evidence::SubmitReceipt{receipt_digest});
}

Result<evidence::RuntimeAnswer> AgentConnection::status() {
  return exchange(evidence::AskStatus{});
}

}  // namespace attest::http

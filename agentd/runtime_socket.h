// agentd's local socket: where model runtimes ask to have their receipt key quoted.
//
// A UNIX stream socket; frames and messages are those of libattest/evidence/runtime_messages.h. A
// peer is measured when it connects (runtime_peer.h): one of another user than those allowed, or
// whose executable's digest is not among those allowed, gets one refusal and is closed. At most
// 16 connections are served at once, each for at most 30 seconds without a whole request and none
// for longer than its peer lives.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "agentd/configuration.h"
#include "agentd/runtime_peer.h"
#include "libattest/evidence/runtime_messages.h"

namespace attest::agentd {

// RuntimeHandler answers a request of a peer that may ask. Called from several threads.
using RuntimeHandler = std::function<Result<evidence::RuntimeAnswer>(
    const RuntimePeer& peer, const evidence::RuntimeRequest& request)>;

class RuntimeSocket {
 public:
  // open replaces a stale socket file, listens, and serves until the object goes.
  static Result<std::unique_ptr<RuntimeSocket>> open(const RuntimeConfiguration& configuration,
                                                     RuntimeHandler handler);
  ~RuntimeSocket();
  RuntimeSocket(const RuntimeSocket&) = delete;
  RuntimeSocket& operator=(const RuntimeSocket&) = delete;

 private:
  struct Connection {
    Descriptor socket;
    std::jthread thread;
    bool done = false;
  };

  RuntimeSocket(RuntimeConfiguration configuration, RuntimeHandler handler, Descriptor listener)
      : configuration_(std::move(configuration)),
        handler_(std::move(handler)),
        listener_(std::move(listener)) {}
  void accept_connections(const std::stop_token& stop);
  void serve(int socket) const;
  Status admit(const RuntimePeer& peer) const;

  RuntimeConfiguration configuration_;
  RuntimeHandler handler_;
  Descriptor listener_;
  std::mutex mutex_;
  std::list<Connection> connections_;
  std::jthread acceptor_;
};

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule runtime_socket{"agentd.runtime.socket"};
inline constexpr Rule runtime_user{"agentd.runtime.user"};
inline constexpr Rule runtime_executable{"agentd.runtime.executable"};
inline constexpr Rule runtime_busy{"agentd.runtime.busy"};
}  // namespace attest::rules

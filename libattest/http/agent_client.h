// The runtime's side of agentd's local socket (libattest/evidence/runtime_messages.h): what inferd
// and attestctl use to have their receipt key quoted. Blocking, with a deadline for each exchange.
#pragma once

#include <chrono>

#include "libattest/base/descriptor.h"
#include "libattest/base/file.h"
#include "libattest/evidence/runtime_messages.h"

namespace attest::http {

// AgentConnection is one connection to agentd; for one thread at a time.
class AgentConnection {
 public:
  // bind_runtime_key has the node attest with this key; the EAR comes back. It takes as long as an
  // attestation does. A refusal by agentd is refused, by its rule's name in the words.
  Result<evidence::RuntimeAnswer> bind_runtime_key(ByteView spki);
  Result<evidence::RuntimeAnswer> submit_receipt(const Sha256& receipt_digest);
  Result<evidence::RuntimeAnswer> status();

 private:
  friend Result<AgentConnection> connect_agent(const Path&, std::chrono::seconds);
  AgentConnection(Descriptor socket, std::chrono::seconds deadline)
      : socket_(std::move(socket)), deadline_(deadline) {}
  Result<evidence::RuntimeAnswer> exchange(const evidence::RuntimeRequest& request);
  Descriptor socket_;
  std::chrono::seconds deadline_;
};

// connect_agent connects to agentd's socket. Nobody listening there is incomplete: the answer is
// then signed by a key no TPM vouches for, which the caller must say.
Result<AgentConnection> connect_agent(const Path& socket,
                                      std::chrono::seconds deadline = std::chrono::seconds(60));

}  // namespace attest::http

namespace attest::rules {
inline constexpr Rule agent_unreachable{"http.agent.unreachable"};
inline constexpr Rule agent_exchange{"http.agent.exchange"};
inline constexpr Rule agent_refused{"http.agent.refused"};
}  // namespace attest::rules

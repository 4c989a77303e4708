// The runtime's key, made in memory at each start, and what vouches for it at present.
//
// The node's agent has the TPM quote the key's thumbprint; the verifier's result that names it
// holds until it expires, and is asked for anew before it does. A RuntimeIdentity may be used from
// several threads.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "libattest/crypto/signing_key.h"
#include "libattest/evidence/runtime_messages.h"
#include "libattest/trust/trust_root.h"

namespace attest::inference {

// NodeAgent is what the runtime asks of agentd (libattest/http/agent_client.h).
struct NodeAgent {
  std::function<Result<evidence::RuntimeAnswer>(ByteView spki)> bind_runtime_key;
  std::function<Result<evidence::RuntimeAnswer>()> status;
};

class RuntimeIdentity {
 public:
  // Without an agent the key is bound to no TPM, and each receipt says so.
  static Result<std::unique_ptr<RuntimeIdentity>> make(std::optional<NodeAgent> agent,
                                                       Random& random);

  const SigningKey& key() const { return *key_; }

  // Standing is what a receipt may say of its key.
  struct Standing {
    std::optional<std::string> result;  // the EAR
    std::optional<std::string> node;
    std::optional<Time> expires;
  };
  // standing fails with the reason why no receipt may be issued at `now`: the node's last
  // attestation did not pass, there was none, or it has expired (rules::runtime_lapsed).
  Result<Standing> standing(Time now) const;

  // renew asks the agent how the node stands and, where the result in hand is past two thirds of
  // its life or there is none, has the key quoted anew. A result counts when it
  //   - was signed by a verifier of the trust root and holds at `now` (verify_result);
  //   - passed the node (rules::runtime_node_failed);
  //   - names this key as that of the node's runtime (rules::runtime_key_not_named).
  // A node that did not pass loses its standing at once. An agent that does not answer takes
  // nothing away: what is in hand holds until it expires.
  Status renew(const TrustRoot& trust, Time now);

 private:
  RuntimeIdentity(std::optional<NodeAgent> agent, std::unique_ptr<SigningKey> key)
      : agent_(std::move(agent)), key_(std::move(key)) {}
  Status ask_status(const TrustRoot& trust, Time now);
  Status bind(const TrustRoot& trust, Time now);
  Status take(const evidence::RuntimeAnswer& answer, const TrustRoot& trust, Time now);
  Status lose(Error why);
  bool due(Time now) const;

  const std::optional<NodeAgent> agent_;
  const std::unique_ptr<SigningKey> key_;
  mutable std::mutex mutex_;
  Standing standing_;
  Time renew_at_{};
  std::optional<Error> lapse_;  // why there is no standing, where the reason is known
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule runtime_lapsed{"inference.runtime.lapsed"};
inline constexpr Rule runtime_node_failed{"inference.runtime.node-failed"};
inline constexpr Rule runtime_key_not_named{"inference.runtime.key-not-named"};
}  // namespace attest::rules

// Service is the running agent: one attestation at a time, asked for by the schedule, by a signal
// or by a runtime. Its functions may be called from several threads.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "agentd/attester.h"
#include "agentd/runtime_peer.h"
#include "libattest/evidence/runtime_messages.h"

namespace attest::agentd {

class Service {
 public:
  Service(Attester attester, const VerifierClient& verifier)
      : attester_(std::move(attester)), verifier_(&verifier) {}

  // attest attests with the key of the last runtime that asked, as long as that runtime lives.
  Result<Attestation> attest();
  // answer is the RuntimeHandler of the local socket.
  Result<evidence::RuntimeAnswer> answer(const RuntimePeer& peer,
                                         const evidence::RuntimeRequest& request);

 private:
  Result<evidence::RuntimeAnswer> bind(const RuntimePeer& peer,
                                       const evidence::BindRuntimeKey& request);
  Result<Attestation> attest_locked();

  std::mutex mutex_;
  Attester attester_;
  const VerifierClient* verifier_;
  std::optional<evidence::RuntimeKey> runtime_;
  Descriptor runtime_process_;  // pidfd of the runtime that holds the key
  std::optional<Attestation> last_;
};

}  // namespace attest::agentd

#include "agentd/service.h"

#include <chrono>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace attest::agentd {
namespace {

Time now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

bool is_running(const Descriptor& pidfd) {
  pollfd watched{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return pidfd.valid() && ::poll(&watched, 1, 0) == 0;
}

}  // namespace

Result<Attestation> Service::attest_locked() {
  // A key whose runtime is gone can sign nothing any more: it is not vouched for again.
  if (runtime_ && !is_running(runtime_process_)) runtime_.reset();
  auto attestation = attester_.attest(now(), runtime_);
  if (attestation) last_ = *attestation;
  return attestation;
}

Result<Attestation> Service::attest() {
  const std::lock_guard lock(mutex_);
  return attest_locked();
}

Result<evidence::RuntimeAnswer> Service::bind(const RuntimePeer& peer,
                                              const evidence::BindRuntimeKey& request) {
  // parse_runtime_key refuses what is no public key in its one form.
  const evidence::RuntimeKey wanted{.spki = request.spki,
                                    .executable = peer.executable(),
                                    .path = peer.path(),
                                    .pid = static_cast<std::uint64_t>(peer.process())};
  TRY(const evidence::RuntimeKey key,
      evidence::parse_runtime_key(evidence::encode_runtime_key(wanted)));
  const std::lock_guard lock(mutex_);
  runtime_ = key;
  runtime_process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, peer.process(), 0)));
  TRY(const Attestation attestation, attest_locked());
  return evidence::RuntimeAnswer{.result = attestation.result,
                                 .executable = peer.executable(),
                                 .verdict = attestation.verdict,
                                 .detail = attestation.summary};
}

Result<evidence::RuntimeAnswer> Service::answer(const RuntimePeer& peer,
                                                const evidence::RuntimeRequest& request) {
  if (const auto* key = std::get_if<evidence::BindRuntimeKey>(&request)) return bind(peer, *key);
  if (const auto* receipt = std::get_if<evidence::SubmitReceipt>(&request)) {
    TRY_VOID(verifier_->submit_receipt(receipt->digest));
    return evidence::RuntimeAnswer{.result = std::nullopt,
                                   .executable = std::nullopt,
                                   .verdict = std::nullopt,
                                   .detail = "submitted"};
  }
  const std::lock_guard lock(mutex_);
  evidence::RuntimeAnswer answer{.result = std::nullopt,
                                 .executable = peer.executable(),
                                 .verdict = std::nullopt,
                                 .detail = "not attested since the agent started"};
  if (last_) {
    answer.result = last_->result;
    answer.verdict = last_->verdict;
    answer.detail = last_->summary;
  }
  return answer;
}

}  // namespace attest::agentd

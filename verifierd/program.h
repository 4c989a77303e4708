// Program: verifierd's parts, put together and running.
#pragma once

#include <memory>

#include "verifierd/api.h"
#include "verifierd/config.h"

namespace attest::verifierd {

class Program {
 public:
  // start opens state and log, checks that the trust root knows this verifier and lets it say what
  // it will say, starts the checkpoint loop, and listens.
  static Result<std::unique_ptr<Program>> start(const Config& config, Random& random, Now now);
  ~Program();

  std::string url() const { return server_->url(); }
  // reload reads trust root, policy, lists, collateral and TLS files anew; what cannot be read
  // stays as it was, and the first error is given.
  Status reload();
  // healthy says whether the checkpoint loop is alive: what a watchdog asks.
  bool healthy() const;
  // stop finishes requests and enters what is waiting in the log.
  void stop();

 private:
  Program(const Config& config, TrustRoot trust, Identity identity,
          std::unique_ptr<StateStore> state, Now now);
  // Reads the policy, and notes that it is in force: never one older than before.
  Result<appraisal::Policy> put_policy_in_force();
  Status assemble(Random& random);
  Status listen();

  Config config_;
  Now now_;
  Identity identity_;
  std::unique_ptr<StateStore> state_;
  TrustSource trust_;
  std::unique_ptr<LedgerService> ledger_;
  std::unique_ptr<Enrolment> enrolment_;
  std::unique_ptr<Attestation> attestation_;
  std::unique_ptr<Receipts> receipts_;
  std::unique_ptr<http::Server> server_;
};

// check_standing checks that the trust root names this verifier with this key as a [[verifier]],
// and as an [[issuer]] of node state changes and of batches in the log `origin`.
Status check_standing(const TrustRoot& trust, const Identity& identity, const std::string& origin);

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule verifier_unknown{"verifierd.trust.not-a-verifier"};
inline constexpr Rule verifier_may_not_say{"verifierd.trust.may-not-say"};
}  // namespace attest::rules

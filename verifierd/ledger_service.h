// LedgerService: the log that verifierd writes and serves, and what the log tells verifierd.
//
// Two directions: statements go in (others' after authorize(), our own from the state's outbox) and
// get a checkpoint each interval, cosigned by witnesses; and manifests and reference values come
// out, each proven to be included under the published checkpoint, for appraisal to rest on.
//
// All members may be called from several threads.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ledger/add_queue.h"
#include "ledger/log.h"
#include "ledger/witnessing.h"
#include "libattest/appraisal/proven_reference_values.h"
#include "libattest/appraisal/proven_rims.h"
#include "libattest/hardware/device_manifest.h"
#include "verifierd/config.h"
#include "verifierd/state_store.h"
#include "verifierd/trust_source.h"

namespace attest::verifierd {

using Now = std::function<Time()>;

// LedgerKnowledge is what may be relied on as of one checkpoint.
struct LedgerKnowledge {
  std::uint64_t size = 0;
  std::vector<appraisal::ProvenReferenceValues> reference_values;
  hardware::DeviceManifests manifests;
  std::vector<hardware::ProvenStatement> policies;
  std::vector<appraisal::ProvenRim> rims;
  std::vector<appraisal::ProvenDeviceValues> device_values;
  gpu::RootPins gpu_roots;
  std::vector<Certificate> tee_roots;
  std::vector<Certificate> platform_authorities;
  gpu::RootPins rim_roots;
};

// Covered is an entry's place under the published checkpoint.
struct Covered {
  Bytes entry;
  ledger::InclusionProof proof;
  std::string checkpoint;
};

class LedgerService {
 public:
  // open takes the log's lock, checks its floor, and reads what it knows.
  static Result<std::unique_ptr<LedgerService>> open(const Config& config, StateStore& state,
                                                     const TrustSource& trust, Now now);
  ~LedgerService();

  // start runs the checkpoint loop on a thread of its own: `before` (which makes batches), the
  // outbox, a checkpoint where there are new entries. stop ends it after a last round.
  void start(std::function<Status()> before);
  void stop();
  // round is one turn of that loop.
  Status round();
  // alive says whether the loop finished a round within the last `limit`.
  bool alive(std::chrono::seconds limit) const;

  // submit enters a statement by somebody whom the trust root lets say this; anything else is
  // refused. It returns when the entry is durable.
  Result<ledger::Added> submit(ByteView entry);

  const std::string& origin() const { return log_->origin(); }
  Path public_directory() const { return log_->public_directory(); }
  Result<Bytes> entry(std::uint64_t index) const { return log_->get(index); }
  Result<std::vector<std::uint64_t>> find(std::string_view subject) const;
  // bundle waits, at most 10 seconds, until the published checkpoint covers `index`; later is
  // incomplete (rules::ledger_not_covered).
  Result<Bytes> bundle(const std::string& subject, std::optional<std::uint64_t> index);
  // covered gives nothing while the entry is not under a published checkpoint.
  Result<std::optional<Covered>> covered(ByteView entry) const;
  // custody gives the statements about a device that stand under the published checkpoint, by
  // issuers whom the trust root lets say them. Nothing is ever taken out of a life: revocations do
  // not count here.
  Result<std::vector<hardware::ProvenStatement>> custody(const statement::Subject& device) const;
  // receipt gives a COSE receipt of the entry with this digest, or nothing while no published
  // checkpoint covers it. An unknown digest is refused (rules::log_no_entry).
  Result<std::optional<Bytes>> receipt(const Sha256& entry_digest) const;
  PublicKey key() const { return key_->public_key(); }
  std::shared_ptr<const LedgerKnowledge> knowledge() const;
  // relearn reads everything anew: after the trust root changed.
  Status relearn();

 private:
  struct Published {
    std::string note;
    std::uint64_t size = 0;
  };
  LedgerService(const Config& config, StateStore& state, const TrustSource& trust, Now now,
                std::unique_ptr<ledger::Log> log, std::shared_ptr<const SigningKey> key);
  // begin_to_lead asks the witnesses first whether this database is what they cosigned.
  Status begin_to_lead();
  std::vector<ledger::WitnessClient*> witness_clients() const;
  Status connect_witnesses(const std::vector<WitnessAddress>& witnesses);
  Status flush_outbox();
  Status checkpoint(Time now);
  void note_silence(const ledger::Cosigned& cosigned);
  Status learn();
  Result<std::optional<std::uint64_t>> key_end(const Sha256& signer, const TrustRoot& trust) const;
  Result<hardware::ProvenStatement> proven(
      std::uint64_t index, const TrustRoot& trust,
      const transparency::VerifiedCheckpoint& checkpoint) const;
  Result<bool> revoked(const hardware::ProvenStatement& statement, const TrustRoot& trust) const;
  Published published() const;
  void loop();

  StateStore& state_;
  const TrustSource& trust_;
  Now now_;
  std::chrono::milliseconds interval_;
  Seconds refresh_;
  std::size_t quorum_;
  std::shared_ptr<const SigningKey> key_;  // the log's
  std::unique_ptr<ledger::Log> log_;
  ledger::AddQueue queue_;
  std::vector<std::unique_ptr<ledger::WitnessClient>> witnesses_;
  std::function<Status()> before_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Published published_;
  std::shared_ptr<const LedgerKnowledge> knowledge_;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point last_round_;

  std::mutex round_mutex_;  // one round at a time; guards what follows
  Time last_cosigned_{};
  bool led_before_ = false;
  std::string last_complaint_;
  std::thread thread_;
};

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule ledger_not_covered{"verifierd.ledger.not-covered"};
inline constexpr Rule ledger_own_kind{"verifierd.ledger.own-kind"};
}  // namespace attest::rules

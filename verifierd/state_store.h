// StateStore: what verifierd must not forget: nodes, challenges, results, receipts and batches, in
// one SQLite file of mode 0600, apart from the public log.
//
// A change of state and the statement that will say so in the log are written in one transaction:
// the statement waits in the outbox until the log has it. So a crash between the two loses neither,
// and the log, which keeps an entry it already has at its index, never has it twice.
//
// All members may be called from several threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libattest/appraisal/appraise.h"
#include "libattest/base/file.h"
#include "libattest/statement/batch.h"
#include "libattest/statement/node_state.h"

namespace attest::verifierd {

struct NodeRecord {
  std::string node;
  Sha256 ek{};
  Bytes ak_name;
  Bytes ak_public;  // TPMT_PUBLIC
  bool software_tpm = false;
  std::optional<Bytes> ek_certificate;  // DER, as enrolment verified it
  statement::NodeState state = statement::NodeState::enrolled;
  Time since{};                  // in this state
  std::optional<Sha256> result;  // the last result's digest
  std::optional<appraisal::NodeMemory> memory;
};

struct NodeEvent {
  Time time;
  std::string what;
};

struct ResultRecord {
  Sha256 digest{};    // of `text`
  Sha256 evidence{};  // its jti
  std::string node;
  Bytes text;  // JWT or CWT as signed
  bool is_jwt = true;
  Time made{};
};

// BatchPlace is where a digest stands in the batch that covers it.
struct BatchPlace {
  Bytes statement;
  std::uint64_t position = 0;
  std::vector<Sha256> digests;  // of the whole batch, in order
};

struct Waiting {
  std::int64_t id;
  Bytes statement;
};

class StateStore {
 public:
  // open makes the file when it is missing, and brings one of an earlier version to the present
  // one; a file that others may read, or of a later version, is refused.
  static Result<std::unique_ptr<StateStore>> open(const Path& file);
  ~StateStore();

  Result<std::optional<NodeRecord>> node(std::string_view node);
  Result<std::optional<NodeRecord>> node_of_ek(const Sha256& ek);
  Result<std::vector<NodeRecord>> nodes();
  Result<std::vector<NodeEvent>> events(std::string_view node);  // newest first, at most 100

  // put_node writes the record, an event where `what` is not empty, and has `statement` entered in
  // the log where there is one.
  Status put_node(const NodeRecord& record, Time now, std::string_view what,
                  const std::optional<Bytes>& statement);

  // keep_policy notes a policy that comes into force. Refused: a revision below the highest one
  // that was in force under this name (rules::policy_older), and another text of the same revision,
  // but for revision 0, which stands for none (rules::policy_same_revision).
  Status keep_policy(std::string_view name, std::int64_t revision, const Sha256& digest);

  Status keep_challenge(const Sha256& digest, std::string_view node, ByteView bytes, Time expires);
  // use_challenge gives a challenge's bytes once: refused when it was never issued
  // (rules::challenge_unknown) or was answered before (rules::challenge_used). The use is on stable
  // storage when it returns.
  Result<Bytes> use_challenge(const Sha256& digest);
  // forget_challenges drops those that expired before `time`.
  Status forget_challenges(Time time);

  // put_result is put_node with the result that brought the change, in one transaction.
  Status put_result(const ResultRecord& result, const NodeRecord& record, std::string_view what,
                    const std::optional<Bytes>& statement);
  // result finds by the result's own digest or by that of its evidence, the newest.
  Result<std::optional<ResultRecord>> result(const Sha256& digest);

  // put_receipt gives false when the digest was there.
  Result<bool> put_receipt(const Sha256& digest);
  Result<bool> has_receipt(const Sha256& digest);

  using BatchOf = statement::Batch::Of;
  // unbatched gives digests in order of arrival.
  Result<std::vector<Sha256>> unbatched(BatchOf of, std::size_t limit);
  // put_batch makes the batch of these digests and has its statement entered in the log.
  Status put_batch(BatchOf of, const std::vector<Sha256>& digests, const Bytes& statement);
  Result<std::optional<BatchPlace>> batch_place(BatchOf of, const Sha256& digest);

  // first_time gives the ledger time under which an entry was first seen, and keeps `now_seen` as
  // that time where there was none before.
  Result<std::optional<Time>> first_time(const Sha256& entry, std::optional<Time> now_seen);

  // waiting gives statements that the log does not have yet, oldest first.
  Result<std::vector<Waiting>> waiting(std::size_t limit);
  Status entered(const std::vector<Waiting>& statements);

 private:
  struct Implementation;
  explicit StateStore(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule state_file{"verifierd.state.file"};
inline constexpr Rule state_io{"verifierd.state.io"};
inline constexpr Rule policy_older{"verifierd.policy.older"};
inline constexpr Rule policy_same_revision{"verifierd.policy.same-revision"};
inline constexpr Rule challenge_unknown{"verifierd.challenge.unknown"};
inline constexpr Rule challenge_used{"verifierd.challenge.used"};
}  // namespace attest::rules

// Witnessing, both ways (C2SP tlog-witness): asking witnesses to cosign this log's checkpoints, and
// being a witness for other logs.
//
// Functions here do no I/O of their own but through the interfaces they are given. A WitnessState
// may be used from several threads.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ledger/log.h"
#include "libattest/transparency/note.h"

namespace attest::ledger {

// WitnessAnswer is what a witness says to POST <prefix>/add-checkpoint.
struct WitnessAnswer {
  int status = 0;            // an HTTP status
  std::string content_type;  // "text/x.tlog.size" beside 409
  std::string body;
};

// WitnessClient reaches one witness. HTTPS in the programs, direct calls in tests.
class WitnessClient {
 public:
  virtual ~WitnessClient() = default;
  // verifier_key is the witness's C2SP key text, from the trust root or policy file.
  virtual const std::string& verifier_key() const = 0;
  virtual Result<WitnessAnswer> add_checkpoint(const std::string& body) = 0;
  // last_checkpoint asks for what the witness cosigned last of an origin, named by the lower-case
  // hex of its digest.
  virtual Result<WitnessAnswer> last_checkpoint(const std::string& origin_digest_hex) = 0;
};

// Cosigned is a checkpoint with what its witnesses said.
struct Cosigned {
  std::string note;                 // with every valid cosignature gathered
  std::size_t cosignatures = 0;     // gathered now
  std::vector<std::string> silent;  // one line for each witness that did not cosign, and why
};

// collect_cosignatures asks each witness to cosign `note`, a checkpoint of `log`. It proves
// consistency from the size each witness says it has (409), once. A cosignature that does not
// verify under the witness's key is dropped and reported in `silent`. A witness that has cosigned
// more entries than this log has is a refusal (rules::witness_ahead): an older copy of the log was
// restored, and nothing may be published.
Result<Cosigned> collect_cosignatures(const Log& log, const std::string& note,
                                      const std::vector<WitnessClient*>& witnesses);

// check_against_witnesses asks each what it cosigned last of this log, before anything is signed:
// at start, and when this process begins to lead. Of more entries than are here, or of another
// root, is a refusal (rules::witness_ahead): the database is an older copy, or of another course.
// It gives a line for each witness that could not say; their word is then left to the cosigning.
Result<std::vector<std::string>> check_against_witnesses(
    const Log& log, const std::vector<WitnessClient*>& witnesses);

// publish_checkpoint signs, collects and publishes. Fewer cosignatures than `quorum` publish
// nothing and are incomplete (rules::witness_quorum); entries stay durable and a later call tries
// again.
Result<Cosigned> publish_checkpoint(Log& log, Time now,
                                    const std::vector<WitnessClient*>& witnesses,
                                    std::size_t quorum);

// refresh_checkpoint has the published checkpoint of an idle log cosigned again, so that its ledger
// time stays fresh. It appends and signs nothing.
Result<Cosigned> refresh_checkpoint(Log& log, const std::vector<WitnessClient*>& witnesses,
                                    std::size_t quorum);

// cosign_again says whether a checkpoint cosigned at `last` is due again. A clock that was set back
// makes it due: the old cosignature must not last until that clock has caught up.
bool cosign_again(Time last, Time now, Seconds refresh);

// WitnessState is the memory of a witness: for each origin, the last size and root it cosigned.
// It is written to stable storage before any answer leaves.
class WitnessState {
 public:
  struct Seen {
    std::uint64_t size = 0;
    Sha256 root = transparency::empty_root();
    std::string note;  // as last cosigned: what is kept on disk, and served for monitoring
  };

  // open reads DIRECTORY, one file an origin (the last note cosigned, named by the origin's
  // digest), or starts empty. A file that cannot be read is a fault, never an origin forgotten.
  static Result<std::unique_ptr<WitnessState>> open(FileSystem& files, const Path& directory);

  // watch names a log whose checkpoints this witness cosigns, by its key text.
  Status watch(const std::string& log_verifier_key);

  // add_checkpoint answers one request body: decision by libattest/transparency, then persist, then
  // the cosignature of `key` under `name` at `now`. It answers every protocol refusal by status;
  // only a fault of this machine is an Error, and then nothing was cosigned.
  Result<WitnessAnswer> add_checkpoint(std::string_view body, const std::string& name,
                                       const SigningKey& key, Time now);

  // last_checkpoint gives the note last cosigned for an origin digest (lower-case hex).
  std::optional<std::string> last_checkpoint(std::string_view origin_digest_hex) const;

 private:
  WitnessState(FileSystem& files, Path directory)
      : files_(&files), directory_(std::move(directory)) {}
  Status persist(const std::string& origin, const std::string& note) const;

  FileSystem* files_;
  Path directory_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<transparency::VerifierKey>, std::less<>> keys_;  // by origin
  std::map<std::string, Seen, std::less<>> seen_;                                    // by origin
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule witness_quorum{"ledger.witness.quorum"};
inline constexpr Rule witness_ahead{"ledger.witness.ahead"};
inline constexpr Rule witness_answer{"ledger.witness.answer"};
inline constexpr Rule witness_state{"ledger.witness.state"};
}  // namespace attest::rules

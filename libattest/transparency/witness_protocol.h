// The witness protocol (C2SP tlog-witness): a log asks a witness to cosign a checkpoint.
//
//   POST <prefix>/add-checkpoint
//     old N                      size the log believes the witness knows, without leading zeros
//     BASE64…                    consistency proof from N, at most 63 hashes
//     (empty line)
//     CHECKPOINT                 signed note
//
//   200  cosignature lines                  400  malformed, or old larger than the checkpoint
//   403  no good signature of a trusted key 404  unknown origin
//   409  body: the size known and a line feed, content type text/x.tlog.size
//   422  proof wrong, or another root at the same size
//
// witness_decision is the whole judgement and is pure. The caller holds the lock and the storage:
// it must compare and persist the new state durably *before* it answers 200, or a crash lets it
// sign two histories.
#pragma once

#include <functional>
#include <optional>

#include "libattest/transparency/checkpoint.h"

namespace attest::transparency {

struct AddCheckpoint {
  std::uint64_t old_size = 0;
  std::vector<Hash> proof;
  std::string checkpoint;  // signed note
};

inline constexpr std::size_t max_add_checkpoint_size = 1U << 20;

Result<AddCheckpoint> parse_add_checkpoint(ByteView body);
std::string format_add_checkpoint(const AddCheckpoint& request);

// KnownLog is what a witness knows of one log: size 0 and the empty root for one it never saw.
struct KnownLog {
  std::vector<VerifierKey> keys;
  std::uint64_t size = 0;
  Hash root = empty_root();
};
using KnownLogs = std::function<std::optional<KnownLog>(std::string_view origin)>;

struct WitnessDecision {
  int status = 400;
  std::string why;                          // one line for people
  std::optional<Checkpoint> accepted;       // with 200: persist (size, root), then cosign note_text
  std::string note_text;                    // with 200: what to cosign
  std::optional<std::uint64_t> known_size;  // with 409: the body, and a line feed
};

// witness_decision checks, in this order, and answers with the first that fails:
//   - the body's form (400), the checkpoint's form (400), and its signature lines' (403);
//   - the origin is known (404);
//   - the log signed it, and no known key's signature is bad (403);
//   - old ≤ checkpoint size (400);
//   - old is the size known (409);
//   - at the same size the root is the one known and no proof is given (422);
//   - the consistency proof from the known tree (422).
WitnessDecision witness_decision(ByteView body, const KnownLogs& logs);

// origin_hash gives the lower-case hex SHA-256 of an origin: `GET <prefix>/<hash>/checkpoint`.
std::string origin_hash(std::string_view origin);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule add_checkpoint_form{"transparency.add-checkpoint.form"};
}

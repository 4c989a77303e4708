// Audit: reads a published log, believes nothing, and recomputes everything.
//
// What is checked, in this order:
//   - the checkpoint parses, names the expected origin, and is signed by the log's key; known
//     witnesses' cosignatures hold;
//   - every entry bundle up to the checkpoint's size is there, whole, and of exact form;
//   - every tile of every level is, byte for byte, what the entries hash to;
//   - the root over all entries is the signed root (another root over sound files: the log has
//     signed two histories);
//   - where the log is one of ours (its last entry is a map root by its key): every entry is a
//     statement that parses; every map root equals the subject map recomputed from all entries
//     before it, and counts its subjects right;
//   - where a trust root is given: each statement's signature holds, and its issuer may say it.
// Not checked: that other readers were shown the same checkpoint (compare checkpoints, or ask for a
// quorum of witnesses); entries beyond the checkpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/store.h"
#include "libattest/base/file.h"
#include "libattest/base/time.h"

namespace attest {
class TrustRoot;
}

namespace attest::ledger {

// TileSource gives the files of a static log by their C2SP path, "tile/0/000".
class TileSource {
 public:
  virtual ~TileSource() = default;
  // read gives nothing where there is no such file; an Error where it cannot be told.
  virtual Result<std::optional<Bytes>> read(const std::string& path) = 0;
};

class DirectorySource final : public TileSource {
 public:
  explicit DirectorySource(Path directory) : directory_(std::move(directory)) {}
  Result<std::optional<Bytes>> read(const std::string& path) override;

 private:
  Path directory_;
};

enum class Verdict { ok, corrupt, missing, bad_signature, wrong_origin, equivocation };
// to_string gives "ok", "corrupt", "missing", "bad-signature", "wrong-origin", "equivocation".
std::string_view to_string(Verdict verdict);

// Finding is one thing that is wrong, and exactly where.
struct Finding {
  Verdict verdict;
  std::string file;                    // path within the log
  std::optional<std::uint64_t> byte;   // offset of the first wrong byte
  std::optional<std::uint64_t> entry;  // index of the entry concerned
  std::string what;                    // what is wrong and what it means, one sentence
};

struct AuditRequest {
  std::string verifier_key;               // the log's C2SP key text
  std::vector<std::string> witness_keys;  // cosigners' key texts
  const TrustRoot* trust = nullptr;       // for statements' signatures and issuers
  std::size_t max_findings = 100;
  // progress is called now and then with entries done and entries in all.
  std::function<void(std::uint64_t, std::uint64_t)> progress;
};

struct AuditReport {
  Verdict verdict = Verdict::ok;  // that of the first finding
  std::vector<Finding> findings;
  std::string origin;
  std::string checkpoint;
  std::uint64_t size = 0;
  Sha256 root{};
  std::uint64_t entries = 0;  // read and hashed
  std::uint64_t tiles = 0;    // compared
  std::size_t cosignatures = 0;
  std::vector<Time> cosignature_times;
  std::uint64_t map_roots = 0;
  std::uint64_t subjects = 0;
  std::uint64_t statements = 0;     // parsed
  std::uint64_t signatures = 0;     // verified
  std::uint64_t may_not_speak = 0;  // signed by keys the trust root does not let speak so
  std::vector<std::string> not_checked;
};

// audit reports what is wrong with the log as findings; only an unreadable source or a malformed
// request is an Error.
Result<AuditReport> audit(TileSource& source, const AuditRequest& request);

}  // namespace attest::ledger

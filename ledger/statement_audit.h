// StatementAudit: reads a log's entries as statements, in order. It recomputes the subject map and
// holds every map root against it, and judges signatures by a trust root where one is given.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "ledger/audit.h"
#include "libattest/transparency/map_root.h"
#include "libattest/transparency/note.h"
#include "libattest/transparency/subject_map.h"

namespace attest::ledger {

class StatementAudit {
 public:
  using Report = std::function<void(Finding)>;

  // The log's key signs map roots; `trust` may be nothing.
  StatementAudit(transparency::VerifierKey log_key, const TrustRoot* trust, AuditReport& report,
                 Report found)
      : log_key_(std::move(log_key)), trust_(trust), report_(&report), found_(std::move(found)) {}

  void take(std::uint64_t index, ByteView entry, const Sha256& leaf);

  transparency::SubjectMap& map() { return map_; }

 private:
  void check_map_root(std::uint64_t index, ByteView entry);
  void judge(std::uint64_t index, ByteView entry);
  void wrong(Verdict verdict, std::uint64_t index, std::string what);

  transparency::VerifierKey log_key_;
  const TrustRoot* trust_;
  AuditReport* report_;
  Report found_;
  transparency::SubjectMap map_;
  std::map<Sha256, std::uint64_t> key_ends_at_;
};

// read_map_root gives what a map root signed by the log's key says.
Result<transparency::MapRoot> read_map_root(ByteView entry,
                                            const transparency::VerifierKey& log_key);

}  // namespace attest::ledger

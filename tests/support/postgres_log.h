// What tests of a log in PostgreSQL share.
#pragma once

#include "ledger/audit.h"
#include "ledger/fsck.h"
#include "ledger/log.h"
#include "tests/support/catch.h"
#include "tests/support/postgres_server.h"

namespace attest::ledger {

// skipped says aloud that a test is left out, where no server is installed.
inline bool skipped() {
  if (postgres_installed()) return false;
  WARN("skipped: there is no PostgreSQL 15 here");
  return true;
}

inline void check_sound(Log& log) {
  DirectorySource source(log.public_directory());
  AuditRequest request;
  request.verifier_key = log.verifier_key();
  for (const auto& report : {must(audit(source, request)), must(fsck(log.store()))}) {
    INFO((report.findings.empty() ? "" : report.findings.front().what));
    CHECK(report.verdict == Verdict::ok);
  }
}

}  // namespace attest::ledger

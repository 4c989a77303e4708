// TrustSource: the trust root in force, which may be replaced while the program runs.
#pragma once

#include <mutex>

#include "libattest/trust/trust_root.h"
#include "libattest/trust/trust_update.h"

namespace attest::verifierd {

// TrustSource may be used from several threads.
class TrustSource {
 public:
  TrustSource(Path file, TrustRoot root) : file_(std::move(file)), root_(std::move(root)) {}

  TrustRoot get() const {
    const std::lock_guard lock(mutex_);
    return root_;
  }

  // reload reads the file anew. Another trust root than the present one must be its update, signed
  // as such in the file beside it (accept_update); otherwise the present one stays in force.
  Status reload(Time now) {
    TRY(const TrustRoot candidate, TrustRoot::read(file_));
    const TrustRoot current = get();
    if (candidate.digest() == current.digest()) return {};
    TRY(const Bytes note, read_file(file_.string() + ".sig", 1U << 20));
    TRY(TrustRoot accepted, accept_update(current, candidate, note, now));
    const std::lock_guard lock(mutex_);
    root_ = std::move(accepted);
    return {};
  }

 private:
  Path file_;
  mutable std::mutex mutex_;
  TrustRoot root_;
};

}  // namespace attest::verifierd

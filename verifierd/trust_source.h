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

  // reload reads the file anew. Another trust root than the present one must be its update
  // (reread_trust_root); otherwise the present one stays in force.
  Status reload(Time now) {
    TRY(TrustRoot accepted, reread_trust_root(get(), file_, now));
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

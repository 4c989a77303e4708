// What a TrustRoot holds. Private to this room.
#pragma once

#include "libattest/trust/trust_root.h"

namespace attest {

struct TrustRoot::Content {
  Sha256 digest{};
  std::uint64_t version = 0;
  Time expires;
  std::size_t threshold = 0;
  std::vector<transparency::VerifierKey> root_keys;
  std::vector<transparency::LogVerifiers> logs;
  std::vector<transparency::VerifierKey> witnesses;
  std::size_t quorum = 0;
  std::vector<Issuer> issuers;
  std::vector<evidence::KnownVerifier> verifiers;
  std::vector<Certificate> ek_roots;
  std::vector<Certificate> gpu_roots;
  std::vector<Certificate> tee_roots;
  std::vector<Certificate> platform_roots;
  std::vector<Certificate> rim_roots;
  std::set<Sha256> allowed_eks;
  std::map<std::string, std::vector<std::string>> regions;
};

}  // namespace attest

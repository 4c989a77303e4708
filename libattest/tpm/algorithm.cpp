#include "libattest/tpm/algorithm.h"

namespace attest::tpm {

std::optional<HashAlgorithm> hash_of(AlgorithmId id) {
  switch (id) {
    case alg_sha1:
      return HashAlgorithm::sha1;
    case alg_sha256:
      return HashAlgorithm::sha256;
    case alg_sha384:
      return HashAlgorithm::sha384;
    case alg_sha512:
      return HashAlgorithm::sha512;
    default:
      return std::nullopt;
  }
}

AlgorithmId id_of(HashAlgorithm hash) {
  switch (hash) {
    case HashAlgorithm::sha1:
      return alg_sha1;
    case HashAlgorithm::sha256:
      return alg_sha256;
    case HashAlgorithm::sha384:
      return alg_sha384;
    case HashAlgorithm::sha512:
      return alg_sha512;
  }
  return alg_null;
}

}  // namespace attest::tpm

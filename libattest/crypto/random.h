// Randomness is passed in, so that every verdict can be replayed and every test can choose it.
#pragma once

#include "libattest/base/bytes.h"

namespace attest {

// Random fills bytes that nobody can guess. Implementations are safe from several threads.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;

  Bytes bytes(std::size_t count);
};

// system_random is OpenSSL's generator, seeded by the operating system. Programs pass it in.
Random& system_random();

}  // namespace attest

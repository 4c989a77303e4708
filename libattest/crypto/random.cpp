#include "libattest/crypto/random.h"

#include <new>

#include <openssl/rand.h>

namespace attest {

namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    // The generator fails only when the operating system gives no entropy; nothing that needs
    // randomness may go on then.
    if (RAND_bytes_ex(nullptr, reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), 0) !=
        1)
      throw std::bad_alloc();
  }
};

}  // namespace

Bytes Random::bytes(std::size_t count) {
  Bytes made(count);
  fill(made);
  return made;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace attest

#include "libattest/tee/roots.h"

#include <algorithm>
#include <array>

namespace attest::tee {

namespace {

struct KnownRoot {
  std::string_view spki_sha256;
  std::string_view owner;
};

constexpr std::array known = {
    KnownRoot{"9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9", "AMD (Milan)"},
    KnownRoot{"429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831", "AMD (Genoa)"},
    KnownRoot{"4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08", "AMD (Turin)"},
    KnownRoot{"a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e", "Intel SGX"}};

}  // namespace

std::optional<std::string_view> root_owner(const Certificate& certificate) {
  const auto key = certificate.public_key();
  if (!key || !certificate.is_self_signed()) return {};
  const auto* found = std::ranges::find(known, to_hex(key->thumbprint()), &KnownRoot::spki_sha256);
  if (found == known.end()) return {};
  return found->owner;
}

std::vector<Certificate> known_roots(const std::vector<Certificate>& certificates) {
  std::vector<Certificate> roots;
  std::ranges::copy_if(certificates, std::back_inserter(roots),
                       [](const Certificate& each) { return root_owner(each).has_value(); });
  return roots;
}

}  // namespace attest::tee

// The files of Debian packages, by path and SHA-256. dpkg-deb unpacks them; without it, incomplete.
#pragma once

#include <map>
#include <string>

#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"

namespace attest::cli {

// files_of_package gives the regular files that the package would install.
Result<std::map<std::string, Sha256>> files_of_package(const std::string& package);

}  // namespace attest::cli

namespace attest::rules {
inline constexpr Rule package_unpack{"cli.package.unpack"};
}

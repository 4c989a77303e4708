// The files of a software package, by path and SHA-256: what IMA will measure once it is installed.
// The package's data comes as a tar archive (POSIX.1-1988 ustar, with GNU's and pax's long names),
// as `dpkg-deb --fsys-tarfile` gives it, piece by piece; no more than a header is kept.
//
// One object is for one thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "libattest/base/bytes.h"
#include "libattest/crypto/digest.h"

namespace attest::tpm {

class PackageDigests {
 public:
  // feed takes the next bytes of the archive. Refused (rules::package_form): a header whose
  // checksum is wrong, a size that is no number, a name that is too long.
  Status feed(ByteView bytes);
  // finish gives the regular files by their absolute paths; an archive that was cut is refused.
  Result<std::map<std::string, Sha256>> finish() &&;

 private:
  enum class Kind { file, long_name, pax, skipped };
  Status read_header(ByteView header);
  void take(ByteView content);
  void end_entry();
  std::string path_of(ByteView header) const;

  Bytes header_;  // as much of the next header as has come
  Kind kind_ = Kind::skipped;
  std::uint64_t left_ = 0;  // of the entry's content
  std::uint64_t padding_ = 0;
  std::string path_;
  std::optional<std::string> long_name_;  // of the entry to come
  Bytes extension_;                       // content of a long name or a pax header
  Hasher hasher_{HashAlgorithm::sha256};
  bool ended_ = false;
  std::map<std::string, Sha256> files_;
};

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule package_form{"tpm.package.form"};
}

// Files beside evidence: every regular file of a folder, or one file.
#pragma once

#include <string>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/crypto/certificate.h"

namespace attest::cli {

// files_at gives `place` itself where it is a file, and else the regular files in it, in the order
// of their names. A place that is not there is incomplete.
Result<std::vector<Path>> files_at(const std::string& place);

// certificates_at reads every certificate at these places; files that hold none are named in
// `passed_over`.
Result<std::vector<Certificate>> certificates_at(const std::vector<std::string>& places,
                                                 std::vector<std::string>& passed_over);

// crls_at reads CRLs of files and folders, DER or PEM; what is none is passed over.
Result<std::vector<Bytes>> crls_at(const std::vector<std::string>& places,
                                   std::vector<std::string>& passed_over);

}  // namespace attest::cli

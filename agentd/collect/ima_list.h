// The kernel's IMA list, read from where the verifier knows it on. Lists of a hundred thousand
// entries are read piece by piece: what is known is passed over and never kept.
#pragma once

#include <cstdint>
#include <optional>

#include "libattest/base/file.h"

namespace attest::agentd {

struct ImaListPart {
  std::uint64_t after = 0;  // how many entries stand before these in the list
  Bytes entries;
};

// read_ima_list gives what follows the first `known` entries. The whole list where it is shorter
// than that, or of a form whose entries cannot be counted; nothing where there is no such file, or
// no path.
Result<std::optional<ImaListPart>> read_ima_list(const Path& path, std::uint64_t known);

// ima_list_length is a number that grows with the list: the kernel's own count beside it, or, where
// that is missing, the file's size. 0 where there is no list.
std::uint64_t ima_list_length(const Path& path);

}  // namespace attest::agentd

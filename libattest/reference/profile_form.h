// What our own CoRIM profiles have in common: one CoMID, reference triples alone, environments that
// are a platform's name, digests by the registry's numbers. For sources of this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libattest/crypto/digest.h"
#include "libattest/reference/corim.h"

namespace attest::reference {

inline constexpr std::string_view profile_place = "reference values";

// unexpected is the error for a member that these profiles do not have.
Error unexpected(std::string what);

// only_comid gives the CoMID of a CoRIM of this profile that has nothing beside it.
Result<const Comid*> only_comid(const Corim& corim, std::string_view profile);
// read_platform gives the name that is all an environment says.
Result<std::string> read_platform(const Environment& environment);
// read_bank gives a digest's algorithm, whose length it must have.
Result<HashAlgorithm> read_bank(const Digest& digest);
// bank_number gives the registry's number; nothing for SHA-1, which has none.
std::optional<std::int64_t> bank_number(HashAlgorithm bank);

}  // namespace attest::reference

#include "libattest/reference/profile_form.h"

#include <algorithm>
#include <array>

#include "libattest/base/text.h"
#include "libattest/reference/reference_values.h"

namespace attest::reference {

namespace {

struct BankNumber {
  HashAlgorithm bank;
  std::int64_t number;
};
constexpr std::array<BankNumber, 3> bank_numbers{{{HashAlgorithm::sha256, ni_sha256},
                                                  {HashAlgorithm::sha384, ni_sha384},
                                                  {HashAlgorithm::sha512, ni_sha512}}};

}  // namespace

Error unexpected(std::string what) {
  return refused(rules::reference_extra, std::move(what)).within(profile_place);
}

std::optional<std::int64_t> bank_number(HashAlgorithm bank) {
  const auto* known = std::ranges::find(bank_numbers, bank, &BankNumber::bank);
  if (known == bank_numbers.end()) return std::nullopt;
  return known->number;
}

Result<HashAlgorithm> read_bank(const Digest& digest) {
  const auto number = digest.algorithm.as_integer();
  const auto* known = std::ranges::find_if(
      bank_numbers, [&](const BankNumber& candidate) { return candidate.number == number; });
  if (known == bank_numbers.end() || digest.value.size() != digest_size(known->bank))
    return fail(refused(rules::reference_digest, "a digest is of no bank, or of the wrong length")
                    .expected("SHA-256 (1), SHA-384 (7) or SHA-512 (8)")
                    .within(profile_place));
  return known->bank;
}

Result<std::string> read_platform(const Environment& environment) {
  const auto& named = environment.environment_class;
  const bool plain = named && named->model && !named->id && !named->vendor && !named->layer &&
                     !named->index && !environment.instance && !environment.group;
  if (!plain || !is_platform_name(*named->model))
    return fail(refused(rules::reference_platform, "an environment is not a platform's name alone")
                    .within(profile_place));
  return *named->model;
}

Result<const Comid*> only_comid(const Corim& corim, std::string_view profile) {
  if (corim.profile != profile)
    return fail(refused(rules::reference_profile, "the CoRIM is of another profile")
                    .expected(std::string(profile))
                    .found(corim.profile ? printable(*corim.profile, 80) : "none")
                    .within(profile_place));
  if (corim.comids.size() != 1 || !corim.other_tags.empty() || !corim.entities.empty() ||
      corim.validity || corim.dependent_rims || !corim.extensions.empty())
    return fail(unexpected("the CoRIM is not one CoMID alone"));
  const Comid& comid = corim.comids.front();
  if (comid.reference.empty() || !comid.endorsed.empty() || !comid.identity_keys.empty() ||
      !comid.attestation_keys.empty() || !comid.other_triples.empty() || comid.language ||
      !comid.entities.empty() || comid.linked_tags || comid.version != 0 ||
      !comid.extensions.empty())
    return fail(unexpected("the CoMID has more than reference triples"));
  return &comid;
}

}  // namespace attest::reference

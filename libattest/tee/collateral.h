// Collateral: certificates, CRLs and Intel's signed JSON, told apart by what they hold and not by
// what their files are called.
//
// A plain value; usable from any thread while not changed. Nothing here is verified.
#pragma once

#include <string>
#include <vector>

#include "libattest/tee/tdx_collateral.h"

namespace attest::tee {

struct Collateral {
  std::vector<Certificate> certificates;
  std::vector<Bytes> crls;  // DER
  std::vector<UntrustedTcbInfo> tcb_infos;
  std::vector<UntrustedQeIdentity> qe_identities;

  // add takes a file's content: certificates (DER or PEM, several in one file), CRLs (DER, PEM or
  // DER in hexadecimal, as Intel's caching service gives them), TCB info, QE identity, and the
  // certificate table a host hands to an SNP guest. It gives false for anything else. JSON that
  // calls itself TCB info or QE identity and is malformed is refused.
  Result<bool> add(ByteView content);
};

}  // namespace attest::tee

// A verified lineage as a machine-learning bill of materials: CycloneDX 1.6 (ECMA-424), JSON.
#pragma once

#include <string>

#include "libattest/lineage/bundle.h"

namespace attest::lineage {

// cyclonedx_bom gives the artefact as the BOM's main component and every ancestor as a component:
// models as "machine-learning-model", data sets as "data", each with its files' SHA-256, its
// licence, its issuer, the statement it rests on, and its parents as pedigree and dependencies. The
// same bundle gives the same BOM: its time is the ledger's, its serial number comes of the
// artefact's digest. `version` is this program's.
std::string cyclonedx_bom(const VerifiedBundle& bundle, const std::string& version);

}  // namespace attest::lineage

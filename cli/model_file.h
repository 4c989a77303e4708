// A model file and what lies beside it: F, F.attest/bundle.cbor, F.attest/tree.
#pragma once

#include <optional>
#include <string>

#include "cli/terminal.h"
#include "libattest/base/bytes.h"
#include "libattest/lineage/verdict.h"

namespace attest::cli {

struct ModelPlaces {
  Path file;
  Path bundle;
  Path tree;
};
// places_of names what belongs to a model; `bundle` overrides where its bundle is.
ModelPlaces places_of(const Path& file, const std::string& bundle = {});

// read_bundle reads a bundle; a missing one is incomplete, with what to do about it.
Result<Bytes> read_bundle(const ModelPlaces& places);

// present_file digests a file, with a progress bar, and tells its format.
Result<lineage::PresentedFile> present_file(const Path& file, Terminal& terminal);

// load_release_policy reads a policy; an empty path means the strict default, which refuses revoked
// releases and ancestors and asks for nothing else.
Result<lineage::ReleasePolicy> load_release_policy(const std::string& path);

}  // namespace attest::cli

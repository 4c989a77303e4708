// The kinds of signed statements (docs/formats.md, "Signed statement").
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "libattest/statement/subject.h"

namespace attest::statement {

enum class Kind {
  device_manifest,
  reference_values,
  policy,
  data_set,
  training_run,
  model_release,
  consent,
  custody,
  inspection,
  node_state_change,
  batch,  // of results, or of receipts
  key_status,
  revocation,
  map_root,
};

// to_string gives the name a trust root uses in `may`: "device-manifest", "model-release", …
std::string_view to_string(Kind kind);
std::optional<Kind> kind_by_name(std::string_view name);
std::vector<std::string_view> kind_names();

std::string_view content_type(Kind kind);
std::optional<Kind> kind_by_content_type(std::string_view content_type);

// fits says whether a statement of this kind may speak about this kind of subject.
bool fits(Kind kind, SubjectKind subject);

}  // namespace attest::statement

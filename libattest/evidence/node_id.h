// The name of a node: 1 to 128 characters of a-z A-Z 0-9 . _ : - (docs/formats.md, "Names").
#pragma once

#include <string_view>

#include "libattest/base/result.h"

namespace attest::evidence {

bool is_node_id(std::string_view text);
// check_node_id refuses anything else.
Status check_node_id(std::string_view text);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule node_id_form{"evidence.node-id.form"};
}

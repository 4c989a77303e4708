// Names of keys in signed notes: not empty, well-formed UTF-8, without spaces (Unicode's too),
// control characters and '+'.
#pragma once

#include <string_view>

namespace attest::transparency {

bool is_note_name(std::string_view name);

}  // namespace attest::transparency

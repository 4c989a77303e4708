// The names of event types, both ways (event_log.h has event_type_name). Pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace attest::tpm {

// event_type_by_name gives the type of a name such as "EV_SEPARATOR"; nothing for other text.
std::optional<std::uint32_t> event_type_by_name(std::string_view name);

}  // namespace attest::tpm

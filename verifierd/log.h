// The program's log: lines for journald, or for the terminal. Nothing secret is ever passed here.
#pragma once

#include <string_view>

namespace attest::verifierd {

void log_info(std::string_view line);
void log_warning(std::string_view line);
void log_error(std::string_view line);

}  // namespace attest::verifierd

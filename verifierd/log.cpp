#include "verifierd/log.h"

#include <spdlog/spdlog.h>

namespace attest::verifierd {

void log_info(std::string_view line) {
  spdlog::info("{}", line);
}
void log_warning(std::string_view line) {
  spdlog::warn("{}", line);
}
void log_error(std::string_view line) {
  spdlog::error("{}", line);
}

}  // namespace attest::verifierd

#include "libattest/base/xml_text.h"

#include "libattest/base/text.h"

namespace attest {

std::string xml_text(std::string_view text, std::size_t limit) {
  std::string safe;
  for (const char c : printable(text, limit)) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else if (c == '"') {
      safe += "&quot;";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace attest

// Text as XML and HTML hold it, within quotes or between tags. A pure function.
#pragma once

#include <string>
#include <string_view>

namespace attest {

// xml_text makes untrusted text printable (text.h), cuts it after `limit` bytes, and writes & < > "
// as entities.
std::string xml_text(std::string_view text, std::size_t limit = 200);

}  // namespace attest

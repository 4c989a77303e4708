// The evidence item "host": the inventory a node gives of itself. Host-reported: the quote protects
// it on its way, it does not make it true.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::evidence {

inline constexpr std::size_t host_facts_limit = 1024;

// HostFacts maps a name such as "os.release" to a text or a list of texts.
using HostFact = std::variant<std::string, std::vector<std::string>>;
using HostFacts = std::map<std::string, HostFact>;

Bytes encode_host(const HostFacts& facts);
Result<HostFacts> parse_host(ByteView bytes);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule host_form{"evidence.host.form"};
}

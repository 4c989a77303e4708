#include "libattest/evidence/node_id.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::evidence {

bool is_node_id(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
  };
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, allowed);
}

Status check_node_id(std::string_view text) {
  if (is_node_id(text)) return {};
  return fail(refused(rules::node_id_form, "this is no node id")
                  .expected("1 to 128 characters of a-z A-Z 0-9 . _ : -")
                  .found("\"" + printable(text, 140) + "\""));
}

}  // namespace attest::evidence

// From a template's text to its raw texts and the words inside its tags, with Jinja's rules for the
// white space around tags.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/result.h"

namespace attest::inference::templates {

struct Word {
  enum class Kind {
    text,          // raw text between tags
    block_begin,   // {%
    block_end,     // %}
    output_begin,  // {{
    output_end,    // }}
    name,
    string,
    integer,
    real,
    sign,  // operators and brackets
    end,
  } kind;
  std::string text;
  std::size_t line;
};

Result<std::vector<Word>> split_template(std::string_view source);

}  // namespace attest::inference::templates

// Running a template that was read.
#pragma once

#include "inference/template/template_functions.h"
#include "inference/template/template_syntax.h"

namespace attest::inference::templates {

struct Rendering {
  Time now;
  std::uint64_t work;  // steps and bytes that may be made
  std::size_t text;    // bytes the text may have
};

Result<std::string> render(const Syntax& syntax, const Dictionary& variables,
                           const Rendering& rendering);

}  // namespace attest::inference::templates

// What kind of file this is, and whether opening it with its usual loader would run code that it
// brings along.
//
// A GGUF or safetensors file is data. A pickle is a program; PyTorch checkpoints, joblib files and
// NumPy arrays of objects are pickles; Keras files may hold marshalled functions; "auto_map" in a
// configuration names Python files beside it; a chat template is a program for a template engine.
// All functions are pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::model {

enum class FileFormat {
  gguf,
  safetensors,
  safetensors_index,
  pickle,           // Python pickle of any protocol, PyTorch's old checkpoints among them
  pytorch_archive,  // ZIP with a data.pkl
  numpy_objects,    // .npy with dtype object, .npz
  keras,            // .keras, .h5 and other HDF5: may hold functions
  python,           // source
  native_code,      // ELF, PE, Mach-O
  archive,          // ZIP or tar with content nobody looked at
  configuration,    // .json
  template_text,    // .jinja
  other,
};

// to_string gives the name that --json and policies use: "gguf", "pytorch-archive", …
std::string_view to_string(FileFormat format);

// tell_format looks at the content first and at the name where content does not tell: a pickle
// named "x.safetensors" is a pickle. `front` is the beginning of the file, 512 bytes or more where
// it has them.
FileFormat tell_format(std::string_view name, ByteView front);

// Finding is something in a file that a gate should refuse and a person should know of.
struct Finding {
  Rule rule;
  std::string what;
  std::string where;  // the member or key; may be empty
};

// code_by_format says that loading a file of this format can run code from it, or nothing.
std::vector<Finding> code_by_format(FileFormat format);

// code_in_configuration looks for members that make a loader run code: auto_map, custom_pipelines,
// trust_remote_code, auto_mapping, and chat templates as code_in_template sees them, at any depth.
// Text that is not strict JSON is refused.
Result<std::vector<Finding>> code_in_configuration(std::string_view json);

// code_in_template looks for what a chat template has no use for and an escape from the template
// engine's sandbox has: double-underscore attributes, imports, calls into the system. It finds the
// known ways, not all of them.
std::vector<Finding> code_in_template(std::string_view text);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule format_unknown{"model.format.unknown"};
inline constexpr Rule code_on_load{"model.format.code-on-load"};
inline constexpr Rule code_file{"model.format.code"};
inline constexpr Rule code_archive{"model.format.archive"};
inline constexpr Rule code_configuration{"model.format.configuration-code"};
inline constexpr Rule code_template{"model.format.template-code"};
}  // namespace attest::rules

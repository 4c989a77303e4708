#include "libattest/model/format.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::model {

namespace {

using namespace std::literals;

constexpr JsonLimits configuration_limits{.size = 64U << 20, .depth = 64};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::ranges::any_of(endings, [&](std::string_view each) { return name.ends_with(each); });
}

bool is_native(std::string_view front) {
  constexpr std::array magics{
      "\x7f"
      "ELF"sv,
      "\xcf\xfa\xed\xfe"sv, "\xce\xfa\xed\xfe"sv, "\xca\xfe\xba\xbe"sv};
  return std::ranges::any_of(magics, [&](auto magic) { return front.starts_with(magic); });
}

// A pickle of protocol 2 or later begins with PROTO and its number, and goes on with an opcode that
// frames, or begins a value.
bool is_pickle(std::string_view front) {
  return front.size() > 2 && front[0] == '\x80' && front[1] >= 2 && front[1] <= 5 &&
         "\x95\x8a}](cNKJX\x8c)\x88\x89"sv.find(front[2]) != std::string_view::npos;
}

// of_archive tells what a ZIP file holds from its first member, which PyTorch writes first.
FileFormat of_archive(std::string_view name, std::string_view front) {
  if (front.find("data.pkl"sv) != std::string_view::npos ||
      ends_with_any(name, {".pt", ".pth", ".ckpt", ".bin"}))
    return FileFormat::pytorch_archive;
  if (name.ends_with(".keras")) return FileFormat::keras;
  if (name.ends_with(".npz")) return FileFormat::numpy_objects;
  return FileFormat::archive;
}

FileFormat of_content(std::string_view name, std::string_view front) {
  if (front.starts_with("GGUF"sv)) return FileFormat::gguf;
  if (is_native(front)) return FileFormat::native_code;
  if (front.starts_with("PK\x03\x04"sv)) return of_archive(name, front);
  if (front.starts_with("\x89HDF\r\n\x1a\n"sv)) return FileFormat::keras;
  if (front.starts_with("\x93NUMPY"sv) && front.find("|O"sv) != std::string_view::npos)
    return FileFormat::numpy_objects;
  if (is_pickle(front)) return FileFormat::pickle;
  if (front.size() > 262 && front.substr(257, 5) == "ustar"sv) return FileFormat::archive;
  return FileFormat::other;
}

FileFormat of_name(std::string_view name, std::string_view front) {
  if (name.ends_with(".gguf")) return FileFormat::gguf;
  if (name.ends_with(".safetensors")) return FileFormat::safetensors;
  if (name.ends_with(".safetensors.index.json")) return FileFormat::safetensors_index;
  if (ends_with_any(name, {".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".ckpt"}))
    return FileFormat::pickle;
  if (ends_with_any(name, {".h5", ".hdf5", ".keras"})) return FileFormat::keras;
  if (name.ends_with(".npz")) return FileFormat::numpy_objects;
  if (ends_with_any(name, {".py", ".pyc", ".pyw"})) return FileFormat::python;
  if (ends_with_any(name, {".so", ".dll", ".dylib", ".exe"})) return FileFormat::native_code;
  if (ends_with_any(name, {".zip", ".tar", ".tgz", ".tar.gz", ".nemo", ".mar"}))
    return FileFormat::archive;
  if (name.ends_with(".json")) return FileFormat::configuration;
  if (ends_with_any(name, {".jinja", ".jinja2"})) return FileFormat::template_text;
  // Without a telling name: u64 length, then '{' of the header.
  const bool header = front.size() > 8 && front[8] == '{' && front.substr(4, 4) == "\0\0\0\0"sv;
  return header ? FileFormat::safetensors : FileFormat::other;
}

// look_through walks a JSON value without recursion: its depth is the file's choice.
void look_through(const Json& whole, std::vector<Finding>& findings) {
  constexpr std::array code_members{"auto_map"sv, "custom_pipelines"sv, "auto_mapping"sv};
  std::vector<std::pair<const Json*, std::string>> open{{&whole, ""}};
  while (!open.empty()) {
    const auto [value, place] = std::move(open.back());
    open.pop_back();
    if (value->is_array())
      for (std::size_t i = 0; i < value->size(); ++i)
        if ((*value)[i].is_structured())
          open.emplace_back(&(*value)[i], place + "[" + std::to_string(i) + "]");
    if (!value->is_object()) continue;
    for (const auto& [name, member] : value->items()) {
      const std::string where = place.empty() ? name : place + "." + name;
      const bool empty = member.is_null() || (member.is_structured() && member.empty());
      if (std::ranges::find(code_members, name) != code_members.end() && !empty)
        findings.push_back({rules::code_configuration,
                            "the configuration names Python code to be imported", where});
      if (name == "trust_remote_code" && member == true)
        findings.push_back({rules::code_configuration,
                            "the configuration asks its loader to run code it brings", where});
      if (name == "chat_template" || name == "template")
        if (const auto* text = member.get_ptr<const std::string*>())
          for (Finding& each : code_in_template(*text)) {
            each.where = where;
            findings.push_back(std::move(each));
          }
      if (member.is_structured()) open.emplace_back(&member, where);
    }
  }
}

}  // namespace

std::string_view to_string(FileFormat format) {
  switch (format) {
    case FileFormat::gguf:
      return "gguf";
    case FileFormat::safetensors:
      return "safetensors";
    case FileFormat::safetensors_index:
      return "safetensors-index";
    case FileFormat::pickle:
      return "pickle";
    case FileFormat::pytorch_archive:
      return "pytorch-archive";
    case FileFormat::numpy_objects:
      return "numpy-objects";
    case FileFormat::keras:
      return "keras";
    case FileFormat::python:
      return "python";
    case FileFormat::native_code:
      return "native-code";
    case FileFormat::archive:
      return "archive";
    case FileFormat::configuration:
      return "json";
    case FileFormat::template_text:
      return "template";
    case FileFormat::other:
      break;
  }
  return "other";
}

FileFormat tell_format(std::string_view name, ByteView front) {
  const std::string lower = lower_case(name);
  const FileFormat by_content = of_content(lower, as_text(front));
  return by_content == FileFormat::other ? of_name(lower, as_text(front)) : by_content;
}

std::vector<Finding> code_by_format(FileFormat format) {
  const auto one = [](Rule rule, std::string what) {
    return std::vector<Finding>{{rule, std::move(what), ""}};
  };
  switch (format) {
    case FileFormat::pickle:
      return one(rules::code_on_load, "a pickle is a program: loading it runs it");
    case FileFormat::pytorch_archive:
      return one(rules::code_on_load, "a PyTorch checkpoint holds a pickle: loading it runs it");
    case FileFormat::numpy_objects:
      return one(rules::code_on_load, "NumPy objects are pickles: loading them runs them");
    case FileFormat::keras:
      return one(rules::code_on_load, "a Keras or HDF5 file may hold functions that loading runs");
    case FileFormat::python:
      return one(rules::code_file, "Python code stands among the model's files");
    case FileFormat::native_code:
      return one(rules::code_file, "native code stands among the model's files");
    case FileFormat::archive:
      return one(rules::code_archive, "an archive hides what it holds from every check");
    default:
      return {};
  }
}

Result<std::vector<Finding>> code_in_configuration(std::string_view json) {
  TRY(const Json whole, parse_json(json, configuration_limits));
  std::vector<Finding> findings;
  look_through(whole, findings);
  return findings;
}

std::vector<Finding> code_in_template(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> signs{{
      {"__class__", "reaches for the class of a value"},
      {"__globals__", "reaches for the globals of a function"},
      {"__subclasses__", "reaches for all classes"},
      {"__builtins__", "reaches for Python's built-in functions"},
      {"__import__", "imports a module"},
      {"__mro__", "reaches for the bases of a class"},
      {"__init__", "reaches for a constructor"},
      {"__base__", "reaches for the base of a class"},
      {"__code__", "reaches for the code of a function"},
      {"|attr(", "takes attributes by computed names"},
      {"{% import", "imports another template"},
      {"{% include", "includes another template"},
  }};
  std::string squeezed;  // "| attr (" and "{%- import" are the same to the engine
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' && !squeezed.empty() && (squeezed.back() == '|' || squeezed.back() == ' '))
      continue;
    if (c == '(' && squeezed.ends_with(' ')) squeezed.pop_back();
    if ((c == '-' || c == '+') && squeezed.ends_with("{%")) continue;
    squeezed += c;
  }
  std::vector<Finding> findings;
  for (const auto& [sign, meaning] : signs)
    if (squeezed.find(sign) != std::string::npos)
      findings.push_back(
          {rules::code_template, "the chat template " + std::string(meaning), std::string(sign)});
  return findings;
}

}  // namespace attest::model

#include "libattest/model/format.h"

#include "libattest/base/json.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::model;
using namespace std::literals;

namespace {

FileFormat told(std::string_view name, std::string_view front) {
  return tell_format(name, as_bytes(front));
}

Rule only_rule(const std::vector<Finding>& findings) {
  REQUIRE(findings.size() == 1);
  return findings[0].rule;
}

}  // namespace

TEST_CASE("what a file holds counts more than what it is called") {
  CHECK(told("x.safetensors", "\x80\x04\x95\x10"sv) == FileFormat::pickle);
  CHECK(told("x.gguf", "PK\x03\x04....archive/data.pkl"sv) == FileFormat::pytorch_archive);
  CHECK(told("x.bin", "GGUF\x03"sv) == FileFormat::gguf);
  CHECK(told("x.gguf", "") == FileFormat::gguf);
  CHECK(told("X.GGUF", "junk") == FileFormat::gguf);
  CHECK(told("x", "\x08\0\0\0\0\0\0\0{"sv) == FileFormat::safetensors);
  CHECK(told("model.safetensors.index.json", "{") == FileFormat::safetensors_index);
  CHECK(told("config.json", "{") == FileFormat::configuration);
  CHECK(told("README.md", "# x") == FileFormat::other);
  CHECK(told("x.npy", "\x93NUMPY\x01\0v\0{'descr': '|O'"sv) == FileFormat::numpy_objects);
  CHECK(told("x.npy", "\x93NUMPY\x01\0v\0{'descr': '<f4'"sv) == FileFormat::other);
}

TEST_CASE("formats whose loading runs code are named") {
  for (const FileFormat format : {FileFormat::pickle, FileFormat::pytorch_archive,
                                  FileFormat::numpy_objects, FileFormat::keras})
    CHECK(only_rule(code_by_format(format)) == rules::code_on_load);
  CHECK(only_rule(code_by_format(told("modeling_x.py", "import os"))) == rules::code_file);
  CHECK(only_rule(code_by_format(told("x",
                                      "\x7f"
                                      "ELF"sv))) == rules::code_file);
  CHECK(only_rule(code_by_format(told("x.nemo", ""))) == rules::code_archive);
  CHECK(code_by_format(FileFormat::gguf).empty());
  CHECK(code_by_format(FileFormat::safetensors).empty());
}

TEST_CASE("configuration that makes a loader import code is found at any depth") {
  const auto found = [](std::string_view json) { return must(code_in_configuration(json)); };
  CHECK(only_rule(found(R"({"auto_map":{"AutoModel":"modeling_x.X"}})")) ==
        rules::code_configuration);
  CHECK(only_rule(found(R"({"a":[{"custom_pipelines":{"x":{}}}]})")) == rules::code_configuration);
  CHECK(only_rule(found(R"({"trust_remote_code":true})")) == rules::code_configuration);
  CHECK(found(R"({"trust_remote_code":false,"auto_map":{},"auto_mapping":null})").empty());
  CHECK(only_rule(found(R"({"chat_template":[{"name":"x","template":"{{ ''.__class__ }}"}]})")) ==
        rules::code_template);
  REQUIRE_RULE(code_in_configuration("{\"a\":1,\"a\":2}"), rules::json_duplicate);
}

TEST_CASE("an ordinary chat template is not taken for code") {
  CHECK(code_in_template("{% for m in messages %}{{ m['role'] + m.content | trim }}{% endfor %}")
            .empty());
}

TEST_CASE("ways out of a template engine's sandbox are found, however they are spaced") {
  for (const char* text :
       {"{{ ().__class__ }}", "{{ x.__globals__ }}", "{{ x | attr ('y') }}", "{%- import 'a' %}",
        "{{ x.__init__ }}", "{%  include 'a' %}", "{{ x['__builtins__'] }}"}) {
    INFO(text);
    CHECK_FALSE(code_in_template(text).empty());
  }
}

// Strict reading of TOML 1.0: configuration files, the trust root, policies.
//
// parse_toml() reads the whole text into plain values; the getters of TomlTable then read it by a
// schema. Each error says file and line: `trust.toml:9: unknown key "witneses"; did you mean
// "witnesses"?`. Every getter notes that its key was asked for, and finish() refuses keys nobody
// asked for, so a misspelt key is never silently ignored:
//
//   TRY(TomlTable root, parse_toml(text, "trust.toml"));
//   TRY(TomlTable server, root.table("server"));
//   TRY(const std::string listen, server.text("listen"));
//   TRY(const auto threads, server.optional_integer("threads"));
//   TRY(const auto witnesses, root.tables("witness"));  // each is a TomlTable
//   TRY_VOID(root.finish());            // this table and all tables within it
//
// A TomlTable is a cheap copy of a reference to the parsed document, which it keeps alive; copies
// share what was asked for. One document is for one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/base/result.h"
#include "libattest/base/time.h"

namespace attest {

class TomlTable {
 public:
  // The plain forms fail when the key is missing; the optional_ forms give nothing. All fail when
  // the value is there and of another type.
  Result<std::string> text(std::string_view key);
  Result<std::int64_t> integer(std::string_view key);
  Result<double> number(std::string_view key);  // an integer or a float
  Result<bool> boolean(std::string_view key);
  Result<Seconds> span(std::string_view key);  // text such as "90s", "15m", "12h", "30d"
  Result<std::chrono::milliseconds> short_span(std::string_view key);  // the same, or "250ms"
  Result<Time> time(std::string_view key);  // RFC 3339 in UTC, as text or as TOML date or time
  Result<std::vector<std::string>> texts(std::string_view key);
  Result<TomlTable> table(std::string_view key);

  Result<std::optional<std::string>> optional_text(std::string_view key);
  Result<std::optional<std::int64_t>> optional_integer(std::string_view key);
  Result<std::optional<double>> optional_number(std::string_view key);
  Result<std::optional<bool>> optional_boolean(std::string_view key);
  Result<std::optional<Seconds>> optional_span(std::string_view key);
  Result<std::optional<std::chrono::milliseconds>> optional_short_span(std::string_view key);
  Result<std::optional<Time>> optional_time(std::string_view key);
  // optional_texts gives an empty list when the key is absent.
  Result<std::vector<std::string>> optional_texts(std::string_view key);
  Result<std::vector<std::int64_t>> optional_integers(std::string_view key);
  Result<std::optional<TomlTable>> optional_table(std::string_view key);
  // tables reads an array of tables ([[witness]]); an empty list when the key is absent.
  Result<std::vector<TomlTable>> tables(std::string_view key);

  // has tells whether the key is there; it does not count as asking.
  bool has(std::string_view key) const;
  // keys gives all keys in the order of the text, for tables whose keys are names.
  std::vector<std::string> keys() const;

  // place gives "trust.toml:9" for this table's header, or for one of its keys.
  std::string place() const;
  std::string place(std::string_view key) const;
  std::size_t line() const;
  std::size_t line_of(std::string_view key) const;  // the table's own line when the key is absent

  // wrong makes the error for a value that has the right type and makes no sense:
  // `return fail(root.wrong("quorum", "is larger than the number of witnesses")…)`.
  Error wrong(std::string_view key, std::string what) const;

  // finish refuses the first key, in this table or in any below it, that no getter asked for.
  Status finish() const;

  struct Document;
  struct Node;

 private:
  friend Result<TomlTable> parse_toml(std::string_view text, std::string name);
  TomlTable(std::shared_ptr<Document> document, const Node* node)
      : document_(std::move(document)), node_(node) {}
  const Node* ask(std::string_view key);
  Error missing(std::string_view key) const;
  Error wrong_type(std::string_view key, std::string expected, const Node& found) const;

  std::shared_ptr<Document> document_;
  const Node* node_;
};

// parse_toml refuses text that is not TOML 1.0 in UTF-8 (rules::toml_form, with line and column) or
// is larger than a megabyte. `name` is what errors call the file: its last component is enough.
Result<TomlTable> parse_toml(std::string_view text, std::string name);

// read_toml_file is read_text_file and parse_toml under the file's own name.
Result<TomlTable> read_toml_file(const Path& path);

namespace rules {
inline constexpr Rule toml_form{"base.toml.form"};
inline constexpr Rule toml_missing{"base.toml.missing"};
inline constexpr Rule toml_type{"base.toml.type"};
inline constexpr Rule toml_value{"base.toml.value"};
inline constexpr Rule toml_unknown{"base.toml.unknown-key"};
}  // namespace rules

}  // namespace attest

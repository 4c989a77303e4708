// The corpus's own tables of what to expect: rows "| file | … | conclusion |" of a README.md, under
// a heading "## folder/".
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

namespace attest::test {

struct CorpusRow {
  Path path;
  std::string conclusion;  // the last column
};

inline std::string trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

// corpus_table gives the rows of files that are there; none, said aloud, without ATTEST_CORPUS.
inline std::vector<CorpusRow> corpus_table(const std::string& area, const std::string& folder) {
  const auto found = corpus(area);
  if (!found || !std::filesystem::exists(*found / "README.md")) return {};
  const Path& place = *found;
  std::vector<CorpusRow> rows;
  bool inside = false;
  const std::string text = must(read_text_file(place / "README.md"));
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("## ")) inside = trimmed(line.substr(3)) == folder + "/";
    if (!inside || !line.starts_with('|')) continue;
    const auto cells = split(line, '|');
    if (cells.size() < 4) continue;
    const Path file = place / folder / trimmed(cells[1]);
    if (std::filesystem::is_regular_file(file))
      rows.push_back({file, trimmed(cells[cells.size() - 2])});
  }
  REQUIRE_FALSE(rows.empty());
  return rows;
}

}  // namespace attest::test

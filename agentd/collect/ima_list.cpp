#include "agentd/collect/ima_list.h"

#include <algorithm>
#include <charconv>

#include "libattest/base/text.h"
#include "libattest/evidence/evidence.h"
#include "libattest/tpm/ima_log.h"

namespace attest::agentd {
namespace {

constexpr std::size_t piece = 64U << 10;

// Pieces gives a file's bytes from the front, as many as are asked for and no more than a piece
// beyond them.
class Pieces {
 public:
  explicit Pieces(File& file) : file_(file) {}

  ByteView unread() const { return ByteView(buffer_).subspan(used_); }
  void pass_over(std::size_t bytes) { used_ += bytes; }

  // more gives false at the end of the file.
  Result<bool> more() {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ = 0;
    const std::size_t before = buffer_.size();
    buffer_.resize(before + piece);
    TRY(const std::size_t read, file_.read_at(offset_, std::span(buffer_).subspan(before)));
    buffer_.resize(before + read);
    offset_ += read;
    return read > 0;
  }

 private:
  File& file_;
  Bytes buffer_;
  std::size_t used_ = 0;
  std::uint64_t offset_ = 0;
};

// The entry that the bytes begin with, with what ends it; nothing where it is not all there.
std::optional<std::size_t> entry_size(ByteView bytes, bool ascii, bool& countable) {
  if (ascii) {
    const auto end = std::ranges::find(bytes, std::byte{'\n'});
    if (end == bytes.end()) return std::nullopt;
    return static_cast<std::size_t>(end - bytes.begin()) + 1;
  }
  const auto size = tpm::binary_ima_entry_size(bytes);
  countable = size.has_value();
  if (!size || !*size || **size > bytes.size()) return std::nullopt;
  return **size;
}

// Gives false where there are fewer entries than that.
Result<bool> pass_over_entries(Pieces& pieces, std::uint64_t entries) {
  bool ascii = false;
  for (std::uint64_t passed = 0; passed < entries;) {
    if (passed == 0 && pieces.unread().size() > 1)
      ascii = pieces.unread()[0] >= std::byte{'0'} && pieces.unread()[1] != std::byte{0};
    bool countable = true;
    const auto size = entry_size(pieces.unread(), ascii, countable);
    if (!countable || pieces.unread().size() > evidence::item_size_limit) return false;
    if (size) {
      pieces.pass_over(*size);
      ++passed;
      continue;
    }
    TRY(const bool more, pieces.more());
    if (!more) return false;
  }
  return true;
}

}  // namespace

Result<std::optional<ImaListPart>> read_ima_list(const Path& path, std::uint64_t known) {
  if (path.empty()) return std::nullopt;
  TRY(const bool there, system_files().exists(path));
  if (!there) return std::nullopt;
  if (known > 0) {
    TRY(const auto file, system_files().open(path, OpenMode::read));
    Pieces pieces(*file);
    TRY(const bool passed, pass_over_entries(pieces, known));
    for (bool more = passed; more && pieces.unread().size() <= evidence::item_size_limit;) {
      TRY(more, pieces.more());
    }
    if (passed) return ImaListPart{known, to_bytes(pieces.unread())};
  }
  TRY(Bytes whole, read_file(path, evidence::item_size_limit));
  return ImaListPart{0, std::move(whole)};
}

std::uint64_t ima_list_length(const Path& path) {
  const auto text = read_text_file(path.parent_path() / "runtime_measurements_count", 64);
  std::uint64_t count = 0;
  if (text && std::from_chars(text->data(), text->data() + text->size(), count).ec == std::errc{})
    return count;
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  return missing ? 0 : size;
}

}  // namespace attest::agentd

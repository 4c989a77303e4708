#include "libattest/tpm/package_digests.h"

#include <algorithm>
#include <charconv>

namespace attest::tpm {
namespace {

constexpr std::size_t block = 512;
constexpr std::size_t longest_extension = 64U << 10;

Error malformed(std::string what) {
  return refused(rules::package_form, std::move(what));
}

// A field of the header: up to its NUL, or all of it.
std::string_view field(ByteView header, std::size_t at, std::size_t size) {
  const std::string_view text = as_text(header.subspan(at, size));
  return text.substr(0, text.find('\0'));
}

Result<std::uint64_t> octal(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(malformed("a size or checksum in the archive is no number"));
  return value;
}

// The sum of the header's bytes, its own field counted as spaces.
std::uint64_t checksum(ByteView header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i)
    sum += i >= 148 && i < 156 ? 32U : std::to_integer<unsigned>(header[i]);
  return sum;
}

// "27 path=./usr/bin/served\n", one after the other.
std::optional<std::string> pax_path(std::string_view records) {
  std::optional<std::string> path;
  while (!records.empty()) {
    std::size_t size = 0;
    const auto [end, error] =
        std::from_chars(records.data(), records.data() + records.size(), size);
    if (error != std::errc{} || size > records.size() || size < 3) return path;
    std::string_view record = records.substr(0, size);
    records.remove_prefix(size);
    record.remove_prefix(std::min<std::size_t>(record.find(' ') + 1, record.size()));
    if (record.starts_with("path=") && record.ends_with('\n'))
      path = std::string(record.substr(5, record.size() - 6));
  }
  return path;
}

}  // namespace

std::string PackageDigests::path_of(ByteView header) const {
  std::string path;
  if (long_name_) {
    path = *long_name_;
  } else {
    const std::string_view prefix = field(header, 345, 155);
    if (field(header, 257, 5) == "ustar" && header[263] == std::byte{'0'} && !prefix.empty())
      path = std::string(prefix) + "/";
    path += field(header, 0, 100);
  }
  if (path.starts_with("./")) path.erase(0, 1);
  return path.starts_with('/') ? path : "/" + path;
}

Status PackageDigests::read_header(ByteView header) {
  if (std::ranges::all_of(header, [](std::byte b) { return b == std::byte{0}; })) {
    ended_ = true;
    return {};
  }
  TRY(const std::uint64_t said, octal(field(header, 148, 8)));
  if (said != checksum(header))
    return fail(malformed("a header's checksum is wrong: this is no tar archive")
                    .expected(std::to_string(checksum(header)))
                    .found(std::to_string(said)));
  TRY(left_, octal(field(header, 124, 12)));
  padding_ = (block - left_ % block) % block;
  const char type = static_cast<char>(header[156]);
  const bool extends = type == 'L' || type == 'x';
  kind_ = type == '0' || type == '\0' ? Kind::file
          : type == 'L'               ? Kind::long_name
          : type == 'x'               ? Kind::pax
                                      : Kind::skipped;
  if (extends && left_ > longest_extension)
    return fail(malformed("a name in the archive is too long").found(std::to_string(left_)));
  extension_.clear();
  hasher_.reset();
  if (!extends) path_ = path_of(header);
  if (!extends && type != 'g') long_name_.reset();
  if (left_ == 0) end_entry();
  return {};
}

void PackageDigests::take(ByteView content) {
  if (kind_ == Kind::file) hasher_.update(content);
  if (kind_ == Kind::long_name || kind_ == Kind::pax) append(extension_, content);
  left_ -= content.size();
  if (left_ == 0) end_entry();
}

void PackageDigests::end_entry() {
  if (kind_ == Kind::file) {
    const Bytes digest = hasher_.finish();
    std::ranges::copy(digest, files_[path_].begin());
  } else if (kind_ == Kind::long_name) {
    const std::string_view text = as_text(extension_);
    long_name_ = std::string(text.substr(0, text.find('\0')));
  } else if (kind_ == Kind::pax) {
    if (auto path = pax_path(as_text(extension_))) long_name_ = std::move(path);
  }
  kind_ = Kind::skipped;
}

Status PackageDigests::feed(ByteView bytes) {
  while (!bytes.empty() && !ended_) {
    if (left_ > 0) {
      const auto part =
          bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      take(part);
      bytes = bytes.subspan(part.size());
    } else if (padding_ > 0) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(padding_, bytes.size()));
      padding_ -= part;
      bytes = bytes.subspan(part);
    } else {
      const auto part = bytes.first(std::min(block - header_.size(), bytes.size()));
      append(header_, part);
      bytes = bytes.subspan(part.size());
      if (header_.size() < block) continue;
      const Bytes header = std::move(header_);
      header_.clear();
      TRY_VOID(read_header(header));
    }
  }
  return {};
}

Result<std::map<std::string, Sha256>> PackageDigests::finish() && {
  if (!ended_) return fail(malformed("the archive ends before its end"));
  return std::move(files_);
}

}  // namespace attest::tpm

// Secrets from files: private keys, passphrases, PINs. They come from nowhere else, so that none
// is ever seen in a list of processes or in the environment of a child.
#pragma once

#include <string>
#include <string_view>

#include "libattest/base/file.h"

namespace attest {

// Secret holds text and wipes it when it goes. Movable, not copyable.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(Secret&& other) noexcept { swap(other); }
  Secret& operator=(Secret&& other) noexcept {
    swap(other);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  const std::string& text() const { return text_; }

 private:
  void swap(Secret& other) noexcept { text_.swap(other.text_); }
  std::string text_;
};

// read_secret_file reads a regular file of at most 64 KiB. A missing file is incomplete
// (rules::file_unreadable); one that group or others may read or write is refused
// (rules::key_file_open).
Result<Secret> read_secret_file(const Path& path);

// read_secret_line is read_secret_file for a passphrase or a PIN: the first line, without its end.
Result<Secret> read_secret_line(const Path& path);

namespace rules {
inline constexpr Rule key_file_open{"crypto.key-file.readable-by-others"};
inline constexpr Rule key_file_form{"crypto.key-file.form"};
}  // namespace rules

}  // namespace attest

#include "cli/terminal.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

namespace attest::cli {

Terminal::Terminal() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  colours_ = isatty(STDOUT_FILENO) == 1 && !dumb && (no_colour == nullptr || *no_colour == '\0');
  bar_ = isatty(STDERR_FILENO) == 1 && !dumb;
}

std::string Terminal::paint(Colour colour, std::string_view text) const {
  const char* code = "";
  switch (colour) {
    case Colour::plain:
      break;
    case Colour::good:
      code = "\x1b[32m";
      break;
    case Colour::bad:
      code = "\x1b[31m";
      break;
    case Colour::doubtful:
      code = "\x1b[33m";
      break;
    case Colour::faint:
      code = "\x1b[2m";
      break;
    case Colour::strong:
      code = "\x1b[1m";
      break;
  }
  if (!colours_ || *code == '\0') return std::string(text);
  return code + std::string(text) + "\x1b[0m";
}

void Terminal::write(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Terminal::progress(std::string_view what, std::uint64_t done, std::uint64_t total) {
  if (!bar_ || total == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (bar_shown_ && done < total && now - last_drawn_ < std::chrono::milliseconds(100)) return;
  last_drawn_ = now;
  bar_shown_ = true;
  constexpr std::uint64_t width = 20;
  const auto filled = static_cast<std::size_t>(std::min(done, total) * width / total);
  std::fprintf(stderr, "\r  [%s%s] %3llu %%  %.44s\x1b[K", std::string(filled, '#').c_str(),
               std::string(width - filled, ' ').c_str(),
               static_cast<unsigned long long>(std::min(done, total) * 100 / total),
               std::string(what).c_str());
  std::fflush(stderr);
}

void Terminal::end_progress() {
  if (!bar_shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  bar_shown_ = false;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t width) {
  std::string filled(text);
  const std::size_t have = columns(text);
  if (have < width) filled.append(width - have, ' ');
  return filled;
}

}  // namespace attest::cli

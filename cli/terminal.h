// What the terminal allows: colour, width, a progress bar. Not thread-safe: one Terminal belongs to
// the main thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace attest::cli {

enum class Colour { plain, good, bad, doubtful, faint, strong };

class Terminal {
 public:
  // Looks at the descriptors 1 and 2, NO_COLOR and TERM once.
  Terminal();

  bool colours() const { return colours_; }
  // paint adds colour where the terminal takes it; colour never carries meaning alone.
  std::string paint(Colour colour, std::string_view text) const;

  // write puts text on standard output at once: an answer as it is being made.
  void write(std::string_view text);

  // progress redraws one line on standard error at most ten times a second, and only when that is
  // a terminal: "  [########            ] 41 %  hashing tiny.gguf".
  void progress(std::string_view what, std::uint64_t done, std::uint64_t total);
  // end_progress wipes the bar.
  void end_progress();

 private:
  bool colours_ = false;
  bool bar_ = false;
  bool bar_shown_ = false;
  std::chrono::steady_clock::time_point last_drawn_;
};

// columns is the display width of a UTF-8 text in which every character takes one column.
std::size_t columns(std::string_view text);
// padded fills up with spaces to a display width.
std::string padded(std::string_view text, std::size_t width);

}  // namespace attest::cli

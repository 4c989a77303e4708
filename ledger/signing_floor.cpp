#include "ledger/signing_floor.h"

#include <charconv>

#include "libattest/base/text.h"

namespace attest::ledger {

namespace {

constexpr std::string_view first_line = "attest-signing-floor/v1";
constexpr std::size_t longest_floor = 4096;

std::string format_floor(const std::string& origin, const FloorValue& value) {
  return std::string(first_line) + "\n" + origin + "\n" + std::to_string(value.size) + "\n" +
         to_base64(value.root) + "\n";
}

Error malformed(const Path& file) {
  return fault(rules::floor_form, "the signing floor is damaged")
      .within(file.string())
      .next("restore it, or ask the witnesses for the last checkpoint they cosigned");
}

Result<std::string> read_floor(FileSystem& files, const Path& file) {
  TRY(auto opened, files.open(file, OpenMode::read));
  std::string text(longest_floor + 1, '\0');
  TRY(const std::size_t size, opened->read_at(0, std::as_writable_bytes(std::span(text))));
  if (size > longest_floor) return fail(malformed(file));
  text.resize(size);
  return text;
}

}  // namespace

Result<SigningFloor> SigningFloor::create(FileSystem& files, const Path& file, std::string origin) {
  TRY(const bool there, files.exists(file));
  if (there)
    return fail(refused(rules::floor_exists, "a signing floor is there already")
                    .within(file.string())
                    .next("a new log needs a floor of its own: name another file"));
  const FloorValue empty;
  TRY_VOID(write_file_atomically(files, file, as_bytes(format_floor(origin, empty))));
  return SigningFloor(files, file, std::move(origin), empty);
}

Result<SigningFloor> SigningFloor::open(FileSystem& files, const Path& file, std::string origin) {
  TRY(const bool there, files.exists(file));
  if (!there)
    return fail(refused(rules::floor_missing, "the signing floor is missing")
                    .within(file.string())
                    .next("without it nobody can say what this log has signed: restore the file"));
  TRY(const std::string text, read_floor(files, file));
  const auto lines = split(text, '\n');
  if (lines.size() != 5 || lines[0] != first_line || !lines[4].empty())
    return fail(malformed(file));
  if (lines[1] != origin)
    return fail(refused(rules::floor_origin, "the signing floor is another log's")
                    .expected(origin)
                    .found(printable(lines[1]))
                    .within(file.string()));
  FloorValue value;
  const auto [end, error] =
      std::from_chars(lines[2].data(), lines[2].data() + lines[2].size(), value.size);
  const auto root = from_base64(lines[3]);
  if (error != std::errc{} || end != lines[2].data() + lines[2].size() || !root ||
      root->size() != value.root.size())
    return fail(malformed(file));
  std::ranges::copy(*root, value.root.begin());
  return SigningFloor(files, file, std::move(origin), value);
}

Status SigningFloor::advance(const FloorValue& to) {
  if (to == value_) return {};
  if (to.size < value_.size)
    return fail(refused(rules::floor_behind, "the log is behind what it has signed already")
                    .expected("at least " + std::to_string(value_.size) + " entries")
                    .found(std::to_string(to.size)));
  if (to.size == value_.size)
    return fail(refused(rules::floor_fork, "the log has signed another tree of this size")
                    .expected("root " + to_base64(value_.root))
                    .found(to_base64(to.root)));
  TRY_VOID(write_file_atomically(*files_, file_, as_bytes(format_floor(origin_, to))));
  value_ = to;
  return {};
}

}  // namespace attest::ledger

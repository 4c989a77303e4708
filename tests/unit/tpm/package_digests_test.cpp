#include "libattest/tpm/package_digests.h"

#include "tests/support/catch.h"

namespace attest::tpm {
namespace {

std::string octal(std::uint64_t value, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (std::size_t i = text.size(); i-- > 0; value /= 8)
    text[i] = static_cast<char>('0' + value % 8);
  return text;
}

Bytes entry(std::string_view name, char type, std::string_view content) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(124, 11, octal(content.size(), 11));
  header[156] = type;
  header.replace(257, 8,
                 std::string("ustar\0"
                             "00",
                             8));
  header.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 7, octal(sum, 6) + '\0');
  Bytes bytes = to_bytes(header);
  append(bytes, as_bytes(content));
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

const Bytes end(1024);

Result<std::map<std::string, Sha256>> digests(const Bytes& archive, std::size_t piece) {
  PackageDigests reader;
  for (std::size_t at = 0; at < archive.size(); at += piece)
    TRY_VOID(reader.feed(ByteView(archive).subspan(at, std::min(piece, archive.size() - at))));
  return std::move(reader).finish();
}

TEST_CASE("a package's regular files are digested, however the archive is cut into pieces") {
  const std::string long_path = "./usr/share/" + std::string(120, 'a');
  const std::string pax_path = "./usr/share/" + std::string(130, 'b');
  const std::string record = "path=" + pax_path + "\n";
  const std::string pax = std::to_string(record.size() + 4) + " " + record;
  const Bytes archive = concat(
      {entry("./", '5', ""), entry("./usr/bin/one", '0', "one"),
       entry("./usr/bin/two", '0', std::string(1024, '2')), entry("./usr/bin/link", '2', ""),
       entry("././@LongLink", 'L', long_path + '\0'), entry("cut", '0', "long"),
       entry("PaxHeader", 'x', pax), entry("cut", '0', "pax"), entry("./empty", '0', ""), end});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{100'000}}) {
    const auto files = must(digests(archive, piece));
    REQUIRE(files.size() == 5);
    REQUIRE(files.at("/usr/bin/one") == sha256(as_bytes("one")));
    REQUIRE(files.at("/usr/bin/two") == sha256(as_bytes(std::string(1024, '2'))));
    REQUIRE(files.at(long_path.substr(1)) == sha256(as_bytes("long")));
    REQUIRE(files.at(pax_path.substr(1)) == sha256(as_bytes("pax")));
    REQUIRE(files.at("/empty") == sha256({}));
  }
}

TEST_CASE("what is no archive, or only the start of one, is refused") {
  const Bytes good = concat({entry("./a", '0', "content"), end});
  REQUIRE_OK(digests(good, 512));
  for (std::size_t cut = 0; cut <= good.size() - end.size(); cut += 256)
    REQUIRE_RULE(digests(to_bytes(ByteView(good).first(cut)), 512), rules::package_form);
  Bytes wrong = good;
  wrong[1] ^= std::byte{1};
  REQUIRE_RULE(digests(wrong, 512), rules::package_form);
  REQUIRE_RULE(digests(concat({entry("n", 'L', std::string(70'000, 'a')), end}), 512),
               rules::package_form);
}

}  // namespace
}  // namespace attest::tpm

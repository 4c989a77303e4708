#include "libattest/tpm/pcr_prediction.h"

#include "tests/support/catch.h"

namespace attest::tpm {
namespace {

struct Section {
  std::string name;
  std::string content;
};

// A PE32+ image of these sections, and of a certificate table where `signature` is not empty.
Bytes image_of(const std::vector<Section>& sections, std::string_view signature = "") {
  constexpr std::size_t directories = 16;
  constexpr std::size_t optional_size = 112 + directories * 8;
  Bytes bytes = to_bytes("MZ");
  bytes.resize(0x3c);
  append_u32_le(bytes, 0x40);
  append(bytes, as_bytes(std::string_view("PE\0\0", 4)));
  append_u16_le(bytes, 0x8664);
  append_u16_le(bytes, static_cast<std::uint16_t>(sections.size()));
  append(bytes, Bytes(12));
  append_u16_le(bytes, optional_size);
  append_u16_le(bytes, 0);
  Bytes optional;
  append_u16_le(optional, 0x20b);
  optional.resize(108);
  append_u32_le(optional, directories);
  optional.resize(optional_size);
  const std::size_t directory_at = bytes.size() + 112 + 4 * 8;
  append(bytes, optional);
  std::size_t at = bytes.size() + sections.size() * 40;
  for (const Section& section : sections) {
    Bytes name = to_bytes(section.name);
    name.resize(8);
    append(bytes, name);
    append_u32_le(bytes, static_cast<std::uint32_t>(section.content.size()));
    append_u32_le(bytes, 0);
    append_u32_le(bytes, static_cast<std::uint32_t>(section.content.size()));
    append_u32_le(bytes, static_cast<std::uint32_t>(at));
    append(bytes, Bytes(16));
    at += section.content.size();
  }
  for (const Section& section : sections) append(bytes, as_bytes(section.content));
  bytes.resize((bytes.size() + 7) / 8 * 8);
  if (!signature.empty()) {
    Bytes entry;
    append_u32_le(entry, static_cast<std::uint32_t>(bytes.size()));
    append_u32_le(entry, static_cast<std::uint32_t>(signature.size()));
    std::ranges::copy(entry, bytes.begin() + static_cast<std::ptrdiff_t>(directory_at));
    append(bytes, as_bytes(signature));
  }
  return bytes;
}

const std::vector<Section> usual{
    {".text", "stub"}, {".cmdline", "quiet"}, {".linux", "kernel"}, {".pcrsig", "signatures"}};

Bytes measured(Bytes pcr, std::string_view text) {
  return extend(PcrBank::sha256, pcr, digest(PcrBank::sha256, as_bytes(text)));
}

TEST_CASE("PCR 11 is of the measured sections in the stub's order, and of each phase") {
  const Bytes image = image_of(usual);
  const auto prediction = must(predict_boot({.unified_image = image}, PcrBank::sha256));
  Bytes pcr(32);
  for (const std::string_view text : {std::string_view(".linux\0", 7), std::string_view("kernel"),
                                      std::string_view(".cmdline\0", 9), std::string_view("quiet")})
    pcr = measured(pcr, text);
  REQUIRE(prediction.sections == std::vector<std::string>{".linux", ".cmdline"});
  REQUIRE(prediction.pcr11.front().pcr == pcr);
  pcr = measured(pcr, "enter-initrd");
  REQUIRE(prediction.pcr11[1].pcr == pcr);
  REQUIRE(prediction.pcr11.back().phase == "enter-initrd:leave-initrd:sysinit:ready");
  REQUIRE_FALSE(prediction.pcr12);
}

TEST_CASE("which sections count depends on the version the stub says it is") {
  const auto sections_of = [](const std::string& version) {
    const Bytes image =
        image_of({{".sdmagic", "#### LoaderInfo: systemd-stub " + version + " ####"},
                  {".linux", "kernel"},
                  {".sbat", "sbat"},
                  {".ucode", "microcode"}});
    return must(predict_boot({.unified_image = image}, PcrBank::sha256)).sections;
  };
  REQUIRE(sections_of("252.39-1") == std::vector<std::string>{".linux"});
  REQUIRE(sections_of("254") == std::vector<std::string>{".linux", ".sbat"});
  REQUIRE(sections_of("257~rc1") == std::vector<std::string>{".linux", ".ucode", ".sbat"});
  const Bytes profiles = image_of({{".linux", "kernel"}, {".profile", "ID=debug"}});
  REQUIRE_RULE(predict_boot({.unified_image = profiles}, PcrBank::sha256), rules::uki_profiles);
}

TEST_CASE("a command line of the loader goes into PCR 12, extensions into PCR 13") {
  const Bytes image = image_of(usual);
  const Bytes extension = to_bytes("archive");
  const auto prediction = must(predict_boot(
      {.unified_image = image, .command_line = "a", .extensions = {extension}}, PcrBank::sha256));
  REQUIRE(prediction.pcr12 == measured(Bytes(32), std::string_view("a\0\0\0", 4)));
  REQUIRE(prediction.pcr13 == measured(Bytes(32), "archive"));
}

TEST_CASE("an image's digest does not change when it is signed") {
  const Bytes plain = image_of(usual);
  const Bytes with_signature = image_of(usual, "signature");
  REQUIRE(must(parse_pe(plain)).authenticode(HashAlgorithm::sha256) ==
          must(parse_pe(with_signature)).authenticode(HashAlgorithm::sha256));
  REQUIRE(must(parse_pe(image_of({{".linux", "other"}}))).authenticode(HashAlgorithm::sha256) !=
          must(parse_pe(plain)).authenticode(HashAlgorithm::sha256));
}

TEST_CASE("what is no image, or no unified kernel image, is refused") {
  const Bytes image = image_of(usual);
  for (std::size_t size = 0; size < image.size() - 8; ++size)
    REQUIRE_FALSE(parse_pe(ByteView(image).first(size)));
  const Bytes other = image_of({{".text", "code"}});
  REQUIRE_RULE(predict_boot({.unified_image = other}, PcrBank::sha256), rules::uki_form);
  Bytes with_signature = image_of(usual, "signature");
  with_signature.push_back(std::byte{0});
  REQUIRE_RULE(parse_pe(with_signature), rules::pe_form);
}

}  // namespace
}  // namespace attest::tpm

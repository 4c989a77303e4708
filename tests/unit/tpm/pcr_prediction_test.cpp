#include "libattest/tpm/pcr_prediction.h"

#include "tests/support/catch.h"
#include "tests/unit/tpm/made_image.h"

namespace attest::tpm {
namespace {

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

TEST_CASE(
    "an image's digest does not change when it is signed, but for the padding that signing adds") {
  Bytes plain = image_of(usual);
  plain.resize((plain.size() + 7) / 8 * 8);
  const Bytes with_signature = image_of(usual, "signature");
  REQUIRE(must(parse_pe(plain)).authenticode(HashAlgorithm::sha256) ==
          must(parse_pe(with_signature)).authenticode(HashAlgorithm::sha256));
  const Bytes other = image_of({{".linux", "other"}});
  REQUIRE(must(parse_pe(other)).authenticode(HashAlgorithm::sha256) !=
          must(parse_pe(plain)).authenticode(HashAlgorithm::sha256));
}

TEST_CASE("an image's digest is of the file as it is, without padding, as the firmware has it") {
  Bytes image = image_of({{".linux", "kernel"}});
  while (image.size() % 8 != 3) image.push_back(std::byte{1});
  REQUIRE(must(parse_pe(image)).authenticode(HashAlgorithm::sha256) ==
          digest(HashAlgorithm::sha256, covered(image)));
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

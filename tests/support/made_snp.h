// SEV-SNP reports and AMD's certificates, made at run time with keys of our own.
#pragma once

#include "libattest/crypto/der_reader.h"
#include "libattest/tee/snp_report.h"
#include "tests/support/test_ca.h"

namespace attest::test {

inline Bytes der_integer(unsigned value) {
  Bytes content;
  if (value >= 0x80) append_u8(content, 0);
  append_u8(content, static_cast<std::uint8_t>(value));
  return der_element(der_tag::integer, content);
}

struct SnpLevels {
  std::uint8_t boot_loader = 3;
  std::uint8_t tee = 0;
  std::uint8_t snp = 8;
  std::uint8_t microcode = 115;
  std::optional<std::uint8_t> fmc = {};
};

inline std::map<std::string, Bytes> snp_extensions(std::string_view product,
                                                   const SnpLevels& levels, ByteView chip_id,
                                                   std::string_view csp_id = {}) {
  const std::string arc = "1.3.6.1.4.1.3704.1.";
  std::map<std::string, Bytes> extensions{
      {arc + "1", der_integer(0)},
      {arc + "2", der_element(der_tag::ia5_string, as_bytes(product))},
      {arc + "3.1", der_integer(levels.boot_loader)},
      {arc + "3.2", der_integer(levels.tee)},
      {arc + "3.3", der_integer(levels.snp)},
      {arc + "3.8", der_integer(levels.microcode)}};
  if (levels.fmc) extensions[arc + "3.9"] = der_integer(*levels.fmc);
  if (!chip_id.empty()) extensions[arc + "4"] = to_bytes(chip_id);
  if (!csp_id.empty()) extensions[arc + "5"] = der_element(der_tag::ia5_string, as_bytes(csp_id));
  return extensions;
}

// MadeSnp is a chip of a maker of our own: root, authorities, and one chip with its VCEK and VLEK.
struct MadeSnp {
  SnpLevels levels;
  Bytes chip_id = Bytes(64, std::byte{0xc1});
  Certified root = Certified::root({.common_name = "ARK-Test", .is_ca = true});
  Certified ask = root.issue({.common_name = "SEV-Test", .is_ca = true});
  Certified asvk = root.issue({.common_name = "SEV-VLEK-Test", .is_ca = true});
  Certified vcek = ask.issue({.common_name = "SEV-VCEK",
                              .curve = "P-384",
                              .extensions = snp_extensions("Milan-B0", levels, chip_id)});
  Certified vlek = asvk.issue({.common_name = "SEV-VLEK",
                               .curve = "P-384",
                               .extensions = snp_extensions("Milan", levels, {}, "cloud")});

  // unsigned_report gives a report that this chip could make, without its signature.
  Bytes unsigned_report(std::uint8_t version = 2) const {
    Bytes report(tee::snp_report_size);
    const auto put = [&](std::size_t at, unsigned value) {
      report[at] = static_cast<std::byte>(value);
    };
    put(0, version);
    put(0x08, 0x1f);
    put(0x0a, 0x03);  // SMT, and the bit that must be one
    put(0x34, 1);
    for (std::size_t i = 0; i < 64; ++i) put(0x50 + i, static_cast<unsigned>(i));
    for (std::size_t i = 0; i < 48; ++i) put(0x90 + i, 0xaa);
    for (const std::size_t tcb : {0x38U, 0x180U, 0x1e0U, 0x1f0U}) {
      put(tcb, levels.boot_loader);
      put(tcb + 1, levels.tee);
      put(tcb + 6, levels.snp);
      put(tcb + 7, levels.microcode);
    }
    if (version >= 3) put(0x188, 0x19);
    std::ranges::copy(chip_id, report.begin() + 0x1a0);
    return report;
  }

  static Bytes signed_by(const Certified& key, Bytes report) {
    const Bytes signature = key.sign(ByteView(report).first(tee::snp_signed_size));
    for (std::size_t i = 0; i < 48; ++i) {
      report[0x2a0 + i] = signature[47 - i];
      report[0x2e8 + i] = signature[95 - i];
    }
    return report;
  }

  Bytes report() const { return signed_by(vcek, unsigned_report()); }
};

}  // namespace attest::test

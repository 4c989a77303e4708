// What the PCRs of the next boot will hold, computed from the files that will be booted: a unified
// kernel image (UAPI.5) or a kernel with its command line, as systemd-boot, systemd-stub and
// systemd measure them (systemd, src/boot/efi/stub.c; src/boot/measure.c; systemd-stub(7)). Pure
// functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/tpm/pcr.h"

namespace attest::tpm {

// PeImage is an executable of the firmware's format: its sections, and the digest by which Secure
// Boot and PCR 4 know it. It borrows its bytes.
class PeImage {
 public:
  struct Section {
    std::string name;
    ByteView content;  // as loaded: as long as the section's virtual size says
  };
  const std::vector<Section>& sections() const { return sections_; }
  const Section* find(std::string_view name) const;
  // authenticode gives the digest of the image without what a signature changes (Microsoft's
  // "Authenticode PE Signature Format"): what the firmware extends into PCR 4.
  Bytes authenticode(HashAlgorithm hash) const;

 private:
  friend Result<PeImage> parse_pe(ByteView);
  ByteView bytes_;
  std::vector<Section> sections_;
  std::size_t checksum_at_ = 0;
  std::size_t directory_at_ = 0;  // of the certificate table; 0: there is none
  std::size_t end_ = 0;           // of what the digest covers
};

// parse_pe refuses what is no PE32 or PE32+ image, sections that lie outside the file, and a
// certificate table that is not at its end. A section whose virtual size is longer than its raw
// data is filled up with zeros when loaded; no boot section is written so, and such ones are
// refused.
Result<PeImage> parse_pe(ByteView image);

// StubMeasurement is one event of systemd-stub in PCR 11.
struct StubMeasurement {
  std::string what;  // ".linux, its name" or ".linux, its content"
  Bytes digest;
};

// stub_measurements gives what the image's stub measures of it, in its own order whatever that in
// the file: for each section the name with its NUL, then the content.
std::vector<StubMeasurement> stub_measurements(const PeImage& image, PcrBank bank);

// firmware_text is text as the firmware passes it: UTF-16 with its NUL.
Bytes firmware_text(std::string_view ascii);

// PhasePrediction is PCR 11 at one point of the boot.
struct PhasePrediction {
  std::string phase;  // "", "enter-initrd", "enter-initrd:leave-initrd", …
  Bytes pcr;
};

struct BootPrediction {
  PcrBank bank = PcrBank::sha256;
  std::vector<PhasePrediction> pcr11;
  std::optional<Bytes> pcr12;  // nothing where nothing is extended into it
  std::optional<Bytes> pcr13;
  Bytes image;  // the event in PCR 4
  std::vector<std::string> sections;
  // Of the stub in the image, as it says; which sections it measures depends on it. Nothing: taken
  // for a present one.
  std::optional<unsigned> stub_version{};
};

struct BootFiles {
  ByteView unified_image;
  // The command line the loader passes, where it does not come from the image: extended into
  // PCR 12.
  std::optional<std::string> command_line{};
  // Credentials, in the order in which they are loaded: archives as systemd-stub packs them (PCR
  // 12).
  std::vector<ByteView> credentials{};
  // System extension archives, likewise (PCR 13).
  std::vector<ByteView> extensions{};
};

// predict_boot computes the PCRs. PCR 11: the stub's measurements, then each phase's word.
// Refused: an image without a .linux section. Incomplete: one with several profiles.
Result<BootPrediction> predict_boot(const BootFiles& files, PcrBank bank);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule pe_form{"tpm.pe.form"};
inline constexpr Rule uki_form{"tpm.uki.form"};
inline constexpr Rule uki_profiles{"tpm.uki.profiles"};
}  // namespace attest::rules

#include "libattest/tpm/boot_update.h"

#include <algorithm>

#include "fixtures/boot/measured_boot.h"
#include "libattest/tpm/pcr_prediction.h"
#include "tests/support/catch.h"
#include "tests/unit/tpm/made_image.h"

namespace attest::tpm {
namespace {

using fixtures::BootEvent;

struct Parts {
  std::string kernel = "the first kernel";
  std::string command_line = "quiet";
  std::string initramfs = "the initramfs";
  std::string splash = "";
};

Bytes kernel_of(const Parts& parts) {
  return image_of({{".text", parts.kernel}});
}

Bytes unified(const Parts& parts) {
  std::vector<Section> sections{{".text", "stub"},
                                {".cmdline", parts.command_line},
                                {".initrd", parts.initramfs},
                                {".linux", std::string(as_text(kernel_of(parts)))}};
  if (!parts.splash.empty()) sections.push_back({".splash", parts.splash});
  return image_of(sections);
}

// The events of a boot from the image: firmware, the image, the stub, the kernel, its own stub.
std::vector<BootEvent> boot_from(const Parts& parts) {
  const auto event = [](unsigned pcr, std::uint32_t type, Bytes measured) {
    return BootEvent{pcr, type, measured, {}};
  };
  std::vector<BootEvent> events{
      event(0, ev_s_crtm_version, to_bytes("firmware 1")),
      event(4, ev_efi_boot_services_application, covered(unified(parts)))};
  const auto section = [&](const std::string& name, ByteView content) {
    events.push_back(event(11, ev_ipl, to_bytes(name + '\0')));
    events.push_back(event(11, ev_ipl, to_bytes(content)));
  };
  section(".linux", kernel_of(parts));
  section(".cmdline", as_bytes(parts.command_line));
  section(".initrd", as_bytes(parts.initramfs));
  if (!parts.splash.empty()) section(".splash", as_bytes(parts.splash));
  events.push_back(event(4, ev_efi_boot_services_application, covered(kernel_of(parts))));
  events.push_back(event(9, ev_event_tag, firmware_text(parts.command_line)));
  events.push_back(event(9, ev_event_tag, to_bytes(parts.initramfs)));
  events.push_back(event(11, ev_ipl, to_bytes("enter-initrd")));
  return events;
}

UntrustedEventLog log_of(const std::vector<BootEvent>& events) {
  const std::vector<HashAlgorithm> banks{HashAlgorithm::sha256};
  return must(parse_event_log(fixtures::encode_log(events, banks)));
}

Result<UpdatePrediction> predict(const std::vector<BootEvent>& events, const Parts& booted,
                                 const Parts& next, PcrBank bank = PcrBank::sha256) {
  return predict_update(log_of(events), unified(booted), unified(next), bank);
}

void require_as_booted(const Parts& next) {
  const Parts booted;
  const UpdatePrediction prediction = must(predict(boot_from(booted), booted, next));
  const PcrValues after = replay(log_of(boot_from(next)));
  for (const auto& [pcr, value] : after.banks().at(PcrBank::sha256)) {
    CAPTURE(pcr);
    REQUIRE(prediction.pcrs.at(pcr) == value);
  }
}

TEST_CASE("the boot after an update is predicted whole, whatever part of the image changed") {
  require_as_booted({.kernel = "a second kernel"});
  require_as_booted({.command_line = "quiet lockdown=integrity"});
  require_as_booted({.initramfs = "another initramfs"});
  require_as_booted({.splash = "a picture"});
  require_as_booted({});
}

TEST_CASE("what an update does not change is said to be unchanged") {
  const Parts booted;
  const UpdatePrediction prediction =
      must(predict(boot_from(booted), booted, {.initramfs = "another initramfs"}));
  for (const PredictedEvent& event : prediction.events) {
    if (event.pcr == 0) REQUIRE_FALSE(event.changed);
    if (event.digest == digest(PcrBank::sha256, covered(kernel_of(booted))))
      REQUIRE_FALSE(event.changed);
  }
}

TEST_CASE("a log without the booted image in PCR 4 is one of another boot") {
  auto events = boot_from({});
  events[1].measured = to_bytes("another loader");
  REQUIRE_RULE(predict(events, {}, {.kernel = "a second kernel"}), rules::boot_update_other_boot);
}

TEST_CASE("a log whose PCR 11 has other sections is one of another boot") {
  auto events = boot_from({});
  std::ranges::find(events, 11U, &BootEvent::pcr)->measured = to_bytes("x");
  REQUIRE_RULE(predict(events, {}, {.kernel = "a second kernel"}), rules::boot_update_other_boot);
}

TEST_CASE("a log that ends within the sections is one of another boot") {
  auto events = boot_from({});
  std::erase_if(events, [](const BootEvent& event) { return event.pcr == 11; });
  REQUIRE_RULE(predict(events, {}, {.kernel = "a second kernel"}), rules::boot_update_other_boot);
}

TEST_CASE("equal parts that become different cannot be told apart in a log") {
  const Parts booted{.command_line = "q", .initramfs = std::string("q\0\0\0", 4)};
  const Parts next{.command_line = "quiet", .initramfs = "an initramfs"};
  REQUIRE_RULE(predict(boot_from(booted), booted, next), rules::boot_update_ambiguous);
}

TEST_CASE("an image that is no unified kernel image is refused") {
  const Bytes plain = image_of({{".text", "code"}});
  const UntrustedEventLog log = log_of(boot_from({}));
  REQUIRE_RULE(predict_update(log, plain, unified({}), PcrBank::sha256), rules::uki_form);
  REQUIRE_RULE(predict_update(log, unified({}), plain, PcrBank::sha256), rules::uki_form);
}

TEST_CASE("a bank that the log does not have is not made up") {
  REQUIRE_RULE(predict(boot_from({}), {}, {}, PcrBank::sha384), rules::boot_update_bank);
}

}  // namespace
}  // namespace attest::tpm

// What a boot will measure once its unified kernel image is replaced: the log of a good boot from
// the image of today, with what it measured of that image put in terms of the next one. Everything
// that an update leaves as it is (firmware, its variables, the partition table) stays as the log
// has it.
//
// An image leaves these digests in a log, and each is replaced where it stands:
//   - the image and the kernel inside it, as Secure Boot knows them (PCR 4);
//   - its sections, as the stub measures them (PCR 11): the whole run of events, since another
//   image
//     may have other sections;
//   - the initramfs and the command line, as the kernel's own EFI stub measures them (PCR 9).
// Pure; values may be used from any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libattest/tpm/event_log.h"

namespace attest::tpm {

struct PredictedEvent {
  unsigned pcr = 0;
  Bytes digest;
  std::string what;  // as `describe` says it
  bool changed = false;
};

struct UpdatePrediction {
  std::vector<PredictedEvent> events;  // those that extend, in order
  std::map<unsigned, Bytes> pcrs;      // those that the log extends
};

// predict_update refuses an image that is no unified kernel image, and a log that does not show the
// booted image in PCR 4 or whose PCR 11 does not begin with its sections: the log is then of
// another boot (rules::boot_update_other_boot). Incomplete: the log's `bank` is not whole, or the
// image has parts that are equal and become different, so that it is not known which of them an
// event measured (rules::boot_update_ambiguous). Not known to it: how other programs measure parts
// of an image; their events stay as they are.
Result<UpdatePrediction> predict_update(const UntrustedEventLog& log, ByteView booted_image,
                                        ByteView next_image, PcrBank bank);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule boot_update_other_boot{"tpm.boot-update.other-boot"};
inline constexpr Rule boot_update_bank{"tpm.boot-update.bank"};
inline constexpr Rule boot_update_ambiguous{"tpm.boot-update.ambiguous"};
}  // namespace attest::rules

#include "libattest/tpm/event_data.h"
#include "libattest/tpm/event_log.h"

namespace attest::tpm {

bool Event::data_measured(PcrBank bank) const {
  const ByteView measured = digest(bank);
  if (measured.empty()) return false;
  if (equal(attest::digest(bank, data), measured)) return true;
  if (type == ev_ipl) {
    const auto grub = parse_grub_string(data);
    return grub && equal(attest::digest(bank, as_bytes(grub->text)), measured);
  }
  if (type == ev_efi_variable_boot || type == ev_efi_variable_boot2) {
    const auto variable = parse_efi_variable(data);
    return variable && equal(attest::digest(bank, variable->data), measured);
  }
  return false;
}

}  // namespace attest::tpm

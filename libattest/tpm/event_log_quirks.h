// What real firmware writes against the profile, and how far it is tolerated. Each function names
// one oddity; the comment at its definition cites where it was seen. Nothing here changes what a
// PCR must hold: a quirk only lets an event be read, or explains a difference. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libattest/base/bytes.h"
#include "libattest/tpm/event_log.h"

namespace attest::tpm::quirks {

// oversized_locality gives the locality of a StartupLocality event that is followed by zeros up to
// a fixed size; nothing where the data is something else.
std::optional<std::uint8_t> oversized_locality(ByteView data);

// text_in_place_of_blob: a POST code whose data is a name, where a base and a length are due.
bool text_in_place_of_blob(ByteView data);

// virtual_register: an informative event of an operating system under an index no TPM has.
bool virtual_register(const Event& event);

// shim_authority: an EV_EFI_VARIABLE_AUTHORITY whose record is not what shim measured. Its data
// counts for nothing; its digest is as good as any.
bool shim_authority(const Event& event);

// unlogged_locality gives the startup locality under which a replay of PCR 0 gives
// `quoted` though the log names none; nothing where there is no such locality.
std::optional<std::uint8_t> unlogged_locality(const UntrustedEventLog& log, PcrBank bank,
                                              ByteView quoted);

// words gives the sentence for people about each quirk that was met while parsing.
inline constexpr std::string_view oversized_locality_words =
    "the StartupLocality event is padded to a fixed size, as coreboot does";
inline constexpr std::string_view shim_authority_words =
    "shim recorded something else than it measured, as version 15 does; that data is not believed";
inline constexpr std::string_view virtual_register_words =
    "informative events stand under an index that no TPM has, as Windows writes them";

}  // namespace attest::tpm::quirks

// A TPM small enough for unit tests: an AK that is an ECDSA P-256 key in memory, PCRs that are
// extended and logged as firmware does it, and quotes over them. It builds the TPM's structures
// byte by byte from the standard, so it shares no code with what it tests.
#pragma once

#include <memory>
#include <string_view>

#include "libattest/base/bytes.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/tpm/pcr.h"
#include "libattest/tpm/quote.h"

namespace attest::test {

class TestTpm {
 public:
  TestTpm();

  // TPMT_PUBLIC of the AK; `attributes` are TPMA_OBJECT bits, by default those of an AK.
  Bytes ak_public(std::uint32_t attributes = 0x00050072) const;
  Bytes ak_name() const;

  // measure logs an event and extends the PCR with SHA-256 of its data, or with `digest` where one
  // is given; extend extends and logs nothing.
  void measure(unsigned pcr, std::uint32_t type, ByteView data);
  void measure(unsigned pcr, std::uint32_t type, ByteView data, ByteView digest);
  void extend(unsigned pcr, ByteView digest);
  // boot measures what a small machine would: firmware version, the SecureBoot variable, a boot
  // loader with this digest, and a separator in each of PCRs 0 to 7.
  void boot(bool secure_boot, ByteView boot_loader_digest);
  // reset clears PCRs and log, and counts a reboot.
  void reset();

  // event_log is crypto-agile, with SHA-256 alone.
  Bytes event_log() const;
  tpm::PcrValues pcrs(tpm::PcrSet set) const;
  // quote gives the evidence item: CBOR [TPMS_ATTEST, TPMT_SIGNATURE].
  Bytes quote(ByteView extra_data, tpm::PcrSet set) const;

  tpm::ClockInfo clock{1000, 41, 0, true};

 private:
  Bytes attest(ByteView extra_data, tpm::PcrSet set) const;

  std::unique_ptr<SigningKey> key_;
  std::array<Bytes, tpm::pcr_count> pcrs_;
  Bytes events_;
};

}  // namespace attest::test

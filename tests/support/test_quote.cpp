#include "tests/support/test_quote.h"

#include <stdexcept>

#include "libattest/base/cbor.h"

namespace attest::test {

namespace {

template <typename T>
T made(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return *std::move(result);
}

void append_sized(Bytes& to, ByteView bytes) {
  append_u16_be(to, static_cast<std::uint16_t>(bytes.size()));
  append(to, bytes);
}

constexpr std::uint16_t alg_sha256 = 0x000b;
constexpr std::uint16_t alg_null = 0x0010;
constexpr std::uint16_t alg_ecdsa = 0x0018;

// UEFI_VARIABLE_DATA of the SecureBoot variable (UEFI specification, section 2.3 of the TCG EFI
// protocol): GUID, lengths, the name in UTF-16, one byte.
Bytes secure_boot_variable(bool enabled) {
  Bytes data = made(from_hex("61dfe48bca93d211aa0d00e098032b8c"));
  constexpr std::string_view name = "SecureBoot";
  append_u64_le(data, name.size());
  append_u64_le(data, 1);
  for (const char c : name) append_u16_le(data, static_cast<std::uint16_t>(c));
  append_u8(data, enabled ? 1 : 0);
  return data;
}

}  // namespace

TestTpm::TestTpm() : key_(made(make_signing_key(KeyKind::ecdsa_p256, system_random()))) {
  reset();
  clock.reset_count = 41;
}

Bytes TestTpm::ak_public(std::uint32_t attributes) const {
  const Bytes point = key_->public_key().uncompressed_point();
  Bytes area;
  append_u16_be(area, 0x0023);  // TPM_ALG_ECC
  append_u16_be(area, alg_sha256);
  append_u32_be(area, attributes);
  append_sized(area, {});  // no policy
  append_u16_be(area, alg_null);
  append_u16_be(area, alg_ecdsa);
  append_u16_be(area, alg_sha256);
  append_u16_be(area, 0x0003);  // TPM_ECC_NIST_P256
  append_u16_be(area, alg_null);
  append_sized(area, ByteView(point).subspan(1, 32));
  append_sized(area, ByteView(point).subspan(33, 32));
  return area;
}

Bytes TestTpm::ak_name() const {
  Bytes name;
  append_u16_be(name, alg_sha256);
  append(name, sha256(ak_public()));
  return name;
}

void TestTpm::extend(unsigned pcr, ByteView digest) {
  pcrs_.at(pcr) = to_bytes(ByteView(sha256({pcrs_.at(pcr), digest})));
}

void TestTpm::measure(unsigned pcr, std::uint32_t type, ByteView data) {
  measure(pcr, type, data, sha256(data));
}

void TestTpm::measure(unsigned pcr, std::uint32_t type, ByteView data, ByteView digest) {
  append_u32_le(events_, pcr);
  append_u32_le(events_, type);
  append_u32_le(events_, 1);
  append_u16_le(events_, alg_sha256);
  append(events_, digest);
  append_u32_le(events_, static_cast<std::uint32_t>(data.size()));
  append(events_, data);
  extend(pcr, digest);
}

void TestTpm::boot(bool secure_boot, ByteView boot_loader_digest) {
  constexpr std::uint32_t s_crtm_version = 0x08;
  constexpr std::uint32_t separator = 0x04;
  constexpr std::uint32_t variable_driver_config = 0x80000001;
  constexpr std::uint32_t boot_services_application = 0x80000003;
  measure(0, s_crtm_version, as_bytes("firmware 1.0"));
  measure(7, variable_driver_config, secure_boot_variable(secure_boot));
  for (unsigned pcr = 0; pcr < 8; ++pcr) measure(pcr, separator, Bytes(4));
  measure(4, boot_services_application, Bytes(32), boot_loader_digest);
}

void TestTpm::reset() {
  for (unsigned pcr = 0; pcr < tpm::pcr_count; ++pcr)
    pcrs_.at(pcr) = Bytes(32, pcr >= 17 && pcr <= 22 ? std::byte{0xff} : std::byte{0});
  events_.clear();
  clock.clock += 1000;
  ++clock.reset_count;
}

Bytes TestTpm::event_log() const {
  Bytes spec_id = to_bytes(std::string_view("Spec ID Event03\0", 16));
  append_u32_le(spec_id, 0);                    // platform class
  append(spec_id, made(from_hex("00020002")));  // minor, major, errata, size of UINTN
  append_u32_le(spec_id, 1);
  append_u16_le(spec_id, alg_sha256);
  append_u16_le(spec_id, 32);
  append_u8(spec_id, 0);  // no vendor information

  Bytes log;
  append_u32_le(log, 0);
  append_u32_le(log, 3);  // EV_NO_ACTION
  append(log, Bytes(20));
  append_u32_le(log, static_cast<std::uint32_t>(spec_id.size()));
  append(log, spec_id);
  append(log, events_);
  return log;
}

tpm::PcrValues TestTpm::pcrs(tpm::PcrSet set) const {
  tpm::PcrValues values;
  for (const unsigned pcr : set.indexes())
    if (auto status = values.set(HashAlgorithm::sha256, pcr, pcrs_.at(pcr)); !status)
      throw std::runtime_error(status.error().to_string());
  return values;
}

Bytes TestTpm::attest(ByteView extra_data, tpm::PcrSet set) const {
  Bytes values;
  for (const unsigned pcr : set.indexes()) append(values, pcrs_.at(pcr));

  Bytes attest;
  append_u32_be(attest, 0xff544347);
  append_u16_be(attest, 0x8018);
  append_sized(attest, ak_name());
  append_sized(attest, extra_data);
  append_u64_be(attest, clock.clock);
  append_u32_be(attest, clock.reset_count);
  append_u32_be(attest, clock.restart_count);
  append_u8(attest, clock.safe ? 1 : 0);
  append_u64_be(attest, 0x20260101);
  append_u32_be(attest, 1);
  append_u16_be(attest, alg_sha256);
  append_u8(attest, 3);
  for (unsigned byte = 0; byte < 3; ++byte)
    append_u8(attest, static_cast<std::uint8_t>(set.bits() >> (8 * byte)));
  append_sized(attest, sha256(values));
  return attest;
}

Bytes TestTpm::quote(ByteView extra_data, tpm::PcrSet set) const {
  const Bytes attested = attest(extra_data, set);
  const Bytes raw = made(key_->sign(attested));
  Bytes signature;
  append_u16_be(signature, alg_ecdsa);
  append_u16_be(signature, alg_sha256);
  append_sized(signature, ByteView(raw).first(32));
  append_sized(signature, ByteView(raw).subspan(32));
  return cbor::encode(cbor::Array{attested, signature});
}

}  // namespace attest::test

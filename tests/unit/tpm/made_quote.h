// MadeQuote writes quotes, signatures and key areas field by field, so that a test can break one
// thing and nothing else. The "TPM" is a signing key in memory.
#pragma once

#include "libattest/crypto/signing_key.h"
#include "libattest/tpm/quote.h"
#include "tests/support/catch.h"

namespace attest::tpm {

inline void append_sized(Bytes& to, ByteView content) {
  append_u16_be(to, static_cast<std::uint16_t>(content.size()));
  append(to, content);
}

// The attributes of a proper AK: restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin,
// userWithAuth.
inline constexpr std::uint32_t ak_attributes = 0x00050072;

struct MadeKey {
  std::uint32_t attributes = ak_attributes;
  AlgorithmId name_algorithm = alg_sha256;
  AlgorithmId symmetric = alg_null;
  AlgorithmId scheme = alg_ecdsa;
  AlgorithmId scheme_hash = alg_sha256;

  // area is the TPMT_PUBLIC of an ECC P-256 key.
  Bytes area(const PublicKey& key) const {
    Bytes bytes;
    append_u16_be(bytes, alg_ecc);
    append_u16_be(bytes, name_algorithm);
    append_u32_be(bytes, attributes);
    append_sized(bytes, {});
    append_u16_be(bytes, symmetric);
    if (symmetric != alg_null) {
      append_u16_be(bytes, 128);
      append_u16_be(bytes, alg_cfb);
    }
    append_u16_be(bytes, scheme);
    if (scheme != alg_null) append_u16_be(bytes, scheme_hash);
    append_u16_be(bytes, 0x0003);
    append_u16_be(bytes, alg_null);
    const Bytes point = key.uncompressed_point();
    append_sized(bytes, ByteView(point).subspan(1, 32));
    append_sized(bytes, ByteView(point).subspan(33, 32));
    return bytes;
  }
};

inline PcrValues numbered_pcrs(PcrBank bank, std::initializer_list<unsigned> indexes) {
  PcrValues values;
  for (const unsigned index : indexes)
    must(values.set(bank, index, Bytes(digest_size(bank), static_cast<std::byte>(index + 1))));
  return values;
}

struct MadeQuote {
  std::uint32_t magic = 0xff544347;
  std::uint16_t type = 0x8018;
  Bytes nonce = Bytes(32, std::byte{7});
  ClockInfo clock{.clock = 1000, .reset_count = 3, .restart_count = 0, .safe = true};
  PcrSelection selection{{{PcrBank::sha256, {0, 4, 7}}}};
  PcrValues pcrs = numbered_pcrs(PcrBank::sha256, {0, 4, 7});
  std::optional<Bytes> digest;  // nothing: the right one
  Bytes after;                  // bytes after the end
  AlgorithmId signature_scheme = alg_ecdsa;
  AlgorithmId signature_hash = alg_sha256;

  Bytes attest() const {
    Bytes bytes;
    append_u32_be(bytes, magic);
    append_u16_be(bytes, type);
    append_sized(bytes, Bytes(34, std::byte{1}));
    append_sized(bytes, nonce);
    append_u64_be(bytes, clock.clock);
    append_u32_be(bytes, clock.reset_count);
    append_u32_be(bytes, clock.restart_count);
    append_u8(bytes, clock.safe ? 1 : 0);
    append_u64_be(bytes, 42);
    append_u32_be(bytes, static_cast<std::uint32_t>(selection.banks.size()));
    for (const PcrSelection::Bank& bank : selection.banks) {
      append_u16_be(bytes, id_of(bank.bank));
      append_u8(bytes, 3);
      for (unsigned octet = 0; octet < 3; ++octet)
        append_u8(bytes, static_cast<std::uint8_t>(bank.pcrs.bits() >> (8 * octet)));
    }
    append_sized(bytes,
                 digest ? *digest : must(pcr_digest(HashAlgorithm::sha256, selection, pcrs)));
    append(bytes, after);
    return bytes;
  }

  Bytes signature(const SigningKey& key) const {
    const Bytes fixed = must(key.sign(attest()));
    return signature_of(ByteView(fixed).first(32), ByteView(fixed).subspan(32));
  }

  Bytes signature_of(ByteView r, ByteView s) const {
    Bytes bytes;
    append_u16_be(bytes, signature_scheme);
    append_u16_be(bytes, signature_hash);
    append_sized(bytes, r);
    append_sized(bytes, s);
    return bytes;
  }
};

}  // namespace attest::tpm

// Platform configuration registers: which were chosen, what they hold, and the digest that a quote
// signs over them (TPM 2.0 Part 2 section 10.9, Part 3 section 18.4). Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/crypto/digest.h"

namespace attest::tpm {

inline constexpr unsigned pcr_count = 24;

// PcrBank is the hash algorithm of a bank of PCRs.
using PcrBank = HashAlgorithm;

// PcrSet is a set of PCR indexes, bit n for PCR n.
class PcrSet {
 public:
  constexpr PcrSet() = default;
  constexpr PcrSet(std::initializer_list<unsigned> indexes) {
    for (const unsigned index : indexes) insert(index);
  }
  static constexpr PcrSet from_bits(std::uint32_t bits) {
    PcrSet set;
    set.bits_ = bits;
    return set;
  }
  static constexpr PcrSet range(unsigned first, unsigned last) {
    PcrSet set;
    for (unsigned index = first; index <= last; ++index) set.insert(index);
    return set;
  }

  constexpr void insert(unsigned index) {
    if (index < pcr_count) bits_ |= std::uint32_t{1} << index;
  }
  constexpr bool contains(unsigned index) const {
    return index < pcr_count && ((bits_ >> index) & 1U) != 0;
  }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr std::uint32_t bits() const { return bits_; }
  constexpr PcrSet without(PcrSet other) const { return from_bits(bits_ & ~other.bits_); }
  std::vector<unsigned> indexes() const;
  std::string to_string() const;  // "0,1,7"

  friend constexpr bool operator==(PcrSet, PcrSet) = default;

 private:
  std::uint32_t bits_ = 0;
};

// Debug and application PCRs, which any program may reset at locality 0 (PC Client Platform TPM
// Profile, table 6): a quote over these alone proves nothing.
inline constexpr PcrSet resettable_pcrs{16, 23};

// PcrSelection is TPML_PCR_SELECTION: the banks in the order the TPM was asked, which is the order
// the digest goes by.
struct PcrSelection {
  struct Bank {
    PcrBank bank;
    PcrSet pcrs;
    friend bool operator==(const Bank&, const Bank&) = default;
  };
  std::vector<Bank> banks;

  bool empty() const;  // no PCR in any bank
  bool contains(PcrBank bank, unsigned index) const;
  std::string to_string() const;  // "sha256:0,1,7+sha1:4"
  // same_pcrs compares what is chosen, whatever the order of the banks or empty banks in between.
  bool same_pcrs(const PcrSelection& other) const;
  friend bool operator==(const PcrSelection&, const PcrSelection&) = default;
};

// parse_selection reads the text form: "sha256:0,1,7" and several banks joined by '+'.
Result<PcrSelection> parse_selection(std::string_view text);

// PcrValues holds PCR contents by bank and index. Untrusted until a quote's digest covers them.
class PcrValues {
 public:
  using Bank = std::map<unsigned, Bytes>;

  // set refuses an index of 24 or more and a value of another length than the bank's.
  Status set(PcrBank bank, unsigned index, ByteView value);
  // find gives nullptr where there is no such value.
  const Bytes* find(PcrBank bank, unsigned index) const;
  const std::map<PcrBank, Bank>& banks() const { return banks_; }
  bool empty() const { return banks_.empty(); }
  friend bool operator==(const PcrValues&, const PcrValues&) = default;

 private:
  std::map<PcrBank, Bank> banks_;
};

// pcr_digest hashes the selected values in selection order: by bank as listed, by rising index. A
// selected PCR without a value is refused (rules::pcr_missing).
Result<Bytes> pcr_digest(HashAlgorithm hash, const PcrSelection& selection,
                         const PcrValues& values);

// encode_pcrs and parse_pcrs are the evidence item `tpm-pcrs` (docs/formats.md): deterministic CBOR
// {sha256: {0: bytes, …}, …}.
Bytes encode_pcrs(const PcrValues& values);
Result<PcrValues> parse_pcrs(ByteView cbor);

// pcrs_from_raw cuts raw values, written one after the other in selection order.
Result<PcrValues> pcrs_from_raw(const PcrSelection& selection, ByteView raw);

// pcrs_from_tools reads the values in the form tpm2-tools keeps them in memory and writes with
// `--pcrs_format=serialized`: TPML_PCR_SELECTION and TPML_DIGESTs as little-endian C structures.
// The selection in it must be the quote's.
Result<PcrValues> pcrs_from_tools(const PcrSelection& selection, ByteView blob);

// extend gives the new value of a PCR: H(old ‖ digest).
Bytes extend(PcrBank bank, ByteView old_value, ByteView digest);
// initial_value is what PCR `index` holds after a reset: zeros; ones for the dynamic PCRs 17 to 22.
Bytes initial_value(PcrBank bank, unsigned index);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule pcr_form{"tpm.pcr.form"};
inline constexpr Rule pcr_missing{"tpm.pcr.missing"};
}  // namespace attest::rules

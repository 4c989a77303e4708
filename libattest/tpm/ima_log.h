// IMA measurement lists (Linux, security/integrity/ima/ima_template*.c and ima_fs.c): the files the
// kernel measured after boot, in the ascii and in the binary form, and the PCR they lead to.
//
// A list proves nothing by itself: parse_ima_log gives an UntrustedImaLog; ima_verification.h
// replays it against a quote. Values are immutable after parsing, share their bytes, and may be
// copied between threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/tpm/pcr.h"

namespace attest::tpm {

inline constexpr unsigned ima_pcr = 10;

// The templates of Linux 6, and the fields of each in their order.
enum class ImaTemplate {
  ima,         // d | n
  ima_ng,      // d-ng | n-ng
  ima_sig,     // d-ng | n-ng | sig
  ima_ngv2,    // d-ngv2 | n-ng
  ima_sigv2,   // d-ngv2 | n-ng | sig
  ima_buf,     // d-ng | n-ng | buf
  ima_modsig,  // d-ng | n-ng | sig | d-modsig | modsig
  evm_sig  // d-ng | n-ng | evmsig | xattrnames | xattrlengths | xattrvalues | iuid | igid | imode
};

// ima_template_name gives the kernel's name: "ima-ng".
std::string_view ima_template_name(ImaTemplate form);

// ImaDigest is what was measured of a file: a hash of its content, or of its fs-verity descriptor.
struct ImaDigest {
  bool verity = false;
  std::string_view algorithm;  // as the kernel names it: "sha256", "sm3_256"
  ByteView value;
};

// ImaEntry borrows from the list it belongs to.
struct ImaEntry {
  std::size_t number = 0;  // from 1; in an ascii list the line
  std::uint32_t pcr = ima_pcr;
  ImaTemplate form = ImaTemplate::ima_ng;
  ByteView template_hash;  // as listed
  ByteView template_data;  // what the template hash is of
  ImaDigest file;
  std::string_view path;  // or a hint: "boot_aggregate", the keyring of a measured key
  ByteView signature;     // sig or evmsig; empty without one
  ByteView buffer;        // buf: a measured key, a command line, device-mapper data
  ImaDigest modsig_digest;
  ByteView modsig;  // PKCS #7

  // A violation: the file was open for writing while it was measured, or written while open for
  // reading after (ToMToU). It is listed with a hash of zeros and extended as ones.
  bool violation() const;
  // digest computes the template hash by `bank` from the data, or the ones of a violation.
  void digest_into(Hasher& hasher, Bytes& result) const;
};

class UntrustedImaLog {
 public:
  const std::vector<ImaEntry>& entries() const { return entries_; }
  // listed_hash is the algorithm of the listed template hashes.
  HashAlgorithm listed_hash() const { return listed_hash_; }

 private:
  friend class ImaLogBuilder;
  std::vector<ImaEntry> entries_;
  HashAlgorithm listed_hash_ = HashAlgorithm::sha1;
  std::shared_ptr<const void> kept_;
};

// parse_ima_log tells the ascii form from the binary one. It refuses an unknown template, fields
// whose sizes go past their end, a template hash that is no hash's length or another than the other
// entries', a PCR above 23, and what is left over at the end. The listed template hash is not
// checked here. A path may hold spaces, and in the binary form newlines.
Result<UntrustedImaLog> parse_ima_log(ByteView log);
// parse_ima_rest reads the entries that follow some others; there may be none.
Result<UntrustedImaLog> parse_ima_rest(ByteView entries);

// binary_ima_entry_size gives how long the entry is that `bytes`, of a binary list with SHA-1
// template hashes, begin with: for who reads a list piece by piece. Nothing: more bytes are needed
// to say. Refused (rules::ima_form): lengths that no entry has.
Result<std::optional<std::size_t>> binary_ima_entry_size(ByteView bytes);

// template_hash_holds: the listed hash is that of the data; true for a violation, whose hash is of
// nothing.
bool template_hash_holds(const ImaEntry& entry, Hasher& hasher, Bytes& scratch);

// ImaReplay walks PCR 10 of one bank through a list, entry by entry, and can go on where it stood.
class ImaReplay {
 public:
  explicit ImaReplay(PcrBank bank) : hasher_(bank), pcr_(digest_size(bank)) {}
  ImaReplay(PcrBank bank, Bytes value) : hasher_(bank), pcr_(std::move(value)) {}
  void extend(const ImaEntry& entry);
  const Bytes& value() const { return pcr_; }

 private:
  Hasher hasher_;
  Bytes pcr_;
  Bytes scratch_;
};

// ima_replay gives PCR 10 in a bank after the whole list. In banks other than SHA-1 kernels before
// 5.8 extended the SHA-1 template hash with zeros after it: `padded_sha1`.
Bytes ima_replay(const UntrustedImaLog& log, PcrBank bank, bool padded_sha1 = false);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule ima_form{"tpm.ima.form"};
inline constexpr Rule ima_template{"tpm.ima.template"};
inline constexpr Rule ima_hash_size{"tpm.ima.hash-size"};
}  // namespace attest::rules

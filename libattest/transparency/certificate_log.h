// Certificate logs served as tiles (C2SP static-ct-api over RFC 6962): what differs from other
// logs.
//
//   tile/data/<N>[.p/<W>]   W entries: TimestampedEntry; for a precertificate (type 1) u24 length ‖
//                           precertificate; u16 length ‖ SHA-256 of each certificate of the chain
//   TimestampedEntry        u64 ms since 1970 ‖ u16 type (0 certificate, 1 precertificate) ‖
//                           [32 bytes issuer key hash, type 1] ‖ u24 length ‖ DER ‖
//                           u16 length ‖ extensions
//   leaf                    SHA-256(0x00 ‖ MerkleTreeLeaf), MerkleTreeLeaf = 00 00 ‖
//                           TimestampedEntry
//   note signature          type 0x05: u64 ms ‖ DigitallySigned (RFC 5246 section 4.7) over
//                           00 01 ‖ u64 ms ‖ u64 size ‖ root
//
// Bundles are not compressed here: inflate first. Pure functions; views are of the input.
#pragma once

#include <vector>

#include "libattest/base/time.h"
#include "libattest/crypto/public_key.h"
#include "libattest/transparency/tree.h"

namespace attest::transparency {

enum class CertificateEntryType : std::uint16_t { certificate = 0, precertificate = 1 };

struct CertificateEntry {
  CertificateEntryType type;
  std::uint64_t milliseconds;  // since 1970
  ByteView timestamped;        // the whole TimestampedEntry
  ByteView certificate;        // DER; of a precertificate its TBSCertificate
  ByteView precertificate;     // DER as it was submitted; empty for a certificate
  std::vector<Hash> chain;     // fingerprints of the issuers
};

// parse_data_tile reads exactly `width` entries; trailing bytes are refused.
Result<std::vector<CertificateEntry>> parse_data_tile(ByteView content, unsigned width);

Hash certificate_leaf_hash(const CertificateEntry& entry);

// verify_tree_head checks a note signature of type 0x05 over a checkpoint's size and root, and
// gives its time, whole seconds.
Result<Time> verify_tree_head(std::uint64_t size, const Hash& root, ByteView signature,
                              const PublicKey& key);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule certificate_entry_form{"transparency.certificate-entry.form"};
inline constexpr Rule tree_head_signature{"transparency.tree-head.signature"};
}  // namespace attest::rules

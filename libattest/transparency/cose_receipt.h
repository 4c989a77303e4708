// COSE receipts (draft-ietf-cose-merkle-tree-proofs): what a log says of its tree, as COSE_Sign1
// (tag 18) over a root, with the proof in the unprotected header.
//
//   protected     395 vds: 1 = RFC9162_SHA256; 15 CWT claims: 1 iss, 2 sub
//   unprotected   396 vdp: {-1: [bstr .cbor [size, index, [hash…]]]}     inclusion
//                       or {-2: [bstr .cbor [size1, size2, [hash…]]]}    consistency
//   payload       the root of the (newer) tree, detached: it follows from the proof
//
// A receipt of another data structure (2 is that of CCF) is told apart by its vds and refused
// (rules::receipt_vds): its hashes mean something else. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/cose/cose_sign1.h"
#include "libattest/transparency/tree.h"

namespace attest::transparency {

struct InclusionClaim {
  std::uint64_t size = 0;
  std::uint64_t index = 0;
  std::vector<Hash> path;  // at most 63
};

struct ConsistencyClaim {
  std::uint64_t older = 0;
  std::uint64_t newer = 0;
  std::vector<Hash> path;  // at most 64
};

// UntrustedReceipt holds claims of one kind, 1 to max_receipt_proofs of them.
inline constexpr std::size_t max_receipt_proofs = 16;
struct UntrustedReceipt {
  cose::UntrustedSign1 message;
  std::vector<InclusionClaim> inclusion;
  std::vector<ConsistencyClaim> consistency;
};

// parse_receipt checks form: COSE_Sign1, vds 1 in the protected header (rules::receipt_vds), vdp in
// the unprotected one with one kind of proof, each of exact form (rules::cose_receipt_form).
Result<UntrustedReceipt> parse_receipt(ByteView bytes);

// VerifiedReceipt says that a key signed the root which a proof leads to. Only the two functions
// below make one. `claim` is the one that was proved.
template <typename Claim>
class VerifiedReceipt {
 public:
  const Claim& claim() const { return claim_; }
  const Hash& root() const { return root_; }
  const PublicKey& key() const { return key_; }
  const cose::CwtClaims& claims() const { return claims_; }

 private:
  friend Result<VerifiedReceipt<InclusionClaim>> verify_inclusion_receipt(const UntrustedReceipt&,
                                                                          const Hash&,
                                                                          const PublicKey&);
  friend Result<VerifiedReceipt<ConsistencyClaim>> verify_consistency_receipt(
      const UntrustedReceipt&, const Hash&, const PublicKey&);
  VerifiedReceipt(Claim claim, const Hash& root, const cose::VerifiedSign1& message)
      : claim_(std::move(claim)),
        root_(root),
        key_(message.key()),
        claims_(message.message().claims) {}
  Claim claim_;
  Hash root_;
  PublicKey key_;
  cose::CwtClaims claims_;
};
using VerifiedInclusionReceipt = VerifiedReceipt<InclusionClaim>;
using VerifiedConsistencyReceipt = VerifiedReceipt<ConsistencyClaim>;

// verify_inclusion_receipt checks, for one of the receipt's proofs:
//   - the path fits the place and leads from `leaf` to a root;
//   - an attached payload is that root (rules::receipt_root);
//   - the key signed that root.
// A receipt of consistency is refused (rules::receipt_kind). Not checked: that the key is a log's.
Result<VerifiedInclusionReceipt> verify_inclusion_receipt(const UntrustedReceipt& receipt,
                                                          const Hash& leaf, const PublicKey& key);

// verify_consistency_receipt checks the same of a newer root, to which the path leads from
// `older_root`, the root of the tree of `claim().older` entries as the caller knows it.
Result<VerifiedConsistencyReceipt> verify_consistency_receipt(const UntrustedReceipt& receipt,
                                                              const Hash& older_root,
                                                              const PublicKey& key);

// Each signs a receipt with a detached payload. `issuer` is the log's name; `subject`, where there
// is one, says of what (CWT sub). The caller vouches that the root is its log's.
Result<Bytes> sign_inclusion_receipt(const InclusionClaim& claim, const Hash& root,
                                     const std::string& issuer,
                                     const std::optional<std::string>& subject,
                                     const SigningKey& key);
Result<Bytes> sign_consistency_receipt(const ConsistencyClaim& claim, const Hash& newer_root,
                                       const std::string& issuer, const SigningKey& key);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule cose_receipt_form{"transparency.receipt.form"};
inline constexpr Rule receipt_vds{"transparency.receipt.data-structure"};
inline constexpr Rule receipt_kind{"transparency.receipt.kind"};
inline constexpr Rule receipt_root{"transparency.receipt.root"};
}  // namespace attest::rules

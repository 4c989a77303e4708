#include "libattest/transparency/cose_receipt.h"

#include <algorithm>

namespace attest::transparency {

namespace {

constexpr int label_vds = 395;
constexpr int label_vdp = 396;
constexpr int proof_inclusion = -1;
constexpr int proof_consistency = -2;
constexpr int rfc9162_sha256 = 1;
constexpr int ccf_ledger_sha256 = 2;
constexpr std::size_t max_receipt_path = 64;

Error malformed(std::string what) {
  return refused(rules::cose_receipt_form, std::move(what));
}

const cbor::Value* member(const cbor::Map& map, const cbor::Value& key) {
  const auto found = std::ranges::find(map, key, &cbor::Map::value_type::first);
  return found == map.end() ? nullptr : &found->second;
}

Status check_data_structure(const cose::UntrustedSign1& message) {
  const cbor::Value* vds = member(message.protected_header, label_vds);
  if (vds == nullptr)
    return fail(refused(rules::receipt_vds, "a receipt does not say how its tree is built")
                    .expected("label 395 in the protected header"));
  if (*vds == cbor::Value(rfc9162_sha256)) return {};
  const auto number = vds->as_integer();
  return fail(refused(rules::receipt_vds, "a receipt is of another verifiable data structure")
                  .expected("1, RFC9162_SHA256")
                  .found(!number                        ? std::string(vds->type_name())
                         : *number == ccf_ledger_sha256 ? "2, a CCF ledger"
                                                        : std::to_string(*number)));
}

// Proof is what both kinds look like: two numbers and a path.
struct Proof {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::vector<Hash> path;
};

Result<Proof> parse_proof(const cbor::Value& wrapped) {
  TRY(const Bytes bytes, cbor::expect_bytes(wrapped, "a proof"));
  TRY_WITHIN("proof", const cbor::Value value, cbor::decode(bytes));
  TRY(const cbor::Array* parts, cbor::expect_array(value, 3, "a proof"));
  Proof proof;
  TRY(proof.first, cbor::expect_unsigned((*parts)[0], "a proof's first number"));
  TRY(proof.second, cbor::expect_unsigned((*parts)[1], "a proof's second number"));
  const cbor::Array* path = (*parts)[2].as_array();
  if (path == nullptr || path->size() > max_receipt_path)
    return fail(malformed("a proof's path is no list of at most 64 hashes"));
  for (const cbor::Value& each : *path) {
    TRY(proof.path.emplace_back(), cbor::expect_fixed<32>(each, "a hash of a path"));
  }
  return proof;
}

Result<std::vector<Proof>> parse_proofs(const cbor::Value& value) {
  const cbor::Array* list = value.as_array();
  if (list == nullptr || list->empty() || list->size() > max_receipt_proofs)
    return fail(malformed("a receipt holds no list of 1 to 16 proofs"));
  std::vector<Proof> proofs;
  for (const cbor::Value& each : *list) {
    TRY(proofs.emplace_back(), parse_proof(each));
  }
  return proofs;
}

// The root is signed detached; where it is attached it must be the one the proof leads to.
Result<cose::VerifiedSign1> verify_root(const cose::UntrustedSign1& message, const Hash& root,
                                        const PublicKey& key) {
  if (!message.payload) return cose::verify_sign1(message, key, {}, ByteView(root));
  if (!equal(*message.payload, ByteView(root)))
    return fail(refused(rules::receipt_root, "the proof does not lead to the root in the receipt")
                    .expected(to_hex(*message.payload))
                    .found(to_hex(root)));
  return cose::verify_sign1(message, key);
}

Error wrong_kind(const char* expected, const char* found) {
  return refused(rules::receipt_kind, "the receipt proves something else")
      .expected(expected)
      .found(found);
}

Result<Bytes> sign(int kind, const cbor::Array& proof, const Hash& root, const std::string& issuer,
                   const std::optional<std::string>& subject, const SigningKey& key) {
  cose::Sign1Content content;
  content.claims.issuer = issuer;
  content.claims.subject = subject;
  content.more_protected = {{label_vds, rfc9162_sha256}};
  content.unprotected = {
      {label_vdp, cbor::Map{{kind, cbor::Array{cbor::Value(cbor::encode(proof))}}}}};
  content.payload = to_bytes(ByteView(root));
  content.detached = true;
  return cose::sign1(content, key);
}

cbor::Value path_value(const std::vector<Hash>& path) {
  cbor::Array hashes;
  for (const Hash& hash : path) hashes.emplace_back(hash);
  return hashes;
}

}  // namespace

Result<UntrustedReceipt> parse_receipt(ByteView bytes) {
  const cbor::Array understood{label_vds, label_vdp};
  TRY(cose::UntrustedSign1 message, cose::parse_sign1(bytes, understood));
  TRY_VOID(check_data_structure(message));
  UntrustedReceipt receipt{std::move(message), {}, {}};
  const cbor::Value* proofs = member(receipt.message.unprotected_header, label_vdp);
  if (proofs == nullptr || proofs->as_map() == nullptr || proofs->as_map()->size() != 1)
    return fail(malformed("a receipt holds no proofs of one kind")
                    .expected("one member under label 396 of the unprotected header"));
  const auto& [kind, list] = proofs->as_map()->front();
  TRY(auto parsed, parse_proofs(list));
  if (kind == cbor::Value(proof_inclusion)) {
    for (Proof& proof : parsed)
      receipt.inclusion.push_back({proof.first, proof.second, std::move(proof.path)});
  } else if (kind == cbor::Value(proof_consistency)) {
    for (Proof& proof : parsed)
      receipt.consistency.push_back({proof.first, proof.second, std::move(proof.path)});
  } else {
    return fail(malformed("a receipt holds an unknown kind of proof")
                    .expected("-1, inclusion, or -2, consistency"));
  }
  return receipt;
}

Result<VerifiedInclusionReceipt> verify_inclusion_receipt(const UntrustedReceipt& receipt,
                                                          const Hash& leaf, const PublicKey& key) {
  Error last = wrong_kind("inclusion", "consistency");
  for (const InclusionClaim& claim : receipt.inclusion) {
    const auto root = root_from_path(claim.index, claim.size, leaf, claim.path);
    if (!root) {
      last = root.error();
      continue;
    }
    const auto message = verify_root(receipt.message, *root, key);
    if (message) return VerifiedInclusionReceipt(claim, *root, *message);
    last = message.error();
  }
  return fail(std::move(last));
}

Result<VerifiedConsistencyReceipt> verify_consistency_receipt(const UntrustedReceipt& receipt,
                                                              const Hash& older_root,
                                                              const PublicKey& key) {
  Error last = wrong_kind("consistency", "inclusion");
  for (const ConsistencyClaim& claim : receipt.consistency) {
    const auto root = newer_root_from_path(claim.older, older_root, claim.newer, claim.path);
    if (!root) {
      last = root.error();
      continue;
    }
    const auto message = verify_root(receipt.message, *root, key);
    if (message) return VerifiedConsistencyReceipt(claim, *root, *message);
    last = message.error();
  }
  return fail(std::move(last));
}

Result<Bytes> sign_inclusion_receipt(const InclusionClaim& claim, const Hash& root,
                                     const std::string& issuer,
                                     const std::optional<std::string>& subject,
                                     const SigningKey& key) {
  return sign(proof_inclusion, {claim.size, claim.index, path_value(claim.path)}, root, issuer,
              subject, key);
}

Result<Bytes> sign_consistency_receipt(const ConsistencyClaim& claim, const Hash& newer_root,
                                       const std::string& issuer, const SigningKey& key) {
  return sign(proof_consistency, {claim.older, claim.newer, path_value(claim.path)}, newer_root,
              issuer, std::nullopt, key);
}

}  // namespace attest::transparency

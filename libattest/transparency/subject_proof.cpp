#include "libattest/transparency/subject_map.h"

namespace attest::transparency {

namespace {

constexpr std::byte leaf_prefix{0x02};
constexpr std::byte node_prefix{0x03};
constexpr std::byte chain_prefix{0x04};
constexpr std::size_t key_bits = 256;
constexpr Hash empty{};

Status check_depth(const SubjectProof& proof, bool ends_in_leaf) {
  if (proof.siblings.size() > key_bits)
    return fail(refused(rules::subject_proof_form, "a map proof has more siblings than key bits")
                    .expected("at most 256")
                    .found(std::to_string(proof.siblings.size())));
  // Beside a leaf alone below its parent there would be nothing, and it would stand higher.
  if (ends_in_leaf && !proof.siblings.empty() && proof.siblings.front() == empty)
    return fail(refused(rules::subject_proof_depth,
                        "a map leaf stands deeper than where its key is alone"));
  return {};
}

Status check_root(const Hash& root, const Hash& start, const Hash& key, const SubjectProof& proof) {
  Hash hash = start;
  auto depth = static_cast<unsigned>(proof.siblings.size());
  for (const Hash& sibling : proof.siblings) {
    --depth;
    hash =
        key_bit(key, depth) ? subject_node_hash(sibling, hash) : subject_node_hash(hash, sibling);
  }
  if (hash != root)
    return fail(refused(rules::subject_proof_root, "a map proof does not lead to the map's root")
                    .expected("root " + to_hex(root))
                    .found(to_hex(hash)));
  return {};
}

bool share_bits(const Hash& a, const Hash& b, std::size_t count) {
  for (unsigned depth = 0; depth < count; ++depth)
    if (key_bit(a, depth) != key_bit(b, depth)) return false;
  return true;
}

Bytes u64(std::uint64_t value) {
  Bytes bytes;
  append_u64_be(bytes, value);
  return bytes;
}

}  // namespace

Hash subject_key(std::string_view subject) {
  return sha256({as_bytes("attest-subject-v1"), as_bytes(subject)});
}

Hash subject_leaf_hash(const Hash& key, std::uint64_t count, const Hash& chain) {
  return sha256({ByteView(&leaf_prefix, 1), key, u64(count), chain});
}

Hash subject_node_hash(const Hash& left, const Hash& right) {
  return sha256({ByteView(&node_prefix, 1), left, right});
}

Hash chain_next(const Hash& previous, std::uint64_t index, const Hash& entry_leaf) {
  return sha256({ByteView(&chain_prefix, 1), previous, u64(index), entry_leaf});
}

bool key_bit(const Hash& key, unsigned depth) {
  return ((std::to_integer<unsigned>(key[depth / 8]) >> (7 - depth % 8)) & 1) != 0;
}

Status verify_present(const Hash& root, const SubjectLeaf& leaf, const SubjectProof& proof) {
  if (proof.other || leaf.count == 0)
    return fail(refused(rules::subject_proof_form,
                        "a proof of presence names another leaf or no "
                        "entries"));
  TRY_VOID(check_depth(proof, true));
  return check_root(root, subject_leaf_hash(leaf.key, leaf.count, leaf.chain), leaf.key, proof);
}

Status verify_absent(const Hash& root, const Hash& key, const SubjectProof& proof) {
  TRY_VOID(check_depth(proof, proof.other.has_value()));
  if (!proof.other) return check_root(root, empty, key, proof);
  const SubjectLeaf& other = *proof.other;
  if (other.key == key || !share_bits(other.key, key, proof.siblings.size()))
    return fail(refused(rules::subject_proof_other,
                        "the other leaf does not stand in the place of the absent key")
                    .found(to_hex(other.key)));
  return check_root(root, subject_leaf_hash(other.key, other.count, other.chain), key, proof);
}

}  // namespace attest::transparency

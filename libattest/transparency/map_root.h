// The map root: the entry by which a log commits to its subject map (docs/formats.md).
//
// A tagged COSE_Sign1 by the log's key, content type application/attest-map-root+cbor, CWT issuer
// the origin, CWT subject "log:" ‖ origin, payload deterministic CBOR
// {version: 1, size, root: digest, subjects}. `size` is the entry's own index: the map covers all
// entries before it. It is signed by the log and not by an issuer of the trust root, so its whole
// codec is here.
#pragma once

#include "libattest/cose/cose_sign1.h"
#include "libattest/transparency/checkpoint.h"

namespace attest::transparency {

inline constexpr std::string_view map_root_content_type = "application/attest-map-root+cbor";

struct MapRoot {
  std::uint64_t size = 0;  // entries covered: 0 to size-1
  Hash root{};
  std::uint64_t subjects = 0;  // leaves of the map
  friend bool operator==(const MapRoot&, const MapRoot&) = default;
};

Bytes encode_map_root(const MapRoot& map_root);
Result<MapRoot> decode_map_root(ByteView payload);

// sign_map_root gives the entry to append at index map_root.size.
Result<Bytes> sign_map_root(const MapRoot& map_root, std::string_view origin, Time issued_at,
                            const SigningKey& log_key);

// UntrustedEntry is an entry with its place in the tree, as a bundle carries it.
struct UntrustedEntry {
  Bytes entry;
  std::uint64_t index = 0;
  std::vector<Hash> path;
};

// VerifiedMapRoot is a map root under a checkpoint. Only verify_map_root makes one.
class VerifiedMapRoot {
 public:
  const MapRoot& map_root() const { return map_root_; }
  const Hash& root() const { return map_root_.root; }
  const VerifiedCheckpoint& checkpoint() const { return checkpoint_; }

 private:
  friend Result<VerifiedMapRoot> verify_map_root(const VerifiedCheckpoint&, const UntrustedEntry&,
                                                 const LogVerifiers&);
  VerifiedMapRoot(MapRoot map_root, VerifiedCheckpoint checkpoint)
      : map_root_(map_root), checkpoint_(std::move(checkpoint)) {}
  MapRoot map_root_;
  VerifiedCheckpoint checkpoint_;
};

// verify_map_root checks, in this order:
//   - the entry is the last of the checkpoint's tree (rules::map_root_not_last);
//   - it is in that tree (verify_inclusion);
//   - it is a COSE_Sign1 of the content type, issuer and subject above (rules::map_root_form);
//   - one of the log's keys signed it (rules::map_root_signature);
//   - the payload's form, and that its size is the entry's index (rules::map_root_size).
// Not checked: that the map was computed honestly. Audits recompute it.
Result<VerifiedMapRoot> verify_map_root(const VerifiedCheckpoint& checkpoint,
                                        const UntrustedEntry& entry, const LogVerifiers& verifiers);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule map_root_not_last{"transparency.map-root.not-last"};
inline constexpr Rule map_root_form{"transparency.map-root.form"};
inline constexpr Rule map_root_signature{"transparency.map-root.signature"};
inline constexpr Rule map_root_size{"transparency.map-root.size"};
}  // namespace attest::rules

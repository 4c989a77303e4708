// NVIDIA's reference values: RIM files, which are SWID tags (ISO/IEC 19770-2:2015) in the TCG's RIM
// profile, signed with XML-DSig. One file speaks of one driver, VBIOS or switch BIOS.
//
// parse_rim reads what a file says; verify_rim alone makes values that may be compared with a
// report. libxml2 reads without network, without entities and within bounds; xmlsec1 checks the
// signature, with a key of ours. Both libraries are initialised once for each process, on first
// use; apart from that the functions are pure and may be called from several threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/gpu/device_chain.h"

namespace attest::gpu {

enum class RimKind { driver, vbios, switch_bios };
std::string_view to_string(RimKind kind);  // "driver", "vbios", "switch-bios"

// GoldenValue is one Resource: what a measurement may be. Index i stands for block i + 1.
struct GoldenValue {
  unsigned index = 0;
  bool active = false;
  std::size_t size = 0;             // bytes of the value
  std::vector<Bytes> alternatives;  // Hash0, Hash1, …; one of them is enough
  std::string name;                 // "HashedMeasurement_1_FSP"
};

struct RimContent {
  RimKind kind = RimKind::driver;
  std::string product;  // "GH100"
  std::string version;  // "550.90.07", "96.00.9F.00.01"; empty where there is no Meta
  std::string edition;  // "GPU", "SWITCH"
  std::string tag_id;
  std::vector<GoldenValue> golden;  // by index
  std::string id = {};              // where it is known by its RIM id alone (golden_reference.h)

  std::size_t active_count() const;
  // title is how people and findings name it: "driver RIM GH100 550.90.07".
  std::string title() const;
};

struct UntrustedRim {
  Bytes bytes;
  RimContent content;
  bool has_signature = false;
  Sha256 digest() const { return sha256(bytes); }
};

// parse_rim refuses, each by a rule of its own, what is no XML or brings a DTD, has no Meta where
// it is no SWID tag at all, no Payload or an empty one, Resources without index, alternatives,
// size or hashes, with an index that stood before, or with hashes that are not their size. A tag
// without Meta is read; it has no version and is never verified.
Result<UntrustedRim> parse_rim(ByteView bytes);

// VerifiedRim: only verify_rim makes one.
class VerifiedRim {
 public:
  const RimContent& content() const { return content_; }
  const VerifiedChain& signer() const { return signer_; }
  const Sha256& digest() const { return digest_; }
  Time verified_at() const { return verified_at_; }

 private:
  friend Result<VerifiedRim> verify_rim(const UntrustedRim&, const RootPins&, std::optional<Time>);
  VerifiedRim(RimContent content, VerifiedChain signer, Sha256 digest, Time at)
      : content_(std::move(content)),
        signer_(std::move(signer)),
        digest_(digest),
        verified_at_(at) {}
  RimContent content_;
  VerifiedChain signer_;
  Sha256 digest_;
  Time verified_at_;
};

// verify_rim checks, in this order, that
//   - the file has one signature, a child of the root, with one reference to the whole document
//     (URI=""), and no other algorithms than enveloped, C14N 1.1, SHA-384 and ECDSA with SHA-384;
//     its key information is X.509 certificates and nothing else (rules::rim_signature_form);
//   - the key of the first of these certificates signed the document as it stands
//     (rules::rim_signature);
//   - that certificate leads to a pinned root at `at` (verify_chain), and is for signatures;
//   - the chain, where its names speak of chips, speaks of the RIM's product (rules::rim_scope);
//   - Meta names product and version (rules::rim_meta).
// The content is read from the very document whose signature held, after it held.
// RIM signers live two years: without `at`, everything else is checked, and what holds is
// incomplete (rules::rim_time). Not checked: revocation (ocsp.h).
Result<VerifiedRim> verify_rim(const UntrustedRim& rim, const RootPins& roots,
                               std::optional<Time> at);

// rim_signers gives the certificates a RIM brings along, unverified, signer first.
Result<std::vector<Certificate>> rim_signers(const UntrustedRim& rim);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule rim_xml{"gpu.rim.xml"};
inline constexpr Rule rim_too_large{"gpu.rim.too-large"};
inline constexpr Rule rim_meta{"gpu.rim.meta"};
inline constexpr Rule rim_payload{"gpu.rim.payload"};
inline constexpr Rule rim_empty{"gpu.rim.empty-payload"};
inline constexpr Rule rim_index{"gpu.rim.index"};
inline constexpr Rule rim_duplicate_index{"gpu.rim.duplicate-index"};
inline constexpr Rule rim_active{"gpu.rim.active"};
inline constexpr Rule rim_alternatives{"gpu.rim.alternatives"};
inline constexpr Rule rim_size{"gpu.rim.size"};
inline constexpr Rule rim_hash{"gpu.rim.hash"};
inline constexpr Rule rim_unsigned{"gpu.rim.unsigned"};
inline constexpr Rule rim_signature_form{"gpu.rim.signature-form"};
inline constexpr Rule rim_signature{"gpu.rim.signature"};
inline constexpr Rule rim_scope{"gpu.rim.signer-scope"};
inline constexpr Rule rim_time{"gpu.rim.time"};
}  // namespace attest::rules

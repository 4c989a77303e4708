// Evidence: what a node answers, one CBOR collection bound by one quote (docs/formats.md,
// "Evidence"; the collection is that of draft-ietf-rats-msg-wrap).
//
// This header knows the collection and how it is bound; what stands inside each item is read by
// the room that knows it. Plain values, usable from any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"

namespace attest::evidence {

inline constexpr std::string_view evidence_media_type = "application/attest-evidence+cbor";
inline constexpr std::string_view collection_type = "tag:attest,2026:evidence-v1";
inline constexpr std::size_t evidence_size_limit = 64U << 20;  // bytes, the whole collection
inline constexpr std::size_t item_size_limit = 32U << 20;      // bytes, one item
inline constexpr std::size_t gpu_limit = 64;                   // GPU items in one collection

namespace label {
inline constexpr std::string_view challenge = "challenge";
inline constexpr std::string_view node = "node";
inline constexpr std::string_view runtime_key = "runtime-key";
inline constexpr std::string_view tpm_ak = "tpm-ak";
inline constexpr std::string_view tpm_pcrs = "tpm-pcrs";
inline constexpr std::string_view tpm_eventlog = "tpm-eventlog";
inline constexpr std::string_view ima = "ima";
inline constexpr std::string_view ima_rest = "ima-rest";  // after the challenge's ImaState
inline constexpr std::string_view models = "models";
inline constexpr std::string_view host = "host";
inline constexpr std::string_view tpm_quote = "tpm-quote";
// gpu gives "gpu/<number>".
std::string gpu(std::size_t number);
// is_gpu holds for "gpu/" and a decimal number below gpu_limit without leading zeros.
bool is_gpu(std::string_view label);
}  // namespace label

// media_type_of gives the media type that a label must have; empty for GPUs, whose media type is
// the vendor's, and for unknown labels.
std::string_view media_type_of(std::string_view label);

struct EvidenceItem {
  std::string label;
  std::string media_type;
  Bytes content;
};

// make_item is an item with its label's own media type; `label` must be one of the constants above.
EvidenceItem make_item(std::string_view label, ByteView content);

// UntrustedEvidence has the form of evidence; nothing in it has been checked.
class UntrustedEvidence {
 public:
  const Bytes& bytes() const { return bytes_; }
  // digest = SHA-256(bytes): the `jti` of the result, and the name of evidence at rest.
  const Sha256& digest() const { return digest_; }
  // items are sorted by the bytes of their labels.
  const std::vector<EvidenceItem>& items() const { return items_; }
  // find gives nullptr when there is no such item.
  const EvidenceItem* find(std::string_view label) const;
  // required refuses (rules::evidence_item_missing) when there is no such item.
  Result<const EvidenceItem*> required(std::string_view label) const;

 private:
  friend Result<UntrustedEvidence> parse_evidence(ByteView);
  UntrustedEvidence(Bytes bytes, std::vector<EvidenceItem> items)
      : bytes_(std::move(bytes)), digest_(sha256(bytes_)), items_(std::move(items)) {}
  Bytes bytes_;
  Sha256 digest_;
  std::vector<EvidenceItem> items_;
};

// parse_evidence checks form: deterministic CBOR, the collection type, known labels without
// duplicates, the media type of each label, and the size limits above.
Result<UntrustedEvidence> parse_evidence(ByteView bytes);

// encode_evidence writes a collection that parse_evidence reads; the same rules hold.
Result<Bytes> encode_evidence(std::span<const EvidenceItem> items);

// qualifying_data is what the quote must carry as extraData: a digest over the challenge, the node,
// the runtime key and every item but the quote. `items` may be in any order and may hold the quote,
// which is left out.
Sha256 qualifying_data(const Sha256& challenge_digest, std::string_view node,
                       const std::optional<Sha256>& runtime_key_thumbprint,
                       std::span<const EvidenceItem> items);

// gpu_nonce is the nonce that the GPU under `label` is asked with.
Sha256 gpu_nonce(const Sha256& challenge_digest, std::string_view label);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule evidence_form{"evidence.collection.form"};
inline constexpr Rule evidence_too_large{"evidence.collection.too-large"};
inline constexpr Rule evidence_type{"evidence.collection.type"};
inline constexpr Rule evidence_label{"evidence.collection.unknown-label"};
inline constexpr Rule evidence_duplicate{"evidence.collection.duplicate-label"};
inline constexpr Rule evidence_media_type{"evidence.collection.media-type"};
inline constexpr Rule evidence_item_missing{"evidence.collection.item-missing"};
}  // namespace attest::rules

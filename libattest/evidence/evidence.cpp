#include "libattest/evidence/evidence.h"

#include <algorithm>
#include <array>

#include "libattest/base/cbor.h"
#include "libattest/base/text.h"
#include "libattest/evidence/challenge.h"
#include "libattest/evidence/platform_item.h"
#include "libattest/evidence/tee_item.h"

namespace attest::evidence {

namespace {

constexpr std::string_view type_member = "__cmwc_t";
constexpr std::string_view qualifying_word = "attest-evidence-v1";
constexpr std::string_view gpu_word = "attest-gpu-v1";
constexpr std::size_t media_type_limit = 128;  // characters

struct KnownLabel {
  std::string_view label;
  std::string_view media_type;
};
constexpr std::array<KnownLabel, 13> known_labels{{
    {label::challenge, challenge_media_type},
    {label::node, "text/plain"},
    {label::runtime_key, "application/attest-runtime-key+cbor"},
    {label::tpm_ak, "application/attest-tpm-public"},
    {label::tpm_pcrs, "application/attest-pcrs+cbor"},
    {label::tpm_eventlog, "application/attest-eventlog"},
    {label::ima, "application/attest-ima"},
    {label::ima_rest, "application/attest-ima-rest"},
    {label::models, "application/attest-models+cbor"},
    {label::host, "application/attest-host+cbor"},
    {label::tee, tee_media_type},
    {label::platform, platform_media_type},
    {label::tpm_quote, "application/attest-tpm-quote+cbor"},
}};

bool by_label(const EvidenceItem& a, const EvidenceItem& b) {
  return a.label < b.label;
}

bool is_media_type(std::string_view text) {
  const auto allowed = [](char c) { return c > ' ' && c < 0x7f; };
  return text.size() <= media_type_limit && text.find('/') != std::string_view::npos &&
         std::ranges::all_of(text, allowed);
}

Status check_item(const EvidenceItem& item) {
  const std::string shown = "item \"" + printable(item.label, 40) + "\"";
  const std::string_view wanted = media_type_of(item.label);
  if (wanted.empty() && !label::is_gpu(item.label))
    return fail(refused(rules::evidence_label, "an item has a label that evidence does not know")
                    .found("\"" + printable(item.label, 40) + "\""));
  if (wanted.empty() ? !is_media_type(item.media_type) : item.media_type != wanted)
    return fail(refused(rules::evidence_media_type, "the item is of another media type")
                    .expected(wanted.empty() ? "the vendor's media type" : std::string(wanted))
                    .found(printable(item.media_type, 80))
                    .within(shown));
  if (item.content.size() > item_size_limit)
    return fail(refused(rules::evidence_too_large, "the item is too large")
                    .expected("at most " + std::to_string(item_size_limit) + " bytes")
                    .found(std::to_string(item.content.size()))
                    .within(shown));
  return {};
}

// `items` must be sorted.
Status check_items(std::span<const EvidenceItem> items) {
  for (const EvidenceItem& item : items) TRY_VOID(check_item(item));
  const auto twice = std::ranges::adjacent_find(
      items, [](const EvidenceItem& a, const EvidenceItem& b) { return a.label == b.label; });
  if (twice != items.end())
    return fail(refused(rules::evidence_duplicate, "two items have one label")
                    .found("\"" + twice->label + "\""));
  return {};
}

Result<EvidenceItem> read_item(const std::string& label, const cbor::Value& value) {
  const cbor::Array* pair = value.as_array();
  if (!pair || pair->size() != 2 || !(*pair)[0].as_text() || !(*pair)[1].as_bytes())
    return fail(refused(rules::evidence_form, "an item is not [media type, bytes]")
                    .within("item \"" + printable(label, 40) + "\""));
  return EvidenceItem{label, *(*pair)[0].as_text(), *(*pair)[1].as_bytes()};
}

Status check_type(const cbor::Value& value) {
  const std::string* type = value.as_text();
  if (type && *type == collection_type) return {};
  return fail(refused(rules::evidence_type, "this is another kind of collection")
                  .expected(std::string(collection_type))
                  .found(type ? printable(*type, 80) : std::string(value.type_name())));
}

Status check_size(std::size_t size) {
  if (size <= evidence_size_limit) return {};
  return fail(refused(rules::evidence_too_large, "the evidence is too large")
                  .expected("at most " + std::to_string(evidence_size_limit) + " bytes")
                  .found(std::to_string(size)));
}

Result<std::vector<EvidenceItem>> read_items(const cbor::Map& map) {
  std::vector<EvidenceItem> items;
  bool typed = false;
  for (const auto& [key, value] : map) {
    const std::string* label = key.as_text();
    if (!label) return fail(refused(rules::evidence_form, "a label is not text"));
    if (*label == type_member) {
      TRY_VOID(check_type(value));
      typed = true;
      continue;
    }
    TRY(EvidenceItem item, read_item(*label, value));
    items.push_back(std::move(item));
  }
  if (!typed)
    return fail(refused(rules::evidence_type, "the collection does not say its type")
                    .expected(std::string(collection_type)));
  return items;
}

}  // namespace

std::string label::gpu(std::size_t number) {
  return "gpu/" + std::to_string(number);
}

bool label::is_gpu(std::string_view text) {
  if (!text.starts_with("gpu/")) return false;
  text.remove_prefix(4);
  if (text.empty() || text.size() > 2 || (text.size() > 1 && text.front() == '0')) return false;
  std::size_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<std::size_t>(c - '0');
  }
  return number < gpu_limit;
}

std::string_view media_type_of(std::string_view label) {
  const auto known = std::ranges::find(known_labels, label, &KnownLabel::label);
  return known == known_labels.end() ? std::string_view{} : known->media_type;
}

EvidenceItem make_item(std::string_view label, ByteView content) {
  return {std::string(label), std::string(media_type_of(label)), to_bytes(content)};
}

const EvidenceItem* UntrustedEvidence::find(std::string_view label) const {
  const auto item = std::ranges::find(items_, label, &EvidenceItem::label);
  return item == items_.end() ? nullptr : &*item;
}

Result<const EvidenceItem*> UntrustedEvidence::required(std::string_view label) const {
  if (const EvidenceItem* item = find(label)) return item;
  return fail(refused(rules::evidence_item_missing,
                      "the evidence has no item \"" + std::string(label) + "\""));
}

Result<UntrustedEvidence> parse_evidence(ByteView bytes) {
  TRY_VOID(check_size(bytes.size()));
  auto value = cbor::decode(bytes, cbor::Form::deterministic);
  if (!value) {
    Error error = std::move(value).error();
    error.rule =
        error.rule == rules::cbor_duplicate ? rules::evidence_duplicate : rules::evidence_form;
    return fail(std::move(error).within("evidence"));
  }
  const cbor::Map* map = value->as_map();
  if (!map)
    return fail(refused(rules::evidence_form, "evidence is not a map")
                    .found(std::string(value->type_name())));
  TRY(std::vector<EvidenceItem> items, read_items(*map));
  std::ranges::sort(items, by_label);
  TRY_VOID(check_items(items));
  return UntrustedEvidence(to_bytes(bytes), std::move(items));
}

Result<Bytes> encode_evidence(std::span<const EvidenceItem> items) {
  std::vector<EvidenceItem> sorted(items.begin(), items.end());
  std::ranges::sort(sorted, by_label);
  TRY_VOID(check_items(sorted));
  cbor::Map map{{type_member, collection_type}};
  for (EvidenceItem& item : sorted)
    map.emplace_back(std::move(item.label),
                     cbor::Array{std::move(item.media_type), std::move(item.content)});
  Bytes bytes = cbor::encode(map);
  TRY_VOID(check_size(bytes.size()));
  return bytes;
}

Sha256 qualifying_data(const Sha256& challenge_digest, std::string_view node,
                       const std::optional<Sha256>& runtime_key_thumbprint,
                       std::span<const EvidenceItem> items) {
  std::vector<const EvidenceItem*> sorted;
  for (const EvidenceItem& item : items)
    if (item.label != label::tpm_quote) sorted.push_back(&item);
  std::ranges::sort(sorted, [](const auto* a, const auto* b) { return by_label(*a, *b); });

  cbor::Array list;
  for (const EvidenceItem* item : sorted)
    list.push_back(cbor::Array{item->label, item->media_type, sha256(item->content)});
  const cbor::Value runtime_key =
      runtime_key_thumbprint ? cbor::Value(*runtime_key_thumbprint) : cbor::Value();
  return sha256(cbor::encode(
      cbor::Array{qualifying_word, challenge_digest, node, runtime_key, std::move(list)}));
}

Sha256 gpu_nonce(const Sha256& challenge_digest, std::string_view label) {
  const Sha256 label_digest = sha256(as_bytes(label));
  return sha256({as_bytes(gpu_word), challenge_digest, label_digest});
}

}  // namespace attest::evidence

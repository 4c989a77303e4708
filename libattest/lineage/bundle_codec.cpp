#include <algorithm>

#include "libattest/lineage/bundle.h"

namespace attest::lineage {

namespace {

using transparency::Hash;
using transparency::SubjectLeaf;
using transparency::UntrustedEntry;
using transparency::UntrustedStatus;

constexpr std::uint64_t version = 1;

cbor::Array encode_hashes(const std::vector<Hash>& hashes) {
  return {hashes.begin(), hashes.end()};
}

cbor::Value encode_entry(const UntrustedEntry& entry) {
  return cbor::Map{
      {"entry", entry.entry}, {"index", entry.index}, {"path", encode_hashes(entry.path)}};
}

cbor::Value encode_leaf(const std::optional<SubjectLeaf>& leaf) {
  if (!leaf) return nullptr;
  return cbor::Map{{"key", leaf->key}, {"count", leaf->count}, {"chain", leaf->chain}};
}

Result<std::vector<Hash>> decode_hashes(const cbor::Array& array, std::string_view what) {
  std::vector<Hash> hashes;
  hashes.reserve(array.size());
  for (const cbor::Value& value : array) {
    TRY(hashes.emplace_back(), cbor::expect_fixed<32>(value, what));
  }
  return hashes;
}

Result<UntrustedEntry> decode_entry(const cbor::Value& value) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, "entry"));
  UntrustedEntry entry;
  TRY(entry.entry, fields.bytes("entry"));
  TRY(entry.index, fields.unsigned_integer("index"));
  TRY(const cbor::Array* path, fields.array("path"));
  TRY(entry.path, decode_hashes(*path, "path"));
  TRY_VOID(fields.finish());
  return entry;
}

Result<std::optional<SubjectLeaf>> decode_leaf(const cbor::Value& value) {
  if (value.is_null()) return std::nullopt;
  TRY(cbor::Fields fields, cbor::Fields::of(value, "other"));
  SubjectLeaf leaf;
  TRY(const cbor::Value* key, fields.required("key"));
  TRY(leaf.key, cbor::expect_fixed<32>(*key, "key"));
  TRY(leaf.count, fields.unsigned_integer("count"));
  TRY(const cbor::Value* chain, fields.required("chain"));
  TRY(leaf.chain, cbor::expect_fixed<32>(*chain, "chain"));
  TRY_VOID(fields.finish());
  return leaf;
}

Result<UntrustedStatus> decode_status(const cbor::Value& value) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, "status"));
  UntrustedStatus status;
  TRY(status.subject, fields.text("subject"));
  TRY(const cbor::Array* indexes, fields.array("indexes"));
  for (const cbor::Value& index : *indexes) {
    TRY(status.indexes.emplace_back(), cbor::expect_unsigned(index, "index"));
  }
  TRY(const cbor::Array* siblings, fields.array("siblings"));
  TRY(status.proof.siblings, decode_hashes(*siblings, "siblings"));
  TRY(const cbor::Value* other, fields.required("other"));
  TRY(status.proof.other, decode_leaf(*other));
  TRY_VOID(fields.finish());
  return status;
}

}  // namespace

Bytes encode_bundle(const UntrustedBundle& bundle) {
  cbor::Array entries;
  for (const UntrustedEntry& entry : bundle.entries) entries.push_back(encode_entry(entry));
  cbor::Array statuses;
  for (const UntrustedStatus& status : bundle.status)
    statuses.push_back(
        cbor::Map{{"subject", status.subject},
                  {"indexes", cbor::Array(status.indexes.begin(), status.indexes.end())},
                  {"siblings", encode_hashes(status.proof.siblings)},
                  {"other", encode_leaf(status.proof.other)}});
  return cbor::encode(cbor::Map{{"version", version},
                                {"subject", bundle.subject},
                                {"checkpoint", bundle.checkpoint},
                                {"map_root", encode_entry(bundle.map_root)},
                                {"entries", std::move(entries)},
                                {"status", std::move(statuses)}});
}

Result<UntrustedBundle> decode_bundle(ByteView bytes) {
  if (bytes.size() > max_bundle_size)
    return fail(refused(rules::bundle_form, "a bundle is too large")
                    .expected("at most " + std::to_string(max_bundle_size) + " bytes")
                    .found(std::to_string(bytes.size())));
  // A lineage of thousands of releases holds a few dozen items for each.
  const cbor::Limits limits{.depth = 8, .items = 1U << 22};
  TRY_WITHIN("bundle", const cbor::Value value,
             cbor::decode(bytes, cbor::Form::deterministic, limits));
  TRY_WITHIN("bundle", cbor::Fields fields, cbor::Fields::of(value, "bundle"));
  TRY_WITHIN("bundle", const std::uint64_t found_version, fields.unsigned_integer("version"));
  if (found_version != version)
    return fail(refused(rules::bundle_form, "a bundle is of a version this program does not know")
                    .expected("1")
                    .found(std::to_string(found_version)));
  UntrustedBundle bundle;
  TRY_WITHIN("bundle", bundle.subject, fields.text("subject"));
  TRY_WITHIN("bundle", bundle.checkpoint, fields.text("checkpoint"));
  TRY_WITHIN("bundle", const cbor::Value* map_root, fields.required("map_root"));
  TRY_WITHIN("bundle map_root", bundle.map_root, decode_entry(*map_root));
  TRY_WITHIN("bundle", const cbor::Array* entries, fields.array("entries"));
  for (const cbor::Value& entry : *entries) {
    const std::string place = "bundle entries[" + std::to_string(bundle.entries.size()) + "]";
    TRY_WITHIN(place, bundle.entries.emplace_back(), decode_entry(entry));
  }
  TRY_WITHIN("bundle", const cbor::Array* statuses, fields.array("status"));
  for (const cbor::Value& status : *statuses) {
    const std::string place = "bundle status[" + std::to_string(bundle.status.size()) + "]";
    TRY_WITHIN(place, bundle.status.emplace_back(), decode_status(status));
  }
  TRY_VOID(fields.finish());
  return bundle;
}

}  // namespace attest::lineage

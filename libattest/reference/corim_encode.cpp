#include "libattest/reference/corim.h"
#include "libattest/reference/corim_labels.h"

namespace attest::reference {

namespace {

using namespace labels;

template <typename T>
void put(cbor::Map& map, int label, const std::optional<T>& value) {
  if (value) map.emplace_back(label, *value);
}

cbor::Map with(cbor::Map map, const cbor::Map& more) {
  map.insert(map.end(), more.begin(), more.end());
  return map;
}

template <typename T, typename Write>
cbor::Array list_of(const std::vector<T>& items, Write write) {
  cbor::Array list;
  for (const T& item : items) list.push_back(write(item));
  return list;
}

cbor::Value to_value(const Digest& digest) {
  return cbor::Array{digest.algorithm, digest.value};
}

cbor::Value to_value(const CryptoKey& key) {
  return cbor::Value::tagged(key.tag, key.content);
}

cbor::Value to_value(const Entity& entity) {
  cbor::Map map{{entity_name, entity.name}};
  if (entity.uri) map.emplace_back(entity_uri, cbor::Value::tagged(tag_uri, *entity.uri));
  map.emplace_back(entity_roles,
                   list_of(entity.roles, [](auto role) { return cbor::Value(role); }));
  return with(std::move(map), entity.extensions);
}

cbor::Value to_value(const Environment& environment) {
  cbor::Map map;
  if (const auto& named = environment.environment_class) {
    cbor::Map members;
    put(members, class_id, named->id);
    put(members, class_vendor, named->vendor);
    put(members, class_model, named->model);
    put(members, class_layer, named->layer);
    put(members, class_index, named->index);
    map.emplace_back(environment_class, std::move(members));
  }
  put(map, environment_instance, environment.instance);
  put(map, environment_group, environment.group);
  return map;
}

cbor::Value to_value(const Measurement& measurement) {
  cbor::Map values;
  if (!measurement.digests.empty())
    values.emplace_back(value_digests,
                        list_of(measurement.digests, [](const Digest& d) { return to_value(d); }));
  put(values, value_name, measurement.name);
  cbor::Map map;
  put(map, measurement_key, measurement.key);
  map.emplace_back(measurement_values, with(std::move(values), measurement.other_values));
  if (!measurement.authorized_by.empty())
    map.emplace_back(
        measurement_authorized_by,
        list_of(measurement.authorized_by, [](const CryptoKey& k) { return to_value(k); }));
  return map;
}

cbor::Value to_value(const ReferenceTriple& triple) {
  return cbor::Array{
      to_value(triple.environment),
      list_of(triple.measurements, [](const Measurement& m) { return to_value(m); })};
}

cbor::Value to_value(const KeyTriple& triple) {
  cbor::Array parts{to_value(triple.environment),
                    list_of(triple.keys, [](const CryptoKey& k) { return to_value(k); })};
  if (triple.conditions) parts.push_back(*triple.conditions);
  return parts;
}

template <typename T>
void put_triples(cbor::Map& triples, std::uint64_t kind, const std::vector<T>& items) {
  if (!items.empty())
    triples.emplace_back(kind, list_of(items, [](const T& t) { return to_value(t); }));
}

Bytes encode_comid(const Comid& comid) {
  cbor::Map triples;
  put_triples(triples, triple_reference, comid.reference);
  put_triples(triples, triple_endorsed, comid.endorsed);
  put_triples(triples, triple_identity, comid.identity_keys);
  put_triples(triples, triple_attest_key, comid.attestation_keys);
  for (const auto& [kind, content] : comid.other_triples) triples.emplace_back(kind, content);

  cbor::Map identity{{identity_id, comid.id}};
  if (comid.version != 0) identity.emplace_back(identity_version, comid.version);
  cbor::Map map{{comid_identity, std::move(identity)}, {comid_triples, std::move(triples)}};
  put(map, comid_language, comid.language);
  put(map, comid_linked_tags, comid.linked_tags);
  if (!comid.entities.empty())
    map.emplace_back(comid_entities,
                     list_of(comid.entities, [](const Entity& e) { return to_value(e); }));
  return cbor::encode(with(std::move(map), comid.extensions));
}

cbor::Value epoch(Time time) {
  return cbor::Value::tagged(1, unix_seconds(time));
}

cbor::Value profile_value(const std::string& profile) {
  if (profile.starts_with("oid:"))
    if (auto bytes = from_hex(std::string_view(profile).substr(4)))
      return cbor::Value::tagged(tag_oid, *bytes);
  return cbor::Value::tagged(tag_uri, profile);
}

}  // namespace

Bytes encode_corim(const Corim& corim) {
  cbor::Array tags = list_of(
      corim.comids, [](const Comid& c) { return cbor::Value::tagged(tag_comid, encode_comid(c)); });
  for (const auto& [tag, content] : corim.other_tags)
    tags.push_back(cbor::Value::tagged(tag, content));

  cbor::Map map{{corim_id, corim.id}, {corim_tags, std::move(tags)}};
  put(map, corim_dependent_rims, corim.dependent_rims);
  if (corim.profile) map.emplace_back(corim_profile, profile_value(*corim.profile));
  if (corim.validity) {
    cbor::Map validity{{validity_not_after, epoch(corim.validity->not_after)}};
    if (corim.validity->not_before)
      validity.emplace_back(validity_not_before, epoch(*corim.validity->not_before));
    map.emplace_back(corim_validity, std::move(validity));
  }
  if (!corim.entities.empty())
    map.emplace_back(corim_entities,
                     list_of(corim.entities, [](const Entity& e) { return to_value(e); }));
  return cbor::encode(cbor::Value::tagged(tag_corim, with(std::move(map), corim.extensions)));
}

}  // namespace attest::reference

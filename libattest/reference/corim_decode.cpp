#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/cose/cose_sign1.h"
#include "libattest/reference/corim.h"
#include "libattest/reference/corim_labels.h"

namespace attest::reference {

namespace {

using namespace labels;

constexpr cbor::Limits decode_limits{24, 1U << 18};

Error corim_error(std::string what) {
  return refused(rules::corim_form, std::move(what)).within("CoRIM");
}
Error comid_error(std::string what) {
  return refused(rules::comid_form, std::move(what)).within("CoMID");
}

// Members reads a map by number and keeps what nobody asked for as extensions.
class Members {
 public:
  static Result<Members> of(const cbor::Value& value, std::string what) {
    if (const cbor::Map* map = value.as_map()) return Members(*map, std::move(what));
    return fail(comid_error(what + " is not a map").found(std::string(value.type_name())));
  }

  const cbor::Value* optional(int label) {
    asked_.push_back(label);
    for (const auto& [key, value] : *map_)
      if (key.as_integer() == label) return &value;
    return nullptr;
  }
  Result<const cbor::Value*> required(int label) {
    if (const cbor::Value* value = optional(label)) return value;
    return fail(comid_error(what_ + " lacks member " + std::to_string(label)));
  }
  Result<std::optional<std::string>> text(int label) {
    const cbor::Value* value = optional(label);
    if (!value) return std::nullopt;
    if (const std::string* found = value->as_text()) return *found;
    return fail(wrong(label, "text"));
  }
  Result<std::optional<std::uint64_t>> number(int label) {
    const cbor::Value* value = optional(label);
    if (!value) return std::nullopt;
    if (const std::uint64_t* found = value->as_unsigned()) return *found;
    return fail(wrong(label, "an unsigned integer"));
  }
  std::optional<cbor::Value> copy(int label) {
    const cbor::Value* value = optional(label);
    return value ? std::optional(*value) : std::nullopt;
  }
  Error wrong(int label, std::string expected) const {
    return comid_error("member " + std::to_string(label) + " of " + what_ + " has the wrong type")
        .expected(std::move(expected));
  }
  cbor::Map others() const {
    cbor::Map rest;
    for (const auto& member : *map_) {
      const auto label = member.first.as_integer();
      if (!label || std::ranges::find(asked_, *label) == asked_.end()) rest.push_back(member);
    }
    return rest;
  }

 private:
  Members(const cbor::Map& map, std::string what) : map_(&map), what_(std::move(what)) {}
  const cbor::Map* map_;
  std::string what_;
  std::vector<std::int64_t> asked_;
};

Result<const cbor::Array*> filled_array(const cbor::Value& value, std::string what) {
  const cbor::Array* array = value.as_array();
  if (array && !array->empty()) return array;
  return fail(comid_error(what + " is not an array of at least one element"));
}

bool is_id(const cbor::Value& value) {
  return value.as_text() || (value.as_bytes() && value.as_bytes()->size() == 16);
}

const std::string* uri_of(const cbor::Value& value) {
  const cbor::Tagged* tagged = value.as_tagged();
  return tagged && tagged->tag == tag_uri ? tagged->content.as_text() : nullptr;
}

Result<Digest> read_digest(const cbor::Value& value) {
  const cbor::Array* pair = value.as_array();
  const bool fits = pair && pair->size() == 2 && (*pair)[1].as_bytes() &&
                    ((*pair)[0].as_text() || (*pair)[0].as_integer());
  if (!fits) return fail(refused(rules::comid_measurement, "a digest is not [algorithm, bytes]"));
  return Digest{(*pair)[0], *(*pair)[1].as_bytes()};
}

Result<std::vector<CryptoKey>> read_keys(const cbor::Value& value, std::string what) {
  TRY(const cbor::Array* list, filled_array(value, std::move(what)));
  std::vector<CryptoKey> keys;
  for (const cbor::Value& element : *list) {
    const cbor::Tagged* tagged = element.as_tagged();
    if (!tagged || tagged->tag < tag_key_first || tagged->tag > tag_key_last)
      return fail(
          comid_error("a key is not under one of the tags for keys").expected("tag 554 to 562"));
    keys.push_back({tagged->tag, tagged->content});
  }
  return keys;
}

Result<ClassMap> read_class(const cbor::Value& value) {
  TRY(auto members, Members::of(value, "class"));
  ClassMap result;
  result.id = members.copy(class_id);
  TRY(result.vendor, members.text(class_vendor));
  TRY(result.model, members.text(class_model));
  TRY(result.layer, members.number(class_layer));
  TRY(result.index, members.number(class_index));
  const cbor::Tagged* tagged = result.id ? result.id->as_tagged() : nullptr;
  if (result.id &&
      !(tagged && (tagged->tag == tag_uuid || tagged->tag == tag_oid || tagged->tag == tag_bytes)))
    return fail(refused(rules::comid_environment, "a class id is no UUID, OID or tagged bytes"));
  if (!result.id && !result.vendor && !result.model && !result.layer && !result.index)
    return fail(refused(rules::comid_environment, "a class says nothing"));
  return result;
}

Result<Environment> read_environment(const cbor::Value& value) {
  TRY(auto members, Members::of(value, "environment"));
  Environment environment;
  if (const cbor::Value* named = members.optional(environment_class)) {
    TRY(environment.environment_class, read_class(*named));
  }
  environment.instance = members.copy(environment_instance);
  environment.group = members.copy(environment_group);
  if (!members.others().empty())
    return fail(
        refused(rules::comid_environment, "an environment has a member of unknown meaning"));
  if (!environment.environment_class && !environment.instance && !environment.group)
    return fail(refused(rules::comid_environment, "an environment names nothing"));
  return environment;
}

Status read_values(const cbor::Value& value, Measurement& measurement) {
  TRY(auto members, Members::of(value, "measurement values"));
  if (const cbor::Value* digests = members.optional(value_digests)) {
    TRY(const cbor::Array* list, filled_array(*digests, "a list of digests"));
    for (const cbor::Value& element : *list) {
      TRY(Digest digest, read_digest(element));
      measurement.digests.push_back(std::move(digest));
    }
  }
  TRY(measurement.name, members.text(value_name));
  measurement.other_values = members.others();
  if (measurement.digests.empty() && !measurement.name && measurement.other_values.empty())
    return fail(refused(rules::comid_measurement, "a measurement has no value"));
  return {};
}

Result<Measurement> read_measurement(const cbor::Value& value) {
  TRY(auto members, Members::of(value, "measurement"));
  Measurement measurement;
  measurement.key = members.copy(measurement_key);
  TRY(const cbor::Value* values, members.required(measurement_values));
  TRY_VOID(read_values(*values, measurement));
  if (const cbor::Value* authorities = members.optional(measurement_authorized_by)) {
    TRY(measurement.authorized_by, read_keys(*authorities, "authorized-by"));
  }
  if (!members.others().empty())
    return fail(refused(rules::comid_measurement, "a measurement has a member of unknown meaning"));
  return measurement;
}

Result<std::vector<ReferenceTriple>> read_reference_triples(const cbor::Value& value) {
  TRY(const cbor::Array* list, filled_array(value, "a list of reference triples"));
  std::vector<ReferenceTriple> triples;
  for (const cbor::Value& element : *list) {
    TRY(const cbor::Array* pair, filled_array(element, "a triple"));
    if (pair->size() != 2) return fail(comid_error("a reference triple has not two parts"));
    ReferenceTriple triple;
    TRY(triple.environment, read_environment((*pair)[0]));
    TRY(const cbor::Array* measurements, filled_array((*pair)[1], "a list of measurements"));
    for (const cbor::Value& each : *measurements) {
      TRY(Measurement measurement, read_measurement(each));
      triple.measurements.push_back(std::move(measurement));
    }
    triples.push_back(std::move(triple));
  }
  return triples;
}

Result<std::vector<KeyTriple>> read_key_triples(const cbor::Value& value) {
  TRY(const cbor::Array* list, filled_array(value, "a list of key triples"));
  std::vector<KeyTriple> triples;
  for (const cbor::Value& element : *list) {
    TRY(const cbor::Array* parts, filled_array(element, "a triple"));
    if (parts->size() != 2 && parts->size() != 3)
      return fail(comid_error("a key triple has neither two nor three parts"));
    KeyTriple triple;
    TRY(triple.environment, read_environment((*parts)[0]));
    TRY(triple.keys, read_keys((*parts)[1], "a list of keys"));
    if (parts->size() == 3) triple.conditions = (*parts)[2];
    triples.push_back(std::move(triple));
  }
  return triples;
}

Status read_triples(const cbor::Value& value, Comid& comid) {
  const cbor::Map* map = value.as_map();
  if (!map || map->empty()) return fail(comid_error("there are no triples"));
  for (const auto& [key, content] : *map) {
    const std::uint64_t* kind = key.as_unsigned();
    if (!kind) {
      comid.extensions.emplace_back(key, content);
    } else if (*kind == triple_reference) {
      TRY(comid.reference, read_reference_triples(content));
    } else if (*kind == triple_endorsed) {
      TRY(comid.endorsed, read_reference_triples(content));
    } else if (*kind == triple_identity) {
      TRY(comid.identity_keys, read_key_triples(content));
    } else if (*kind == triple_attest_key) {
      TRY(comid.attestation_keys, read_key_triples(content));
    } else {
      TRY_VOID(filled_array(content, "a list of triples"));
      comid.other_triples.emplace_back(*kind, content);
    }
  }
  return {};
}

Result<std::vector<Entity>> read_entities(const cbor::Value& value) {
  TRY(const cbor::Array* list, filled_array(value, "a list of entities"));
  std::vector<Entity> entities;
  for (const cbor::Value& element : *list) {
    TRY(auto members, Members::of(element, "entity"));
    Entity entity;
    TRY(const auto name, members.text(entity_name));
    if (!name) return fail(comid_error("an entity has no name"));
    entity.name = *name;
    if (const cbor::Value* uri = members.optional(entity_uri)) {
      if (!uri_of(*uri)) return fail(members.wrong(entity_uri, "a URI (tag 32)"));
      entity.uri = *uri_of(*uri);
    }
    TRY(const cbor::Value* roles, members.required(entity_roles));
    TRY(const cbor::Array* numbers, filled_array(*roles, "a list of roles"));
    for (const cbor::Value& role : *numbers) {
      const auto number = role.as_integer();
      if (!number) return fail(comid_error("a role is not a number"));
      entity.roles.push_back(*number);
    }
    entity.extensions = members.others();
    entities.push_back(std::move(entity));
  }
  return entities;
}

Status read_identity(const cbor::Value& value, Comid& comid) {
  TRY(auto members, Members::of(value, "tag identity"));
  TRY(const cbor::Value* id, members.required(identity_id));
  if (!is_id(*id)) return fail(members.wrong(identity_id, "text or 16 bytes"));
  comid.id = *id;
  TRY(const auto version, members.number(identity_version));
  comid.version = version.value_or(0);
  return {};
}

Result<Comid> read_comid(const cbor::Value& value) {
  TRY(auto members, Members::of(value, "CoMID"));
  Comid comid;
  TRY(comid.language, members.text(comid_language));
  TRY(const cbor::Value* identity, members.required(comid_identity));
  TRY_VOID(read_identity(*identity, comid));
  if (const cbor::Value* entities = members.optional(comid_entities)) {
    TRY(comid.entities, read_entities(*entities));
  }
  comid.linked_tags = members.copy(comid_linked_tags);
  TRY(const cbor::Value* triples, members.required(comid_triples));
  TRY_VOID(read_triples(*triples, comid));
  for (auto& member : members.others()) comid.extensions.push_back(std::move(member));
  return comid;
}

Status read_tags(const cbor::Value& value, Corim& corim) {
  const cbor::Array* list = value.as_array();
  if (!list || list->empty())
    return fail(refused(rules::corim_empty, "the CoRIM holds no tag").within("CoRIM"));
  for (const cbor::Value& element : *list) {
    const cbor::Tagged* tagged = element.as_tagged();
    const Bytes* content = tagged ? tagged->content.as_bytes() : nullptr;
    if (!content) return fail(corim_error("a tag is not bytes under a CBOR tag"));
    if (tagged->tag == tag_comid) {
      TRY_WITHIN("CoRIM", Comid comid, parse_comid(*content));
      corim.comids.push_back(std::move(comid));
    } else if (tagged->tag == tag_coswid || tagged->tag == tag_cotl) {
      corim.other_tags.emplace_back(tagged->tag, *content);
    } else {
      return fail(corim_error("a tag is of an unknown kind")
                      .expected("505, 506 or 508")
                      .found(std::to_string(tagged->tag)));
    }
  }
  return {};
}

Result<std::string> read_profile(const cbor::Value& value) {
  if (const std::string* uri = uri_of(value)) return *uri;
  const cbor::Tagged* tagged = value.as_tagged();
  if (tagged && tagged->tag == tag_oid && tagged->content.as_bytes())
    return "oid:" + to_hex(*tagged->content.as_bytes());
  return fail(corim_error("the profile is neither a URI nor an OID"));
}

// Times are CBOR epoch times (tag 1), whole seconds here.
Result<Time> read_time(const cbor::Value& value) {
  const cbor::Tagged* tagged = value.as_tagged();
  const auto seconds = tagged && tagged->tag == 1 ? tagged->content.as_integer() : std::nullopt;
  constexpr std::int64_t last_second = 253402300799;  // the end of the year 9999
  if (!seconds || *seconds < 0 || *seconds > last_second)
    return fail(corim_error("a time is not seconds since 1970 (tag 1)"));
  return from_unix(*seconds);
}

Result<Validity> read_validity(const cbor::Value& value) {
  TRY(auto members, Members::of(value, "validity"));
  Validity validity;
  if (const cbor::Value* start = members.optional(validity_not_before)) {
    TRY(validity.not_before, read_time(*start));
  }
  TRY(const cbor::Value* end, members.required(validity_not_after));
  TRY(validity.not_after, read_time(*end));
  return validity;
}

Result<Corim> read_corim(const cbor::Value& value) {
  const cbor::Tagged* tagged = value.as_tagged();
  const cbor::Value& body = tagged && tagged->tag == tag_corim ? tagged->content : value;
  if (!body.as_map())
    return fail(corim_error("this is no CoRIM").expected("a map, under tag 501 or bare"));
  TRY(auto members, Members::of(body, "CoRIM"));
  Corim corim;
  TRY(const cbor::Value* id, members.required(corim_id));
  if (!is_id(*id)) return fail(corim_error("the id is neither text nor 16 bytes"));
  corim.id = *id;
  TRY(const cbor::Value* tags, members.required(corim_tags));
  TRY_VOID(read_tags(*tags, corim));
  corim.dependent_rims = members.copy(corim_dependent_rims);
  if (const cbor::Value* profile = members.optional(corim_profile)) {
    TRY(corim.profile, read_profile(*profile));
  }
  if (const cbor::Value* validity = members.optional(corim_validity)) {
    TRY(corim.validity, read_validity(*validity));
  }
  if (const cbor::Value* entities = members.optional(corim_entities)) {
    TRY(corim.entities, read_entities(*entities));
  }
  corim.extensions = members.others();
  return corim;
}

Result<cbor::Value> decode_bounded(ByteView bytes, Rule form_rule, std::string_view place) {
  if (bytes.size() > corim_size_limit)
    return fail(refused(rules::corim_too_large, "the file is too large")
                    .expected("at most " + std::to_string(corim_size_limit) + " bytes")
                    .found(std::to_string(bytes.size()))
                    .within(place));
  auto value = cbor::decode(bytes, cbor::Form::strict, decode_limits);
  if (value) return value;
  Error error = std::move(value).error();
  error.rule = form_rule;
  return fail(std::move(error).within(place));
}

}  // namespace

Result<Corim> parse_corim(ByteView bytes) {
  TRY(const cbor::Value value, decode_bounded(bytes, rules::corim_form, "CoRIM"));
  return read_corim(value);
}

Result<Comid> parse_comid(ByteView bytes) {
  TRY(const cbor::Value value, decode_bounded(bytes, rules::comid_form, "CoMID"));
  return read_comid(value);
}

Result<Corim> parse_signed_corim(ByteView bytes) {
  TRY_WITHIN("signed CoRIM", const cose::UntrustedSign1 message, cose::parse_sign1(bytes));
  if (!message.payload) return fail(corim_error("the payload is detached").within("signed CoRIM"));
  TRY_WITHIN("signed CoRIM", Corim corim, parse_corim(*message.payload));
  return corim;
}

}  // namespace attest::reference

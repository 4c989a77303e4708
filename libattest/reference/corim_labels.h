// The numbers of draft-ietf-rats-corim-10, each under the draft's name. For sources of this room.
#pragma once

#include <cstdint>

namespace attest::reference::labels {

// CBOR tags.
inline constexpr std::uint64_t tag_uri = 32;
inline constexpr std::uint64_t tag_uuid = 37;
inline constexpr std::uint64_t tag_oid = 111;
inline constexpr std::uint64_t tag_corim = 501;
inline constexpr std::uint64_t tag_coswid = 505;
inline constexpr std::uint64_t tag_comid = 506;
inline constexpr std::uint64_t tag_cotl = 508;
inline constexpr std::uint64_t tag_key_first = 554;
inline constexpr std::uint64_t tag_key_last = 562;
inline constexpr std::uint64_t tag_bytes = 560;

// corim-map
inline constexpr int corim_id = 0;
inline constexpr int corim_tags = 1;
inline constexpr int corim_dependent_rims = 2;
inline constexpr int corim_profile = 3;
inline constexpr int corim_validity = 4;
inline constexpr int corim_entities = 5;
inline constexpr int validity_not_before = 0;
inline constexpr int validity_not_after = 1;

// concise-mid-tag
inline constexpr int comid_language = 0;
inline constexpr int comid_identity = 1;
inline constexpr int comid_entities = 2;
inline constexpr int comid_linked_tags = 3;
inline constexpr int comid_triples = 4;
inline constexpr int identity_id = 0;
inline constexpr int identity_version = 1;
inline constexpr int entity_name = 0;
inline constexpr int entity_uri = 1;
inline constexpr int entity_roles = 2;

// triples-map
inline constexpr std::uint64_t triple_reference = 0;
inline constexpr std::uint64_t triple_endorsed = 1;
inline constexpr std::uint64_t triple_identity = 2;
inline constexpr std::uint64_t triple_attest_key = 3;

// environment-map and class-map
inline constexpr int environment_class = 0;
inline constexpr int environment_instance = 1;
inline constexpr int environment_group = 2;
inline constexpr int class_id = 0;
inline constexpr int class_vendor = 1;
inline constexpr int class_model = 2;
inline constexpr int class_layer = 3;
inline constexpr int class_index = 4;

// measurement-map and measurement-values-map
inline constexpr int measurement_key = 0;
inline constexpr int measurement_values = 1;
inline constexpr int measurement_authorized_by = 2;
inline constexpr int value_digests = 2;
inline constexpr int value_name = 11;

}  // namespace attest::reference::labels

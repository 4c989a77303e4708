// CoRIM and CoMID (draft-ietf-rats-corim-10): the form reference values travel in.
//
// The structure here holds what the project's own profile and the public TPM profiles use; every
// other part is read, checked for form and kept as CBOR, so that nothing is silently dropped.
// Everything parsed here is untrusted: a signed CoRIM's signature is not looked at, and an unsigned
// one is trusted only through the statement that carries it. Plain values, usable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/cbor.h"
#include "libattest/base/result.h"
#include "libattest/base/time.h"

namespace attest::reference {

inline constexpr std::size_t corim_size_limit = 1U << 20;  // bytes

// Hash algorithm identifiers of the IANA registry "Named Information Hash Algorithm".
inline constexpr std::int64_t ni_sha256 = 1;
inline constexpr std::int64_t ni_sha384 = 7;
inline constexpr std::int64_t ni_sha512 = 8;

struct Digest {
  cbor::Value algorithm;  // an integer of the registry above, or a text
  Bytes value;
};

// ClassMap of an environment (section 5.1.4.2): at least one member.
struct ClassMap {
  std::optional<cbor::Value> id;  // tagged UUID (37), OID (111) or bytes (560)
  std::optional<std::string> vendor;
  std::optional<std::string> model;
  std::optional<std::uint64_t> layer;
  std::optional<std::uint64_t> index;
};

struct Environment {
  std::optional<ClassMap> environment_class;
  std::optional<cbor::Value> instance;
  std::optional<cbor::Value> group;
};

// CryptoKey is a key, certificate, path or thumbprint under its CBOR tag (554 to 562).
struct CryptoKey {
  std::uint64_t tag = 0;
  cbor::Value content;
};

struct Measurement {
  std::optional<cbor::Value> key;        // mkey: unsigned, text, tagged UUID or OID
  std::vector<Digest> digests;           // mval 2
  std::optional<std::string> name;       // mval 11
  cbor::Map other_values;                // every other member of mval, as read
  std::vector<CryptoKey> authorized_by;  // at least one where present
};

// ReferenceTriple: an environment and what may be measured there. Endorsed values have the same
// form.
struct ReferenceTriple {
  Environment environment;
  std::vector<Measurement> measurements;
};

// KeyTriple: an environment and the keys that identify it (device identity, attestation keys).
struct KeyTriple {
  Environment environment;
  std::vector<CryptoKey> keys;
  std::optional<cbor::Value> conditions;  // as read
};

struct Entity {
  std::string name;
  std::optional<std::string> uri;
  std::vector<std::int64_t> roles;
  cbor::Map extensions;
};

struct Comid {
  std::optional<std::string> language;
  cbor::Value id;  // text or 16 bytes
  std::uint64_t version = 0;
  std::vector<Entity> entities;
  std::optional<cbor::Value> linked_tags;  // as read
  std::vector<ReferenceTriple> reference;
  std::vector<ReferenceTriple> endorsed;
  std::vector<KeyTriple> identity_keys;
  std::vector<KeyTriple> attestation_keys;
  // Triples of other kinds (dependency, membership, conditional series …), by their number.
  std::vector<std::pair<std::uint64_t, cbor::Value>> other_triples;
  cbor::Map extensions;
};

struct Validity {
  std::optional<Time> not_before;
  Time not_after;
};

struct Corim {
  cbor::Value id;  // text or 16 bytes
  std::vector<Comid> comids;
  // Tags of other kinds (CoSWID 505, CoTL 508), by their CBOR tag; content as read.
  std::vector<std::pair<std::uint64_t, Bytes>> other_tags;
  std::optional<std::string> profile;  // URI, or an OID in hexadecimal as "oid:…"
  std::optional<Validity> validity;
  std::vector<Entity> entities;
  std::optional<cbor::Value> dependent_rims;  // as read
  cbor::Map extensions;
};

// parse_corim reads an unsigned CoRIM (tag 501, or the bare map inside a signed one). It refuses
// what is malformed or lacks a mandatory member. Members the draft does not define are extensions
// (it has sockets for them at every level): kept as CBOR, for a profile to accept or refuse.
Result<Corim> parse_corim(ByteView bytes);

// parse_comid reads one CoMID, the content of tag 506.
Result<Comid> parse_comid(ByteView bytes);

// parse_signed_corim reads a COSE_Sign1 whose payload is an unsigned CoRIM. Not checked: the
// signature; the content stays untrusted.
Result<Corim> parse_signed_corim(ByteView bytes);

// encode_corim writes tag 501 in deterministic CBOR.
Bytes encode_corim(const Corim& corim);

}  // namespace attest::reference

namespace attest::rules {
inline constexpr Rule corim_form{"reference.corim.form"};
inline constexpr Rule corim_too_large{"reference.corim.too-large"};
inline constexpr Rule corim_empty{"reference.corim.empty"};
inline constexpr Rule comid_form{"reference.comid.form"};
inline constexpr Rule comid_environment{"reference.comid.environment"};
inline constexpr Rule comid_measurement{"reference.comid.measurement"};
}  // namespace attest::rules

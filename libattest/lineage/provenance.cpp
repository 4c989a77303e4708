#include "libattest/lineage/provenance.h"

#include <algorithm>
#include <array>
#include <set>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::lineage {

namespace {

constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";
constexpr std::string_view provenance_type = "https://slsa.dev/provenance/v1";

// Place is a JSON value and where in the statement it stands.
struct Place {
  const Json* value;
  std::string path;
};

std::unexpected<Error> malformed(const std::string& path, std::string what,
                                 std::string expected = {}, std::string found = {}) {
  return fail(refused(rules::provenance_form, std::move(what))
                  .expected(std::move(expected))
                  .found(std::move(found))
                  .within(path));
}

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

std::string in_quotes(std::string_view text) {
  return "\"" + printable(text, 80) + "\"";
}

Result<Place> object_at(const Place& in, const char* name) {
  const auto member = in.value->find(name);
  const std::string path = joined(in.path, name);
  if (member == in.value->end()) return malformed(path, "a member is missing");
  if (!member->is_object())
    return malformed(path, "a member is of the wrong type", "an object", member->type_name());
  return Place{&*member, path};
}

Result<std::string> text_at(const Place& in, const char* name) {
  const auto member = in.value->find(name);
  const std::string path = joined(in.path, name);
  if (member == in.value->end()) return malformed(path, "a member is missing");
  if (!member->is_string())
    return malformed(path, "a member is of the wrong type", "text", member->type_name());
  if (member->get_ref<const std::string&>().empty()) return malformed(path, "a member is empty");
  return member->get<std::string>();
}

Result<std::string> optional_text_at(const Place& in, const char* name) {
  if (!in.value->contains(name)) return std::string();
  return text_at(in, name);
}

Status expect_text(const Place& in, const char* name, std::string_view wanted) {
  TRY(const std::string found, text_at(in, name));
  if (found == wanted) return {};
  return malformed(joined(in.path, name), "this is another kind of statement", in_quotes(wanted),
                   in_quotes(found));
}

struct Algorithm {
  std::string_view name;
  std::size_t digits;
};

// Those under which a digest still binds; in order of preference.
constexpr std::array algorithms = {
    Algorithm{"sha256", 64},     Algorithm{"sha384", 96},   Algorithm{"sha512", 128},
    Algorithm{"sha512_256", 64}, Algorithm{"sha3_256", 64}, Algorithm{"sha3_384", 96},
    Algorithm{"sha3_512", 128},  Algorithm{"blake2b", 128}, Algorithm{"blake3", 64}};

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

Result<std::string> digest_at(const Place& digests, const Algorithm& algorithm) {
  const Json& value = digests.value->at(std::string(algorithm.name));
  const auto* hex = value.get_ptr<const std::string*>();
  const bool whole = hex != nullptr && hex->size() == algorithm.digits &&
                     hex->find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (whole) return lower_case(*hex);
  return fail(refused(rules::provenance_digest, "a digest is not whole")
                  .expected(std::to_string(algorithm.digits) + " hexadecimal digits")
                  .found(hex == nullptr ? std::string(value.type_name()) : in_quotes(*hex))
                  .within(joined(digests.path, algorithm.name)));
}

// What an artefact is named by, for an error about what it should have been named by.
std::string named_by(const Place& artefact, const Json* digests) {
  std::string names;
  const auto add = [&](std::string_view name) {
    names += (names.empty() ? "" : ", ") + printable(name, 40);
  };
  if (digests != nullptr && digests->is_object())
    for (const auto& [algorithm, value] : digests->items()) add(algorithm);
  for (const char* member : {"uri", "name", "downloadLocation"})
    if (artefact.value->contains(member)) add(member);
  return names.empty() ? "nothing" : names + " alone";
}

Result<ProvenanceArtefact> read_artefact(const Place& at, Rule weak) {
  if (!at.value->is_object())
    return malformed(at.path, "an artefact is of the wrong type", "an object",
                     at.value->type_name());
  ProvenanceArtefact artefact;
  if (at.value->contains("name")) {
    const Json& name = at.value->at("name");
    if (!name.is_string())
      return malformed(at.path + ".name", "a member is of the wrong type", "text",
                       name.type_name());
    artefact.name = name.get<std::string>();
  }
  const auto digest = at.value->find("digest");
  if (digest != at.value->end() && !digest->is_object())
    return malformed(at.path + ".digest", "a member is of the wrong type", "an object",
                     digest->type_name());
  if (digest != at.value->end()) {
    const Place digests{&*digest, at.path + ".digest"};
    for (const Algorithm& algorithm : algorithms) {
      if (!digest->contains(std::string(algorithm.name))) continue;
      TRY(std::string hex, digest_at(digests, algorithm));
      artefact.digests.push_back({std::string(algorithm.name), std::move(hex)});
    }
  }
  if (artefact.digests.empty())
    return fail(refused(weak, "an artefact is not named by a digest that binds")
                    .expected("sha256, or another digest of at least 256 bits")
                    .found(named_by(at, digest == at.value->end() ? nullptr : &*digest))
                    .within(at.path + ".digest")
                    .next("name it by the SHA-256 of its bytes"));
  return artefact;
}

Result<std::vector<ProvenanceArtefact>> read_artefacts(const Json& list, const std::string& path,
                                                       Rule weak, Rule twice) {
  if (!list.is_array())
    return malformed(path, "a member is of the wrong type", "an array", list.type_name());
  std::vector<ProvenanceArtefact> artefacts;
  std::set<NamedDigest> seen;
  for (const Json& each : list) {
    const Place at{&each, path + "[" + std::to_string(artefacts.size()) + "]"};
    TRY(ProvenanceArtefact artefact, read_artefact(at, weak));
    if (!seen.insert(artefact.digests.front()).second)
      return fail(refused(twice, "one artefact stands twice in a list")
                      .found(artefact.digests.front().text())
                      .within(at.path));
    artefacts.push_back(std::move(artefact));
  }
  return artefacts;
}

// Relations that make something of a parent, in the spellings that are in use.
bool needs_parent(std::string_view relation) {
  constexpr std::array<std::string_view, 12> derived = {
      "finetune",  "fine-tune", "adapter", "merge",  "quantize", "quantise",
      "quantized", "convert",   "prune",   "distil", "distill",  "distillation"};
  return std::ranges::find(derived, relation) != derived.end();
}

Status check_builder(const Place& predicate) {
  TRY(const Place run, object_at(predicate, "runDetails"));
  TRY(const Place builder, object_at(run, "builder"));
  TRY_VOID(text_at(builder, "id"));
  return {};
}

}  // namespace

Result<UntrustedProvenance> parse_provenance(std::string_view json) {
  TRY(const Json whole, parse_json(json));
  const Place root{&whole, ""};
  if (!whole.is_object())
    return malformed("", "a statement is of the wrong type", "an object", whole.type_name());
  TRY_VOID(expect_text(root, "_type", statement_type));
  TRY_VOID(expect_text(root, "predicateType", provenance_type));
  TRY(const Place predicate, object_at(root, "predicate"));
  TRY(const Place definition, object_at(predicate, "buildDefinition"));
  TRY(const Place parameters, object_at(definition, "externalParameters"));
  TRY_VOID(check_builder(predicate));

  UntrustedProvenance provenance;
  TRY(provenance.build_type, text_at(definition, "buildType"));
  TRY(provenance.relation, optional_text_at(parameters, "relation"));
  if (!whole.contains("subject")) return malformed("subject", "a member is missing");
  TRY(provenance.subjects,
      read_artefacts(whole.at("subject"), "subject", rules::provenance_weak_subject,
                     rules::provenance_subject_twice));
  if (provenance.subjects.empty()) return malformed("subject", "a statement speaks of nothing");
  const std::string path = definition.path + ".resolvedDependencies";
  if (const auto list = definition.value->find("resolvedDependencies");
      list != definition.value->end()) {
    TRY(provenance.parents,
        read_artefacts(*list, path, rules::provenance_weak_parent, rules::provenance_parent_twice));
  }
  if (provenance.parents.empty() && needs_parent(provenance.relation))
    return fail(refused(rules::provenance_no_parent,
                        "a " + provenance.relation + " is made of a parent, and none is named")
                    .within(path));
  return provenance;
}

}  // namespace attest::lineage

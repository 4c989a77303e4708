// The map root entry and the status proofs under it.
#include "libattest/transparency/status.h"

#include "tests/unit/transparency/log_keys.h"

using namespace attest;
using namespace attest::transparency;

namespace {

constexpr const char* origin = "log.example/a";

// A log of five entries that speak of two subjects, its map, its map root and its checkpoint.
struct MappedLog {
  NamedKey log{origin};
  std::vector<Bytes> entries;
  SubjectMap map;
  LogVerifiers verifiers{origin, {log.verifier()}, {}, 0};

  MappedLog() {
    for (std::uint64_t i = 0; i < 5; ++i) {
      entries.push_back(to_bytes("entry " + std::to_string(i)));
      map.add(i % 2 == 0 ? "even" : "odd", i, leaf_hash(entries.back()));
    }
  }
  MapRoot map_root() { return {5, map.root(), 2}; }
  Bytes signed_root() { return must(sign_map_root(map_root(), origin, from_unix(1), *log.key)); }
  // Appends `last` and signs a checkpoint over all of it.
  Result<VerifiedMapRoot> verify_with(const Bytes& last, std::uint64_t index = 5) {
    std::vector<Hash> leaves;
    for (const Bytes& entry : entries) leaves.push_back(leaf_hash(entry));
    leaves.push_back(leaf_hash(last));
    const NodeReader reader = [&](unsigned level, std::uint64_t at) -> Result<Hash> {
      return root_of(std::span(leaves).subspan(at << level, std::size_t{1} << level));
    };
    const std::string text = format_checkpoint({origin, leaves.size(), root_of(leaves), {}});
    const std::string note = must(sign_note(text, std::span(&log.signer, 1)));
    const auto checkpoint = must(verify_checkpoint(as_bytes(note), verifiers));
    const UntrustedEntry entry{last, index, must(prove_inclusion(5, leaves.size(), reader))};
    return verify_map_root(checkpoint, entry, verifiers);
  }
  EntryLeaf leaves() const {
    return [this](std::uint64_t index) -> std::optional<Hash> {
      return index < entries.size() ? std::optional(leaf_hash(entries[index])) : std::nullopt;
    };
  }
  UntrustedStatus status(const std::string& subject, std::vector<std::uint64_t> indexes) {
    return {subject, std::move(indexes), map.prove(subject_key(subject))};
  }
  Bytes sign(cose::Sign1Content content) const { return must(cose::sign1(content, *log.key)); }
  cose::Sign1Content content() {
    cose::Sign1Content content;
    content.content_type = std::string(map_root_content_type);
    content.claims.issuer = origin;
    content.claims.subject = std::string("log:") + origin;
    content.payload = encode_map_root(map_root());
    return content;
  }
};

}  // namespace

TEST_CASE("the last entry of a checkpoint gives the subject map's root") {
  MappedLog log;
  const auto verified = must(log.verify_with(log.signed_root()));
  REQUIRE(verified.map_root() == log.map_root());
  REQUIRE(verified.checkpoint().size() == 6);
}

TEST_CASE("a map root counts only as the last entry, in the tree, by the log itself") {
  MappedLog log;
  REQUIRE_RULE(log.verify_with(log.signed_root(), 4), rules::map_root_not_last);
  const NamedKey stranger(origin);
  REQUIRE_RULE(
      log.verify_with(must(sign_map_root(log.map_root(), origin, from_unix(1), *stranger.key))),
      rules::map_root_signature);
  Bytes bent = log.signed_root();
  bent.back() ^= std::byte{1};
  REQUIRE_RULE(log.verify_with(bent), rules::map_root_signature);
}

TEST_CASE("a map root that is not in the checkpoint's tree is refused") {
  MappedLog log;
  const auto verified = must(log.verify_with(log.signed_root()));
  UntrustedEntry entry{log.signed_root(), 5, {Hash{}, Hash{}}};
  REQUIRE_RULE(verify_map_root(verified.checkpoint(), entry, log.verifiers), rules::tree_root);
}

TEST_CASE("a map root of another form is refused") {
  MappedLog log;
  const auto with = [&](auto change) {
    cose::Sign1Content content = log.content();
    change(content);
    return log.verify_with(log.sign(content));
  };
  REQUIRE_OK(with([](auto&) {}));
  REQUIRE_RULE(log.verify_with(to_bytes("no statement")), rules::map_root_form);
  REQUIRE_RULE(with([](auto& c) { c.content_type = "text/plain"; }), rules::map_root_form);
  REQUIRE_RULE(with([](auto& c) { c.claims.issuer = "log.example/b"; }), rules::map_root_form);
  REQUIRE_RULE(with([](auto& c) { c.claims.subject = "log:log.example/b"; }), rules::map_root_form);
  REQUIRE_RULE(with([](auto& c) { c.unprotected = {{99, 1}}; }), rules::map_root_form);
  REQUIRE_RULE(with([](auto& c) {
                 c.payload = cbor::encode(
                     cbor::Map{{"version", 2}, {"size", 5}, {"root", Hash{}}, {"subjects", 2}});
               }),
               rules::map_root_form);
}

TEST_CASE("a map root that leaves the newest entries out is refused") {
  MappedLog log;
  const Bytes early =
      must(sign_map_root({4, log.map.root(), 2}, origin, from_unix(1), *log.log.key));
  REQUIRE_RULE(log.verify_with(early), rules::map_root_size);
}

TEST_CASE("a status proof lists all entries that speak of a subject, or that none does") {
  MappedLog log;
  const auto root = must(log.verify_with(log.signed_root()));
  REQUIRE(must(verify_status(root, log.status("odd", {1, 3}), log.leaves())).indexes() ==
          std::vector<std::uint64_t>{1, 3});
  REQUIRE(must(verify_status(root, log.status("nobody", {}), log.leaves())).indexes().empty());
}

TEST_CASE("a status proof that hides, adds or reorders entries is refused") {
  MappedLog log;
  const auto root = must(log.verify_with(log.signed_root()));
  const auto verify = [&](const std::string& subject, std::vector<std::uint64_t> indexes) {
    return verify_status(root, log.status(subject, std::move(indexes)), log.leaves());
  };
  REQUIRE_RULE(verify("even", {0, 2}), rules::subject_proof_root);
  REQUIRE_RULE(verify("even", {}), rules::subject_proof_root);
  REQUIRE_RULE(verify("nobody", {0}), rules::subject_proof_form);
  REQUIRE_RULE(verify("even", {0, 4, 2}), rules::status_order);
  REQUIRE_RULE(verify("even", {0, 2, 2, 4}), rules::status_order);
  REQUIRE_RULE(verify("even", {0, 2, 4, 5}), rules::status_beyond_map);
}

TEST_CASE("a status proof whose entries are not at hand is incomplete") {
  MappedLog log;
  const auto root = must(log.verify_with(log.signed_root()));
  const auto result = verify_status(root, log.status("odd", {1, 3}),
                                    [](std::uint64_t) { return std::optional<Hash>(); });
  REQUIRE_RULE(result, rules::status_entry_missing);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}

// Witness policies, offline proofs and the witness's judgement.
#include "libattest/transparency/tlog_proof.h"
#include "libattest/transparency/witness_protocol.h"
#include "tests/unit/transparency/log_keys.h"

using namespace attest;
using namespace attest::transparency;

namespace {

struct SmallLog {
  NamedKey log{"log.example/a"};
  std::vector<Hash> leaves;

  explicit SmallLog(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) leaves.push_back(leaf_hash(as_bytes(std::to_string(i))));
  }
  Hash root(std::size_t size) const { return root_of(std::span(leaves).first(size)); }
  NodeReader reader() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Hash> {
      return root_of(std::span(leaves).subspan(index << level, std::size_t{1} << level));
    };
  }
  std::string text(std::size_t size) const {
    return format_checkpoint({"log.example/a", size, root(size), {}});
  }
  std::string note(std::size_t size) const {
    return must(sign_note(text(size), std::span(&log.signer, 1)));
  }
  std::string request(std::size_t from, std::size_t to) const {
    return format_add_checkpoint({from, must(prove_consistency(from, to, reader())), note(to)});
  }
};

WitnessDecision decide(const SmallLog& log, std::size_t known, std::string_view body) {
  return witness_decision(as_bytes(body), [&](std::string_view origin) -> std::optional<KnownLog> {
    if (origin != "log.example/a") return std::nullopt;
    return KnownLog{{log.log.verifier()}, known, log.root(known)};
  });
}

}  // namespace

TEST_CASE("a witness accepts what extends the tree it knows") {
  const SmallLog log(9);
  const WitnessDecision first = decide(log, 0, log.request(0, 5));
  REQUIRE(first.status == 200);
  REQUIRE(first.accepted->size == 5);
  REQUIRE(first.note_text == log.text(5));
  REQUIRE(decide(log, 5, log.request(5, 9)).status == 200);
  REQUIRE(decide(log, 5, log.request(5, 5)).status == 200);
}

TEST_CASE("a witness says why it does not cosign, with the status of the specification") {
  const SmallLog log(9);
  const SmallLog other(9);
  REQUIRE(decide(log, 0, "old 00\n\n" + log.note(5)).status == 400);
  REQUIRE(decide(log, 0, "old 0\n\nno checkpoint").status == 400);
  REQUIRE(decide(log, 0, "old 0\n\n" + note_of("a\nb\nc\n", {must(log.log.signer.sign("t\n"))}))
              .status == 400);
  REQUIRE(decide(log, 9, log.request(5, 5).replace(4, 1, "9")).status == 400);
  REQUIRE(decide(log, 0, other.request(0, 5)).status == 403);
  REQUIRE(decide(log, 0, log.request(0, 5) + "no signature line\n").status == 403);
  REQUIRE(decide(log, 0,
                 format_add_checkpoint(
                     {0, {}, note_of(log.text(6), {must(log.log.signer.sign(log.text(5)))})}))
              .status == 403);
  const WitnessDecision stale = decide(log, 6, log.request(5, 9));
  REQUIRE(stale.status == 409);
  REQUIRE(stale.known_size == 6);
  REQUIRE(decide(log, 5, format_add_checkpoint({5, {}, log.note(9)})).status == 422);
  // The same size under another root: a fork, whoever signed it.
  const Hash fork = leaf_hash(as_bytes("fork"));
  const std::string text = format_checkpoint({"log.example/a", 5, fork, {}});
  REQUIRE(decide(log, 5,
                 format_add_checkpoint({5, {}, note_of(text, {must(log.log.signer.sign(text))})}))
              .status == 422);
  const std::string foreign = format_checkpoint({"log.example/b", 5, fork, {}});
  REQUIRE(
      decide(log, 5,
             format_add_checkpoint({5, {}, note_of(foreign, {must(log.log.signer.sign(foreign))})}))
          .status == 404);
}

TEST_CASE("an add-checkpoint body survives its text, and is bounded") {
  const SmallLog log(9);
  const AddCheckpoint request = must(parse_add_checkpoint(as_bytes(log.request(5, 9))));
  REQUIRE(format_add_checkpoint(request) == log.request(5, 9));
  std::string long_proof = "old 1\n";
  for (int i = 0; i < 64; ++i) long_proof += to_base64(Hash{}) + "\n";
  REQUIRE_RULE(parse_add_checkpoint(as_bytes(long_proof + "\n")), rules::add_checkpoint_form);
  for (const char* body : {"", "old 1", "old 1\n", "old 1\nAAAA\n\n", "new 1\n\n", "old -1\n\n"})
    REQUIRE_RULE(parse_add_checkpoint(as_bytes(body)), rules::add_checkpoint_form);
  REQUIRE_RULE(parse_add_checkpoint(Bytes(max_add_checkpoint_size + 1)),
               rules::add_checkpoint_form);
}

TEST_CASE("the monitoring path is the hash of the origin") {
  REQUIRE(origin_hash("") == to_hex(empty_root()));
}

namespace {

struct Policy {
  SmallLog log{9};
  std::vector<NamedKey> witnesses;
  Policy() {
    for (const char* name : {"w1", "w2", "w3"})
      witnesses.emplace_back(name, NoteKeyType::cosignature_v1);
  }
  std::string text(const std::string& tail) const {
    std::string text = "# whom we trust\nlog " + log.log.verifier().to_string() + "\n\n";
    for (const auto& witness : witnesses)
      text += "witness " + witness.verifier().name() + " " + witness.verifier().to_string() + "\n";
    return text + tail;
  }
  std::string cosigned(std::vector<std::size_t> who, std::size_t size = 9) const {
    std::string note = log.note(size);
    for (const std::size_t i : who)
      note += signature_line(must(witnesses[i].signer.sign(log.text(size), from_unix(1000))));
    return note;
  }
  bool satisfied(const std::string& tail, std::vector<std::size_t> who) const {
    const auto result = verify_checkpoint_by_policy(as_bytes(cosigned(std::move(who))),
                                                    must(parse_witness_policy(text(tail))));
    if (!result) REQUIRE_RULE(result, rules::policy_quorum);
    return result.has_value();
  }
};

}  // namespace

TEST_CASE("a policy's groups count their members") {
  const Policy p;
  REQUIRE(p.satisfied("quorum none\n", {}));
  REQUIRE(p.satisfied("quorum w2\n", {1}));
  REQUIRE_FALSE(p.satisfied("quorum w2\n", {0, 2}));
  REQUIRE(p.satisfied("group g 2 w1 w2 w3\nquorum g\n", {0, 2}));
  REQUIRE_FALSE(p.satisfied("group g 2 w1 w2 w3\nquorum g\n", {0}));
  REQUIRE(p.satisfied("group g any w1 w2\nquorum g\n", {1}));
  REQUIRE_FALSE(p.satisfied("group g all w1 w2\nquorum g\n", {1}));
  const std::string nested = "group inner any w1 w2\ngroup outer all inner w3\nquorum outer\n";
  REQUIRE(p.satisfied(nested, {1, 2}));
  REQUIRE_FALSE(p.satisfied(nested, {0, 1}));
}

TEST_CASE("a policy survives its text") {
  const Policy p;
  const auto policy = must(parse_witness_policy(p.text("group g 2 w1 w2 w3\nquorum g\n")));
  REQUIRE(format_witness_policy(must(parse_witness_policy(format_witness_policy(policy)))) ==
          format_witness_policy(policy));
}

TEST_CASE("a trust root's log section can be written as a policy") {
  const Policy p;
  LogVerifiers verifiers{"log.example/a", {p.log.log.verifier()}, {}, 2};
  for (const auto& witness : p.witnesses) verifiers.witnesses.push_back(witness.verifier());
  const auto policy = must(parse_witness_policy(format_witness_policy(policy_of(verifiers))));
  REQUIRE_OK(verify_checkpoint_by_policy(as_bytes(p.cosigned({0, 1})), policy));
  REQUIRE_RULE(verify_checkpoint_by_policy(as_bytes(p.cosigned({0})), policy),
               rules::policy_quorum);
}

TEST_CASE("a policy that could mean two things is refused") {
  const Policy p;
  const std::string w1 = p.witnesses[0].verifier().to_string();
  for (const std::string& tail :
       {std::string(), std::string("quorum w9\n"), std::string("quorum w1\nquorum w1\n"),
        std::string("group g 0 w1\nquorum g\n"), std::string("group g 3 w1 w2\nquorum g\n"),
        std::string("group g any g\nquorum g\n"), std::string("group g any h\nquorum g\n"),
        std::string("group g any w1 w1\nquorum g\n"), std::string("group g any\nquorum g\n"),
        std::string("group w1 any w2\nquorum w1\n"),
        std::string("group none any w2\nquorum none\n"), std::string("group g 01 w1\nquorum g\n"),
        std::string("cosigner w1\nquorum w1\n"), "witness again " + w1 + "\nquorum again\n",
        std::string("quorum w1 w2\n"),
        "witness w4 " + p.log.log.verifier().to_string() + "\nquorum w4\n",
        "log " + w1 + "\nquorum none\n"})
    REQUIRE_RULE(parse_witness_policy(p.text(tail)), rules::policy_form);
}

TEST_CASE("a checkpoint of a log that the policy does not name is refused") {
  Policy p;
  const auto policy = must(parse_witness_policy("quorum none\n"));
  REQUIRE_RULE(verify_checkpoint_by_policy(as_bytes(p.cosigned({})), policy),
               rules::policy_unknown_log);
}

TEST_CASE("an offline proof is verified under a policy") {
  const Policy p;
  const auto policy = must(parse_witness_policy(p.text("group g 2 w1 w2 w3\nquorum g\n")));
  TlogProof proof{to_bytes("extra"), 6, must(prove_inclusion(6, 9, p.log.reader())),
                  p.cosigned({0, 1})};
  const TlogProof read = must(parse_tlog_proof(as_bytes(format_tlog_proof(proof))));
  REQUIRE(read.extra == proof.extra);
  REQUIRE(must(verify_tlog_proof(read, p.log.leaves[6], policy)).index() == 6);
  REQUIRE_RULE(verify_tlog_proof(read, p.log.leaves[5], policy), rules::tree_root);
  proof.checkpoint = p.cosigned({0});
  REQUIRE_RULE(verify_tlog_proof(proof, p.log.leaves[6], policy), rules::policy_quorum);
}

TEST_CASE("an offline proof of wrong form is refused") {
  const std::string head = "c2sp.org/tlog-proof@v1\n";
  std::string long_path = head + "index 0\n";
  for (int i = 0; i < 64; ++i) long_path += to_base64(Hash{}) + "\n";
  for (const std::string& text :
       {std::string(), std::string("c2sp.org/tlog-proof@v2\nindex 0\n\nx\n"), head,
        head + "index 00\n\nx\n", head + "\nx\n", head + "index 0\n", head + "index 0\n\n",
        head + "index 0\nAAAA\n\nx\n", head + "index 0\nindex 0\n\nx\n", long_path + "\nx\n"})
    REQUIRE_RULE(parse_tlog_proof(as_bytes(text)), rules::tlog_proof_form);
  REQUIRE_RULE(parse_tlog_proof(as_bytes(head + "extra !\nindex 0\n\nx\n")), rules::base64_form);
}

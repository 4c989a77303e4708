#include "libattest/transparency/checkpoint.h"

#include "libattest/transparency/cosignature.h"
#include "tests/unit/transparency/log_keys.h"

using namespace attest;
using namespace attest::transparency;

namespace {

const Checkpoint five{"log.example/a", 5, leaf_hash({}), {"extension 1"}};

struct Signed {
  NamedKey log{"log.example/a"};
  std::vector<NamedKey> witnesses;
  std::string text = format_checkpoint(five);
  LogVerifiers verifiers{"log.example/a", {log.verifier()}, {}, 2};

  Signed() {
    for (const char* name : {"w1", "w2", "w3"}) {
      witnesses.emplace_back(name, NoteKeyType::cosignature_v1);
      verifiers.witnesses.push_back(witnesses.back().verifier());
    }
  }
  std::string note(const std::vector<std::int64_t>& times) const {
    std::vector<NoteSignature> lines = {must(log.signer.sign(text))};
    for (std::size_t i = 0; i < times.size(); ++i)
      lines.push_back(must(witnesses[i].signer.sign(text, from_unix(times[i]))));
    return note_of(text, lines);
  }
};

}  // namespace

TEST_CASE("a checkpoint survives its text") {
  REQUIRE(must(parse_checkpoint(format_checkpoint(five))) == five);
}

TEST_CASE("an empty extension line is refused") {
  REQUIRE_RULE(parse_checkpoint(format_checkpoint(five) + "\n"), rules::checkpoint_form);
}

TEST_CASE("ledger time is the k-th smallest of the witnesses' times") {
  const Signed s;
  const auto time = [&](std::vector<std::int64_t> times) {
    return must(must(verify_checkpoint(as_bytes(s.note(times)), s.verifiers)).ledger_time());
  };
  REQUIRE(time({100, 300, 200}) == from_unix(200));
  REQUIRE(time({100, 9'999'999, 200}) == from_unix(200));
  REQUIRE(time({300, 100}) == from_unix(300));
}

TEST_CASE("without a quorum there is no ledger time, and that is incomplete, not refused") {
  Signed s;
  const auto one = must(verify_checkpoint(as_bytes(s.note({100})), s.verifiers));
  REQUIRE_RULE(one.ledger_time(), rules::checkpoint_quorum);
  REQUIRE(one.ledger_time().error().kind == ErrorKind::incomplete);
  s.verifiers.quorum = 0;
  REQUIRE_RULE(must(verify_checkpoint(as_bytes(s.note({1, 2, 3})), s.verifiers)).ledger_time(),
               rules::checkpoint_quorum);
}

TEST_CASE("one witness key under two names counts once") {
  Signed s;
  const NoteSigner alias =
      must(NoteSigner::make("alias", NoteKeyType::cosignature_v1, *s.witnesses[0].key));
  s.verifiers.witnesses.push_back(alias.verifier());
  const std::string note = s.note({100}) + signature_line(must(alias.sign(s.text, from_unix(100))));
  REQUIRE_RULE(must(verify_checkpoint(as_bytes(note), s.verifiers)).ledger_time(),
               rules::checkpoint_quorum);
}

TEST_CASE("a cosignature by a stranger is no witness's") {
  const Signed s;
  const NamedKey stranger("w9", NoteKeyType::cosignature_v1);
  const std::string note =
      s.note({100}) + signature_line(must(stranger.signer.sign(s.text, from_unix(100))));
  REQUIRE(must(verify_checkpoint(as_bytes(note), s.verifiers)).cosignatures().size() == 1);
}

TEST_CASE("the checkpoint of another log is refused") {
  Signed s;
  s.verifiers.origin = "log.example/b";
  REQUIRE_RULE(verify_checkpoint(as_bytes(s.note({1, 2})), s.verifiers), rules::checkpoint_origin);
}

TEST_CASE("witnesses alone do not make a checkpoint: the log must have signed") {
  const Signed s;
  const std::string note =
      note_of(s.text, {must(s.witnesses[0].signer.sign(s.text, from_unix(1))),
                       must(s.witnesses[1].signer.sign(s.text, from_unix(1)))});
  REQUIRE_RULE(verify_checkpoint(as_bytes(note), s.verifiers), rules::checkpoint_log_signature);
  const NamedKey stranger("stranger");
  REQUIRE_RULE(verify_checkpoint(as_bytes(note_of(s.text, {must(stranger.signer.sign(s.text))})),
                                 s.verifiers),
               rules::checkpoint_log_signature);
}

TEST_CASE("a known witness's bad signature refuses the checkpoint") {
  const Signed s;
  auto line = must(s.witnesses[0].signer.sign(s.text, from_unix(1)));
  line.signature.back() ^= std::byte{1};
  REQUIRE_RULE(verify_checkpoint(as_bytes(note_of(s.text, {must(s.log.signer.sign(s.text)), line})),
                                 s.verifiers),
               rules::note_signature);
}

TEST_CASE("an empty tree has the empty root") {
  Signed s;
  s.text = format_checkpoint({"log.example/a", 0, empty_root(), {}});
  REQUIRE_OK(verify_checkpoint(as_bytes(s.note({})), s.verifiers));
  s.text = format_checkpoint({"log.example/a", 0, Hash{}, {}});
  REQUIRE_RULE(verify_checkpoint(as_bytes(s.note({})), s.verifiers), rules::checkpoint_empty_root);
}

TEST_CASE("a cosignature of another length or a time beyond counting is refused") {
  const NamedKey witness("w", NoteKeyType::cosignature_v1);
  Bytes line = must(make_cosignature("t\n", from_unix(7), *witness.key));
  REQUIRE(must(verify_cosignature("t\n", line, witness.key->public_key())) == from_unix(7));
  line[0] = std::byte{0xff};
  REQUIRE_RULE(verify_cosignature("t\n", line, witness.key->public_key()), rules::cosignature_form);
  line.push_back(std::byte{0});
  REQUIRE_RULE(verify_cosignature("t\n", line, witness.key->public_key()), rules::cosignature_form);
  line = must(make_cosignature("t\n", from_unix(7), *witness.key));
  REQUIRE_RULE(verify_cosignature("u\n", line, witness.key->public_key()),
               rules::cosignature_wrong);
}

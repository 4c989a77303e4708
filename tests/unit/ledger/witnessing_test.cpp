#include "ledger/witnessing.h"

#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/witness_protocol.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

// Witness is a real one, reached without a network.
class Witness final : public WitnessClient {
 public:
  explicit Witness(const TestLog& log, std::string its_name = "witness.example/w")
      : name(std::move(its_name)), key(new_key()) {
    verifier_ = must(transparency::VerifierKey::make(
                         name, transparency::NoteKeyType::cosignature_v1, key->public_key()))
                    .to_string();
    restart();
    must(state->watch(log.log->verifier_key()));
    log_key_ = log.log->verifier_key();
  }

  void restart() {
    state = must(WitnessState::open(system_files(), directory.path()));
    if (!log_key_.empty()) must(state->watch(log_key_));
  }
  const std::string& verifier_key() const override { return verifier_; }
  Result<WitnessAnswer> add_checkpoint(const std::string& body) override {
    ++asked;
    if (silent) return fail(incomplete(rules::witness_answer, "unreachable"));
    TRY(auto answer, state->add_checkpoint(body, name, *key, now));
    if (lying && answer.status == 200) answer.body[answer.body.size() - 8] ^= 1;
    return answer;
  }

  Result<WitnessAnswer> last_checkpoint(const std::string& origin) override {
    if (silent) return fail(incomplete(rules::witness_answer, "unreachable"));
    const auto note = state->last_checkpoint(origin);
    return note ? WitnessAnswer{200, "text/plain", *note} : WitnessAnswer{404, "text/plain", ""};
  }

  TemporaryDirectory directory;
  std::string name;
  std::shared_ptr<const SigningKey> key;
  std::unique_ptr<WitnessState> state;
  Time now = test_time;
  int asked = 0;
  bool silent = false;
  bool lying = false;

 private:
  std::string verifier_;
  std::string log_key_;
};

Time ledger_time(const TestLog& test, const Witness& witness) {
  const auto checkpoint = must(transparency::verify_checkpoint(
      as_bytes(must(test.log->checkpoint())),
      {test_origin,
       {must(transparency::VerifierKey::parse(test.log->verifier_key()))},
       {must(transparency::VerifierKey::parse(witness.verifier_key()))},
       1}));
  return must(checkpoint.ledger_time());
}

}  // namespace

TEST_CASE("a published checkpoint carries the witness's time") {
  TestLog test;
  Witness witness(test);
  must(test.add("a"));
  CHECK(must(publish_checkpoint(*test.log, test_time, {&witness}, 1)).cosignatures == 1);
  CHECK(ledger_time(test, witness) == test_time);
}

TEST_CASE("an idle log's checkpoint is cosigned again and stays fresh") {
  TestLog test;
  Witness witness(test);
  must(test.add("a"));
  must(publish_checkpoint(*test.log, test_time, {&witness}, 1));
  const Head before = must(test.log->head());
  witness.now += Seconds(3600);
  must(refresh_checkpoint(*test.log, {&witness}, 1));
  CHECK(must(test.log->head()) == before);
  CHECK(ledger_time(test, witness) == test_time + Seconds(3600));
}

TEST_CASE("a witness at another size is proved consistency from there") {
  TestLog test;
  Witness witness(test);
  must(test.add("a"));
  must(publish_checkpoint(*test.log, test_time, {&witness}, 1));
  CHECK(witness.asked == 1);
  // Published without the witness: the log's guess of its size is then wrong.
  must(test.add("b"));
  must(test.publish());
  must(test.add("c"));
  must(publish_checkpoint(*test.log, test_time, {&witness}, 1));
  CHECK(witness.asked == 3);
}

TEST_CASE("too few cosignatures publish nothing, and the next call makes up for it") {
  TestLog test;
  Witness good(test, "witness.example/good");
  Witness silent(test, "witness.example/silent");
  silent.silent = true;
  must(test.add("a"));
  const std::string before = must(test.log->checkpoint());
  REQUIRE_RULE(publish_checkpoint(*test.log, test_time, {&good, &silent}, 2),
               rules::witness_quorum);
  CHECK(must(test.log->checkpoint()) == before);
  CHECK(must(test.log->get(0)) == test.entry("a"));
  const Cosigned one = must(publish_checkpoint(*test.log, test_time, {&good, &silent}, 1));
  REQUIRE(one.silent.size() == 1);
  CHECK(one.silent.front().find("witness.example/silent") == 0);
  silent.silent = false;
  CHECK(must(publish_checkpoint(*test.log, test_time, {&good, &silent}, 2)).cosignatures == 2);
}

TEST_CASE("a cosignature that does not verify is dropped") {
  TestLog test;
  Witness witness(test);
  witness.lying = true;
  must(test.add("a"));
  REQUIRE_RULE(publish_checkpoint(*test.log, test_time, {&witness}, 1), rules::witness_quorum);
}

TEST_CASE("a witness remembers across a restart") {
  TestLog test;
  Witness witness(test);
  must(test.add("a"));
  const Cosigned cosigned = must(publish_checkpoint(*test.log, test_time, {&witness}, 1));
  witness.restart();
  CHECK(witness.state->last_checkpoint(transparency::origin_hash(test_origin)) == cosigned.note);
  const auto stale = must(witness.add_checkpoint("old 0\n\n" + cosigned.note));
  CHECK(stale.status == 409);
  CHECK(stale.body == "2\n");
  CHECK(stale.content_type == "text/x.tlog.size");
}

TEST_CASE("a witness whose memory is damaged does not start") {
  TestLog test;
  Witness witness(test);
  must(test.add("a"));
  must(publish_checkpoint(*test.log, test_time, {&witness}, 1));
  must(write_file_atomically(witness.directory.path() / transparency::origin_hash(test_origin),
                             as_bytes("")));
  REQUIRE_RULE(WitnessState::open(system_files(), witness.directory.path()), rules::witness_state);
}

TEST_CASE("a witness answers for the logs it watches only") {
  TestLog test;
  TestLog stranger;
  Witness witness(test);
  const TemporaryDirectory empty;
  const auto state = must(WitnessState::open(system_files(), empty.path()));
  const std::string body = "old 0\n\n" + must(test.log->checkpoint());
  CHECK(must(state->add_checkpoint(body, "w", *witness.key, test_time)).status == 404);
  must(state->watch(stranger.log->verifier_key()));
  CHECK(must(state->add_checkpoint(body, "w", *witness.key, test_time)).status == 403);
}

TEST_CASE("a restored old log is found out by its witness, whatever its floor says") {
  TestLog test;
  Witness witness(test);
  must(test.add("a"));
  must(publish_checkpoint(*test.log, test_time, {&witness}, 1));
  test.log.reset();
  const Path log = test.place().directory;
  const Path kept = test.directory.path() / "kept";
  std::filesystem::copy(log, kept, std::filesystem::copy_options::recursive);
  must(test.reopen());
  must(test.add("b"));
  must(publish_checkpoint(*test.log, test_time, {&witness}, 1));
  test.log.reset();
  std::filesystem::remove_all(log);
  std::filesystem::rename(kept, log);
  must(test.reopen());
  REQUIRE_RULE(publish_checkpoint(*test.log, test_time, {&witness}, 1), rules::witness_ahead);
}

TEST_CASE(
    "clocks that jump, the log's or a witness's, neither stop checkpoints nor take one back") {
  using std::chrono::hours;
  TestLog test;
  Witness witness(test);
  const std::vector<WitnessClient*> witnesses{&witness};
  std::uint64_t size = 0;
  for (const Time now : {test_time, test_time + hours(90'000), test_time - hours(90'000), Time{},
                         test_time + hours(1)}) {
    witness.now = now;
    must(test.add(std::to_string(size)));
    const auto cosigned = must(publish_checkpoint(*test.log, now, witnesses, 1));
    const auto note = must(transparency::parse_note(as_bytes(cosigned.note)));
    const auto checkpoint = must(transparency::parse_checkpoint(note.text));
    CHECK(checkpoint.size == size + 2);
    size = checkpoint.size;
    must(test.reopen());
  }
}

TEST_CASE("an idle log is cosigned again when it is due, and when the clock was set back") {
  constexpr Seconds refresh{600};
  CHECK_FALSE(cosign_again(test_time, test_time + Seconds(599), refresh));
  CHECK(cosign_again(test_time, test_time + refresh, refresh));
  CHECK(cosign_again(test_time, test_time - Seconds(1), refresh));
}

TEST_CASE("a database behind or beside what a witness cosigned is refused before it signs") {
  TestLog test;
  Witness witness(test);
  const std::vector<WitnessClient*> witnesses{&witness};
  CHECK(must(check_against_witnesses(*test.log, witnesses)).empty());
  must(test.add("a"));
  must(publish_checkpoint(*test.log, test_time, witnesses, 1));
  CHECK(must(check_against_witnesses(*test.log, witnesses)).empty());

  // A machine whose disk was set back as a whole: floor and database agree, and both are old.
  const Path kept = test.directory.path() / "kept";
  test.log.reset();
  std::filesystem::copy(test.place().directory, kept, std::filesystem::copy_options::recursive);
  must(test.reopen());
  must(test.add("b"));
  must(publish_checkpoint(*test.log, test_time, witnesses, 1));
  test.log.reset();
  std::filesystem::remove_all(test.place().directory);
  std::filesystem::rename(kept, test.place().directory);
  must(test.reopen());
  REQUIRE_RULE(check_against_witnesses(*test.log, witnesses), rules::witness_ahead);
  for (const char* name : {"x", "y", "z"}) must(test.add(name));
  must(test.log->sign_checkpoint(test_time));
  REQUIRE_RULE(check_against_witnesses(*test.log, witnesses), rules::witness_ahead);
  witness.silent = true;
  CHECK(must(check_against_witnesses(*test.log, witnesses)).size() == 1);
}

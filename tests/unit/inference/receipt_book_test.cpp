#include "inference/serving/receipt_book.h"

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::inference;

namespace {

Sha256 id_of(std::string_view text) {
  return sha256(as_bytes(text));
}

// An agent that takes digests, or is down.
struct Agent {
  std::vector<Sha256> taken;
  bool down = false;
  ReceiptBook::Submit submit() {
    return [this](const Sha256& id) -> Status {
      if (down) return fail(incomplete(Rule{"test.down"}, "down"));
      taken.push_back(id);
      return {};
    };
  }
};

}  // namespace

TEST_CASE("a kept receipt is found by its id, also after a restart") {
  TemporaryDirectory here;
  Agent agent;
  {
    const auto book = must(ReceiptBook::open(here.path() / "r", {}, agent.submit()));
    must(book->keep(id_of("a"), as_bytes("a")));
    REQUIRE(must(book->find(id_of("a"))) == to_bytes("a"));
    REQUIRE_RULE(book->find(id_of("b")), rules::receipt_not_kept);
  }
  const auto book = must(ReceiptBook::open(here.path() / "r", {}, agent.submit()));
  REQUIRE(must(book->find(id_of("a"))) == to_bytes("a"));
}

TEST_CASE("a digest waits for the agent, also across a restart, and is submitted once") {
  TemporaryDirectory here;
  Agent agent;
  agent.down = true;
  {
    const auto book = must(ReceiptBook::open(here.path(), {}, agent.submit()));
    must(book->keep(id_of("a"), as_bytes("a")));
    REQUIRE_RULE(book->submit_waiting(), Rule{"test.down"});
    REQUIRE(book->waiting() == 1);
  }
  agent.down = false;
  const auto book = must(ReceiptBook::open(here.path(), {}, agent.submit()));
  must(book->submit_waiting());
  must(book->submit_waiting());
  REQUIRE(agent.taken == std::vector{id_of("a")});
  REQUIRE(must(ReceiptBook::open(here.path(), {}, agent.submit()))->waiting() == 0);
}

TEST_CASE("the oldest receipts go, and with them what waits to be submitted") {
  TemporaryDirectory here;
  Agent agent;
  const auto book =
      must(ReceiptBook::open(here.path(), {.kept = 2, .kept_bytes = 100}, agent.submit()));
  for (const std::string_view text : {"a", "b", "c"}) must(book->keep(id_of(text), as_bytes(text)));
  REQUIRE(book->size() == 2);
  REQUIRE_RULE(book->find(id_of("a")), rules::receipt_not_kept);
  must(book->submit_waiting());
  REQUIRE(agent.taken == std::vector{id_of("b"), id_of("c")});
  must(book->keep(id_of("large"), Bytes(100)));
  REQUIRE(book->size() == 1);
  REQUIRE(must(system_files().list(here.path())).size() == 2);  // the receipt and its mark
}

TEST_CASE("a round of submitting ends when its time is over, and the next one goes on") {
  TemporaryDirectory here;
  Agent agent;
  const auto book = must(ReceiptBook::open(here.path(), {}, agent.submit()));
  must(book->keep(id_of("a"), as_bytes("a")));
  REQUIRE_OK(book->submit_waiting(std::chrono::steady_clock::now()));
  REQUIRE(book->waiting() == 1);
  must(book->submit_waiting());
  REQUIRE(agent.taken == std::vector{id_of("a")});
}

TEST_CASE("without an agent nothing waits") {
  TemporaryDirectory here;
  const auto book = must(ReceiptBook::open(here.path(), {}, {}));
  must(book->keep(id_of("a"), as_bytes("a")));
  REQUIRE(book->waiting() == 0);
  REQUIRE_OK(book->submit_waiting());
}

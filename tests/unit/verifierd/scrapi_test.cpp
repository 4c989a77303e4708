#include "verifierd/scrapi.h"

#include "ledger/entry_form.h"
#include "ledger/log.h"
#include "libattest/base/cbor.h"
#include "libattest/crypto/random.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/transparency/cose_receipt.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::verifierd;

namespace {

// A log of at most one entry, covered when the test says so.
struct SmallLog {
  std::unique_ptr<SigningKey> key = must(make_signing_key(KeyKind::ed25519, system_random()));
  std::optional<Bytes> entry;
  bool covered = false;
  Registration registration;

  SmallLog()
      : registration{[this](ByteView statement) -> Result<ledger::Added> {
                       if (statement.empty()) return fail(refused(rules::entry_size, "nothing"));
                       entry = to_bytes(statement);
                       return ledger::Added{0, false};
                     },
                     [this](const Sha256& digest) -> Result<std::optional<Bytes>> {
                       if (!entry || sha256(*entry) != digest)
                         return fail(refused(rules::log_no_entry, "no such entry"));
                       if (!covered) return std::nullopt;
                       TRY(Bytes receipt, transparency::sign_inclusion_receipt(
                                              {1, 0, {}}, transparency::leaf_hash(*entry),
                                              "log.example/a", {}, *key));
                       return receipt;
                     },
                     key->public_key()} {}
};

const Bytes statement_bytes = to_bytes("a statement");

std::string id_of(ByteView bytes) {
  return to_hex(sha256(bytes));
}

}  // namespace

TEST_CASE("a registration runs until a checkpoint covers it, and then gives its receipt") {
  SmallLog log;
  const auto first = register_statement(log.registration, statement_bytes);
  CHECK(first.status == 303);
  CHECK(first.headers.find("Location") == "/entries/" + id_of(statement_bytes));
  CHECK(first.headers.find("Retry-After") == "1");
  CHECK(registration_status(log.registration, id_of(statement_bytes)).status == 302);
  log.covered = true;
  const auto done = registration_status(log.registration, id_of(statement_bytes));
  CHECK(done.status == 200);
  CHECK(done.content_type == "application/cose");
  const auto receipt = must(transparency::parse_receipt(done.body));
  REQUIRE_OK(transparency::verify_inclusion_receipt(
      receipt, transparency::leaf_hash(statement_bytes), log.key->public_key()));
  CHECK(register_statement(log.registration, statement_bytes).status == 201);
}

TEST_CASE("what cannot be registered or found is told in concise problem details") {
  SmallLog log;
  for (const auto& [response, status] :
       {std::pair{register_statement(log.registration, {}), 400},
        std::pair{registration_status(log.registration, id_of(statement_bytes)), 404},
        std::pair{registration_status(log.registration, "abc"), 400}}) {
    CHECK(response.status == status);
    CHECK(response.content_type == "application/concise-problem-details+cbor");
    const auto details = must(cbor::decode(response.body));
    CHECK(details.find(-1) != nullptr);
  }
  log.registration.submit = [](ByteView) -> Result<ledger::Added> {
    return fail(incomplete(rules::log_disk_low, "full"));
  };
  const auto busy = register_statement(log.registration, statement_bytes);
  CHECK(busy.status == 503);
  CHECK(busy.headers.find("Retry-After") == "1");
}

TEST_CASE("the key set names the log's key, of either kind, by its thumbprint") {
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256}) {
    const auto key = must(make_signing_key(kind, system_random()));
    const auto set = must(cbor::decode(key_set(key->public_key()), cbor::Form::deterministic));
    REQUIRE(set.as_array()->size() == 1);
    const cbor::Value& only = set.as_array()->front();
    CHECK(only.find(2)->as_bytes()->size() == 32);
    const PublicKey read = kind == KeyKind::ed25519
                               ? must(PublicKey::from_ed25519(*only.find(-2)->as_bytes()))
                               : must(PublicKey::from_ec_point(kind, *only.find(-2)->as_bytes(),
                                                               *only.find(-3)->as_bytes()));
    CHECK(read == key->public_key());
  }
}

// A real ledger in a folder of its own, with parties that may state custody, and a trust root that
// knows them: for tests of custody and of attacks on it.
#pragma once

#include <map>

#include "libattest/statement/custody.h"
#include "libattest/trust/trust_root.h"
#include "tests/support/ledger_fixture.h"

namespace attest::test {

class CustodyLedger {
 public:
  // Each party may state custody and inspections of any device.
  CustodyLedger() {
    for (const char* name : {"maker.example", "dealer.example", "owner.example", "carrier.example",
                             "inspector.example", "thief.example"})
      keys_.emplace(name, ledger::new_key());
    stranger_ = ledger::new_key();
  }

  statement::DeviceIdentity device() const {
    return {statement::DeviceKind::gpu, to_bytes("serial 1"), sha256(as_bytes("brom key"))};
  }
  statement::Subject subject() const { return statement::subject_of(device()); }

  // say signs and enters a statement that follows `previous`, and gives its digest.
  struct Said {
    Bytes entry;
    Sha256 digest{};
    std::uint64_t index = 0;
  };
  Said say(const std::string& party, statement::CustodyEvent event,
           const std::optional<Sha256>& previous = {}, const std::string& to = {},
           const std::string& region = {}, const std::string& jurisdiction = {}) {
    statement::Custody custody;
    custody.device = device();
    custody.event = event;
    custody.previous = previous;
    if (!to.empty()) custody.to = to;
    if (!jurisdiction.empty()) custody.jurisdiction = jurisdiction;
    if (!region.empty()) custody.place = {region, "hall 3"};
    custody.time = ledger::test_time;
    return enter(sign(party, statement::Kind::custody, statement::encode(custody)));
  }
  Said inspect(const std::string& party, const Sha256& confirms, const std::string& region) {
    const statement::Inspection inspection{
        device(), confirms, {region, "hall 3"}, "seen", ledger::test_time};
    return enter(sign(party, statement::Kind::inspection, statement::encode(inspection)));
  }
  Said enter(Bytes entry) {
    auto added = log.log->add(entry);
    if (!added) throw std::runtime_error(added.error().to_string());
    const Sha256 digest = sha256(entry);
    return {std::move(entry), digest, added->index};
  }

  // A life in good order, up to `owner.example` having it installed.
  struct Life {
    Said made, sold, received, installed;
  };
  Life sold_to_owner(const std::string& region = "eu-north") {
    using enum statement::CustodyEvent;
    Life life;
    life.made = say("maker.example", made, {}, {}, {}, "TW");
    life.sold = say("maker.example", sold, life.made.digest, "owner.example", {}, "TW");
    life.received = say("owner.example", received, life.sold.digest, {}, {}, "SE");
    life.installed = say("owner.example", installed, life.received.digest, {}, region, "SE");
    return life;
  }

  Path publish() {
    auto note = log.publish();
    if (!note) throw std::runtime_error(note.error().to_string());
    return log.place().directory / "public";
  }

  std::string trust_text() const {
    const auto spki = [](const SigningKey& key) { return to_base64(key.public_key().spki_der()); };
    std::string text =
        "format = \"attest-trust-root/v1\"\n[root]\nversion = 1\n"
        "expires = 2040-01-01T00:00:00Z\nthreshold = 1\n"
        "[[root.key]]\nname = \"root\"\nkey = \"" +
        spki(*stranger_) + "\"\n[[log]]\norigin = \"" + std::string(ledger::test_origin) +
        "\"\nkeys = [\"" + log.log->verifier_key() + "\"]\n";
    for (const auto& [name, key] : keys_)
      text += "[[issuer]]\nname = \"" + name + "\"\nkey = \"" + spki(*key) +
              "\"\nmay = [\"custody\", \"inspection\"]\nsubjects = [\"device:*\"]\n";
    return text;
  }
  TrustRoot trust() const {
    auto root = TrustRoot::parse(trust_text());
    if (!root) throw std::runtime_error(root.error().to_string());
    return *std::move(root);
  }

  // sign_as_stranger claims a party's name with a key nobody knows.
  Bytes sign_as_stranger(const std::string& party, ByteView payload) const {
    return signed_with(party, statement::Kind::custody, payload, *stranger_);
  }
  Bytes sign(const std::string& party, statement::Kind kind, ByteView payload) const {
    return signed_with(party, kind, payload, *keys_.at(party));
  }

  ledger::TestLog log;

 private:
  Bytes signed_with(const std::string& party, statement::Kind kind, ByteView payload,
                    const SigningKey& key) const {
    auto made = statement::sign_statement(kind, subject(), party, ledger::test_time, payload, key);
    if (!made) throw std::runtime_error(made.error().to_string());
    return *std::move(made);
  }

  std::map<std::string, std::shared_ptr<const SigningKey>> keys_;
  std::shared_ptr<const SigningKey> stranger_;
};

}  // namespace attest::test

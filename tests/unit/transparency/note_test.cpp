#include "libattest/transparency/note.h"

#include <map>

#include "libattest/transparency/cosignature.h"
#include "tests/unit/transparency/log_keys.h"

using namespace attest;
using namespace attest::transparency;

TEST_CASE("a signed note is verified by the keys that signed it, under their names") {
  const NamedKey ed("log.example/a");
  const NamedKey ec("log.example/b", NoteKeyType::ecdsa);
  const std::vector<NoteSigner> signers = {ed.signer, ec.signer};
  const std::string note = must(sign_note("text\n", signers));
  const std::vector<VerifierKey> known = {ed.verifier(), ec.verifier()};
  const VerifiedNote verified = must(verify_note(must(parse_note(as_bytes(note))), known));
  REQUIRE(verified.text() == "text\n");
  REQUIRE(verified.signers().size() == 2);
  REQUIRE(verified.signed_by(ec.verifier()));
  REQUIRE(format_note(must(parse_note(as_bytes(note)))) == note);
}

TEST_CASE("a known key with a bad signature refuses the whole note") {
  const NamedKey good("good");
  const NamedKey bad("bad");
  auto broken = must(bad.signer.sign("text\n"));
  broken.signature[10] ^= std::byte{1};
  const UntrustedNote note{"text\n", {must(good.signer.sign("text\n")), broken}};
  const std::vector<VerifierKey> both = {good.verifier(), bad.verifier()};
  REQUIRE_RULE(verify_note(note, both), rules::note_signature);
  REQUIRE_OK(verify_note(note, std::span(both).first(1)));
}

TEST_CASE("a signature over another text is none") {
  const NamedKey key("key");
  const UntrustedNote note{"other\n", {must(key.signer.sign("text\n"))}};
  REQUIRE_RULE(verify_note(note, {{key.verifier()}}), rules::note_signature);
}

TEST_CASE("a note that no known key signed is not verified") {
  const NamedKey key("key");
  const NamedKey stranger("stranger");
  const UntrustedNote note{"text\n", {must(stranger.signer.sign("text\n"))}};
  REQUIRE_RULE(verify_note(note, {{key.verifier()}}), rules::note_unsigned);
  REQUIRE_RULE(verify_note(note, {}), rules::note_unsigned);
}

TEST_CASE("the same name with another id, and the same id with another name, are unknown keys") {
  const NamedKey key("key");
  const NamedKey namesake("key");
  auto renamed = must(key.signer.sign("text\n"));
  renamed.name = "other";
  const UntrustedNote note{"text\n", {must(namesake.signer.sign("text\n")), renamed}};
  REQUIRE_RULE(verify_note(note, {{key.verifier()}}), rules::note_unsigned);
}

TEST_CASE("of two cosignatures by one witness the later time stands") {
  const NamedKey witness("w", NoteKeyType::cosignature_v1);
  const UntrustedNote note{"text\n",
                           {must(witness.signer.sign("text\n", from_unix(50))),
                            must(witness.signer.sign("text\n", from_unix(70))),
                            must(witness.signer.sign("text\n", from_unix(60)))}};
  const VerifiedNote verified = must(verify_note(note, {{witness.verifier()}}));
  REQUIRE(verified.signers().size() == 1);
  REQUIRE(verified.signers()[0].time == from_unix(70));
}

TEST_CASE("a cosignature covers its time") {
  const NamedKey witness("w", NoteKeyType::cosignature_v1);
  auto line = must(witness.signer.sign("text\n", from_unix(50)));
  line.signature[7] ^= std::byte{1};
  REQUIRE_RULE(verify_note({"text\n", {line}}, {{witness.verifier()}}), rules::note_signature);
  REQUIRE_RULE(witness.signer.sign("text\n"), rules::note_form);
  REQUIRE_RULE(NamedKey("log").signer.sign("text\n", from_unix(1)), rules::note_form);
  REQUIRE_RULE(witness.signer.sign("text\n", from_unix(-1)), rules::cosignature_form);
}

TEST_CASE("keys of a type that is recognised and never verified are passed over") {
  const NamedKey key("key");
  Bytes material(1 + 1312, std::byte{7});
  material[0] = std::byte{6};
  const Sha256 id = sha256({as_bytes("pq\n"), material});
  const std::string vkey = "pq+" + to_hex(ByteView(id).first(4)) + "+" + to_base64(material);
  const VerifierKey pq = must(VerifierKey::parse(vkey));
  REQUIRE(pq.to_string() == vkey);
  REQUIRE_FALSE(pq.public_key());
  const UntrustedNote note{
      "text\n", {must(key.signer.sign("text\n")), {"pq", pq.id(), Bytes(40, std::byte{1})}}};
  const std::vector<VerifierKey> known = {key.verifier(), pq};
  REQUIRE(must(verify_note(note, known)).signers().size() == 1);
  REQUIRE_RULE(verify_note({"text\n", {note.signatures[1]}}, known), rules::note_unsigned);
}

TEST_CASE("a note is split at its last empty line") {
  const NamedKey key("key");
  const std::string text = "first\n\n\u2014 looks like a signature AAAAAAAA\n\nlast\n";
  const std::string note = note_of(text, {must(key.signer.sign(text))});
  REQUIRE(must(verify_note(must(parse_note(as_bytes(note))), {{key.verifier()}})).text() == text);
}

TEST_CASE("a note of wrong form is refused") {
  const NamedKey key("key");
  const std::string good = note_of("text\n", {must(key.signer.sign("text\n"))});
  REQUIRE_OK(parse_note(as_bytes(good)));
  const auto refuse = [](std::string note) {
    REQUIRE_RULE(parse_note(as_bytes(note)), rules::note_form);
  };
  refuse("");
  refuse("text\n");
  refuse("tab\there\n" + good);
  refuse("return\r\n" + good);
  refuse("\xff\n" + good);
}

TEST_CASE("a signature line of wrong form is refused") {
  const NamedKey key("key");
  const std::string good = note_of("text\n", {must(key.signer.sign("text\n"))});
  const auto refuse = [](std::string note) {
    REQUIRE_RULE(parse_note(as_bytes(note)), rules::note_signature_line);
  };
  refuse("text\n\n");
  refuse(good.substr(0, good.size() - 1));
  refuse(good + "- key AAAAAAAAAA==\n");
  refuse(good + "\u2014 key\n");
  refuse(good + "\u2014 key AAAA\n");
  refuse(good + "\u2014 key AAAAAAA\n");
  refuse(good + "\u2014 ke+y AAAAAAAA\n");
  refuse(good + "\u2014 \u00a0 AAAAAAAA\n");
}

TEST_CASE("a note may carry a hundred signatures and no more") {
  std::string note = "text\n\n";
  for (std::size_t i = 0; i < max_note_signatures; ++i) note += "\u2014 key AAAAAAAA\n";
  REQUIRE(must(parse_note(as_bytes(note))).signatures.size() == max_note_signatures);
  REQUIRE_RULE(parse_note(as_bytes(note + "\u2014 key AAAAAAAA\n")), rules::note_limit);
  REQUIRE_RULE(parse_note(Bytes(max_note_size + 1, std::byte{'a'})), rules::note_limit);
}

TEST_CASE("the same key may be given twice") {
  const NamedKey key("key");
  const std::vector<VerifierKey> twice = {key.verifier(), key.verifier()};
  REQUIRE_OK(verify_note({"t\n", {must(key.signer.sign("t\n"))}}, twice));
}

TEST_CASE("two different keys of one name and id are ambiguous") {
  // An id has 32 bits, so a collision is found by trying log ids, which may be any 32 bytes.
  std::map<KeyId, Bytes> seen;
  std::vector<VerifierKey> known;
  for (std::uint64_t n = 0; known.empty(); ++n) {
    Bytes material(25);
    material.front() = std::byte{5};
    append_u64_be(material, n);
    const Sha256 hash = sha256({as_bytes("key\n"), material});
    KeyId id;
    std::copy_n(hash.begin(), id.size(), id.begin());
    const auto [place, fresh] = seen.emplace(id, material);
    if (fresh) continue;
    for (const Bytes& key : {place->second, material})
      known.push_back(must(VerifierKey::parse("key+" + to_hex(id) + "+" + to_base64(key))));
  }
  REQUIRE_RULE(verify_note({"t\n", {}}, known), rules::note_ambiguous_key);
}

TEST_CASE("a verifier key survives its text, and no bent text is taken for it") {
  const NamedKey ed("log.example/a");
  const NamedKey ec("log.example/a", NoteKeyType::ecdsa);
  for (const NamedKey* key : {&ed, &ec}) {
    const std::string text = key->verifier().to_string();
    REQUIRE(must(VerifierKey::parse(text)).to_string() == text);
    for (std::size_t i = 0; i < text.size(); ++i) {
      REQUIRE_FALSE(VerifierKey::parse(text.substr(0, i)));
      // The id of an ECDSA key does not cover its name: another name is another, well-formed key.
      if (key == &ec && i < std::string_view("log.example/a").size()) continue;
      std::string without = text;
      without.erase(i, 1);
      REQUIRE_FALSE(VerifierKey::parse(without));
    }
  }
}

TEST_CASE("a verifier key of an unknown type is told from a malformed one") {
  const Bytes material = concat({Bytes{std::byte{0x65}}, Bytes(32, std::byte{1})});
  const Sha256 id = sha256({as_bytes("key\n"), material});
  REQUIRE_RULE(
      VerifierKey::parse("key+" + to_hex(ByteView(id).first(4)) + "+" + to_base64(material)),
      rules::vkey_type);
  REQUIRE_RULE(VerifierKey::parse("key"), rules::vkey_form);
}

TEST_CASE("a key signs only notes of a type that fits it") {
  const auto ed = must(make_signing_key(KeyKind::ed25519, system_random()));
  const auto ec = must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  REQUIRE_RULE(NoteSigner::make("a", NoteKeyType::ecdsa, *ed), rules::vkey_form);
  REQUIRE_RULE(NoteSigner::make("a", NoteKeyType::cosignature_v1, *ec), rules::vkey_form);
  REQUIRE_RULE(NoteSigner::make("a b", NoteKeyType::ed25519, *ed), rules::vkey_form);
  REQUIRE_RULE(NoteSigner::make("a", NoteKeyType::ml_dsa_44, *ed), rules::vkey_form);
}

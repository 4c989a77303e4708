// A small trust root with keys made at run time, for tests to change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libattest/trust/trust_root.h"
#include "tests/support/catch.h"

namespace attest {

struct SampleTrust {
  std::vector<std::unique_ptr<SigningKey>> root_keys;
  std::unique_ptr<SigningKey> lab = make();
  std::unique_ptr<SigningKey> administrator = make();
  std::unique_ptr<SigningKey> log = make();
  std::unique_ptr<SigningKey> witness = make();
  int version = 1;
  int threshold = 2;
  int quorum = 1;
  std::string expires = "2030-01-01T00:00:00Z";
  std::string more;  // further tables

  SampleTrust() {
    for (int i = 0; i < 3; ++i) root_keys.push_back(make());
  }

  static std::unique_ptr<SigningKey> make() {
    return must(make_signing_key(KeyKind::ed25519, system_random()));
  }
  static std::string quoted(const SigningKey& key) {
    return "\"" + to_base64(key.public_key().spki_der()) + "\"";
  }
  static std::string vkey(const std::string& name, transparency::NoteKeyType type,
                          const SigningKey& key) {
    return "\"" + must(transparency::VerifierKey::make(name, type, key.public_key())).to_string() +
           "\"";
  }

  std::string toml() const {
    std::string text =
        "format = \"attest-trust-root/v1\"\n[root]\nversion = " + std::to_string(version) +
        "\nexpires = \"" + expires + "\"\nthreshold = " + std::to_string(threshold) + "\n";
    for (std::size_t i = 0; i < root_keys.size(); ++i)
      text += "[[root.key]]\nname = \"root-" + std::to_string(i) +
              "\"\nkey = " + quoted(*root_keys[i]) + "\n";
    text += "[[log]]\norigin = \"log.example\"\nkeys = [" +
            vkey("log.example", transparency::NoteKeyType::ed25519, *log) + "]\n";
    text += "[[witness]]\nkey = " +
            vkey("w.example", transparency::NoteKeyType::cosignature_v1, *witness) + "\n";
    text += "[quorum]\nwitnesses = " + std::to_string(quorum) + "\n";
    text += "[[issuer]]\nname = \"weights@lab.example\"\nkey = " + quoted(*lab) +
            "\nmay = [\"model-release\", \"revocation\"]\nsubjects = [\"sha256:*\"]\n";
    text += "[[issuer]]\nname = \"admin.example\"\nkey = " + quoted(*administrator) +
            "\nmay = [\"policy\"]\nsubjects = [\"policy:demo-*\"]\nrevoke = [\"sha256:*\"]\n";
    return text + more;
  }
  TrustRoot parse() const { return must(TrustRoot::parse(toml())); }
};

// changed replaces the first `from` by `to`, which must be there.
inline std::string changed(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace attest

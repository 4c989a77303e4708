// A trust root, a log of a few entries and its signed checkpoint, in memory: what turns a payload
// into a statement that may be relied on, without a ledger.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "libattest/hardware/proven_statement.h"
#include "libattest/trust/trust_root.h"

namespace attest::test {

inline const Time statement_time = from_unix(1'799'000'000);

class TestLedgerTrust {
 public:
  TestLedgerTrust() : log_key_(new_key()), issuer_key_(new_key()), other_key_(new_key()) {}

  // add signs a statement by "owner@example", or by "other@example", and gives its index.
  std::uint64_t add(statement::Kind kind, std::string_view subject, ByteView payload,
                    bool by_other = false) {
    entries_.push_back(
        made(statement::sign_statement(kind, made(statement::Subject::parse(subject)),
                                       by_other ? "other@example" : "owner@example", statement_time,
                                       payload, by_other ? *other_key_ : *issuer_key_)));
    return entries_.size() - 1;
  }

  AuthorizedStatement authorized(std::uint64_t index) const {
    return made(authorize(made(statement::parse_statement(entries_.at(index))), trust(),
                          EntryStanding{index, {}}));
  }
  AuthorizedStatement authorized_outside(std::uint64_t index) const {
    return made(authorize(made(statement::parse_statement(entries_.at(index))), trust()));
  }

  transparency::VerifiedCheckpoint checkpoint() const {
    transparency::Checkpoint checkpoint;
    checkpoint.origin = "log.example";
    checkpoint.size = entries_.size();
    checkpoint.root = transparency::root_of(leaves());
    const auto signer = made(transparency::NoteSigner::make(
        "log.example", transparency::NoteKeyType::ed25519, *log_key_));
    const std::string note = made(transparency::sign_note(
        transparency::format_checkpoint(checkpoint), std::span(&signer, 1)));
    return made(transparency::verify_checkpoint(as_bytes(note),
                                                {"log.example", {signer.verifier()}, {}, 0}));
  }

  std::vector<transparency::Hash> path(std::uint64_t index) const {
    const auto hashes = leaves();
    return made(transparency::prove_inclusion(
        index, hashes.size(), [&](unsigned level, std::uint64_t at) -> Result<transparency::Hash> {
          const std::size_t width = std::size_t{1} << level;
          return transparency::root_of(std::span(hashes).subspan(at * width, width));
        }));
  }

  hardware::ProvenStatement proven(std::uint64_t index) const {
    return made(hardware::prove_statement(authorized(index), checkpoint(), path(index)));
  }

 private:
  template <typename T>
  static T made(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().to_string());
    return *std::move(result);
  }
  static std::unique_ptr<SigningKey> new_key() {
    return made(make_signing_key(KeyKind::ed25519, system_random()));
  }
  static std::string spki(const SigningKey& key) { return to_base64(key.public_key().spki_der()); }

  TrustRoot trust() const {
    const std::string may =
        "may = [\"device-manifest\", \"reference-values\", \"policy\", \"custody\", "
        "\"inspection\"]\n"
        "subjects = [\"*\"]\n";
    return made(TrustRoot::parse(
        "format = \"attest-trust-root/v1\"\n"
        "[root]\nversion = 1\nexpires = 2030-01-01T00:00:00Z\n"
        "threshold = 1\n[[root.key]]\nname = \"root\"\nkey = \"" +
        spki(*log_key_) + "\"\n[[issuer]]\nname = \"owner@example\"\nkey = \"" +
        spki(*issuer_key_) + "\"\n" + may + "[[issuer]]\nname = \"other@example\"\nkey = \"" +
        spki(*other_key_) + "\"\n" + may));
  }
  std::vector<transparency::Hash> leaves() const {
    std::vector<transparency::Hash> hashes;
    for (const Bytes& entry : entries_) hashes.push_back(transparency::leaf_hash(entry));
    return hashes;
  }

  std::unique_ptr<SigningKey> log_key_;
  std::unique_ptr<SigningKey> issuer_key_;
  std::unique_ptr<SigningKey> other_key_;
  std::vector<Bytes> entries_;
};

}  // namespace attest::test

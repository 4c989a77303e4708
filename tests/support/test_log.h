// A log in memory, with its issuers, witnesses and trust root, for tests of what stands on proofs.
// All signatures are real; time is what the test says.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "libattest/lineage/bundle.h"

namespace attest::test {

struct TestIssuer {
  std::string name;
  std::unique_ptr<SigningKey> key;
  std::vector<std::string> may;
  std::vector<std::string> subjects;
  std::vector<std::string> revoke;
};

class TestLog {
 public:
  static constexpr const char* origin = "log.example/a";
  static constexpr std::size_t quorum = 2;

  TestLog();

  // issuer adds someone to the trust root; the reference stays good. `stranger` is in none.
  const TestIssuer& issuer(std::string name, std::vector<std::string> may,
                           std::vector<std::string> subjects = {"sha256:*"},
                           std::vector<std::string> revoke = {});
  const TestIssuer& stranger(std::string name);

  // verifier adds one whose results the trust root believes.
  const TestIssuer& verifier(std::string name);

  // Each appends an entry and gives its index.
  std::uint64_t add(Bytes entry);
  std::uint64_t say(const TestIssuer& who, statement::Kind kind, const statement::Subject& subject,
                    ByteView payload);
  std::uint64_t release(const TestIssuer& who, const statement::ModelRelease& release);
  std::uint64_t data_set(const TestIssuer& who, const statement::DataSet& data_set);
  std::uint64_t revoke(const TestIssuer& who, const statement::Subject& subject,
                       const std::string& reason);
  std::uint64_t end_key(const TestIssuer& who, const TestIssuer& whose, std::uint64_t from_index);

  TrustRoot trust() const;
  std::string trust_text() const;  // of its trust.toml
  std::uint64_t size() const { return entries_.size(); }
  // publish appends a map root and gives the checkpoint over it, cosigned at these times by as many
  // witnesses, of which there are three.
  std::string publish(const std::vector<Time>& cosigned);
  // bundle publishes, and gathers all that speaks for an artefact.
  lineage::UntrustedBundle bundle(const statement::Subject& subject,
                                  const std::vector<Time>& cosigned);
  transparency::UntrustedEntry entry(std::uint64_t index) const;

 private:
  std::vector<std::uint64_t> speaking_of(const std::string& subject) const;
  transparency::NodeReader reader() const;

  std::unique_ptr<SigningKey> root_key_;
  std::unique_ptr<SigningKey> log_key_;
  std::vector<std::unique_ptr<SigningKey>> witness_keys_;
  std::vector<std::unique_ptr<TestIssuer>> issuers_;
  std::vector<std::unique_ptr<TestIssuer>> strangers_;
  std::vector<std::unique_ptr<TestIssuer>> verifiers_;
  std::vector<Bytes> entries_;
  std::vector<std::vector<transparency::Hash>> levels_;  // full subtrees by level
  transparency::CompactRange range_;
  transparency::SubjectMap map_;
  std::map<std::string, std::vector<std::uint64_t>> speaking_of_;
};

// A file of these bytes, as a release or a data set of one file; the subject is its SHA-256.
statement::ModelRelease release_of(std::string_view bytes);
statement::ModelRelease release_of(std::string_view bytes, std::string operation,
                                   std::vector<statement::Parent> parents);
statement::DataSet data_set_of(std::string_view bytes);

}  // namespace attest::test

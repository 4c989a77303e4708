// A data set, base weights trained on it, and a quantized file, all in a log: what most tests of
// this room begin with.
#pragma once

#include "libattest/lineage/bundle.h"
#include "tests/support/catch.h"
#include "tests/support/test_log.h"

namespace attest::test {

struct PublishedModel {
  static constexpr std::int64_t day = 86'400;
  static inline const Time cosigned = from_unix(1'795'000'000);
  static inline const Time now = cosigned + Seconds(60);

  TestLog log;
  const TestIssuer& lab =
      log.issuer("weights@lab.example",
                 {"data-set", "model-release", "revocation", "training-run", "consent"});
  const TestIssuer& admin = log.issuer("administrator@demo.example", {"key-status", "revocation"},
                                       {"key:*"}, {"sha256:*"});
  statement::DataSet text = data_set_of("text");
  statement::ModelRelease base = release_of("base", "train", {{"dataset", subject_of(text)}});
  statement::ModelRelease chat = release_of("chat", "quantize", {{"base", subject_of(base)}});
  statement::Subject subject = subject_of(chat);

  // Before publish_all: the jurisdictions of all three.
  void say_jurisdictions(const std::vector<std::string>& names) {
    text.jurisdictions = base.jurisdictions = chat.jurisdictions = names;
  }
  void publish_all() {
    log.data_set(lab, text);
    log.release(lab, base);
    log.release(lab, chat);
  }
  lineage::UntrustedBundle bundle() { return log.bundle(subject, {cosigned, cosigned}); }
  Result<lineage::VerifiedBundle> verify(const lineage::UntrustedBundle& bundle,
                                         Time at = now) const {
    return lineage::verify_bundle(bundle, log.trust(), at);
  }
  Result<lineage::VerifiedBundle> verify() { return verify(bundle()); }
};

}  // namespace attest::test

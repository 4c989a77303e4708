// VerifierClient speaks to verifierd (docs/formats.md, "Programs' interfaces"): one function a
// request. Answers are untrusted: callers verify challenges and results with the trust root's keys.
// Usable from several threads.
#pragma once

#include <functional>
#include <string>

#include "agentd/configuration.h"
#include "libattest/evidence/enrolment.h"
#include "libattest/http/client.h"

namespace attest::agentd {

class VerifierClient {
 public:
  static Result<VerifierClient> make(const VerifierConfiguration& configuration, Random& random);

  Result<evidence::EnrolChallenge> begin_enrolment(const evidence::EnrolBegin& message) const;
  Result<evidence::EnrolResult> complete_enrolment(const evidence::EnrolComplete& message) const;
  // challenge asks for a challenge of this node; it comes back as received.
  Result<Bytes> challenge(std::string_view node) const;
  // submit hands in evidence and gives the result, a JWT.
  Result<std::string> submit(const Bytes& evidence) const;
  Status submit_receipt(const Sha256& digest) const;

 private:
  VerifierClient(http::Client client, std::string url)
      : client_(std::move(client)), url_(std::move(url)) {}
  http::Client client_;
  std::string url_;
};

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule verifier_answer{"agentd.verifier.answer"};
}

#include "agentd/verifier_client.h"

#include "libattest/base/cbor.h"
#include "libattest/base/text.h"
#include "libattest/evidence/challenge.h"
#include "libattest/evidence/evidence.h"

namespace attest::agentd {
namespace {
constexpr const char* cbor_type = "application/cbor";
}

Result<VerifierClient> VerifierClient::make(const VerifierConfiguration& configuration,
                                            Random& random) {
  http::ClientOptions options;
  options.ca_file = configuration.ca_file;
  options.client_certificate = configuration.client_certificate;
  options.client_key = configuration.client_key;
  options.user_agent = "agentd";
  TRY(http::Client client, http::Client::make(std::move(options), random));
  return VerifierClient(std::move(client), configuration.url);
}

Result<evidence::EnrolChallenge> VerifierClient::begin_enrolment(
    const evidence::EnrolBegin& message) const {
  TRY(const Bytes answer,
      client_.exchange(url_ + "/v1/enrol/begin", cbor_type, evidence::encode(message)));
  return evidence::parse_enrol_challenge(answer);
}

Result<evidence::EnrolResult> VerifierClient::complete_enrolment(
    const evidence::EnrolComplete& message) const {
  TRY(const Bytes answer,
      client_.exchange(url_ + "/v1/enrol/complete", cbor_type, evidence::encode(message)));
  return evidence::parse_enrol_result(answer);
}

Result<Bytes> VerifierClient::challenge(std::string_view node) const {
  cbor::Map request;
  request.emplace_back("node", node);
  request.emplace_back("rest_of_ima", true);
  return client_.exchange(url_ + "/v1/challenge", cbor_type, cbor::encode(std::move(request)));
}

Result<std::string> VerifierClient::submit(const Bytes& evidence_bytes) const {
  TRY(const Bytes answer,
      client_.exchange(url_ + "/v1/evidence", std::string(evidence::evidence_media_type),
                       evidence_bytes));
  if (!is_utf8(as_text(answer)))
    return fail(refused(rules::verifier_answer, "the verifier's result is no text"));
  return attest::to_string(answer);
}

Status VerifierClient::submit_receipt(const Sha256& digest) const {
  cbor::Map request;
  request.emplace_back("digest", digest);
  TRY_VOID(client_.exchange(url_ + "/v1/receipts", cbor_type, cbor::encode(std::move(request))));
  return {};
}

}  // namespace attest::agentd

// The HTTP face of verifierd: each route decodes, calls one function of a room, and encodes.
//
// Bodies are deterministic CBOR with text keys unless said otherwise; errors are JSON (see
// libattest/http/message.h). A service under more load than it takes answers 503 with Retry-After.
//
//   POST /v1/enrol/begin      EnrolBegin → EnrolChallenge     (libattest/evidence/enrolment.h)
//   POST /v1/enrol/complete   EnrolComplete → EnrolResult
//   POST /v1/challenge        {node: text, rest_of_ima: true where the node can send the rest of
//                             its IMA list} → the challenge itself
//   (application/attest-challenge+cose) POST /v1/evidence         evidence
//   (application/attest-evidence+cbor) → the signed result:
//                             a JWT (application/eat+jwt), or a CWT where the request's Accept is
//                             application/eat+cwt. 200 whatever the verdict: it stands in the
//                             result. Evidence that does not verify is an error, and no result.
//   POST /v1/receipts         {digest: bytes} → 202 {digest}
//   GET  /v1/receipts/<hex>   {statement: {entry, index, path}, path, position, checkpoint}
//                             404 for an unknown digest, 503 until a checkpoint covers its batch
//   GET  /v1/results/<hex>    the result as it was signed; <hex> is the digest of the result or of
//                             the evidence (its jti)
//   GET  /v1/nodes            JSON {nodes: [{node, state, since, verdict, result, ek}…]}
//   GET  /v1/nodes/<id>       JSON {node, state, since, ek, ak_name, software_tpm, result (the JWT
//                             or null), events: [{time, what}…]}
//   POST /entries             a statement or DSSE envelope → 201, or 200 where it was there
//   already,
//                             {index, digest}
//   GET  /v1/entries/<index>  the entry's bytes
//   GET  /v1/find?subject=S   {indexes: [unsigned…]}
//   GET  /v1/bundle?subject=S[&index=N]   a proof bundle; with N it waits until N is covered
//   GET  /checkpoint, /tile/<L>/…, /tile/entries/…   C2SP tlog-tiles
#pragma once

#include "libattest/http/router.h"
#include "verifierd/attestation.h"
#include "verifierd/enrolment.h"
#include "verifierd/ledger_service.h"
#include "verifierd/receipts.h"

namespace attest::verifierd {

// Services must outlive the router that make_router gives.
struct Services {
  StateStore& state;
  LedgerService& ledger;
  Enrolment& enrolment;
  Attestation& attestation;
  Receipts& receipts;
};

http::Router make_router(Services services);

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule api_body{"verifierd.api.body"};
inline constexpr Rule api_not_found{"verifierd.api.not-found"};
inline constexpr Rule api_not_yet{"verifierd.api.not-yet"};
}  // namespace attest::rules

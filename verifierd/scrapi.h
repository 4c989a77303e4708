// SCRAPI (draft-ietf-scitt-scrapi): registration of signed statements for clients that know SCITT
// and nothing of this project.
//
//   GET  /.well-known/scitt-keys   the log's key as a COSE Key Set (application/cbor)
//   POST /entries                  a signed statement (application/cose): 201 with its receipt
//   where
//                                  it is under a checkpoint already, else 303 with Location and
//                                  Retry-After; it is durable either way
//   GET  /entries/{id}             200 the receipt, 302 while no checkpoint covers it, 404, 400;
//                                  {id} is the SHA-256 of the statement in hex
//
// Errors are application/concise-problem-details+cbor (RFC 9290). Statements of our own content
// type are answered at POST /entries as docs/formats.md says; see api.cpp.
#pragma once

#include <functional>
#include <optional>

#include "ledger/sequencer.h"
#include "libattest/crypto/public_key.h"
#include "libattest/http/router.h"

namespace attest::verifierd {

// Registration is what the routes need of a log. Calls may come from several threads.
struct Registration {
  std::function<Result<ledger::Added>(ByteView statement)> submit;
  // receipt gives nothing while no published checkpoint covers the entry; an unknown digest is
  // rules::log_no_entry.
  std::function<Result<std::optional<Bytes>>(const Sha256& digest)> receipt;
  PublicKey key;
};

// register_statement answers POST /entries of content type application/cose.
http::Response register_statement(const Registration& registration, ByteView statement);
http::Response registration_status(const Registration& registration, std::string_view id);
// key_set gives the COSE Key Set of one Ed25519 or P-256 key; kid is its thumbprint.
Bytes key_set(const PublicKey& key);

// add_scrapi_routes adds the two GETs.
void add_scrapi_routes(http::Router& router, Registration registration);

}  // namespace attest::verifierd

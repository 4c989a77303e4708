// The HTTP faces of the ledger: being a witness for other logs, asking witnesses over HTTPS, and
// serving a published log (C2SP tlog-witness and tlog-tiles).
//
// A target of its own, attest::ledger_http, so that the rest of the ledger stays free of sockets.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ledger/witnessing.h"
#include "libattest/http/client.h"
#include "libattest/http/router.h"

namespace attest::ledger {

using Now = std::function<Time()>;

// WitnessIdentity is under which name and key a witness cosigns. Both referents outlive the router.
struct WitnessIdentity {
  std::string name;
  const SigningKey& key;
};

// add_witness_routes adds POST <prefix>/add-checkpoint and GET <prefix>/<hex sha256 of
// origin>/checkpoint. `prefix` is empty or begins with "/". Answers leave after the state is on
// stable storage.
void add_witness_routes(http::Router& router, const std::string& prefix, WitnessState& state,
                        WitnessIdentity identity, Now now);

// add_log_routes adds GET /checkpoint, /tile/<L>/<N>[.p/<W>] and /tile/entries/<N>[.p/<W>] from a
// log's public directory. Tiles never change and may be cached for ever; the checkpoint not at all.
// Only names in the form of tlog-tiles reach the file system.
void add_log_routes(http::Router& router, Path public_directory);

// make_witness_client asks the witness at `url` ("https://…", without "/add-checkpoint").
std::unique_ptr<WitnessClient> make_witness_client(std::string verifier_key, std::string url,
                                                   http::Client client);

// is_tile_path says whether `path` ("0/x001/067.p/3", "entries/000") has the form of tlog-tiles.
bool is_tile_path(std::string_view path);

}  // namespace attest::ledger

// A published log read over HTTPS: the same files as in a directory, from a web server or a CDN.
#pragma once

#include <string>

#include "ledger/audit.h"
#include "libattest/http/client.h"

namespace attest::ledger {

class HttpSource final : public TileSource {
 public:
  // `url` is the log's prefix, "https://log.example/a", with or without a final slash.
  HttpSource(std::string url, http::Client client);
  // A status of 404 is a file that is not there; any other but 2xx cannot be told.
  Result<std::optional<Bytes>> read(const std::string& path) override;

 private:
  std::string url_;
  http::Client client_;
};

}  // namespace attest::ledger

#include "cli/log_source.h"

#include "ledger/http_source.h"
#include "libattest/crypto/random.h"

namespace attest::cli {

Result<std::unique_ptr<ledger::TileSource>> open_log_source(const std::string& place,
                                                            const std::string& ca_file) {
  const bool plain = place.starts_with("http://");
  if (!plain && !place.starts_with("https://"))
    return std::make_unique<ledger::DirectorySource>(place);
  http::ClientOptions client;
  client.plain = plain;
  if (!ca_file.empty()) client.ca_file = ca_file;
  TRY(auto made, http::Client::make(client, system_random()));
  return std::make_unique<ledger::HttpSource>(place, std::move(made));
}

}  // namespace attest::cli

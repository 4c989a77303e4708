#include "ledger/http_source.h"

namespace attest::ledger {

HttpSource::HttpSource(std::string url, http::Client client)
    : url_(std::move(url)), client_(std::move(client)) {
  if (!url_.ends_with('/')) url_ += '/';
}

Result<std::optional<Bytes>> HttpSource::read(const std::string& path) {
  TRY(http::ClientResponse response, client_.get(url_ + path));
  if (response.status == 404) return std::nullopt;
  if (!response.ok())
    return fail(incomplete(rules::http_unreachable, "the log's server did not give a file")
                    .found("status " + std::to_string(response.status))
                    .within(url_ + path));
  return std::move(response.body);
}

}  // namespace attest::ledger

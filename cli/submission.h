// Statements on their way into a ledger: signed here, then sent to a verifier, entered into a log
// on this machine, or written to a file to be carried.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/report.h"
#include "libattest/base/bytes.h"
#include "libattest/base/time.h"
#include "libattest/http/client.h"
#include "libattest/statement/statement.h"

namespace CLI {
class App;
}

namespace attest::cli {

struct ServerOptions {
  std::string url;      // "https://127.0.0.1:8443"
  std::string ca_file;  // PEM; the system's store without
};
void add_server_options(Command* verb, ServerOptions& options);
Result<http::Client> connect(const ServerOptions& options);

struct SubmissionOptions {
  std::string issuer;
  std::string key;
  std::string passphrase_file;
  ServerOptions server;
  std::string output;
};
// add_submission_options adds --issuer, --key, --server, --ca and --output.
void add_submission_options(Command* verb, SubmissionOptions& options);
// add_entering_options adds the same for verbs that may also not submit, whose --output is another
// file: nothing is required, and the statement goes to --statement.
void add_entering_options(Command* verb, SubmissionOptions& options);

// submit signs a statement and sends it where the options say; both --server and --output may be
// given, one must be. The report says the entry's index.
Result<Report> submit(const SubmissionOptions& options, statement::Kind kind,
                      const statement::Subject& subject, ByteView payload, Time now);

// write_bundle fetches the proof bundle for a file from the server, waiting until it covers entry
// `index`, and writes FILE.attest/bundle.cbor and FILE.attest/tree.
Status write_bundle(const ServerOptions& server, const Path& file,
                    const statement::Subject& subject, std::optional<std::uint64_t> index);

}  // namespace attest::cli

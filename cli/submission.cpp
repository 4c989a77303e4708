#include "cli/submission.h"

#include <chrono>
#include <thread>

#include "cli/command_line.h"
#include "cli/model_subject.h"
#include "cli/passphrase.h"
#include "libattest/base/cbor.h"
#include "libattest/base/text.h"
#include "libattest/crypto/random.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/transparency/checkpoint.h"

namespace attest::cli {

void add_server_options(Command* verb, ServerOptions& options) {
  verb->add_option("--server", options.url,
                   "The verifier's address, such as https://127.0.0.1:8443");
  verb->add_option("--ca", options.ca_file, "Trust exactly these certificate authorities (PEM)");
}

Result<http::Client> connect(const ServerOptions& options) {
  http::ClientOptions client;
  if (!options.ca_file.empty()) client.ca_file = options.ca_file;
  return http::Client::make(client, system_random());
}

namespace {

void add_places(Command* verb, SubmissionOptions& options, const std::string& output) {
  verb->add_option("--passphrase-file", options.passphrase_file,
                   "Holds the key's passphrase in its first line");
  add_server_options(verb, options.server);
  verb->add_option(output, options.output, "Write the signed statement to this file");
}

}  // namespace

void add_submission_options(Command* verb, SubmissionOptions& options) {
  verb->add_option("--issuer", options.issuer, "The name you speak under, as the trust root has it")
      ->required();
  verb->add_option("--key", options.key, "Your signing key: a file or a pkcs11: URI")->required();
  add_places(verb, options, "--output");
}

void add_entering_options(Command* verb, SubmissionOptions& options) {
  verb->add_option("--issuer", options.issuer,
                   "The name you speak under, as the trust root has it");
  verb->add_option("--key", options.key, "Your signing key: a file or a pkcs11: URI");
  add_places(verb, options, "--statement");
}

namespace {

// What the verifier answered to POST /entries (docs/formats.md, "Programs' interfaces").
Result<std::uint64_t> index_in(ByteView answer) {
  TRY(const cbor::Value value, cbor::decode(answer, cbor::Form::deterministic));
  TRY(cbor::Fields fields, cbor::Fields::of(value, "the verifier's answer"));
  TRY(const std::uint64_t index, fields.unsigned_integer("index"));
  return index;
}

// An entry counts once a published checkpoint covers it, which takes a checkpoint interval. The
// checkpoint is not believed here, only waited for: whoever relies on the entry checks its proof.
bool wait_until_published(const http::Client& client, const std::string& server,
                          std::uint64_t index) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  while (std::chrono::steady_clock::now() < deadline) {
    const auto note = client.fetch(server + "/checkpoint");
    if (!note) return false;
    const auto parsed = transparency::parse_note(*note);
    const auto checkpoint = parsed ? transparency::parse_checkpoint(parsed->text)
                                   : Result<transparency::Checkpoint>(fail(parsed.error()));
    if (!checkpoint) return false;
    if (checkpoint->size > index) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

}  // namespace

Result<Report> submit(const SubmissionOptions& options, statement::Kind kind,
                      const statement::Subject& subject, ByteView payload, Time now) {
  if (options.server.url.empty() && options.output.empty())
    return fail(
        usage_error("say where the statement is to go: --server URL, --output FILE, or both"));
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(const auto key, open_signing_key(options.key, passphrase));
  TRY(const Bytes signed_statement,
      statement::sign_statement(kind, subject, options.issuer, now, payload, *key));
  Report report;
  report.json = {{"kind", statement::to_string(kind)},
                 {"subject", subject.text()},
                 {"issuer", options.issuer},
                 {"digest", to_hex(sha256(signed_statement))}};
  report.line(std::string(statement::to_string(kind)) + " about " + shorten(subject.text()) +
              ", signed by " + options.issuer);
  if (!options.output.empty()) {
    TRY_VOID(write_file_atomically(options.output, signed_statement));
    report.field("written to", options.output);
    report.json["output"] = options.output;
  }
  if (!options.server.url.empty()) {
    TRY(const http::Client client, connect(options.server));
    TRY(const Bytes answer, client.exchange(options.server.url + "/entries",
                                            std::string(statement::media_type), signed_statement));
    TRY_WITHIN(options.server.url, const std::uint64_t index, index_in(answer));
    const bool published = wait_until_published(client, options.server.url, index);
    report.field("entered",
                 "entry " + with_thousands(index) + " of the ledger at " + options.server.url);
    if (!published) report.field("", "no checkpoint covers it yet, so nobody can rely on it yet");
    report.json["index"] = index;
    report.json["published"] = published;
  }
  return report;
}

Status write_bundle(const ServerOptions& server, const Path& file,
                    const statement::Subject& subject, std::optional<std::uint64_t> index) {
  TRY(const http::Client client, connect(server));
  std::string url = server.url + "/v1/bundle?subject=" + http::url_encode(subject.text());
  if (index) url += "&index=" + std::to_string(*index);
  TRY(const Bytes bundle, client.fetch(url));
  return write_beside(file, bundle);
}

}  // namespace attest::cli

// attestctl witness: show, serve: being a witness for others' logs (C2SP tlog-witness).
#include <csignal>
#include <cstdio>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/passphrase.h"
#include "ledger/witness_service.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/http/server.h"
#include "libattest/http/tls_files.h"
#include "libattest/transparency/note.h"

namespace attest::cli {

namespace {

struct WitnessOptions {
  std::string name;
  std::string key;
  std::string passphrase_file;
  std::string listen = "127.0.0.1:8444";
  std::string directory;
  std::vector<std::string> logs;
  std::string certificate;
  std::string certificate_key;
};

Result<std::unique_ptr<SigningKey>> key_of(const WitnessOptions& options) {
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  return open_signing_key(options.key, passphrase);
}

Result<Report> show(const WitnessOptions& options) {
  TRY(const auto key, key_of(options));
  TRY(const auto verifier,
      transparency::VerifierKey::make(options.name, transparency::NoteKeyType::cosignature_v1,
                                      key->public_key()));
  Report report;
  report.line(options.name);
  report.field("key", verifier.to_string());
  report.line("Name this key under [[witness]] in trust roots, and in the configuration of the");
  report.line("logs that are to ask this witness.");
  report.json = {{"name", options.name}, {"verifier_key", verifier.to_string()}};
  return report;
}

// Blocks until SIGTERM or SIGINT. They must be blocked before the first thread starts, so that no
// thread of the server takes them.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
  }

 private:
  sigset_t set_{};
};

Result<http::ServerOptions> server_options(const WitnessOptions& options) {
  http::ServerOptions server;
  TRY_WITHIN("--listen", server.listen, http::parse_endpoint(options.listen));
  if (options.certificate.empty()) {
    server.plain = true;
    return server;
  }
  TRY(server.tls, http::load_tls_identity(options.certificate, options.certificate_key));
  return server;
}

Result<Report> serve(const WitnessOptions& options) {
  const StopSignals stop;
  TRY(const auto key, key_of(options));
  TRY_VOID(system_files().make_directories(options.directory, 0700));
  TRY(const auto state, ledger::WitnessState::open(system_files(), options.directory));
  for (const std::string& log : options.logs) TRY_VOID(state->watch(log));
  http::Router router;
  ledger::add_witness_routes(router, "", *state, {options.name, *key}, [] {
    return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
  });
  TRY(auto listening, server_options(options));
  TRY(const auto server, http::Server::start(std::move(listening), std::move(router)));
  std::fprintf(stderr, "%s is a witness at %s for %zu logs; stop it with Ctrl-C\n",
               options.name.c_str(), server->url().c_str(), options.logs.size());
  stop.wait();
  server->stop(std::chrono::seconds(5));
  Report report;
  report.line("stopped; what was cosigned is remembered in " + options.directory);
  return report;
}

void add_key_options(Command* verb, WitnessOptions& options) {
  verb->add_option("--name", options.name, "The witness's name in its key")->required();
  verb->add_option("--key", options.key, "Its signing key (Ed25519)")->required();
  verb->add_option("--passphrase-file", options.passphrase_file,
                   "Holds the key's passphrase in its first line");
}

}  // namespace

void add_witness_commands(CommandLine& command_line) {
  Command* group = command_line.group("witness", "Being a witness for logs");

  auto options = std::make_shared<WitnessOptions>();
  Command* verb =
      command_line.verb(group, "show", "Show a witness's verifier key",
                        "attestctl witness show --name witness.dc2.example --key witness.key");
  add_key_options(verb, *options);
  command_line.runs(verb, [options](const Context&) { return show(*options); });

  options = std::make_shared<WitnessOptions>();
  verb = command_line.verb(
      group, "serve", "Cosign checkpoints that continue what was seen before",
      "attestctl witness serve --name witness.dc2.example --key witness.key \\\n"
      "    --directory /var/lib/attest-witness --log \"$(cat log.vkey)\" --listen 127.0.0.1:8444");
  add_key_options(verb, *options);
  verb->add_option("--directory", options->directory, "Where it remembers what it cosigned")
      ->required();
  verb->add_option("--log", options->logs, "A log's verifier key; may be repeated")
      ->required()
      ->one_each_time();
  verb->add_option("--listen", options->listen, "Address and port; without TLS only on loopback");
  auto* certificate =
      verb->add_option("--certificate", options->certificate, "TLS certificate chain (PEM)");
  verb->add_option("--certificate-key", options->certificate_key, "Its key (PEM, mode 0600)")
      ->needs(certificate);
  command_line.runs(verb, [options](const Context&) { return serve(*options); });
}

}  // namespace attest::cli

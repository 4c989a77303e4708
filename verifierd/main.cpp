// verifierd: enrols nodes, challenges them, judges their evidence, and keeps the ledger.
//
// SIGTERM and SIGINT end it in order; SIGHUP reads trust root, policy and TLS files anew.
#include <CLI/CLI.hpp>

#include "libattest/http/daemon.h"
#include "verifierd/program.h"

namespace {

using namespace attest;
using namespace attest::verifierd;

Time system_time() {
  return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
}

void reload(Program& program) {
  notify_reloading();
  if (const Status reloaded = program.reload(); reloaded) {
    log_info("trust root, policy and TLS files were read anew");
  } else {
    log_error("not everything could be read anew: " + reloaded.error().to_string());
  }
  notify_ready();
}

int run(const std::string& configuration, bool check_only) {
  const auto config = read_config(configuration);
  if (!config) return log_failure(config.error());
  if (check_only) {
    log_info(configuration + " is a good configuration");
    return 0;
  }
  const DaemonSignals signals;
  auto program = Program::start(*config, system_random(), system_time);
  if (!program) return log_failure(program.error());
  log_info(config->name + " serves at " + (*program)->url());
  notify_ready();
  for (;;) {
    const auto asked =
        signals.wait(std::chrono::minutes(1), [&program] { return (*program)->healthy(); });
    if (asked == DaemonSignals::Asked::end) break;
    if (asked == DaemonSignals::Asked::reload) reload(**program);
  }
  notify_stopping();
  (*program)->stop();
  log_info("ended in order");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("verifierd: verifier of nodes and keeper of the ledger");
  app.footer("Example: verifierd --config /etc/attest/verifierd.toml");
  std::string configuration = "/etc/attest/verifierd.toml";
  bool check_only = false;
  app.add_option("--config", configuration, "Configuration file")->capture_default_str();
  app.add_flag("--check", check_only, "Read the configuration, say whether it is good, and exit");
  app.set_version_flag("--version", "verifierd " ATTEST_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }
  start_log("verifierd");
  return run(configuration, check_only);
}

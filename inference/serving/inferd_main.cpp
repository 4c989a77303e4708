// inferd: serves one model, once it checked out, and signs what it answers.
//
// SIGTERM and SIGINT end it in order; SIGHUP reads trust root, policy, model, keys and TLS files
// anew.
#include <CLI/CLI.hpp>

#include "inference/serving/inferd.h"
#include "libattest/crypto/random.h"
#include "libattest/http/daemon.h"

namespace {

using namespace attest;
using namespace attest::inference;

Time system_time() {
  return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
}

int run(const std::string& file, bool check_only) {
  const auto configuration = read_server_configuration(file);
  if (!configuration) return log_failure(configuration.error());
  if (check_only) {
    log_info(file + " is a good configuration");
    return 0;
  }
  const DaemonSignals signals;
  auto inferd =
      Inferd::start(*configuration, "inferd " ATTEST_VERSION, system_random(), system_time);
  if (!inferd) return log_failure(inferd.error());
  log_info(configuration->model.name + " is served at " + (*inferd)->url());
  notify_ready();
  for (;;) {
    const auto asked =
        signals.wait(std::chrono::minutes(1), [&inferd] { return (*inferd)->healthy(); });
    if (asked == DaemonSignals::Asked::end) break;
    if (asked != DaemonSignals::Asked::reload) continue;
    notify_reloading();
    (*inferd)->request_reload(notify_ready);
  }
  notify_stopping();
  (*inferd)->stop();
  log_info("ended in order");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("inferd: serves a model that checks out, and signs what it answers");
  app.footer("Example: inferd --config /etc/attest/inferd.toml");
  std::string configuration = "/etc/attest/inferd.toml";
  bool check_only = false;
  app.add_option("--config", configuration, "Configuration file")->capture_default_str();
  app.add_flag("--check", check_only, "Read the configuration, say whether it is good, and exit");
  app.set_version_flag("--version", "inferd " ATTEST_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }
  start_log("inferd");
  return run(configuration, check_only);
}

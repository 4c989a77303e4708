// verifierd: enrols nodes, challenges them, judges their evidence, and keeps the ledger.
//
// SIGTERM and SIGINT end it in order; SIGHUP reads trust root, policy and TLS files anew.
#include <csignal>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include "verifierd/program.h"

namespace {

using namespace attest;
using namespace attest::verifierd;

void start_logging() {
  // systemd sets JOURNAL_STREAM where stderr goes to the journal (systemd.exec(5)).
  if (std::getenv("JOURNAL_STREAM") != nullptr) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "verifierd", std::make_shared<spdlog::sinks::systemd_sink_mt>("verifierd")));
    return;
  }
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "verifierd", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S%z %n %l: %v");
  spdlog::flush_on(spdlog::level::info);
}

int report(const Error& error) {
  spdlog::error("{}", error.to_string());
  return exit_status(error.kind);
}

Time system_time() {
  return std::chrono::floor<Seconds>(std::chrono::system_clock::now());
}

// Signals are blocked before the first thread starts, so that they arrive here and nowhere else.
sigset_t block_signals() {
  sigset_t awaited;
  sigemptyset(&awaited);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&awaited, signal);
  sigprocmask(SIG_BLOCK, &awaited, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return awaited;
}

// Waits for a signal to end; meanwhile reloads when asked and keeps the watchdog content for as
// long as the program is healthy.
void serve(Program& program, const sigset_t& awaited) {
  std::uint64_t watchdog_microseconds = 0;
  const bool watched = sd_watchdog_enabled(0, &watchdog_microseconds) > 0;
  const auto longest = watched ? watchdog_microseconds / 3 : 10'000'000;
  const timespec turn{.tv_sec = static_cast<time_t>(longest / 1'000'000),
                      .tv_nsec = static_cast<long>(longest % 1'000'000 * 1000)};
  for (;;) {
    const int signal = sigtimedwait(&awaited, nullptr, &turn);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) {
      sd_notify(0, "RELOADING=1");
      if (const Status reloaded = program.reload(); reloaded) {
        spdlog::info("trust root, policy and TLS files were read anew");
      } else {
        spdlog::error("not everything could be read anew: {}", reloaded.error().to_string());
      }
      sd_notify(0, "READY=1");
    }
    if (watched && program.healthy()) sd_notify(0, "WATCHDOG=1");
  }
}

int run(const std::string& configuration, bool check_only) {
  const auto config = read_config(configuration);
  if (!config) return report(config.error());
  if (check_only) {
    spdlog::info("{} is a good configuration", configuration);
    return 0;
  }
  const sigset_t awaited = block_signals();
  auto program = Program::start(*config, system_random(), system_time);
  if (!program) return report(program.error());
  spdlog::info("{} serves at {}", config->name, (*program)->url());
  sd_notify(0, "READY=1");
  serve(**program, awaited);
  sd_notify(0, "STOPPING=1");
  (*program)->stop();
  spdlog::info("ended in order");
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
  start_logging();
  return run(configuration, check_only);
}

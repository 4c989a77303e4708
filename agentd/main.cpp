// agentd: the node's agent. Attests on a schedule, on SIGHUP, and when a runtime asks; ends on
// SIGTERM. With --once it attests once and exits by the verdict; with --enrol it enrols; with
// --write-ek it writes the EK certificate.
#include <csignal>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include "agentd/enrolment.h"
#include "agentd/runtime_socket.h"
#include "agentd/service.h"

namespace {

using namespace attest;
using namespace attest::agentd;
using SteadyClock = std::chrono::steady_clock;

void start_logging() {
  // systemd sets JOURNAL_STREAM where stderr goes to the journal (systemd.exec(5)).
  if (std::getenv("JOURNAL_STREAM") != nullptr) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "agentd", std::make_shared<spdlog::sinks::systemd_sink_mt>("agentd")));
    return;
  }
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "agentd", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S%z %n %l: %v");
}

int report(const Error& error) {
  spdlog::error("{}", error.to_string());
  return exit_status(error.kind);
}

int status_of(const Attestation& attestation) {
  return attestation.verdict == "pass" ? 0 : attestation.verdict == "refused" ? 1 : 2;
}

int report(const Result<Attestation>& attestation) {
  if (!attestation) return report(attestation.error());
  const auto level = status_of(*attestation) == 0 ? spdlog::level::info : spdlog::level::warn;
  spdlog::log(level, "{}", attestation->summary);
  return status_of(*attestation);
}

// with_jitter spreads a fleet's attestations: up to a tenth more or less than the interval.
SteadyClock::duration with_jitter(Seconds interval) {
  Bytes random = system_random().bytes(2);
  const auto part = (std::to_integer<int>(random[0]) * 256 + std::to_integer<int>(random[1]));
  const auto milliseconds = std::chrono::milliseconds(interval).count();
  return std::chrono::milliseconds(milliseconds - milliseconds / 10 +
                                   milliseconds / 5 * part / 65536);
}

// wait_for_signal gives the signal that came before `until`, or 0; it keeps the watchdog content.
int wait_for_signal(const sigset_t& awaited, SteadyClock::time_point until) {
  std::uint64_t watchdog_microseconds = 0;
  const bool watched = sd_watchdog_enabled(0, &watchdog_microseconds) > 0;
  while (SteadyClock::now() < until) {
    auto left = std::chrono::duration_cast<std::chrono::microseconds>(until - SteadyClock::now());
    if (watched) {
      sd_notify(0, "WATCHDOG=1");
      left = std::min(left, std::chrono::microseconds(watchdog_microseconds / 2));
    }
    const timespec timeout{.tv_sec = left.count() / 1000000,
                           .tv_nsec = left.count() % 1000000 * 1000};
    const int signal = sigtimedwait(&awaited, nullptr, &timeout);
    if (signal > 0) return signal;
  }
  return 0;
}

int run(const Configuration& configuration, Service& service) {
  sigset_t awaited;
  sigemptyset(&awaited);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&awaited, signal);
  // Blocked before the first thread starts, so that none of them is interrupted.
  sigprocmask(SIG_BLOCK, &awaited, nullptr);

  std::unique_ptr<RuntimeSocket> socket;
  if (configuration.runtime) {
    auto opened = RuntimeSocket::open(
        *configuration.runtime,
        [&service](const RuntimePeer& peer, const evidence::RuntimeRequest& request) {
          return service.answer(peer, request);
        });
    if (!opened) return report(opened.error());
    socket = *std::move(opened);
  }
  sd_notify(0, "READY=1");
  for (;;) {
    report(service.attest());
    const int signal =
        wait_for_signal(awaited, SteadyClock::now() + with_jitter(configuration.interval));
    if (signal == SIGTERM || signal == SIGINT) break;
  }
  sd_notify(0, "STOPPING=1");
  return 0;
}

struct Arguments {
  std::string configuration = "/etc/attest/agentd.toml";
  bool once = false;
  bool enrol = false;
  std::string write_ek;
};

Result<int> start(const Arguments& arguments) {
  TRY(const Configuration configuration, read_configuration(arguments.configuration));
  if (!arguments.write_ek.empty()) {
    TRY_VOID(write_ek(configuration, arguments.write_ek));
    return 0;
  }
  TRY(const VerifierClient verifier, VerifierClient::make(configuration.verifier, system_random()));
  if (arguments.enrol) {
    TRY(const auto enrolled, enrol(configuration, verifier));
    spdlog::info("node {} is {}, attestation key {}", enrolled.node, enrolled.state,
                 to_hex(enrolled.ak_name));
    return 0;
  }
  TRY(Attester attester, Attester::make(configuration, verifier));
  Service service(std::move(attester), verifier);
  return arguments.once ? report(service.attest()) : run(configuration, service);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("agentd: attests this node to a verifier");
  app.footer("Example: agentd --config /etc/attest/agentd.toml --once");
  Arguments arguments;
  app.add_option("--config", arguments.configuration, "Configuration file")->capture_default_str();
  auto* once = app.add_flag("--once", arguments.once, "Attest once; exit 0, 1 or 2 by the verdict");
  app.add_flag("--enrol", arguments.enrol, "Enrol this node and exit")->excludes(once);
  app.add_option("--write-ek", arguments.write_ek,
                 "Write the EK's certificate to this file, for a device manifest, and exit")
      ->excludes(once);
  app.set_version_flag("--version", "agentd " ATTEST_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }
  // tpm2-tss prints errors of its own to stderr; ours say the same and more.
  setenv("TSS2_LOG", "all+NONE", 0);
  start_logging();
  const Result<int> status = start(arguments);
  return status ? *status : report(status.error());
}

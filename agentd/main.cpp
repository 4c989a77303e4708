// agentd: the node's agent. Attests on a schedule, on SIGHUP, when what it reports changes, and
// when a runtime asks; ends on SIGTERM. With --once it attests once and exits by the verdict; with
// --enrol it enrols; with
// --write-ek it writes the EK certificate.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "agentd/change_watch.h"
#include "agentd/enrolment.h"
#include "agentd/runtime_socket.h"
#include "agentd/service.h"
#include "libattest/http/daemon.h"

namespace {

using namespace attest;
using namespace attest::agentd;

int status_of(const Attestation& attestation) {
  return attestation.verdict == "pass" ? 0 : attestation.verdict == "refused" ? 1 : 2;
}

int report(const Result<Attestation>& attestation) {
  if (!attestation) return log_failure(attestation.error());
  const int status = status_of(*attestation);
  status == 0 ? log_info(attestation->summary) : log_warning(attestation->summary);
  return status;
}

// with_jitter spreads a fleet's attestations: up to a tenth more or less than the interval.
std::chrono::milliseconds with_jitter(Seconds interval) {
  Bytes random = system_random().bytes(2);
  const auto part = (std::to_integer<int>(random[0]) * 256 + std::to_integer<int>(random[1]));
  const auto milliseconds = std::chrono::milliseconds(interval).count();
  return std::chrono::milliseconds(milliseconds - milliseconds / 10 +
                                   milliseconds / 5 * part / 65536);
}

// wait_for_reason gives true once there is a reason to attest: the interval is over, SIGHUP, or a
// change; false once the agent shall end.
bool wait_for_reason(const Configuration& configuration, const DaemonSignals& signals,
                     ChangeWatch& watch) {
  using Clock = std::chrono::steady_clock;
  const auto due = Clock::now() + with_jitter(configuration.interval);
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now());
    const auto slice = std::min<std::chrono::milliseconds>(left, configuration.change_interval);
    const auto asked = signals.wait(slice, [] { return true; });
    if (asked != DaemonSignals::Asked::nothing) return asked == DaemonSignals::Asked::reload;
    if (Clock::now() >= due) return true;
    if (const std::string changes = watch.changes(); !changes.empty()) {
      log_info("attesting before the interval is over: " + changes);
      return true;
    }
  }
}

int run(const Configuration& configuration, Service& service) {
  const DaemonSignals signals;
  std::unique_ptr<RuntimeSocket> socket;
  if (configuration.runtime) {
    auto opened = RuntimeSocket::open(
        *configuration.runtime,
        [&service](const RuntimePeer& peer, const evidence::RuntimeRequest& request) {
          return service.answer(peer, request);
        });
    if (!opened) return log_failure(opened.error());
    socket = *std::move(opened);
  }
  notify_ready();
  ChangeWatch watch(configuration.models, configuration.event_log, configuration.ima_log);
  do {
    watch.mark();  // what changes while it attests is attested again
    report(service.attest());
  } while (wait_for_reason(configuration, signals, watch));
  notify_stopping();
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
    log_info("node " + enrolled.node + " is " + enrolled.state + ", attestation key " +
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
  start_log("agentd");
  const Result<int> status = start(arguments);
  return status ? *status : log_failure(status.error());
}

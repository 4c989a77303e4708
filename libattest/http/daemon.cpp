#include "libattest/http/daemon.h"

#include <algorithm>
#include <cstdlib>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

namespace attest {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::microseconds;

void start_log(const std::string& program) {
  // systemd sets JOURNAL_STREAM where stderr goes to the journal (systemd.exec(5)).
  if (std::getenv("JOURNAL_STREAM") != nullptr) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        program, std::make_shared<spdlog::sinks::systemd_sink_mt>(program)));
    return;
  }
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S%z %n %l: %v");
  spdlog::flush_on(spdlog::level::info);
}

void log_info(std::string_view line) {
  spdlog::info("{}", line);
}
void log_warning(std::string_view line) {
  spdlog::warn("{}", line);
}
void log_error(std::string_view line) {
  spdlog::error("{}", line);
}

int log_failure(const Error& error) {
  log_error(error.to_string());
  return exit_status(error.kind);
}

void notify_ready() {
  sd_notify(0, "READY=1");
}
void notify_reloading() {
  sd_notify(0, "RELOADING=1");
}
void notify_stopping() {
  sd_notify(0, "STOPPING=1");
}

DaemonSignals::DaemonSignals() {
  sigemptyset(&awaited_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&awaited_, signal);
  pthread_sigmask(SIG_BLOCK, &awaited_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

DaemonSignals::Asked DaemonSignals::wait(std::chrono::milliseconds longest,
                                         const std::function<bool()>& healthy) const {
  std::uint64_t watchdog = 0;
  const bool watched = sd_watchdog_enabled(0, &watchdog) > 0;
  const auto until = SteadyClock::now() + longest;
  while (SteadyClock::now() < until) {
    if (watched && healthy()) sd_notify(0, "WATCHDOG=1");
    auto left = std::chrono::duration_cast<microseconds>(until - SteadyClock::now());
    if (watched) left = std::min(left, microseconds(watchdog / 3));
    left = std::max(left, microseconds(0));
    const timespec timeout{.tv_sec = left.count() / 1'000'000,
                           .tv_nsec = left.count() % 1'000'000 * 1000};
    const int signal = sigtimedwait(&awaited_, nullptr, &timeout);
    if (signal == SIGTERM || signal == SIGINT) return Asked::end;
    if (signal == SIGHUP) return Asked::reload;
  }
  return Asked::nothing;
}

}  // namespace attest

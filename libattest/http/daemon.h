// What every daemon of this project does alike: its log, its signals, and what it tells systemd.
//
// The log goes to journald where systemd connected stderr to it, to stderr otherwise; its functions
// may be called from any thread. Nothing secret is ever passed to them. A target of its own,
// attest::daemon, so that clients link neither spdlog nor libsystemd.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <string_view>

#include "libattest/base/result.h"

namespace attest {

// start_log names the program in each line; call it once, before the first thread starts.
void start_log(const std::string& program);
void log_info(std::string_view line);
void log_warning(std::string_view line);
void log_error(std::string_view line);
// log_failure logs an error and gives the exit status that fits it.
int log_failure(const Error& error);

// What systemd hears (sd_notify(3)); nothing where there is no systemd.
void notify_ready();
void notify_reloading();
void notify_stopping();

// DaemonSignals blocks SIGTERM, SIGINT and SIGHUP for the calling thread and all that it starts
// later, so that they arrive in wait() and interrupt nothing. SIGPIPE is ignored. Make it before
// the first thread.
class DaemonSignals {
 public:
  DaemonSignals();

  enum class Asked { nothing, end, reload };
  // wait gives what a signal asks for, or nothing once `longest` has passed. Meanwhile it keeps
  // systemd's watchdog content for as long as `healthy` says so.
  Asked wait(std::chrono::milliseconds longest, const std::function<bool()>& healthy) const;

 private:
  sigset_t awaited_{};
};

}  // namespace attest

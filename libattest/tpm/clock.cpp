#include "libattest/tpm/clock.h"

#include <utility>

namespace attest::tpm {

ClockChange compare_clocks(const ClockInfo& before, const ClockInfo& now) {
  if (now.reset_count < before.reset_count) return ClockChange::replayed;
  const bool same_boot = now.reset_count == before.reset_count;
  if (same_boot && now.restart_count < before.restart_count) return ClockChange::replayed;

  const bool clock_behind = now.clock < before.clock;
  const bool restarted = !same_boot || now.restart_count > before.restart_count;
  if (clock_behind && !restarted) return ClockChange::replayed;
  // Clock is written to NV only now and then; after power was cut it resumes from the last value
  // written, and `safe` stays unset until it has passed what may have been reported before, or
  // until the next orderly start. So a clock that is behind and safe is odd only over a single
  // start.
  const std::uint64_t starts =
      same_boot ? now.restart_count - before.restart_count
                : std::uint64_t{now.reset_count} - before.reset_count + now.restart_count;
  if (clock_behind)
    return now.safe && starts == 1 ? ClockChange::inconsistent : ClockChange::power_cut;
  if (!same_boot) return ClockChange::rebooted;
  return restarted ? ClockChange::resumed : ClockChange::advanced;
}

std::string_view to_string(ClockChange change) {
  switch (change) {
    case ClockChange::advanced:
      return "advanced";
    case ClockChange::resumed:
      return "resumed";
    case ClockChange::rebooted:
      return "rebooted";
    case ClockChange::power_cut:
      return "power-cut";
    case ClockChange::replayed:
      return "replayed";
    case ClockChange::inconsistent:
      return "inconsistent";
  }
  std::unreachable();
}

bool is_acceptable(ClockChange change) {
  return change != ClockChange::replayed && change != ClockChange::inconsistent;
}

namespace {
std::string moved(std::string_view name, std::uint64_t before, std::uint64_t now) {
  return std::string(name) + " " + std::to_string(before) + " → " + std::to_string(now);
}
}  // namespace

std::string in_words(ClockChange change, const ClockInfo& before, const ClockInfo& now) {
  const std::string resets = moved("resetCount", before.reset_count, now.reset_count);
  const std::string restarts = moved("restartCount", before.restart_count, now.restart_count);
  const std::string clocks = moved("clock", before.clock, now.clock);
  switch (change) {
    case ClockChange::advanced:
      return "same boot, clock advanced";
    case ClockChange::resumed:
      return "resumed from suspend (" + restarts + ")";
    case ClockChange::rebooted:
      return "rebooted (" + resets + ")";
    case ClockChange::power_cut:
      return "restarted after a power cut (" + resets + ", " + restarts + "; " + clocks +
             (now.safe ? " ms, by a start between that was not seen)"
                       : " ms, which the TPM itself marks as not safe)");
    case ClockChange::replayed:
      return "older than the last accepted quote (" + resets + ", " + restarts + ", " + clocks +
             " ms)";
    case ClockChange::inconsistent:
      return "not the clock of one TPM: behind although marked safe (" + resets + ", " + clocks +
             " ms)";
  }
  std::unreachable();
}

}  // namespace attest::tpm

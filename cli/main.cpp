// attestctl: parses the command line, runs one verb, prints its report, and gives the exit status:
// 0 pass, 1 refused, 2 could not be checked, 64 wrong usage, 70 a fault of ours.
#include <chrono>
#include <cstdio>
#include <exception>

#include "cli/command_line.h"
#include "cli/groups.h"

namespace {

using namespace attest;
using namespace attest::cli;

int status_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return 0;
    case Outcome::refused:
      return 1;
    case Outcome::incomplete:
      return 2;
  }
  return 2;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int show(Report report, bool json) {
  if (json) {
    OrderedJson whole = {{"outcome", to_string(report.outcome)}};
    whole.update(report.json);
    print(to_pretty(whole) + "\n");
  } else if (!report.raw.empty()) {
    print(report.raw);
  } else {
    for (const std::string& line : report.lines()) print(line + "\n");
  }
  return status_of(report.outcome);
}

int show(const Error& error, bool json) {
  if (json) {
    Report report;
    report.refusal(error);
    show(std::move(report), true);
  } else {
    std::fprintf(stderr, "attestctl: %s: %s%s\n",
                 std::string(attest::to_string(error.kind)).c_str(),
                 (error.where.empty() ? "" : error.where + ": ").c_str(), error.what.c_str());
    if (!error.expected_value.empty())
      std::fprintf(stderr, "  expected    %s\n", error.expected_value.c_str());
    if (!error.found_value.empty())
      std::fprintf(stderr, "  found       %s\n", error.found_value.c_str());
    if (!error.next_step.empty()) std::fprintf(stderr, "%s\n", error.next_step.c_str());
  }
  return exit_status(error.kind);
}

// Groups stand in --help in this order: what is asked first comes first.
void add_groups(CommandLine& command_line) {
  add_gate_command(command_line);
  add_chat_command(command_line);
  add_infer_commands(command_line);
  add_receipt_commands(command_line);
  add_lineage_commands(command_line);
  add_model_commands(command_line);
  add_node_commands(command_line);
  add_result_commands(command_line);
  add_quote_commands(command_line);
  add_eventlog_commands(command_line);
  add_ek_commands(command_line);
  add_ima_commands(command_line);
  add_reference_commands(command_line);
  add_tee_commands(command_line);
  add_gpu_commands(command_line);
  add_rim_commands(command_line);
  add_dice_commands(command_line);
  add_hardware_commands(command_line);
  Command* ledger = command_line.group("ledger", "Transparency logs: one's own, and anyone's");
  add_ledger_commands(command_line, ledger);
  add_ledger_check_commands(command_line, ledger);
  add_ledger_keeping_commands(command_line, ledger);
  add_ledger_receipt_commands(command_line, ledger);
  add_witness_commands(command_line);
  add_trust_commands(command_line);
  Command* key = command_line.group("key", "Signing keys in files and tokens");
  add_key_commands(command_line, key);
  add_publish_commands(command_line, key);
}

int run(int argc, char** argv) {
  CommandLine command_line;
  add_groups(command_line);
  if (const std::optional<int> status = command_line.parse(argc, argv)) return *status;
  Terminal terminal;
  const Context context{.now = std::chrono::floor<Seconds>(std::chrono::system_clock::now()),
                        .json = command_line.json(),
                        .terminal = terminal};
  Result<Report> report = command_line.chosen()(context);
  terminal.end_progress();
  return report ? show(*std::move(report), context.json) : show(report.error(), context.json);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attestctl: a fault of ours: %s\n", error.what());
    return 70;
  }
}

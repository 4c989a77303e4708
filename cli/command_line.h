// The one header that includes CLI11, precompiled: it costs seven seconds a file otherwise.
//
// A command group is one file with one function, add_<group>_commands(CommandLine&), declared in
// groups.h. Each verb fills a struct of options from CLI11 and sets what to run:
//
//   auto* verb = command_line.verb(group, "show", "Show a key", "attestctl key show my.key");
//   auto options = std::make_shared<ShowOptions>();
//   verb->add_option("KEY", options->path, "…")->required();
//   command_line.runs(verb, [options](const Context& context) { return show(*options, context); });
//
// Verbs print nothing themselves: they return a Report, or an Error.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/report.h"
#include "cli/terminal.h"
#include "libattest/base/result.h"
#include "libattest/base/time.h"

namespace attest::cli {

// Context is what a verb may know of the world around it.
struct Context {
  Time now;            // the wall clock, read once
  bool json = false;   // --json was given
  Terminal& terminal;  // progress bars go to standard error through it
};

using Verb = std::function<Result<Report>(const Context&)>;

class CommandLine {
 public:
  explicit CommandLine(CLI::App& app) : app_(app) {}

  // group adds a command group such as "ledger".
  CLI::App* group(const std::string& name, const std::string& what) {
    CLI::App* added = app_.add_subcommand(name, what);
    added->require_subcommand(1);
    return added;
  }
  // verb adds a verb to a group, with --json and an example in its --help.
  CLI::App* verb(CLI::App* group, const std::string& name, const std::string& what,
                 const std::string& example) {
    CLI::App* added = group->add_subcommand(name, what);
    added->add_flag("--json", json_, "Print the result as JSON, under stable keys");
    added->footer("Example:\n  " + example);
    return added;
  }
  // top_verb adds a verb that stands alone, such as "gate".
  CLI::App* top_verb(const std::string& name, const std::string& what, const std::string& example) {
    return verb(&app_, name, what, example);
  }
  void runs(CLI::App* verb, Verb run) {
    verb->callback([this, run = std::move(run)] { chosen_ = run; });
  }

  bool json() const { return json_; }
  const Verb& chosen() const { return chosen_; }

 private:
  CLI::App& app_;
  bool json_ = false;
  Verb chosen_;
};

}  // namespace attest::cli

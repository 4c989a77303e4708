// The command line of attestctl: groups, their verbs, and what each verb takes.
//
// A command group is one file with one function, add_<group>_commands(CommandLine&), declared in
// groups.h. Each verb fills a struct of options and sets what to run:
//
//   Command* verb = command_line.verb(group, "show", "Show a key", "attestctl key show my.key");
//   auto options = std::make_shared<ShowOptions>();
//   verb->add_option("KEY", options->path, "…")->required();
//   command_line.runs(verb, [options](const Context& context) { return show(*options, context); });
//
// Verbs print nothing themselves: they return a Report, or an Error.
//
// CLI11 does the parsing, and command_line.cpp alone includes it: it would cost each group five to
// ten seconds of compiling. What is declared here is what our verbs use of it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/report.h"
#include "cli/terminal.h"
#include "libattest/base/result.h"
#include "libattest/base/time.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace attest::cli {

// Context is what a verb may know of the world around it.
struct Context {
  Time now;            // the wall clock, read once
  bool json = false;   // --json was given
  Terminal& terminal;  // progress bars go to standard error through it
};

using Verb = std::function<Result<Report>(const Context&)>;

// Option is one argument of a verb. Each call narrows what is taken, and gives the option again.
// What breaks a rule on the command line is wrong usage: a message, and exit status 64.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(option) {}

  Option* required();
  Option* one_of(std::vector<std::string> values);  // no other text is taken
  Option* positive();                               // a number above zero
  Option* delimiter(char between);                  // several values in one text: "0,2,4"
  Option* one_each_time();  // repeatable, never takes the word after as well
  Option* excludes(Option* other);
  Option* needs(Option* other);

 private:
  CLI::Option& option_;
};

// Command is a group of verbs, or a verb with its options. "--name" is an option, "NAME" stands by
// its position. The variables bound must outlive the parsing; they keep their values when the
// option is not given.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(app) {}

  // Value is one of the types that command_line.cpp names at its end.
  template <typename Value>
  Option* add_option(const std::string& name, Value& value, const std::string& what);
  // add_flag adds an option without a value.
  Option* add_flag(const std::string& name, bool& value, const std::string& what);

 private:
  friend class CommandLine;
  Option* keep(CLI::Option* option);

  CLI::App& app_;
  std::deque<Option> options_;  // a deque, since verbs hold pointers to what stands in it
};

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // group adds a command group such as "ledger".
  Command* group(const std::string& name, const std::string& what);
  // verb adds a verb to a group, with --json and an example in its --help.
  Command* verb(Command* group, const std::string& name, const std::string& what,
                const std::string& example);
  // top_verb adds a verb that stands alone, such as "gate".
  Command* top_verb(const std::string& name, const std::string& what, const std::string& example);
  void runs(Command* verb, Verb run);

  // parse reads the command line. It gives an exit status when there is nothing to run: after
  // --help or --version, or on wrong usage, told on standard error.
  std::optional<int> parse(int argc, char** argv);

  bool json() const { return json_; }
  const Verb& chosen() const { return chosen_; }

 private:
  Command* add(CLI::App* app);

  std::unique_ptr<CLI::App> app_;
  std::deque<Command> commands_;
  bool json_ = false;
  Verb chosen_;
};

}  // namespace attest::cli

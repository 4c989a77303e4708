#include "cli/command_line.h"

#include <cstdio>
#include <utility>

#include <CLI/CLI.hpp>

namespace attest::cli {

Option* Option::required() {
  option_.required();
  return this;
}
Option* Option::one_of(std::vector<std::string> values) {
  option_.check(CLI::IsMember(std::move(values)));
  return this;
}
Option* Option::positive() {
  option_.check(CLI::PositiveNumber);
  return this;
}
Option* Option::delimiter(char between) {
  option_.delimiter(between);
  return this;
}
Option* Option::one_each_time() {
  option_.allow_extra_args(false);
  return this;
}
Option* Option::excludes(Option* other) {
  option_.excludes(&other->option_);
  return this;
}
Option* Option::needs(Option* other) {
  option_.needs(&other->option_);
  return this;
}

Option* Command::keep(CLI::Option* option) {
  return &options_.emplace_back(*option);
}

template <typename Value>
Option* Command::add_option(const std::string& name, Value& value, const std::string& what) {
  return keep(app_.add_option(name, value, what));
}
Option* Command::add_flag(const std::string& name, bool& value, const std::string& what) {
  return keep(app_.add_flag(name, value, what));
}

CommandLine::CommandLine()
    : app_(std::make_unique<CLI::App>("Provenance of hardware and models, checked offline",
                                      "attestctl")) {
  app_->set_version_flag("--version", "attestctl " ATTEST_VERSION);
  app_->require_subcommand(1);
  app_->footer(
      "Exit status: 0 pass, 1 refused, 2 could not be checked, 64 wrong usage, 70 a fault of "
      "ours.\nOffline unless --server is given. Every verb takes --json and --help.");
}
CommandLine::~CommandLine() = default;

Command* CommandLine::add(CLI::App* app) {
  return &commands_.emplace_back(*app);
}

Command* CommandLine::group(const std::string& name, const std::string& what) {
  CLI::App* group = app_->add_subcommand(name, what);
  group->require_subcommand(1);
  return add(group);
}

namespace {

CLI::App* add_verb(CLI::App& parent, const std::string& name, const std::string& what,
                   const std::string& example, bool& json) {
  CLI::App* verb = parent.add_subcommand(name, what);
  verb->add_flag("--json", json, "Print the result as JSON, under stable keys");
  verb->footer("Example:\n  " + example);
  return verb;
}

}  // namespace

Command* CommandLine::verb(Command* group, const std::string& name, const std::string& what,
                           const std::string& example) {
  return add(add_verb(group->app_, name, what, example, json_));
}
Command* CommandLine::top_verb(const std::string& name, const std::string& what,
                               const std::string& example) {
  return add(add_verb(*app_, name, what, example, json_));
}
void CommandLine::runs(Command* verb, Verb run) {
  verb->app_.callback([this, run = std::move(run)] { chosen_ = run; });
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);
    std::fprintf(stderr, "attestctl: %s\nTry: attestctl --help\n", error.what());
    return 64;
  }
  return std::nullopt;
}

// The types that options bind to. A verb that needs another adds it here.
#define BINDS(...)                                                                    \
  template Option* Command::add_option<__VA_ARGS__>(const std::string&, __VA_ARGS__&, \
                                                    const std::string&)
BINDS(std::string);
BINDS(std::optional<std::string>);
BINDS(std::vector<std::string>);
BINDS(std::uint32_t);
BINDS(std::vector<std::uint32_t>);
BINDS(std::uint64_t);
BINDS(std::optional<std::uint64_t>);
BINDS(float);
BINDS(std::vector<float>);
#undef BINDS

}  // namespace attest::cli

// The command groups of attestctl, each defined in the file of its name.
#pragma once

namespace attest::cli {

class CommandLine;

void add_key_commands(CommandLine& command_line);

}  // namespace attest::cli

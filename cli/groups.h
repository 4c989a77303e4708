// The command groups of attestctl, each defined in the file of its name.
#pragma once

namespace CLI {
class App;
}

namespace attest::cli {

class CommandLine;

void add_key_commands(CommandLine& command_line, Command* group);
void add_publish_commands(CommandLine& command_line, Command* key_group);
void add_ledger_commands(CommandLine& command_line, Command* group);
void add_ledger_check_commands(CommandLine& command_line, Command* group);
void add_ledger_keeping_commands(CommandLine& command_line, Command* group);
void add_ledger_receipt_commands(CommandLine& command_line, Command* group);
void add_ek_commands(CommandLine& command_line);
void add_eventlog_commands(CommandLine& command_line);
void add_gate_command(CommandLine& command_line);
void add_chat_command(CommandLine& command_line);
void add_gpu_commands(CommandLine& command_line);
void add_ima_commands(CommandLine& command_line);
void add_custody_commands(CommandLine& command_line, Command* group);
void add_custody_statement_commands(CommandLine& command_line, Command* group);
void add_dice_commands(CommandLine& command_line);
void add_hardware_commands(CommandLine& command_line);
void add_infer_commands(CommandLine& command_line);
void add_lineage_commands(CommandLine& command_line);
void add_lineage_bundle_command(CommandLine& command_line, Command* group);
void add_lineage_graph_commands(CommandLine& command_line, Command* group);
void add_lineage_reproduce_command(CommandLine& command_line, Command* group);
void add_lineage_claim_commands(CommandLine& command_line, Command* group);
void add_model_commands(CommandLine& command_line);
void add_model_make_commands(CommandLine& command_line, Command* group);
void add_model_inspect_command(CommandLine& command_line, Command* group);
void add_model_sign_command(CommandLine& command_line, Command* group);
void add_model_verify_command(CommandLine& command_line, Command* group);
void add_node_commands(CommandLine& command_line);
void add_quote_commands(CommandLine& command_line);
void add_receipt_commands(CommandLine& command_line);
void add_reference_commands(CommandLine& command_line);
void add_result_commands(CommandLine& command_line);
void add_rim_commands(CommandLine& command_line);
void add_tee_commands(CommandLine& command_line);
void add_trust_commands(CommandLine& command_line);
void add_witness_commands(CommandLine& command_line);

}  // namespace attest::cli

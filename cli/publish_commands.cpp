// attestctl policy sign, key retire and revoke: statements about policies and keys, signed here and
// entered in a ledger.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/text.h"

namespace attest::cli {

namespace {

struct PolicyOptions {
  SubmissionOptions submission;
  std::string file;
  std::string name;
};

Result<Report> policy_sign(const PolicyOptions& options, Time now) {
  TRY(const std::string text, read_text_file(options.file, statement::max_statement_size));
  TRY(const auto subject, statement::Subject::policy(options.name));
  return submit(options.submission, statement::Kind::policy, subject, as_bytes(text), now);
}

struct KeyStatusOptions {
  SubmissionOptions submission;
  std::string subject;
  std::uint64_t from_index = 0;
  std::string reason;
};

Result<Report> key_status(const KeyStatusOptions& options, statement::KeyStatus::Status status,
                          Time now) {
  TRY(const auto subject, statement::Subject::parse(options.subject));
  return submit(options.submission, statement::Kind::key_status, subject,
                statement::encode(statement::KeyStatus{status, options.from_index, options.reason}),
                now);
}

}  // namespace

void add_publish_commands(CommandLine& command_line, Command* key_group) {
  Command* verb = command_line.verb(
      command_line.group("policy", "Appraisal policies"), "sign", "Sign a policy and enter it",
      "attestctl policy sign node-policy.toml --name node --issuer admin@dc1.example \\\n"
      "    --key admin.key --server https://127.0.0.1:8443");
  auto policy = std::make_shared<PolicyOptions>();
  verb->add_option("FILE", policy->file, "The policy (TOML)")->required();
  verb->add_option("--name", policy->name, "The policy's name in the ledger")->required();
  add_submission_options(verb, policy->submission);
  command_line.runs(verb,
                    [policy](const Context& context) { return policy_sign(*policy, context.now); });

  for (const auto& [name, status, what] :
       {std::tuple("retire", statement::KeyStatus::Status::retired,
                   "Say that a key signs no more from an entry on"),
        std::tuple("revoke", statement::KeyStatus::Status::revoked,
                   "Say that a key is not to be believed from an entry on")}) {
    verb = command_line.verb(key_group, name, what,
                             std::string("attestctl key ") + name +
                                 " key:5e0c… --from 118 --reason \"laptop stolen\" --issuer "
                                 "root@dc1.example --key root.key \\\n"
                                 "    --server https://127.0.0.1:8443");
    auto options = std::make_shared<KeyStatusOptions>();
    verb->add_option("KEY", options->subject, "The key's subject, key:<thumbprint>")->required();
    verb->add_option("--from", options->from_index,
                     "The ledger index from which on it does not count")
        ->required();
    verb->add_option("--reason", options->reason, "Why, in words")->required();
    add_submission_options(verb, options->submission);
    const statement::KeyStatus::Status said = status;
    command_line.runs(verb, [options, said](const Context& context) {
      return key_status(*options, said, context.now);
    });
  }
}

}  // namespace attest::cli

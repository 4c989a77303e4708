// attestctl rim show, add: what a RIM file says and who signed it; and into the ledger with it.
#include "cli/command_line.h"
#include "cli/gpu_files.h"
#include "cli/groups.h"
#include "cli/submission.h"
#include "libattest/base/file.h"
#include "libattest/gpu/rim_reference.h"

namespace attest::cli {

namespace {

struct ShowOptions {
  std::string path;
  std::string at;
  bool values = false;
  RootOptions roots;
};

void describe(Report& report, const gpu::UntrustedRim& rim) {
  const gpu::RimContent& content = rim.content;
  report.line(content.title());
  report.field("digest", digest_uri(rim.digest()));
  report.field("golden", std::to_string(content.active_count()) + " of " +
                             std::to_string(content.golden.size()) + " values are active");
  report.json = {{"kind", gpu::to_string(content.kind)}, {"product", content.product},
                 {"version", content.version},           {"tag_id", content.tag_id},
                 {"digest", digest_uri(rim.digest())},   {"active", content.active_count()},
                 {"total", content.golden.size()},       {"golden", OrderedJson::array()}};
  for (const gpu::GoldenValue& golden : content.golden) {
    OrderedJson hashes = OrderedJson::array();
    for (const Bytes& value : golden.alternatives) hashes.push_back(to_hex(value));
    report.json["golden"].push_back({{"index", golden.index},
                                     {"active", golden.active},
                                     {"name", golden.name},
                                     {"size", golden.size},
                                     {"hashes", std::move(hashes)}});
  }
}

void show_values(Report& report, const gpu::RimContent& content) {
  Table table({"index", "name", "values", "first"});
  for (const gpu::GoldenValue& golden : content.golden)
    if (golden.active)
      table.row({std::to_string(golden.index), golden.name,
                 std::to_string(golden.alternatives.size()),
                 to_hex(golden.alternatives.front()).substr(0, 16) + "…"});
  table.print_to(report);
}

void show_signer(Report& report, const std::vector<Certificate>& signers) {
  const Certificate& signer = signers.front();
  const std::string valid =
      to_rfc3339(signer.not_before()) + " to " + to_rfc3339(signer.not_after());
  report.field("signer", signer.subject() + "\nvalid " + valid);
  report.json["signer"] = {{"subject", signer.subject()},
                           {"not_before", to_rfc3339(signer.not_before())},
                           {"not_after", to_rfc3339(signer.not_after())}};
}

void not_checked(Report& report, const std::string& text) {
  report.field("not checked", text);
  report.json["not_checked"].push_back(text);
}

Result<Report> show(const ShowOptions& options) {
  TRY(const std::optional<Time> at, read_time("--at", options.at));
  TRY(const Roots roots, load_roots(options.roots));
  TRY(const Bytes content, read_file(options.path, 4U << 20));
  TRY_WITHIN(options.path, const gpu::UntrustedRim rim, gpu::parse_rim(content));
  Report report;
  describe(report, rim);
  report.json["not_checked"] = OrderedJson::array();
  if (options.values) show_values(report, rim.content);
  if (!rim.has_signature) {
    report.json["signature"] = "none";
    not_checked(report, "who says so: the file is not signed, and is never compared with a report");
    return report;
  }
  const auto verified = gpu::verify_rim(rim, roots.rim, at);
  // Without --at, a signature that holds is shown as holding; whether it counts depends on a time.
  const bool only_time = !verified && !at && verified.error().rule == rules::rim_time;
  if (!verified && !only_time) {
    report.json["signature"] = "wrong";
    report.refusal(verified.error());
    return report;
  }
  report.json["signature"] = "holds";
  TRY(const auto signers, gpu::rim_signers(rim));
  show_signer(report, signers);
  if (only_time) not_checked(report, "whether the signer's time covers its use: give --at");
  not_checked(report, "revocation of the signer");
  return report;
}

struct AddOptions {
  SubmissionOptions submission;
  std::string path;
  std::string id;
  RootOptions roots;
};

// A RIM is entered while its signer is valid: the ledger's time then vouches for it ever after.
Result<Report> add(const AddOptions& options, Time now) {
  TRY(const Roots roots, load_roots(options.roots));
  TRY(const Bytes content, read_file(options.path, 4U << 20));
  TRY_WITHIN(options.path, const gpu::UntrustedRim rim, gpu::parse_rim(content));
  TRY_WITHIN(options.path, [[maybe_unused]] const auto verified,
             gpu::verify_rim(rim, roots.rim, now));
  const std::string stem = options.id.empty() ? Path(options.path).stem().string() : options.id;
  TRY_WITHIN(options.path, const std::string id, gpu::rim_id(rim.content, stem));
  TRY(const auto subject, statement::Subject::platform(id));
  TRY(Report report, submit(options.submission, statement::Kind::reference_values, subject,
                            gpu::encode_rim_reference(rim, id), now));
  report.field("RIM", id + ", " + std::to_string(rim.content.active_count()) + " active values");
  report.json["rim_id"] = id;
  report.json["rim_digest"] = digest_uri(rim.digest());
  report.json["active"] = rim.content.active_count();
  return report;
}

}  // namespace

void add_rim_commands(CommandLine& command_line) {
  Command* group = command_line.group("rim", "RIM files: reference values of GPUs and switches");
  Command* verb = command_line.verb(group, "show", "Show a RIM file and check its signature",
                                    "attestctl rim show NV_GPU_DRIVER_GH100_550.90.07.xml");
  auto options = std::make_shared<ShowOptions>();
  verb->add_option("FILE", options->path, "The RIM file")->required();
  verb->add_option("--at", options->at, "The time at which its signer must be valid");
  verb->add_flag("--values", options->values, "List the active golden values");
  add_root_options(verb, options->roots, false);
  command_line.runs(verb, [options](const Context&) { return show(*options); });

  verb = command_line.verb(
      group, "add", "Enter a RIM file in the ledger as reference values",
      "attestctl rim add NV_GPU_DRIVER_GH100_550.90.07.xml --issuer owner@dc1.example \\\n"
      "    --key owner.key --server https://127.0.0.1:8443");
  auto added = std::make_shared<AddOptions>();
  verb->add_option("FILE", added->path, "The RIM file; its signer must be valid now")->required();
  verb->add_option("--id", added->id,
                   "The RIM's id, where the file is not named by it (VBIOS and switch BIOS)");
  add_root_options(verb, added->roots, false);
  add_submission_options(verb, added->submission);
  command_line.runs(verb, [added](const Context& context) { return add(*added, context.now); });
}

}  // namespace attest::cli

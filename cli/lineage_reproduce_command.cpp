// attestctl lineage reproduce: performs a released operation again, and compares.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/lineage_bundle.h"
#include "cli/model_place.h"
#include "cli/model_subject.h"
#include "libattest/base/text.h"
#include "libattest/crypto/digest.h"
#include "libattest/lineage/reproduce.h"

namespace attest::cli {

namespace {

struct ReproduceOptions {
  BundleOf of;
  std::vector<std::string> parents;
};

Result<Report> reproduce(const ReproduceOptions& options, Time now) {
  TRY(const auto bundle, verified_bundle(options.of, now));
  std::vector<OwnedModel> models;
  for (const std::string& parent : options.parents) {
    TRY(OwnedModel model, OwnedModel::read(parent));
    models.push_back(std::move(model));
  }
  std::vector<model::ModelFiles> parents;
  for (const OwnedModel& model : models) parents.push_back(model.files());
  Threads threads;
  TRY_WITHIN(options.of.file, const auto done,
             lineage::reproduce(bundle.release(), parents, threads.executor()));
  const std::string digest = digest_uri(done.digest);
  Report report;
  report.json = {{"operation", done.operation},
                 {"subject", digest},
                 {"size", done.size},
                 {"parents", OrderedJson::array()},
                 {"not_checked", OrderedJson::array()}};
  report.line(options.of.file + ": pass");
  report.field("operation", done.operation + ", performed again");
  for (std::size_t i = 0; i < parents.size(); ++i) {
    const std::string parent = lineage::subject_of_files(parents[i]).text();
    report.field("from", options.parents[i] + " (" + shorten(parent) + ")");
    report.json["parents"].push_back(parent);
  }
  report.field("gives", with_thousands(done.size) + " bytes, " + shorten(digest) +
                            ": the digest that was released");
  report.field("proven", "this release is that operation on those parents, whoever signed it");
  std::string not_checked = "the descent of the parents themselves";
  report.json["not_checked"].push_back(not_checked);
  report.field("not checked", not_checked);
  return report;
}

}  // namespace

void add_lineage_reproduce_command(CommandLine& command_line, Command* group) {
  Command* verb = command_line.verb(
      group, "reproduce", "Perform a released operation again, and compare",
      "attestctl lineage reproduce tiny-q8.gguf --parent tiny-f32.gguf --trust trust.toml");
  auto options = std::make_shared<ReproduceOptions>();
  add_bundle_options(verb, options->of);
  verb->add_option("--parent", options->parents, "A parent's file or directory; may be repeated")
      ->required();
  command_line.runs(verb,
                    [options](const Context& context) { return reproduce(*options, context.now); });
}

}  // namespace attest::cli

// attestctl reference make, predict, explain: what a good machine's PCRs may hold.
#include <algorithm>
#include <map>
#include <set>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/package_files.h"
#include "cli/submission.h"
#include "cli/trust_file.h"
#include "libattest/appraisal/explain.h"
#include "libattest/appraisal/verify_evidence.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/reference/reference_values.h"
#include "libattest/tpm/boot_update.h"
#include "libattest/tpm/event_log.h"
#include "libattest/tpm/ima_policy.h"
#include "libattest/tpm/pcr_prediction.h"

namespace attest::cli {

namespace {

constexpr std::uint64_t largest_image = 2ULL << 30;

struct ReferenceOptions {
  SubmissionOptions submission;
  std::string event_log;
  std::string evidence;
  std::string trust;
  std::string ima_list;  // to write
  std::string platform;
  std::string description;
  std::vector<unsigned> pcrs = {0, 1, 2, 3, 4, 5, 6, 7};
  std::string booted_image;  // with next_image: the boot after an update
  std::string next_image;
};

bool wanted(const ReferenceOptions& options, unsigned pcr) {
  return std::ranges::find(options.pcrs, pcr) != options.pcrs.end();
}

// PCRs that start as zeros and that no event extends: then zeros are what a good boot leaves.
constexpr unsigned first_pcr_of_dynamic_launch = 17;

void add_untouched(reference::ReferenceValues& values, const ReferenceOptions& options) {
  for (auto& [bank, registers] : values.pcrs)
    for (const unsigned pcr : options.pcrs)
      if (pcr < first_pcr_of_dynamic_launch && !registers.contains(pcr))
        registers[pcr] = {{Bytes(digest_size(bank)), options.description}};
}

// The PCRs a known-good log leads to, and the digests of its events so that a later difference can
// be named.
reference::ReferenceValues values_of(const tpm::UntrustedEventLog& log,
                                     const ReferenceOptions& options) {
  reference::ReferenceValues values;
  values.id = options.platform + "/" + to_hex(sha256(log.bytes())).substr(0, 16);
  values.platform = options.platform;
  values.description = options.description;
  const tpm::PcrValues replayed = tpm::replay(log);
  for (const auto& [bank, registers] : replayed.banks()) {
    if (bank == HashAlgorithm::sha1) continue;
    for (const auto& [index, value] : registers)
      if (wanted(options, index)) values.pcrs[bank][index] = {{value, options.description}};
    for (const tpm::Event& event : log.events())
      if (event.extends() && wanted(options, event.pcr) && !event.digest(bank).empty())
        values.events[bank][event.pcr].push_back(
            {to_bytes(event.digest(bank)), tpm::describe(event)});
  }
  return values;
}

// The same for the boot that the log's own becomes when its image is replaced.
Result<reference::ReferenceValues> values_after_update(const tpm::UntrustedEventLog& log,
                                                       const ReferenceOptions& options) {
  TRY(const Bytes booted, read_file(options.booted_image, largest_image));
  TRY(const Bytes next, read_file(options.next_image, largest_image));
  reference::ReferenceValues values;
  values.id = options.platform + "/" + to_hex(sha256(next)).substr(0, 16);
  values.platform = options.platform;
  values.description = options.description;
  const tpm::PcrValues replayed = tpm::replay(log);
  for (const auto& [bank, registers] : replayed.banks()) {
    if (bank == HashAlgorithm::sha1) continue;
    TRY(const tpm::UpdatePrediction prediction, tpm::predict_update(log, booted, next, bank));
    for (const auto& [pcr, value] : prediction.pcrs)
      if (wanted(options, pcr)) values.pcrs[bank][pcr] = {{value, options.description}};
    for (const tpm::PredictedEvent& event : prediction.events)
      if (wanted(options, event.pcr))
        values.events[bank][event.pcr].push_back({event.digest, event.what});
  }
  return values;
}

// GoodBoot is what reference values are made of.
struct GoodBoot {
  tpm::UntrustedEventLog log;
  std::optional<tpm::VerifiedImaLog> ima = {};
  std::vector<std::string> not_checked = {};
};

// Evidence as a verifier keeps it: what its own quote does not vouch for is no good boot.
Result<appraisal::VerifiedEvidence> read_evidence(const ReferenceOptions& options) {
  TRY(const Bytes content, read_file(options.evidence, evidence::evidence_size_limit));
  TRY(const evidence::UntrustedEvidence kept, evidence::parse_evidence(content));
  TRY(const evidence::EvidenceItem* item, kept.required(evidence::label::challenge));
  TRY(const evidence::UntrustedChallenge challenge, evidence::parse_challenge(item->content));
  TRY(const TrustRoot trust, load_trust(options.trust));
  TRY(evidence::VerifiedChallenge issued,
      evidence::verify_challenge(challenge, trust.verifiers(), challenge.content().node,
                                 challenge.content().issued));
  TRY(const evidence::EvidenceItem* ak, kept.required(evidence::label::tpm_ak));
  TRY(const tpm::UntrustedPublic area, tpm::parse_public(ak->content));
  const std::string node = challenge.content().node;
  return appraisal::verify_evidence(kept, {std::move(issued), {node, area.name, {}, false}});
}

Result<GoodBoot> read_good_boot(const ReferenceOptions& options) {
  if (options.evidence.empty() == options.event_log.empty())
    return fail(usage_error("name the good boot: by --event-log or by --evidence"));
  if (options.evidence.empty()) {
    TRY(const Bytes content, read_file(options.event_log));
    TRY_WITHIN(options.event_log, auto log, tpm::parse_any_event_log(content));
    return GoodBoot{std::move(log), {}, {"that a quote vouches for this log"}};
  }
  TRY_WITHIN(options.evidence, const appraisal::VerifiedEvidence evidence, read_evidence(options));
  if (const auto& problem = evidence.event_log_problem())
    return fail(Error(*problem).within(options.evidence));
  if (!evidence.event_log())
    return fail(
        refused(rules::reference_digest, "the evidence has no event log").within(options.evidence));
  GoodBoot good{evidence.event_log()->log(), {}, {"that the node's key is in a genuine TPM"}};
  if (evidence.ima() && evidence.ima_before() == 0) good.ima = evidence.ima();
  return good;
}

// The files that a good node ran, as a list of those that may run (Keylime's form).
Result<std::string> list_of_files(const GoodBoot& good) {
  if (!good.ima)
    return fail(
        refused(rules::ima_form, "the evidence has no whole IMA list that its PCR 10 vouches for")
            .next("take the evidence of a node's first attestation after its boot"));
  OrderedJson list = {{"meta", {{"version", 1}}}, {"digests", OrderedJson::object()}};
  std::map<std::string_view, std::map<std::string, std::set<std::string>>> kinds;
  for (const tpm::ImaEntry& entry : good.ima->entries()) {
    if (entry.violation())
      return fail(refused(rules::ima_violation,
                          "a node that is known to be good has violations in its IMA list")
                      .found(printable(entry.path, 120)));
    if (!is_utf8(entry.path)) continue;
    const bool is_key = entry.form == tpm::ImaTemplate::ima_buf && entry.path.starts_with('.');
    kinds[is_key                                    ? "keyrings"
          : entry.form == tpm::ImaTemplate::ima_buf ? "ima-buf"
                                                    : "digests"][std::string(entry.path)]
        .insert(std::string(entry.file.algorithm) + ":" + to_hex(entry.file.value));
  }
  for (const auto& [kind, names] : kinds)
    for (const auto& [name, digests] : names) list[std::string(kind)][name] = digests;
  return list.dump(1) + "\n";
}

// The list is written anew from evidence; without any, the one that is there is meant.
Result<std::string> named_list(const ReferenceOptions& options, const GoodBoot& good) {
  if (options.evidence.empty()) {
    TRY(std::string list, read_text_file(options.ima_list, 256U << 20));
    TRY_WITHIN(options.ima_list, const auto checked, tpm::ImaAllowList::parse(list));
    return list;
  }
  TRY(std::string list, list_of_files(good));
  TRY_VOID(write_file_atomically(options.ima_list, as_bytes(list)));
  return list;
}

Result<Report> reference_make(const ReferenceOptions& options, Time now) {
  TRY(const GoodBoot good, read_good_boot(options));
  const tpm::UntrustedEventLog& log = good.log;
  if (options.booted_image.empty() != options.next_image.empty())
    return fail(usage_error("--booted-image and --next-image go together"));
  Result<reference::ReferenceValues> made =
      options.next_image.empty() ? values_of(log, options) : values_after_update(log, options);
  TRY(reference::ReferenceValues values, std::move(made));
  add_untouched(values, options);
  if (!options.ima_list.empty()) {
    TRY(const std::string list, named_list(options, good));
    values.ima_lists.push_back({to_bytes(ByteView(sha256(as_bytes(list)))), options.description});
  }
  if (values.pcrs.empty())
    return fail(refused(rules::reference_digest,
                        "the event log has no bank that reference values can be made of")
                    .expected("SHA-256, SHA-384 or SHA-512 digests")
                    .within(options.event_log + options.evidence));
  TRY(const Bytes corim, reference::encode_reference_values(values));
  TRY(const auto subject, statement::Subject::platform(options.platform));
  TRY(Report report,
      submit(options.submission, statement::Kind::reference_values, subject, corim, now));
  for (const auto& [bank, registers] : values.pcrs)
    for (const auto& [index, digests] : registers) {
      report.field(std::string(hash_name(bank)) + " " + std::to_string(index),
                   to_hex(digests.front().digest));
      report.json["pcrs"][std::string(hash_name(bank))][std::to_string(index)] =
          to_hex(digests.front().digest);
    }
  for (const reference::KnownDigest& list : values.ima_lists) {
    report.field("IMA list", options.ima_list + ", sha256 " + to_hex(list.digest));
    report.json["ima_list"] = "sha256:" + to_hex(list.digest);
  }
  report.json["not_checked"] = good.not_checked;
  for (const std::string& line : good.not_checked) report.field("not checked", line);
  return report;
}

struct PredictOptions {
  std::string image;
  std::vector<std::string> packages;
  std::string ima_list;
  std::string output;
  std::optional<std::string> command_line;
  std::vector<std::string> credentials;
  std::vector<std::string> extensions;
  std::string bank = "sha256";
};

Result<std::vector<Bytes>> read_all(const std::vector<std::string>& files) {
  std::vector<Bytes> contents;
  for (const std::string& file : files) {
    TRY(Bytes content, read_file(file, 1U << 30));
    contents.push_back(std::move(content));
  }
  return contents;
}

// Debian keeps what its packages call /lib in /usr/lib, and so on; IMA measures the real path.
std::optional<std::string> merged_path(const std::string& path) {
  for (const char* folder : {"/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"})
    if (path.starts_with(folder)) return "/usr" + path;
  return std::nullopt;
}

// The list of files that may run, with those of the packages beside what it has: so it fits before
// the update and after.
Result<Report> predict_files(const PredictOptions& options) {
  if (options.output.empty() || !options.image.empty())
    return fail(usage_error("--package goes with --output, and not with --uki"));
  OrderedJson list = {{"meta", {{"version", 1}}}, {"digests", OrderedJson::object()}};
  if (!options.ima_list.empty()) {
    TRY(const std::string text, read_text_file(options.ima_list, 256U << 20));
    TRY_WITHIN(options.ima_list, const auto checked, tpm::ImaAllowList::parse(text));
    list = OrderedJson::parse(text);
  }
  std::size_t files = 0;
  std::size_t added = 0;
  const auto allow = [&](const std::string& path, const Sha256& digest) {
    const std::string text = "sha256:" + to_hex(digest);
    OrderedJson& digests = list["digests"][path];
    if (std::ranges::find(digests, OrderedJson(text)) != digests.end() ||
        std::ranges::find(digests, OrderedJson(to_hex(digest))) != digests.end())
      return;
    digests.push_back(text);
    ++added;
  };
  for (const std::string& package : options.packages) {
    TRY(const auto content, files_of_package(package));
    for (const auto& [path, digest] : content) {
      ++files;
      if (!is_utf8(path)) continue;
      allow(path, digest);
      if (const auto merged = merged_path(path)) allow(*merged, digest);
    }
  }
  const std::string text = list.dump(1) + "\n";
  TRY_VOID(write_file_atomically(options.output, as_bytes(text)));
  Report report;
  report.line(options.output + ": " + std::to_string(files) + " files of " +
              std::to_string(options.packages.size()) + " packages, " + std::to_string(added) +
              " digests more than before");
  report.field("sha256", to_hex(sha256(as_bytes(text))));
  report.json["files"] = files;
  report.json["added"] = added;
  report.json["ima_list"] = "sha256:" + to_hex(sha256(as_bytes(text)));
  const std::string not_checked = "who made these packages, and what their scripts write";
  report.json["not_checked"] = {not_checked};
  report.field("not checked", not_checked);
  return report;
}

Result<Report> reference_predict(const PredictOptions& options) {
  if (!options.packages.empty()) return predict_files(options);
  if (options.image.empty())
    return fail(usage_error("name what will be booted, by --uki, or installed, by --package"));
  TRY_WITHIN("--bank", const HashAlgorithm bank, hash_by_name(options.bank));
  TRY(const Bytes image, read_file(options.image, largest_image));
  TRY(const std::vector<Bytes> credentials, read_all(options.credentials));
  TRY(const std::vector<Bytes> extensions, read_all(options.extensions));
  tpm::BootFiles files{image, options.command_line, {}, {}};
  files.credentials.assign(credentials.begin(), credentials.end());
  files.extensions.assign(extensions.begin(), extensions.end());
  TRY_WITHIN(options.image, const tpm::BootPrediction prediction, tpm::predict_boot(files, bank));
  Report report;
  report.line("the next boot from " + options.image + ", bank " + options.bank + ":");
  report.json["bank"] = options.bank;
  report.json["pcr11"] = OrderedJson::array();
  for (const tpm::PhasePrediction& phase : prediction.pcr11) {
    report.field("PCR 11", to_hex(phase.pcr) + (phase.phase.empty() ? "" : " " + phase.phase));
    report.json["pcr11"].push_back({{"phase", phase.phase}, {"pcr", to_hex(phase.pcr)}});
  }
  const auto show = [&](const char* name, const char* key, const std::optional<Bytes>& pcr) {
    report.json[key] = pcr ? OrderedJson(to_hex(*pcr)) : OrderedJson(nullptr);
    if (pcr) report.field(name, to_hex(*pcr));
  };
  show("PCR 12", "pcr12", prediction.pcr12);
  show("PCR 13", "pcr13", prediction.pcr13);
  report.field("image", to_hex(prediction.image) + " (the event in PCR 4)");
  report.json["image"] = to_hex(prediction.image);
  report.json["sections"] = prediction.sections;
  report.json["stub_version"] =
      prediction.stub_version ? OrderedJson(*prediction.stub_version) : OrderedJson(nullptr);
  const std::string not_checked = "whether anybody signed this image";
  report.json["not_checked"] = {not_checked};
  report.field("not checked", not_checked);
  return report;
}

struct ExplainOptions {
  std::string event_log;
  std::vector<std::string> references;
};

// Reference values as CoRIM, or inside the signed statement that carries them; its signature is not
// looked at here.
Result<reference::ReferenceValues> read_values(const std::string& file) {
  TRY(const Bytes content, read_file(file, 4U << 20));
  if (const auto statement = statement::parse_statement(content)) {
    TRY_WITHIN(file, auto values, reference::parse_reference_values(statement->payload()));
    return values;
  }
  TRY_WITHIN(file, auto values, reference::parse_reference_values(content));
  return values;
}

OrderedJson to_json(const appraisal::PcrExplanation& pcr) {
  return {
      {"pcr", pcr.pcr},           {"met", pcr.met}, {"by", pcr.by}, {"found", to_hex(pcr.found)},
      {"expected", pcr.expected}, {"why", pcr.why}};
}

Result<Report> reference_explain(const ExplainOptions& options) {
  TRY(const Bytes content, read_file(options.event_log));
  TRY_WITHIN(options.event_log, const auto log, tpm::parse_any_event_log(content));
  std::vector<reference::ReferenceValues> values;
  for (const std::string& file : options.references) {
    TRY(auto one, read_values(file));
    values.push_back(std::move(one));
  }
  TRY(const appraisal::Explanation explanation, appraisal::explain(log, values));
  Report report;
  report.outcome = explanation.satisfied() ? Outcome::pass : Outcome::refused;
  report.line(explanation.satisfied() ? "every PCR that these values speak of is met"
                                      : "these values are not met:");
  report.json["bank"] = hash_name(explanation.bank);
  report.json["satisfied"] = explanation.satisfied();
  report.json["pcrs"] = OrderedJson::array();
  for (const appraisal::PcrExplanation& pcr : explanation.pcrs) {
    report.json["pcrs"].push_back(to_json(pcr));
    report.field("PCR " + std::to_string(pcr.pcr), pcr.met ? "met by " + pcr.by : pcr.why);
    if (pcr.met) continue;
    report.field("  found", pcr.found.empty() ? "no events" : to_hex(pcr.found));
    for (const std::string& expected : pcr.expected) report.field("  would do", expected);
  }
  report.json["events"] = OrderedJson::array();
  for (const appraisal::EventExplanation& event : explanation.events)
    report.json["events"].push_back({{"number", event.number},
                                     {"pcr", event.pcr},
                                     {"what", event.what},
                                     {"known", event.known},
                                     {"by", event.by}});
  const std::vector<std::string> not_checked{"whether a quote vouches for this log",
                                             "who says these reference values"};
  report.json["not_checked"] = not_checked;
  for (const std::string& line : not_checked) report.field("not checked", line);
  return report;
}

}  // namespace

void add_reference_commands(CommandLine& command_line) {
  Command* group = command_line.group("reference", "Reference values");
  Command* verb = command_line.verb(
      group, "make", "Turn a known-good boot into reference values",
      "attestctl reference make --event-log good.bin --platform r7 --description \"debian 12.15\" "
      "\\\n"
      "    --issuer owner@dc1.example --key owner.key --server https://127.0.0.1:8443");
  auto reference = std::make_shared<ReferenceOptions>();
  auto* log = verb->add_option("--event-log", reference->event_log,
                               "The event log of a boot known to be good");
  verb->add_option("--evidence", reference->evidence,
                   "Or evidence of such a boot, as a verifier keeps it; checked by its own quote")
      ->excludes(log);
  add_trust_option(verb, reference->trust);
  verb->add_option(
      "--ima-list", reference->ima_list,
      "A list of files that may run, which the reference values name by its digest; with "
      "--evidence it is written, of the files that ran there");
  verb->add_option("--platform", reference->platform, "The class of machines these values are for")
      ->required();
  verb->add_option("--description", reference->description, "What people know this boot by")
      ->required();
  verb->add_option("--pcrs", reference->pcrs, "Which PCRs; 0 to 7 without")->delimiter(',');
  verb->add_option("--booted-image", reference->booted_image,
                   "The unified kernel image this boot was from, where an update replaces it");
  verb->add_option("--next-image", reference->next_image,
                   "The image that replaces it: the values are then of the boot to come");
  add_submission_options(verb, reference->submission);
  command_line.runs(verb, [reference](const Context& context) {
    return reference_make(*reference, context.now);
  });

  verb = command_line.verb(group, "predict",
                           "Compute the PCRs of the next boot, or the files IMA will measure",
                           "attestctl reference predict --uki /boot/efi/EFI/Linux/debian.efi");
  auto predict = std::make_shared<PredictOptions>();
  verb->add_option("--uki", predict->image, "The unified kernel image");
  verb->add_option(
      "--package", predict->packages,
      "Or a Debian package to be installed: its files go into a list of those that may "
      "run; several times");
  verb->add_option("--ima-list", predict->ima_list, "The list to add them to; a new one without");
  verb->add_option("--output", predict->output, "Where to write the list");
  verb->add_option("--command-line", predict->command_line,
                   "What the boot loader passes, where not the image's own");
  verb->add_option("--credential", predict->credentials,
                   "A credential archive, as the stub packs it; in order");
  verb->add_option("--extension", predict->extensions,
                   "A system extension archive, as the stub packs it; in order");
  verb->add_option("--bank", predict->bank, "The bank of PCRs; sha256 without");
  command_line.runs(verb, [predict](const Context&) { return reference_predict(*predict); });

  verb =
      command_line.verb(group, "explain", "Say which reference values a boot met or missed",
                        "attestctl reference explain --event-log new.bin --reference good.corim");
  auto explain = std::make_shared<ExplainOptions>();
  verb->add_option("--event-log", explain->event_log, "The event log of the boot")->required();
  verb->add_option("--reference", explain->references,
                   "Reference values: CoRIM, or the statement that carries it; several times")
      ->required();
  command_line.runs(verb, [explain](const Context&) { return reference_explain(*explain); });
}

}  // namespace attest::cli

// attestctl eventlog show, diff: measured-boot logs from files. Nothing vouches for them here.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "libattest/base/file.h"
#include "libattest/base/text.h"
#include "libattest/tpm/boot_facts.h"
#include "libattest/tpm/event_log.h"
#include "libattest/tpm/event_log_findings.h"

namespace attest::cli {

namespace {

constexpr const char* unvouched = "nothing vouches for this log: no quote was given";

struct EventLogOptions {
  std::string file;
  bool padded = false;
};

Result<tpm::UntrustedEventLog> read_log(const std::string& file, bool padded) {
  TRY(const Bytes content, read_file(file));
  TRY_WITHIN(file, auto log, tpm::parse_any_event_log(content, {.allow_padding = padded}));
  return log;
}

tpm::BootFacts facts_of(const tpm::UntrustedEventLog& log) {
  return tpm::boot_facts(log.events(), tpm::strongest_bank(log), log.registers());
}

OrderedJson to_json(const tpm::KeyDatabase::Certificate& certificate) {
  return {{"subject", certificate.subject},
          {"sha256", certificate.sha256},
          {"owner", certificate.owner}};
}

OrderedJson to_json(const tpm::KeyDatabase& database) {
  OrderedJson certificates = OrderedJson::array();
  for (const auto& each : database.certificates) certificates.push_back(to_json(each));
  return {
      {"certificates", certificates}, {"hashes", database.hashes}, {"readable", database.readable}};
}

OrderedJson to_json(const std::vector<tpm::LoadedImage>& images) {
  OrderedJson all = OrderedJson::array();
  for (const tpm::LoadedImage& image : images)
    all.push_back({{"event", image.event},
                   {"pcr", image.pcr},
                   {"kind", image.kind},
                   {"path", image.path},
                   {"digest", image.digest}});
  return all;
}

OrderedJson to_json(const std::vector<tpm::MeasuredThing>& things) {
  OrderedJson all = OrderedJson::array();
  for (const tpm::MeasuredThing& thing : things)
    all.push_back({{"name", thing.name}, {"digest", thing.digest}});
  return all;
}

OrderedJson to_json(const std::vector<tpm::PartitionTable>& disks) {
  OrderedJson all = OrderedJson::array();
  for (const tpm::PartitionTable& disk : disks) {
    OrderedJson partitions = OrderedJson::array();
    for (const tpm::Partition& partition : disk.partitions)
      partitions.push_back({{"name", partition.name},
                            {"guid", partition.guid},
                            {"type", partition.type_guid},
                            {"first_block", partition.first_block},
                            {"last_block", partition.last_block}});
    all.push_back({{"disk", disk.disk_guid}, {"partitions", partitions}});
  }
  return all;
}

template <typename T>
OrderedJson or_null(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson to_json(const tpm::BootFacts& facts) {
  OrderedJson json;
  json["firmware_version"] = or_null(facts.firmware_version);
  json["firmware_blobs"] = to_json(facts.firmware_blobs);
  json["databases"] = OrderedJson::object();
  for (const auto& [name, database] : facts.databases) json["databases"][name] = to_json(database);
  json["authorities"] = OrderedJson::array();
  for (const auto& each : facts.authorities) json["authorities"].push_back(to_json(each));
  json["sbat_level"] = or_null(facts.sbat_level);
  json["mok"] = to_json(facts.mok);
  json["boot_order"] = facts.boot_order;
  json["boot_options"] = OrderedJson::object();
  for (const auto& [name, option] : facts.boot_options)
    json["boot_options"][name] = {{"title", option.title}, {"path", option.path}};
  json["option_roms"] = to_json(facts.option_roms);
  json["spdm_devices"] = to_json(facts.spdm_devices);
  json["disks"] = to_json(facts.disks);
  json["images"] = to_json(facts.images);
  json["grub_commands"] = facts.grub_commands;
  json["grub_files"] = to_json(facts.grub_files);
  json["kernel_command_line"] = or_null(facts.kernel_command_line);
  json["uki_sections"] = facts.uki_sections;
  json["boot_phases"] = facts.boot_phases;
  json["kernel_parameters"] = facts.kernel_parameters;
  json["system_extensions"] = to_json(facts.system_extensions);
  json["system_identity"] = facts.system_identity;
  return json;
}

void show_events(const tpm::UntrustedEventLog& log, Report& report) {
  const tpm::PcrBank shown_bank = tpm::strongest_bank(log);
  report.json["events"] = OrderedJson::array();
  Table table({"event", log.registers() == tpm::Registers::pcr ? "PCR" : "RTMR+1", "what"});
  for (const tpm::Event& event : log.events()) {
    const std::string what = tpm::describe(event);
    table.row({std::to_string(event.number), std::to_string(event.pcr), what});
    OrderedJson json = {{"number", event.number},
                        {"pcr", event.pcr},
                        {"type", tpm::event_type_name(event.type)},
                        {"what", what}};
    if (!event.content.empty()) json["content"] = event.content;
    for (const tpm::PcrBank bank : log.banks())
      if (!event.digest(bank).empty())
        json["digests"][std::string(hash_name(bank))] = to_hex(event.digest(bank));
    json["data_measured"] = event.data_measured(shown_bank);
    report.json["events"].push_back(std::move(json));
  }
  table.print_to(report);
}

void show_registers(const tpm::UntrustedEventLog& log, Report& report) {
  const tpm::PcrBank shown_bank = tpm::strongest_bank(log);
  report.line("registers as this log would have them:");
  report.json["pcrs"] = OrderedJson::object();
  for (const tpm::PcrBank bank : log.banks())
    report.json["pcrs"][std::string(hash_name(bank))] = OrderedJson::object();
  const tpm::PcrValues replayed = tpm::replay(log);
  for (const auto& [bank, registers] : replayed.banks())
    for (const auto& [index, value] : registers) {
      report.json["pcrs"][std::string(hash_name(bank))][std::to_string(index)] = to_hex(value);
      if (bank == shown_bank)
        report.field(std::string(hash_name(bank)) + " " + std::to_string(index), to_hex(value));
    }
}

void show_facts(const tpm::BootFacts& facts, Report& report) {
  const auto& secure_boot = facts.secure_boot;
  const std::string state = !secure_boot.enabled ? "unknown" : *secure_boot.enabled ? "on" : "off";
  report.line("what it says, if it is to be believed:");
  report.field("Secure Boot", state + ": " + secure_boot.reason);
  if (facts.firmware_version) report.field("firmware", printable(*facts.firmware_version));
  for (const tpm::LoadedImage& image : facts.images)
    report.field("loaded", printable(image.path.empty() ? "an image without a path" : image.path));
  if (facts.kernel_command_line) report.field("kernel", printable(*facts.kernel_command_line, 400));
  report.json["secure_boot"] = or_null(secure_boot.enabled);
  report.json["secure_boot_reason"] = secure_boot.reason;
  report.json["facts"] = to_json(facts);
}

void show_findings(const tpm::UntrustedEventLog& log, Report& report) {
  report.json["findings"] = OrderedJson::array();
  for (const tpm::EventLogFinding& finding : tpm::event_log_findings(log)) {
    report.field("finding", finding.words);
    report.json["findings"].push_back({{"rule", finding.rule.name}, {"words", finding.words}});
  }
}

Result<Report> eventlog_show(const EventLogOptions& options) {
  TRY(const tpm::UntrustedEventLog log, read_log(options.file, options.padded));
  Report report;
  const std::string format(tpm::event_log_format_name(log.format()));
  const bool trust_domain = log.registers() == tpm::Registers::rtmr;
  report.json["format"] = format;
  report.json["registers"] = trust_domain ? "rtmr" : "pcr";
  report.json["banks"] = OrderedJson::array();
  for (const tpm::PcrBank bank : log.banks()) report.json["banks"].push_back(hash_name(bank));
  report.line(options.file + ": " + format + (trust_domain ? " (of a trust domain)" : "") + ", " +
              std::to_string(log.events().size()) + " events");
  show_events(log, report);
  show_registers(log, report);
  show_facts(facts_of(log), report);
  show_findings(log, report);
  report.json["not_checked"] = {unvouched};
  report.field("not checked", unvouched);
  return report;
}

struct DiffOptions {
  std::string before;
  std::string after;
  bool padded = false;
};

// The registers that differ in the strongest bank both logs have.
std::vector<unsigned> differing(const tpm::UntrustedEventLog& before,
                                const tpm::UntrustedEventLog& after) {
  const tpm::PcrValues old_values = tpm::replay(before);
  const tpm::PcrValues new_values = tpm::replay(after);
  std::vector<unsigned> differ;
  for (auto bank = old_values.banks().rbegin(); bank != old_values.banks().rend(); ++bank) {
    if (!new_values.banks().contains(bank->first)) continue;
    for (unsigned index = 0; index < tpm::pcr_count; ++index) {
      const Bytes* one = old_values.find(bank->first, index);
      const Bytes* other = new_values.find(bank->first, index);
      const bool same = one == nullptr || other == nullptr ? one == other : *one == *other;
      if (!same) differ.push_back(index);
    }
    break;
  }
  return differ;
}

Result<Report> eventlog_diff(const DiffOptions& options) {
  TRY(const tpm::UntrustedEventLog before, read_log(options.before, options.padded));
  TRY(const tpm::UntrustedEventLog after, read_log(options.after, options.padded));
  const std::vector<std::string> changes = tpm::changes_between(facts_of(before), facts_of(after));
  const std::vector<unsigned> registers = differing(before, after);
  Report report;
  report.json = {{"same", changes.empty() && registers.empty()},
                 {"changes", changes},
                 {"registers", registers},
                 {"not_checked", {unvouched}}};
  if (changes.empty() && registers.empty()) {
    report.line("nothing changed between these two boots");
  } else {
    report.line(std::to_string(changes.size()) + " changes between these two boots");
    for (const std::string& change : changes) report.field("", change);
    std::string list;
    for (const unsigned index : registers)
      list += (list.empty() ? "" : ", ") + std::to_string(index);
    if (!list.empty()) report.field("differ", "PCR " + list);
    if (changes.empty())
      report.field("", "the difference is in events that have no words here; see eventlog show");
  }
  report.field("not checked", unvouched);
  return report;
}

}  // namespace

void add_eventlog_commands(CommandLine& command_line) {
  Command* group = command_line.group("eventlog", "Measured-boot event logs");
  Command* verb = command_line.verb(
      group, "show", "Show an event log in words",
      "attestctl eventlog show /sys/kernel/security/tpm0/binary_bios_measurements");
  auto shown = std::make_shared<EventLogOptions>();
  verb->add_option("FILE", shown->file,
                   "The log: as firmware and kernel give it, a CCEL, or a canonical log")
      ->required();
  verb->add_flag("--padded", shown->padded, "Accept padding after the last event (CCEL areas)");
  command_line.runs(verb, [shown](const Context&) { return eventlog_show(*shown); });

  verb = command_line.verb(group, "diff", "Say what changed between two boots",
                           "attestctl eventlog diff before.log after.log");
  auto diff = std::make_shared<DiffOptions>();
  verb->add_option("A", diff->before, "The log of the earlier boot")->required();
  verb->add_option("B", diff->after, "The log of the later boot")->required();
  verb->add_flag("--padded", diff->padded, "Accept padding after the last events (CCEL areas)");
  command_line.runs(verb, [diff](const Context&) { return eventlog_diff(*diff); });
}

}  // namespace attest::cli

#include "libattest/tpm/ima_verification.h"

#include <algorithm>
#include <unordered_set>

#include "libattest/base/text.h"

namespace attest::tpm {
namespace {

constexpr std::size_t problems_kept = 1000;
constexpr std::string_view boot_aggregate = "boot_aggregate";

std::string place(const ImaEntry& entry) {
  return "entry " + std::to_string(entry.number) + ", " + printable(entry.path, 120);
}

// The digest of measured data (a key, a command line) is that of the data in the same entry.
bool buffer_digest_holds(const ImaEntry& entry) {
  if (entry.form != ImaTemplate::ima_buf || entry.violation()) return true;
  const auto hash = hash_by_name(entry.file.algorithm);
  return hash && equal(digest(*hash, entry.buffer), entry.file.value);
}

// Found is where a replay met the quoted value.
struct Found {
  std::size_t covered = 0;
  bool met = false;
};

// advance walks a replay up to the last entry after which PCR 10 is `quoted`; with padded SHA-1, as
// kernels before 5.8 extended other banks, where the plain one does not get there.
Found advance(const UntrustedImaLog& log, PcrBank bank, Bytes start, const Bytes& quoted,
              bool padded) {
  Found found{0, start == quoted};
  Hasher hasher(bank);
  Hasher hash_of_data(padded ? HashAlgorithm::sha1 : bank);
  Bytes pcr = std::move(start);
  Bytes extended;
  std::size_t seen = 0;
  for (const ImaEntry& entry : log.entries()) {
    ++seen;
    if (entry.pcr == ima_pcr) {
      entry.digest_into(hash_of_data, extended);
      if (padded) extended.resize(pcr.size(), std::byte{0});
      if (padded && entry.violation()) extended.assign(pcr.size(), std::byte{0xff});
      if (bank == HashAlgorithm::sha256) {
        const Sha256 value = sha256({pcr, extended});
        pcr.assign(value.begin(), value.end());
      } else {
        hasher.update(pcr);
        hasher.update(extended);
        pcr = hasher.finish();
      }
    }
    if (pcr == quoted) found = {seen, true};
  }
  return found;
}

Status check_forms(const UntrustedImaLog& log) {
  Hasher hasher(log.listed_hash());
  Bytes scratch;
  for (const ImaEntry& entry : log.entries()) {
    if (!template_hash_holds(entry, hasher, scratch))
      return fail(refused(rules::ima_template_hash,
                          "a template hash is not that of the entry's data: " + place(entry))
                      .expected(to_hex(scratch))
                      .found(to_hex(entry.template_hash)));
    if (!buffer_digest_holds(entry))
      return fail(refused(rules::ima_buffer_digest,
                          "the digest of measured data is not that of the data: " + place(entry)));
  }
  return {};
}

// The kernel's boot_aggregate hashes PCRs 0 to 7 of its bank, and since 5.8 those to 9 with banks
// other than SHA-1.
Status check_boot_aggregate(const ImaEntry& first, const PcrValues& quoted) {
  if (first.path != boot_aggregate || first.violation()) return {};
  const auto bank = hash_by_name(first.file.algorithm);
  if (!bank) return {};
  Hasher hasher(*bank);
  for (const unsigned last : {7U, 9U}) {
    hasher.reset();
    for (unsigned index = 0; index <= last; ++index) {
      const Bytes* value = quoted.find(*bank, index);
      if (value == nullptr) return {};
      hasher.update(*value);
    }
    if (equal(hasher.finish(), first.file.value)) return {};
  }
  return fail(refused(rules::ima_boot_aggregate,
                      "the list's boot_aggregate is not of the quoted PCRs: it is of another boot")
                  .found(to_hex(first.file.value)));
}

Status check_checkpoint(const ImaCheckpoint& since, const VerifiedQuote& quote) {
  if (since.reset_count != quote.clock().reset_count)
    return fail(refused(rules::ima_other_boot,
                        "the list goes on from a boot that is over; it must be sent whole")
                    .expected("resetCount " + std::to_string(since.reset_count))
                    .found(std::to_string(quote.clock().reset_count))
                    .next("ask for the list from its first entry"));
  if (quote.pcrs().find(since.bank, ima_pcr) == nullptr)
    return fail(refused(rules::ima_not_quoted,
                        "PCR 10 is not quoted in the bank the list was "
                        "verified in so far")
                    .expected(std::string(hash_name(since.bank)) + ":10")
                    .found(quote.selection().to_string()));
  return {};
}

std::optional<PcrBank> strongest_quoted(const VerifiedQuote& quote) {
  std::optional<PcrBank> strongest;
  for (const auto& [bank, registers] : quote.pcrs().banks())
    if (registers.contains(ima_pcr) && (!strongest || bank > *strongest)) strongest = bank;
  return strongest;
}

}  // namespace

Result<VerifiedImaLog> verify_ima_log(UntrustedImaLog log, const VerifiedQuote& quote,
                                      const std::optional<ImaCheckpoint>& since) {
  const auto strongest = strongest_quoted(quote);
  if (!strongest)
    return fail(refused(rules::ima_not_quoted, "PCR 10 is not quoted: nothing vouches for the list")
                    .expected("PCR 10")
                    .found(quote.selection().to_string()));
  if (since) TRY_VOID(check_checkpoint(*since, quote));
  TRY_VOID(check_forms(log));
  const PcrBank bank = since ? since->bank : *strongest;
  const Bytes quoted = *quote.pcrs().find(bank, ima_pcr);
  const Bytes start = since ? since->pcr : Bytes(digest_size(bank));
  Found found = advance(log, bank, start, quoted, false);
  if (!found.met && bank != PcrBank::sha1) found = advance(log, bank, start, quoted, true);
  if (!found.met)
    return fail(
        refused(rules::ima_pcr_differs,
                "PCR 10 is not what the list leads to: entries are missing, changed or in "
                "another order, or the list was read before the quote")
            .expected("a list of " + std::string(hash_name(bank)) + " PCR 10 " + to_hex(quoted))
            .found(std::to_string(log.entries().size()) + " entries that do not lead there"));
  if (!since && !log.entries().empty())
    TRY_VOID(check_boot_aggregate(log.entries().front(), quote.pcrs()));
  ImaCheckpoint checkpoint{quote.clock().reset_count, (since ? since->entries : 0) + found.covered,
                           bank, quoted};
  return VerifiedImaLog(std::move(log), std::move(checkpoint), found.covered);
}

Result<VerifiedImaLog> verify_grown_ima_log(const UntrustedImaLog& log, const VerifiedQuote& quote,
                                            const ImaCheckpoint& known) {
  auto whole = verify_ima_log(log, quote);
  const bool same_boot = known.reset_count == quote.clock().reset_count;
  if (whole || whole.error().rule != rules::ima_pcr_differs || !same_boot) return whole;
  const std::size_t entries = log.entries().size();
  // Where PCR 10 stands as it did, a list of which no entry counts is no rest: it was cut.
  auto rest = verify_ima_log(log, quote, known);
  if (rest && (!rest->entries().empty() || entries == 0)) return rest;
  if (entries < known.entries)
    return fail(refused(rules::ima_truncated,
                        "entries were taken out of the IMA list: in one boot it only grows")
                    .expected("at least " + std::to_string(known.entries) + " entries")
                    .found(std::to_string(entries)));
  const Bytes start(digest_size(known.bank));
  if (advance(log, known.bank, start, known.pcr, false).met ||
      advance(log, known.bank, start, known.pcr, true).met)
    return whole;
  return fail(refused(rules::ima_rewritten,
                      "entries of the IMA list are others than they were before in this boot")
                  .expected("PCR 10 " + to_hex(known.pcr) + " after " +
                            std::to_string(known.entries) + " entries")
                  .found(std::to_string(entries) + " entries that do not lead there"));
}

namespace {

enum class ViolationKind { open_writers, tomtou, either };

// Violations tells their kinds; it looks at paths only where there is a violation.
class Violations {
 public:
  explicit Violations(std::span<const ImaEntry> entries) : entries_(entries) {}

  ViolationKind kind(std::size_t at) {
    for (; read_ < at; ++read_)
      if (!entries_[read_].violation()) measured_.insert(entries_[read_].path);
    const bool before = measured_.contains(entries_[at].path);
    const bool after = at + 1 < entries_.size() && !entries_[at + 1].violation() &&
                       entries_[at + 1].path == entries_[at].path;
    if (before == after) return ViolationKind::either;
    return after ? ViolationKind::open_writers : ViolationKind::tomtou;
  }

 private:
  std::span<const ImaEntry> entries_;
  std::size_t read_ = 0;
  std::unordered_set<std::string_view> measured_;
};

void count(ViolationKind kind, ImaViolations& counts) {
  switch (kind) {
    case ViolationKind::open_writers:
      ++counts.open_writers;
      return;
    case ViolationKind::tomtou:
      ++counts.tomtou;
      return;
    case ViolationKind::either:
      ++counts.of_either_kind;
      return;
  }
}

const char* words_for(ViolationKind kind) {
  switch (kind) {
    case ViolationKind::open_writers:
      return "a violation by open writers: the file was open for writing while it was measured, so "
             "that nobody knows what ran";
    case ViolationKind::tomtou:
      return "a ToMToU violation: the file was measured, and written while it was in use, so that "
             "nobody knows what ran since";
    case ViolationKind::either:
      break;
  }
  return "a violation: the file changed while it was measured or in use, so that nobody knows what "
         "ran";
}

}  // namespace

std::string ImaViolations::words() const {
  return std::to_string(in_all()) + " violations (" + std::to_string(open_writers) +
         " by open writers, " + std::to_string(tomtou) + " ToMToU" +
         (of_either_kind > 0 ? ", " + std::to_string(of_either_kind) + " of either kind)" : ")");
}

ImaViolations count_violations(std::span<const ImaEntry> entries) {
  Violations violations(entries);
  ImaViolations counts;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i].violation()) count(violations.kind(i), counts);
  return counts;
}

namespace {

// Inspector goes through the entries once.
class Inspector {
 public:
  Inspector(std::span<const ImaEntry> entries, const ImaRules& asked)
      : entries_(entries), asked_(asked), violations_(entries) {}

  void look(std::size_t at) {
    const ImaEntry& entry = entries_[at];
    ++report_.entries;
    if (entry.violation()) {
      const ViolationKind kind = violations_.kind(at);
      count(kind, report_.violations);
      if (!asked_.allow_violations) problem(entry, rules::ima_violation, words_for(kind));
      return;
    }
    if (!hasher_ || digest_size(hasher_->algorithm()) != entry.template_hash.size())
      hasher_.emplace(hash_of_listed(entry));
    if (!template_hash_holds(entry, *hasher_, scratch_)) {
      problem(entry, rules::ima_template_hash, "the template hash is not that of the entry's data",
              to_hex(scratch_), to_hex(entry.template_hash));
      return;
    }
    if (!buffer_digest_holds(entry)) {
      problem(entry, rules::ima_buffer_digest, "the digest is not that of the measured data");
      return;
    }
    if (asked_.allow_list != nullptr)
      by_list(entry);
    else
      by_keys(entry);
  }

  ImaInspection finish() && { return std::move(report_); }

 private:
  static HashAlgorithm hash_of_listed(const ImaEntry& entry) {
    for (const HashAlgorithm hash :
         {HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512})
      if (digest_size(hash) == entry.template_hash.size()) return hash;
    return HashAlgorithm::sha1;
  }

  void problem(const ImaEntry& entry, Rule rule, std::string words, std::string expected = "",
               std::string found = "") {
    if (report_.problems_in_all++ < problems_kept)
      report_.problems.push_back({rule, entry.number, std::string(entry.path), std::move(words),
                                  std::move(expected), std::move(found)});
  }

  static bool is_signed(const ImaEntry& entry) {
    return !entry.signature.empty() || !entry.modsig.empty();
  }

  void by_list(const ImaEntry& entry) {
    const std::string digest = std::string(entry.file.algorithm) + ":" + to_hex(entry.file.value);
    switch (asked_.allow_list->judge(entry, asked_.keys, asked_.signatures)) {
      case ImaFinding::allowed:
        ++report_.allowed;
        return;
      case ImaFinding::excluded:
        ++report_.excluded;
        return;
      case ImaFinding::signed_by:
        ++report_.signed_by_key;
        return;
      case ImaFinding::other_digest: {
        std::string expected;
        for (const std::string& each : asked_.allow_list->expected(entry.path))
          expected += (expected.empty() ? "" : ", ") + each;
        problem(entry, rules::ima_digest_differs,
                "the file is not one that is allowed at this path", expected, digest);
        return;
      }
      case ImaFinding::unknown:
        problem(entry, rules::ima_unknown_path, "nothing allows a file at this path",
                "the path in the list, or a signature by a key that is allowed", digest);
        return;
    }
  }

  void by_keys(const ImaEntry& entry) {
    if (!is_signed(entry) || entry.form == ImaTemplate::evm_sig) {
      ++report_.not_judged;
      return;
    }
    const Status holds = verify_ima_signature(entry, asked_.keys, asked_.signatures);
    if (holds)
      ++report_.signed_by_key;
    else
      problem(entry, holds.error().rule, holds.error().what, holds.error().expected_value,
              holds.error().found_value);
  }

  std::span<const ImaEntry> entries_;
  const ImaRules& asked_;
  Violations violations_;
  std::optional<Hasher> hasher_;
  Bytes scratch_;
  ImaInspection report_;
};

}  // namespace

ImaInspection inspect_ima_entries(std::span<const ImaEntry> entries, const ImaRules& rules) {
  Inspector inspector(entries, rules);
  for (std::size_t i = 0; i < entries.size(); ++i) inspector.look(i);
  return std::move(inspector).finish();
}

}  // namespace attest::tpm

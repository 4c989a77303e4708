#include "libattest/tpm/boot_update.h"

#include <algorithm>
#include <set>

#include "libattest/tpm/pcr_prediction.h"

namespace attest::tpm {
namespace {

constexpr unsigned image_pcr = 4;
constexpr unsigned sections_pcr = 11;

Result<PeImage> parse_unified(ByteView bytes, const char* which) {
  TRY_WITHIN(which, PeImage image, parse_pe(bytes));
  if (image.find(".linux") == nullptr)
    return fail(refused(rules::uki_form, "the image is no unified kernel image")
                    .expected("a section .linux")
                    .within(which));
  return image;
}

// The digests outside PCR 11 that a part of the old image leaves, and what the new one leaves
// there.
class Replacements {
 public:
  Replacements(const PeImage& booted, const PeImage& next, PcrBank bank) {
    replace(booted.authenticode(bank), next.authenticode(bank));
    kernels(booted.find(".linux")->content, next.find(".linux")->content, bank);
    sections(booted, next, ".initrd", [&](ByteView content) { return digest(bank, content); });
    sections(booted, next, ".cmdline",
             [&](ByteView content) { return digest(bank, firmware_text(as_text(content))); });
  }

  // Two parts that were equal and are no longer.
  bool ambiguous() const { return ambiguous_; }

  const Bytes* find(ByteView before) const {
    const auto found = by_digest_.find(to_bytes(before));
    return found == by_digest_.end() ? nullptr : &found->second;
  }

 private:
  void replace(Bytes before, Bytes after) {
    const auto [place, fresh] = by_digest_.emplace(std::move(before), after);
    if (!fresh && place->second != after) ambiguous_ = true;
  }

  void kernels(ByteView before, ByteView after, PcrBank bank) {
    const auto booted = parse_pe(before);
    const auto next = parse_pe(after);
    if (booted && next) replace(booted->authenticode(bank), next->authenticode(bank));
  }

  template <typename Measure>
  void sections(const PeImage& booted, const PeImage& next, std::string_view name,
                const Measure& measure) {
    const PeImage::Section* before = booted.find(name);
    const PeImage::Section* after = next.find(name);
    if (before && after) replace(measure(before->content), measure(after->content));
  }

  std::map<Bytes, Bytes> by_digest_;
  bool ambiguous_ = false;
};

Error other_boot(std::string what, std::string next) {
  return refused(rules::boot_update_other_boot, std::move(what)).next(std::move(next));
}

// The log's PCR 11 must begin with what the stub measures of the image that is said to have booted.
Status check_sections(const UntrustedEventLog& log, const std::vector<StubMeasurement>& booted,
                      PcrBank bank) {
  auto expected = booted.begin();
  for (const Event& event : log.events()) {
    if (expected == booted.end()) break;
    if (!event.extends() || event.pcr != sections_pcr) continue;
    if (!equal(event.digest(bank), expected->digest))
      return fail(other_boot("PCR 11 does not show the sections of the booted image",
                             "give the image that this log is of")
                      .expected(expected->what)
                      .found("event " + std::to_string(event.number) + ", " + describe(event)));
    ++expected;
  }
  if (expected == booted.end()) return {};
  return fail(other_boot("PCR 11 does not show all sections of the booted image",
                         "give the image that this log is of")
                  .expected(expected->what)
                  .found("no further event"));
}

// The PCRs of what is to come: those that change are extended anew, from zeros.
std::map<unsigned, Bytes> extended(const UntrustedEventLog& log,
                                   const std::vector<PredictedEvent>& events, PcrBank bank) {
  std::set<unsigned> changed;
  for (const PredictedEvent& event : events)
    if (event.changed) changed.insert(event.pcr);
  const PcrValues before = replay(log);
  std::map<unsigned, Bytes> pcrs = before.banks().at(bank);
  for (const unsigned pcr : changed) pcrs[pcr] = Bytes(digest_size(bank));
  for (const PredictedEvent& event : events)
    if (changed.contains(event.pcr)) pcrs[event.pcr] = extend(bank, pcrs[event.pcr], event.digest);
  return pcrs;
}

}  // namespace

Result<UpdatePrediction> predict_update(const UntrustedEventLog& log, ByteView booted_image,
                                        ByteView next_image, PcrBank bank) {
  TRY(const PeImage booted, parse_unified(booted_image, "booted image"));
  TRY(const PeImage next, parse_unified(next_image, "next image"));
  if (!replay(log).banks().contains(bank))
    return fail(incomplete(rules::boot_update_bank, "the event log has no whole bank of this kind")
                    .expected(std::string(hash_name(bank))));
  const Replacements replacements(booted, next, bank);
  if (replacements.ambiguous())
    return fail(incomplete(rules::boot_update_ambiguous,
                           "two parts of the booted image are equal, and differ in the next one"));
  const std::vector<StubMeasurement> before = stub_measurements(booted, bank);
  TRY_VOID(check_sections(log, before, bank));

  UpdatePrediction prediction;
  const Bytes booted_digest = booted.authenticode(bank);
  bool shown = false;
  std::size_t sections = 0;
  for (const Event& event : log.events()) {
    if (!event.extends()) continue;
    if (event.pcr == sections_pcr && sections < before.size()) {
      if (sections++ == 0)
        for (const StubMeasurement& each : stub_measurements(next, bank))
          prediction.events.push_back({sections_pcr, each.digest, each.what, true});
      continue;
    }
    const ByteView digest = event.digest(bank);
    shown = shown || (event.pcr == image_pcr && equal(digest, booted_digest));
    const Bytes* after = event.pcr == 0 ? nullptr : replacements.find(digest);
    const bool changed = after != nullptr && !equal(*after, digest);
    prediction.events.push_back(
        {event.pcr, changed ? *after : to_bytes(digest), describe(event), changed});
  }
  if (!shown)
    return fail(other_boot("PCR 4 does not show the booted image",
                           "give the log of a boot from that very image")
                    .expected(std::string(hash_name(bank)) + " " + to_hex(booted_digest)));
  prediction.pcrs = extended(log, prediction.events, bank);
  return prediction;
}

}  // namespace attest::tpm

#include "agentd/tpm_client.h"

#include "agentd/attestation_key.h"
#include "agentd/enrolment.h"
#include "fixtures/boot/firmware_tpm.h"
#include "fixtures/boot/software_tpm.h"
#include "libattest/tpm/credential.h"
#include "libattest/tpm/ek.h"
#include "libattest/tpm/event_log.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest::agentd {
namespace {

// One TPM for all tests of this file: making one takes two seconds.
fixtures::SoftwareTpm& software_tpm() {
  static TemporaryDirectory folder;
  static fixtures::SoftwareTpm tpm = must(fixtures::SoftwareTpm::open(folder.path()));
  must(tpm.start());
  return tpm;
}

TpmClient connected() {
  return must(TpmClient::connect(software_tpm().tcti()));
}

tpm::UntrustedPublic area_of(const LoadedKey& key) {
  return must(tpm::parse_sized_public(key.sized_public()));
}

const auto selection = tpm::PcrSelection{{{tpm::PcrBank::sha256, tpm::PcrSet::range(0, 9)}}};

Result<tpm::VerifiedQuote> quoted(const TpmClient& client, const LoadedKey& ak) {
  const Bytes nonce = system_random().bytes(32);
  const TpmQuote quote = must(client.quote(ak, nonce, selection));
  tpm::QuoteRules rules;
  rules.nonce = nonce;
  rules.selection = selection;
  return tpm::verify_quote(
      must(tpm::parse_quote(quote.attest)), must(tpm::parse_signature(quote.signature)),
      must(tpm::verify_ak(area_of(ak))), must(client.read_pcrs(selection)), rules);
}

TEST_CASE("the EK made from each template is the one its certificate names") {
  const TpmClient client = connected();
  const auto kinds = must(client.ek_kinds());
  REQUIRE(kinds == std::vector{EkKind::ecc_p384, EkKind::rsa2048});
  const auto authorities =
      must(Certificate::all_from_pem(must(read_text_file(software_tpm().ek_roots()))));
  for (const EkKind kind : kinds) {
    INFO(to_string(kind));
    const auto chain = must(ek_certificates(client, kind));
    REQUIRE(chain.size() == 1);
    const Certificate leaf = must(Certificate::from_der(chain.front()));
    const tpm::EkRules rules{.at = leaf.not_before() + Seconds(60),
                             .roots = {authorities.at(0)},
                             .intermediates = {authorities.at(1)},
                             .crls = {}};
    const EndorsementKey ek = must(client.create_ek(kind));
    REQUIRE_OK(tpm::verify_ek(leaf, area_of(ek.key), rules));
  }
}

TEST_CASE("an AK is restricted, survives in its file, and quotes") {
  const TpmClient client = connected();
  for (const EkKind kind : {EkKind::ecc_p256, EkKind::ecc_p384, EkKind::rsa2048}) {
    INFO(to_string(kind));
    const EndorsementKey ek = must(client.create_ek(kind));
    const TemporaryDirectory state;
    must(save_attestation_key(state.path(), {kind, must(client.create_ak(ek))}));
    const auto permissions =
        std::filesystem::status(attestation_key_file(state.path())).permissions();
    REQUIRE((permissions & std::filesystem::perms(077)) == std::filesystem::perms::none);
    const auto kept = must(load_attestation_key(state.path()));
    REQUIRE(kept);
    REQUIRE(kept->ek == kind);
    const LoadedKey ak = must(client.load_ak(ek, kept->wrapped));
    REQUIRE_OK(quoted(client, ak));
  }
}

TEST_CASE("an AK wrapped by another EK is refused") {
  const TpmClient client = connected();
  const WrappedKey wrapped = must(client.create_ak(must(client.create_ek(EkKind::ecc_p256))));
  const EndorsementKey other = must(client.create_ek(EkKind::ecc_p384));
  REQUIRE_RULE(client.load_ak(other, wrapped), rules::tpm_foreign_key);
}

TEST_CASE("the TPM opens a credential made for its EK and its AK, and no other") {
  const TpmClient client = connected();
  const Bytes secret = system_random().bytes(32);
  for (const EkKind kind : {EkKind::ecc_p256, EkKind::ecc_p384, EkKind::rsa2048}) {
    INFO(to_string(kind));
    const EndorsementKey ek = must(client.create_ek(kind));
    const LoadedKey ak = must(client.load_ak(ek, must(client.create_ak(ek))));
    const auto credential =
        must(tpm::make_credential(area_of(ek.key), area_of(ak).name, secret, system_random()));
    REQUIRE(must(client.activate_credential(ek, ak, credential.credential_blob,
                                            credential.encrypted_secret)) == secret);

    Bytes other_name = area_of(ak).name;
    other_name.back() ^= std::byte{1};
    const auto foreign =
        must(tpm::make_credential(area_of(ek.key), other_name, secret, system_random()));
    REQUIRE_RULE(
        client.activate_credential(ek, ak, foreign.credential_blob, foreign.encrypted_secret),
        rules::tpm_credential);
  }
}

TEST_CASE("no key or session is left in the TPM, however often it is used") {
  for (int i = 0; i < 12; ++i) {
    const TpmClient client = connected();
    const EndorsementKey ek = must(client.create_ek(EkKind::ecc_p256));
    const LoadedKey ak = must(client.load_ak(ek, must(client.create_ak(ek))));
    REQUIRE_OK(quoted(client, ak));
  }
}

TEST_CASE("the boot fixture's log explains the quote, until a PCR is extended") {
  must(software_tpm().reboot());
  Bytes encoded;
  {
    const auto firmware = must(fixtures::FirmwareTpm::connect(software_tpm().tcti()));
    const auto banks = must(firmware.banks());
    const auto events = fixtures::boot_events({});
    for (const auto& event : events) must(firmware.extend(event.pcr, event.measured, banks));
    encoded = fixtures::encode_log(events, banks);
  }
  const auto log = must(tpm::parse_event_log(encoded));
  {
    const TpmClient client = connected();
    REQUIRE(must(client.banks()).size() == 2);
    const EndorsementKey ek = must(client.create_ek(EkKind::ecc_p256));
    const LoadedKey ak = must(client.load_ak(ek, must(client.create_ak(ek))));
    const auto explained = must(tpm::verify_event_log(log, must(quoted(client, ak))));
    REQUIRE(explained.secure_boot().enabled == true);
  }
  {
    const auto firmware = must(fixtures::FirmwareTpm::connect(software_tpm().tcti()));
    must(firmware.extend(4, as_bytes("late"), must(firmware.banks())));
  }
  const TpmClient client = connected();
  const EndorsementKey ek = must(client.create_ek(EkKind::ecc_p256));
  const LoadedKey ak = must(client.load_ak(ek, must(client.create_ak(ek))));
  REQUIRE_RULE(tpm::verify_event_log(log, must(quoted(client, ak))), rules::eventlog_unexplained);
}

TEST_CASE("a reboot shows in the clock of an AK") {
  std::optional<WrappedKey> wrapped;
  const auto clock = [&] {
    const TpmClient client = connected();
    const EndorsementKey ek = must(client.create_ek(EkKind::ecc_p256));
    if (!wrapped) wrapped = must(client.create_ak(ek));
    const LoadedKey ak = must(client.load_ak(ek, *wrapped));
    return must(quoted(client, ak)).clock();
  };
  const tpm::ClockInfo before = clock();
  const tpm::ClockInfo later = clock();
  must(software_tpm().reboot());
  const tpm::ClockInfo after = clock();
  REQUIRE(tpm::compare_clocks(before, later) == tpm::ClockChange::advanced);
  REQUIRE(tpm::is_acceptable(tpm::compare_clocks(later, after)));
  REQUIRE(after.reset_count == later.reset_count + 1);
  REQUIRE(tpm::compare_clocks(after, later) == tpm::ClockChange::replayed);
}

TEST_CASE("a TPM that is not there is incomplete, and says what to do") {
  const auto client = TpmClient::connect("swtpm:path=/nonexistent/tpm.sock");
  REQUIRE_RULE(client, rules::tpm_unreachable);
  REQUIRE(client.error().kind == ErrorKind::incomplete);
  REQUIRE_FALSE(client.error().next_step.empty());
}

}  // namespace
}  // namespace attest::agentd

#include "agentd/enrolment.h"

#include "libattest/tpm/ek.h"
#include "libattest/tpm/key.h"

namespace attest::agentd {
namespace {

// EK Credential Profile 2.5 section 2.2.1.5.2: the chain lies in 0x01c00100 and what follows, as
// one run of DER certificates.
constexpr std::uint32_t chain_first = 0x01c00100;
constexpr std::uint32_t chain_last = 0x01c001ff;

Result<EkKind> chosen_ek(const Configuration& configuration, const TpmClient& tpm) {
  if (configuration.ek) return *configuration.ek;
  TRY(const auto kinds, tpm.ek_kinds());
  // A TPM without certificates can still enrol where the verifier lists its EK.
  return kinds.empty() ? EkKind::ecc_p256 : kinds.front();
}

// A certificate in a run of DER ends where its outer SEQUENCE does.
Status append_chain(ByteView run, std::vector<Bytes>& certificates) {
  ByteReader reader(run);
  while (reader.remaining() > 4 && certificates.size() < evidence::enrol_certificates_limit) {
    ByteReader header = reader;
    TRY(const std::uint16_t start, header.u16_be("DER header"));
    TRY(const std::uint16_t size, header.u16_be("DER length"));
    if (start != 0x3082) return {};  // padding
    TRY(const ByteView certificate, reader.take(4U + size, "certificate"));
    certificates.push_back(to_bytes(certificate));
  }
  return {};
}

}  // namespace

Result<std::vector<Bytes>> ek_certificates(const TpmClient& tpm, EkKind kind) {
  std::vector<Bytes> certificates;
  TRY(const auto own, tpm.read_nv(ek_certificate_index(kind)));
  if (!own) return certificates;
  TRY_WITHIN("EK certificate in NV", const Certificate leaf, tpm::certificate_from_nv(*own));
  certificates.push_back(leaf.der());
  Bytes chain;
  for (std::uint32_t index = chain_first; index <= chain_last; ++index) {
    TRY(const auto part, tpm.read_nv(index));
    if (!part) break;
    append(chain, *part);
  }
  TRY_VOID(append_chain(chain, certificates));
  return certificates;
}

Result<evidence::EnrolResult> enrol(const Configuration& configuration,
                                    const VerifierClient& verifier) {
  TRY(const TpmClient tpm, TpmClient::connect(configuration.tcti));
  TRY(const EkKind kind, chosen_ek(configuration, tpm));
  TRY(const EndorsementKey ek, tpm.create_ek(kind));
  TRY(const WrappedKey wrapped, tpm.create_ak(ek));

  evidence::EnrolBegin begin{.node = configuration.node,
                             .ek_certificates = {},
                             .ek_public = ek.key.sized_public(),
                             .ak_public = wrapped.sized_public};
  TRY(begin.ek_certificates, ek_certificates(tpm, kind));
  TRY(const evidence::EnrolChallenge challenge, verifier.begin_enrolment(begin));

  TRY(const LoadedKey ak, tpm.load_ak(ek, wrapped));
  TRY(Bytes secret,
      tpm.activate_credential(ek, ak, challenge.credential_blob, challenge.encrypted_secret));
  TRY(evidence::EnrolResult result,
      verifier.complete_enrolment({.session = challenge.session, .secret = std::move(secret)}));

  TRY(const tpm::UntrustedPublic area, tpm::parse_sized_public(wrapped.sized_public));
  if (result.node != configuration.node || !equal(result.ak_name, area.name))
    return fail(refused(rules::verifier_answer, "the verifier registered another node or key")
                    .expected(configuration.node + ", key " + to_hex(area.name))
                    .found(result.node + ", key " + to_hex(result.ak_name)));
  TRY_VOID(system_files().make_directories(configuration.state, 0700));
  TRY_VOID(save_attestation_key(configuration.state, {.ek = kind, .wrapped = wrapped}));
  return result;
}

Status write_ek(const Configuration& configuration, const Path& path) {
  TRY(const TpmClient tpm, TpmClient::connect(configuration.tcti));
  TRY(const EkKind kind, chosen_ek(configuration, tpm));
  TRY(const std::vector<Bytes> certificates, ek_certificates(tpm, kind));
  if (!certificates.empty()) {
    TRY(const Certificate leaf, Certificate::from_der(certificates.front()));
    return write_file_atomically(path, as_bytes(leaf.to_pem()));
  }
  TRY(const EndorsementKey ek, tpm.create_ek(kind));
  TRY(const auto area, tpm::parse_sized_public(ek.key.sized_public()));
  return write_file_atomically(path, as_bytes(area.key.to_pem()));
}

}  // namespace attest::agentd

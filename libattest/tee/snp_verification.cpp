#include "libattest/tee/snp_verification.h"

#include <algorithm>

namespace attest::tee {

namespace {

constexpr std::uint8_t turin_family = 0x1a;

SnpSigner role_of(const Certificate& certificate) {
  // A VLEK is a provider's key: it names the provider and no chip.
  return certificate.extension("1.3.6.1.4.1.3704.1.5") ? SnpSigner::vlek : SnpSigner::vcek;
}

Result<Certificate> find_signer(const UntrustedSnpReport& report, const SnpRules& snp_rules) {
  const std::string wanted(to_string(report.signer));
  if (report.signer == SnpSigner::none)
    return fail(refused(rules::snp_signature, "the report says that nothing signed it"));
  bool seen = false;
  for (const Certificate& certificate : snp_rules.certificates) {
    if (!is_snp_certificate(certificate) || role_of(certificate) != report.signer) continue;
    seen = true;
    TRY(const PublicKey key, certificate.public_key());
    if (key.verify(SignatureScheme::ecdsa_sha384, report.signed_bytes, report.signature,
                   EcdsaForm::fixed))
      return certificate;
  }
  if (seen)
    return fail(refused(rules::snp_signature,
                        "the report's signature is by the key of no " + wanted + " given")
                    .next("if this is the certificate of another chip or patch level, give the "
                          "right one"));
  return fail(incomplete(rules::snp_no_certificate, "the chip's " + wanted + " is not here")
                  .expected("the " + wanted + " for chip " + to_hex(report.chip_id.first(8)) +
                            "… at TCB " +
                            to_hex(std::as_bytes(std::span(report.reported_tcb.bytes))))
                  .next("put it, in DER or PEM, with the collateral"));
}

// The ASK issues VCEKs and the ASVK issues VLEKs; both are signed by the same root, so the name of
// the authority is what keeps one from standing for the other.
Status check_authority(const VerifiedChain& chain, SnpSigner signer) {
  const std::string& subject = chain.certificates().at(1).subject();
  const bool for_vlek = subject.find("CN=SEV-VLEK-") != std::string::npos;
  if (for_vlek == (signer == SnpSigner::vlek)) return {};
  return fail(refused(rules::snp_signer_role, "the certificate is by the wrong authority")
                  .expected(signer == SnpSigner::vlek ? "CN=SEV-VLEK-…" : "CN=SEV-…")
                  .found(subject));
}

Status check_tcb(const UntrustedSnpReport& report, const SnpCertificateFields& fields) {
  const bool turin =
      report.cpuid ? report.cpuid->family >= turin_family : fields.product.starts_with("Turin");
  const TcbLevels reported = tcb_levels(report.reported_tcb, turin);
  if (reported == fields.tcb) return {};
  return fail(refused(rules::snp_tcb, "the report's TCB is not the one its key was made for")
                  .expected(fields.tcb.to_string())
                  .found(reported.to_string()));
}

Status check_chip(const UntrustedSnpReport& report, const SnpCertificateFields& fields) {
  if (report.signer != SnpSigner::vcek) return {};
  if (report.chip_id_masked())
    return fail(incomplete(rules::snp_chip_masked, "the host masks the chip id in its reports")
                    .next("switch MaskChipId off, or have the report signed by a VLEK"));
  const ByteView id = report.chip_id.first(std::min(fields.chip_id.size(), report.chip_id.size()));
  const bool rest_zero = std::ranges::all_of(report.chip_id.subspan(id.size()),
                                             [](std::byte b) { return b == std::byte{}; });
  if (fields.chip_id.size() >= 8 && rest_zero && equal(id, fields.chip_id)) return {};
  return fail(refused(rules::snp_chip, "the report is of another chip than the certificate")
                  .expected(to_hex(fields.chip_id))
                  .found(to_hex(report.chip_id)));
}

}  // namespace

Result<VerifiedSnpReport> verify_snp_report(ByteView bytes, const SnpRules& snp_rules) {
  const auto owned = std::make_shared<const Bytes>(to_bytes(bytes));
  TRY(UntrustedSnpReport report, parse_snp_report(*owned));
  TRY(const Certificate signer, find_signer(report, snp_rules));
  TRY(VerifiedChain chain,
      verify_chain(
          signer, snp_rules.certificates, snp_rules.roots,
          {.at = snp_rules.at, .crls = snp_rules.crls, .require_crl = snp_rules.require_crl}));
  if (chain.certificates().size() != 3)
    return fail(refused(rules::snp_signer_role, "the chip's chain has the wrong length")
                    .expected("3 certificates: chip, SEV authority, root")
                    .found(std::to_string(chain.certificates().size())));
  TRY_VOID(check_authority(chain, report.signer));
  TRY(SnpCertificateFields fields, read_snp_certificate(signer));
  TRY_VOID(check_tcb(report, fields));
  TRY_VOID(check_chip(report, fields));
  return VerifiedSnpReport(owned, std::move(report), std::move(chain), std::move(fields));
}

}  // namespace attest::tee

#include "libattest/tee/snp_certificate.h"

#include "libattest/base/text.h"
#include "libattest/crypto/der_reader.h"

namespace attest::tee {

namespace {

const std::string arc = "1.3.6.1.4.1.3704.1.";

Error missing(std::string_view what) {
  return refused(rules::snp_certificate, "the certificate does not say its " + std::string(what))
      .next("give the VCEK or VLEK of this chip, as AMD's key distribution server has it");
}

Result<std::string> text_extension(const Certificate& certificate, const std::string& oid,
                                   std::string_view what) {
  const auto value = certificate.extension(arc + oid);
  if (!value) return fail(missing(what));
  DerReader reader(*value);
  TRY(const DerElement element, reader.expect(der_tag::ia5_string, what));
  TRY_VOID(reader.finish(what));
  return printable(as_text(element.content), 64);
}

Result<std::uint8_t> level_extension(const Certificate& certificate, const std::string& oid,
                                     std::string_view what) {
  const auto value = certificate.extension(arc + oid);
  if (!value) return fail(missing(what));
  DerReader reader(*value);
  TRY(const std::uint64_t level, reader.unsigned_integer(what));
  TRY_VOID(reader.finish(what));
  if (level > 255)
    return fail(refused(rules::snp_certificate, std::string(what) + " is out of range")
                    .expected("0 to 255")
                    .found(std::to_string(level)));
  return static_cast<std::uint8_t>(level);
}

// The 64 bytes stand as they are in certificates to date; the specification would wrap them.
Bytes chip_id_of(const Bytes& value) {
  DerReader reader(value);
  const auto element = reader.expect(der_tag::octet_string, "hardware id");
  const bool wrapped = element && reader.at_end() && value.size() != 64 && value.size() != 8;
  return wrapped ? to_bytes(element->content) : value;
}

}  // namespace

bool is_snp_certificate(const Certificate& certificate) {
  return certificate.extension(arc + "2").has_value();
}

Result<SnpCertificateFields> read_snp_certificate(const Certificate& certificate) {
  SnpCertificateFields fields;
  TRY(fields.product, text_extension(certificate, "2", "product name"));
  TRY(fields.tcb.boot_loader, level_extension(certificate, "3.1", "boot loader level"));
  TRY(fields.tcb.tee, level_extension(certificate, "3.2", "TEE level"));
  TRY(fields.tcb.snp, level_extension(certificate, "3.3", "SNP level"));
  TRY(fields.tcb.microcode, level_extension(certificate, "3.8", "microcode level"));
  if (certificate.extension(arc + "3.9")) {
    TRY(fields.tcb.fmc, level_extension(certificate, "3.9", "FMC level"));
  }
  if (const auto chip = certificate.extension(arc + "4")) fields.chip_id = chip_id_of(*chip);
  if (certificate.extension(arc + "5")) {
    TRY(fields.csp_id, text_extension(certificate, "5", "provider"));
  }
  if (fields.chip_id.empty() && !fields.csp_id) return fail(missing("chip or its provider"));
  return fields;
}

}  // namespace attest::tee

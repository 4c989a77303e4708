#include "libattest/hardware/platform_certificate.h"

#include "libattest/base/text.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/hardware/platform_configuration.h"

namespace attest::hardware {

namespace {

constexpr std::size_t max_certificate = 1U << 20;
constexpr std::string_view directory_attributes = "2.5.29.9";
constexpr std::string_view alternative_names = "2.5.29.17";

Error form(std::string what) {
  return refused(rules::platform_form, std::move(what));
}

// RFC 5755 section 4.2.6: whole seconds, in UTC, with Z.
Result<Time> time_of(ByteView content) {
  const std::string_view t = as_text(content);
  if (t.size() != 15 || t[14] != 'Z' ||
      t.substr(0, 14).find_first_not_of("0123456789") != std::string_view::npos)
    return fail(form("a time is malformed").expected("YYYYMMDDhhmmssZ").found(printable(t, 32)));
  const auto part = [&](std::size_t at, std::size_t size) {
    return std::string(t.substr(at, size));
  };
  return parse_time(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" + part(8, 2) + ":" +
                    part(10, 2) + ":" + part(12, 2) + "Z");
}

Result<PlatformKind> kind_of(ByteView value) {
  TRY(DerReader reader, DerReader::of(value, der_tag::sequence, "credential type"));
  TRY(const std::string oid, reader.oid("credential type"));
  TRY_VOID(reader.finish("credential type"));
  if (oid == "2.23.133.8.2" || oid == "2.23.133.8.4") return PlatformKind::base;
  if (oid == "2.23.133.8.5" || oid == "2.23.133.8.6") return PlatformKind::delta;
  return fail(refused(rules::platform_kind, "this is no platform certificate")
                  .expected("credential type 2.23.133.8.2 (base) or 2.23.133.8.5 (delta)")
                  .found(oid));
}

// Attributes, each { type, SET OF value }; those of interest have one value.
Status read_attributes(DerReader attributes, UntrustedPlatformCertificate& into) {
  constexpr std::string_view configuration = "2.23.133.5.1.7.";
  bool has_kind = false;
  while (!attributes.at_end()) {
    TRY(DerReader attribute, attributes.enter(der_tag::sequence, "attribute"));
    TRY(const std::string oid, attribute.oid("attribute type"));
    TRY(DerReader values, attribute.enter(der_tag::set, "attribute values"));
    TRY_VOID(attribute.finish("attribute"));
    const bool is_configuration =
        oid.starts_with(configuration) && oid.size() == configuration.size() + 1;
    if (oid != "2.23.133.2.25" && !is_configuration) continue;
    TRY(const DerElement value, values.next(oid));
    TRY_VOID(values.finish(oid));
    if (is_configuration) {
      const auto version = static_cast<unsigned>(oid.back() - '0');
      if (version < 1 || version > 3)
        return fail(form("this version of PlatformConfiguration is not known").found(oid));
      TRY_VOID(read_configuration(value.whole, version, into));
    } else {
      if (std::exchange(has_kind, true)) return fail(form("the credential type is said twice"));
      TRY(into.kind, kind_of(value.whole));
    }
  }
  return {};
}

Status read_extensions(DerReader extensions, UntrustedPlatformCertificate& into) {
  while (!extensions.at_end()) {
    TRY(DerReader extension, extensions.enter(der_tag::sequence, "extension"));
    TRY(const std::string oid, extension.oid("extension"));
    TRY(const auto critical, extension.optional(der_tag::boolean, "critical"));
    TRY(const DerElement value, extension.expect(der_tag::octet_string, "extension value"));
    TRY_VOID(extension.finish("extension"));
    if (oid == alternative_names) {
      TRY_VOID(read_platform_name(value.content, into.platform));
    } else if (critical) {
      TRY(const bool is_critical, der_boolean(critical->content, "critical"));
      // Targeting (2.5.29.55) of somebody else would be critical; it is not understood here.
      if (is_critical && oid != "2.5.29.35" && oid != "2.5.29.32")
        return fail(
            refused(rules::platform_critical, "a critical extension is not understood").found(oid));
    }
  }
  return {};
}

// GeneralNames that hold one directory name, as both issuer and holder do.
Result<Bytes> directory_name(DerReader& reader, std::string_view field) {
  TRY(DerReader names, reader.enter(der_tag::sequence, field));
  TRY(const DerElement name, names.expect(der_tag::context_constructed(4), field));
  TRY_VOID(names.finish(field));
  return to_bytes(name.content);
}

Result<Bytes> serial_of(DerReader& reader, std::string_view field) {
  TRY(const DerElement serial, reader.expect(der_tag::integer, field));
  if (serial.content.empty() || serial.content.size() > 64)
    return fail(form(std::string(field) + " has no sane length"));
  ByteView number = serial.content;
  while (number.size() > 1 && number.front() == std::byte{}) number = number.subspan(1);
  return to_bytes(number);
}

Result<IssuerAndSerial> holder_of(DerReader& info) {
  TRY(DerReader holder, info.enter(der_tag::sequence, "holder"));
  IssuerAndSerial found;
  TRY(const auto base, holder.optional(der_tag::context_constructed(0), "holder's certificate"));
  if (base) {
    DerReader reader(base->content);
    TRY(found.issuer, directory_name(reader, "holder's issuer"));
    TRY(found.serial, serial_of(reader, "holder's serial"));
    TRY_VOID(reader.optional(der_tag::bit_string, "holder's issuer id"));
    TRY_VOID(reader.finish("holder's certificate"));
  }
  TRY_VOID(holder.optional(der_tag::context_constructed(1), "holder's name"));
  TRY_VOID(holder.optional(der_tag::context_constructed(2), "holder's digest"));
  TRY_VOID(holder.finish("holder"));
  return found;
}

Result<std::string> algorithm_of(const DerElement& element) {
  DerReader reader(element.content);
  TRY(std::string oid, reader.oid("signature algorithm"));
  return oid;
}

Status read_info(DerReader info, UntrustedPlatformCertificate& into, DerElement& algorithm) {
  TRY(const std::uint64_t version, info.unsigned_integer("version"));
  if (version != 1)
    return fail(form("the attribute certificate has another version")
                    .expected("1 (v2)")
                    .found(std::to_string(version)));
  TRY(into.holder, holder_of(info));
  TRY(DerReader issuer, info.enter(der_tag::context_constructed(0), "issuer"));
  TRY(into.name.issuer, directory_name(issuer, "issuer"));
  TRY_VOID(issuer.finish("issuer"));
  TRY(algorithm, info.expect(der_tag::sequence, "signature algorithm"));
  TRY(into.name.serial, serial_of(info, "serial"));
  TRY(DerReader validity, info.enter(der_tag::sequence, "validity"));
  TRY(const DerElement from, validity.expect(der_tag::generalized_time, "not before"));
  TRY(const DerElement until, validity.expect(der_tag::generalized_time, "not after"));
  TRY_VOID(validity.finish("validity"));
  TRY(into.not_before, time_of(from.content));
  TRY(into.not_after, time_of(until.content));
  TRY(const DerReader attributes, info.enter(der_tag::sequence, "attributes"));
  TRY_VOID(read_attributes(attributes, into));
  TRY_VOID(info.optional(der_tag::bit_string, "issuer id"));
  if (!info.at_end()) {
    TRY(const DerReader extensions, info.enter(der_tag::sequence, "extensions"));
    TRY_VOID(read_extensions(extensions, into));
  }
  return info.finish("attribute certificate information");
}

Result<UntrustedPlatformCertificate> parse_attribute_certificate(ByteView der) {
  TRY(DerReader outer, DerReader::of(der, der_tag::sequence, "attribute certificate"));
  TRY(const DerElement info, outer.expect(der_tag::sequence, "attribute certificate information"));
  TRY(const DerElement algorithm, outer.expect(der_tag::sequence, "signature algorithm"));
  TRY(const DerElement signature, outer.expect(der_tag::bit_string, "signature"));
  TRY_VOID(outer.finish("attribute certificate"));
  UntrustedPlatformCertificate certificate;
  DerElement inner;
  TRY_VOID(read_info(DerReader(info.content), certificate, inner));
  if (!equal(inner.whole, algorithm.whole))
    return fail(refused(rules::platform_algorithm,
                        "the certificate names two different signature algorithms")
                    .expected(to_hex(inner.whole))
                    .found(to_hex(algorithm.whole)));
  TRY(certificate.algorithm, algorithm_of(algorithm));
  if (signature.content.empty() || signature.content[0] != std::byte{})
    return fail(form("the signature is no whole number of bytes"));
  certificate.signature = to_bytes(signature.content.subspan(1));
  certificate.signed_bytes = to_bytes(info.whole);
  return certificate;
}

Bytes issuer_der(const Certificate& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_NAME(X509_get_issuer_name(certificate.openssl()), &der);
  Bytes bytes;
  if (size > 0) bytes = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return bytes;
}

Result<UntrustedPlatformCertificate> parse_x509(const Certificate& x509) {
  const auto attributes = x509.extension(directory_attributes);
  if (!attributes)
    return fail(refused(rules::platform_kind, "this is no platform certificate")
                    .expected("an attribute certificate, or subject directory attributes")
                    .within(x509.subject()));
  UntrustedPlatformCertificate certificate;
  certificate.form = PlatformForm::x509;
  TRY(const DerReader reader,
      DerReader::of(*attributes, der_tag::sequence, "subject directory attributes"));
  // In this form the kind may be said as an extended key usage instead of as an attribute.
  if (x509.extended_key_usage().contains("2.23.133.8.6")) certificate.kind = PlatformKind::delta;
  TRY_VOID(read_attributes(reader, certificate));
  // EK certificates have such attributes too, about the TPM.
  if (certificate.configuration_version == 0)
    return fail(refused(rules::platform_kind, "this is no platform certificate")
                    .expected("a platform configuration among its attributes")
                    .within(x509.subject()));
  if (const auto names = x509.extension(alternative_names))
    TRY_VOID(read_platform_name(*names, certificate.platform));
  certificate.name.issuer = issuer_der(x509);
  TRY(certificate.name.serial, from_hex(x509.serial_hex()));
  certificate.not_before = x509.not_before();
  certificate.not_after = x509.not_after();
  certificate.x509 = x509;
  return certificate;
}

Result<Bytes> der_of(ByteView content) {
  const std::string_view text = as_text(content);
  constexpr std::string_view begin = "-----BEGIN ATTRIBUTE CERTIFICATE-----";
  const std::size_t at = text.find(begin);
  if (at == std::string_view::npos) return to_bytes(content);
  const std::size_t body = at + begin.size();
  const std::size_t end = text.find("-----END ATTRIBUTE CERTIFICATE-----", body);
  if (end == std::string_view::npos) return fail(form("a PEM block does not end"));
  std::string base64(text.substr(body, end - body));
  std::erase_if(base64, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  return from_base64(base64);
}

}  // namespace

std::string_view to_string(PlatformForm form_of) {
  return form_of == PlatformForm::x509 ? "x509" : "attribute-certificate";
}
std::string_view to_string(PlatformKind kind) {
  return kind == PlatformKind::delta ? "delta" : "base";
}

Result<UntrustedPlatformCertificate> parse_platform_certificate(ByteView content) {
  if (content.size() > max_certificate) return fail(form("the certificate is larger than 1 MiB"));
  if (const auto all = Certificate::from_der_or_pem(content)) {
    if (all->size() != 1) return fail(form("more than one certificate is here"));
    return parse_x509(all->front());
  }
  TRY(const Bytes der, der_of(content));
  return parse_attribute_certificate(der);
}

}  // namespace attest::hardware

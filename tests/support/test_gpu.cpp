#include "tests/support/test_gpu.h"

#include <algorithm>
#include <stdexcept>

#include <libxml/parser.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/gpu/rim_document.h"

namespace attest::test {

namespace {

void require(bool held, const char* what) {
  if (!held) throw std::runtime_error(std::string("a test GPU could not be made: ") + what);
}

EVP_PKEY* key_of(const GpuCertificate& certificate) {
  return static_cast<EVP_PKEY*>(certificate.key.get());
}

void add(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, openssl::Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

void add_raw(X509* certificate, const std::string& oid, const Bytes& content) {
  const openssl::Object object(OBJ_txt2obj(oid.c_str(), 1));
  const std::unique_ptr<ASN1_OCTET_STRING, openssl::Free<ASN1_OCTET_STRING_free>> value(
      ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(value.get(), openssl::data(ByteView(content)),
                        static_cast<int>(content.size()));
  const std::unique_ptr<X509_EXTENSION, openssl::Free<X509_EXTENSION_free>> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, value.get()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "an extension");
}

void set_serial(X509* certificate, const Bytes& serial) {
  Bytes value = serial;
  if (value.empty()) {
    value.resize(16);
    RAND_bytes(openssl::data(value), 16);
    value[0] = std::byte{0x42};
  }
  const openssl::Number number(
      BN_bin2bn(openssl::data(ByteView(value)), static_cast<int>(value.size()), nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

template <typename T, typename Encode>
Bytes der_of(T* value, Encode encode) {
  unsigned char* der = nullptr;
  const int size = encode(value, &der);
  require(size > 0, "DER");
  Bytes bytes = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return bytes;
}

Bytes der_element(std::uint8_t tag, ByteView content) {
  Bytes element;
  append_u8(element, tag);
  if (content.size() < 0x80) {
    append_u8(element, static_cast<std::uint8_t>(content.size()));
  } else if (content.size() < 0x100) {
    append_u8(element, 0x81);
    append_u8(element, static_cast<std::uint8_t>(content.size()));
  } else {
    append_u8(element, 0x82);
    append_u16_be(element, static_cast<std::uint16_t>(content.size()));
  }
  append(element, content);
  return element;
}

Bytes fwid_of(const Bytes& value) {
  const auto oid = from_hex("0609608648016503040202");
  return der_element(0x30, concat({*oid, der_element(0x04, value)}));
}

std::pair<std::string, Bytes> firmware_extension(const DeviceSpec& spec) {
  const Bytes fwid = fwid_of(spec.firmware_id);
  if (spec.tcb_info)
    return {"2.23.133.5.4.1.1",
            der_element(0x30, concat({der_element(0x80, as_bytes("maker")),
                                      der_element(0xA6, concat({fwid, fwid}))}))};
  const auto version = from_hex("020101");
  // The device's key stands between; its content is not looked at here. It is made long, as a real
  // one is, so that lengths of more than one byte occur.
  return {"2.23.133.5.4.1",
          der_element(0x30,
                      concat({*version, der_element(0x30, der_element(0x04, Bytes(140))), fwid}))};
}

Bytes text_field(std::string_view text) {
  Bytes bytes = to_bytes(text);
  bytes.push_back({});
  return bytes;
}

std::string resource_of(const RimValue& value) {
  std::string text = "<ns0:Resource type=\"Measurement\" index=\"" + std::to_string(value.index) +
                     "\" active=\"" + (value.active ? "True" : "False") + "\" alternatives=\"" +
                     std::to_string(value.alternatives.size()) + "\"";
  for (std::size_t i = 0; i < value.alternatives.size(); ++i)
    text += " ns2:Hash" + std::to_string(i) + "=\"" + to_hex(value.alternatives[i]) + "\"";
  return text + " name=\"Measurement_" + std::to_string(value.index) + "\" size=\"" +
         std::to_string(value.size.value_or(value.alternatives.front().size())) + "\"/>\n";
}

constexpr std::string_view signature_head =
    "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>"
    "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/>"
    "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384\"/>"
    "<ds:Reference URI=\"\"><ds:Transforms>"
    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"
    "<ds:Transform Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/></ds:Transforms>"
    "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#sha384\"/>"
    "<ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>"
    "<ds:SignatureValue></ds:SignatureValue><ds:KeyInfo><ds:X509Data>";

}  // namespace

GpuCertificate issue(const GpuCertificateSpec& spec, const GpuCertificate* issuer) {
  const std::shared_ptr<void> key(EVP_EC_gen(spec.curve),
                                  [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  require(key != nullptr, "key");
  const openssl::X509Handle made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  set_serial(made.get(), spec.serial);
  ASN1_TIME_set(X509_getm_notBefore(made.get()), unix_seconds(spec.not_before));
  ASN1_TIME_set(X509_getm_notAfter(made.get()), unix_seconds(spec.not_after));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1,
                             -1, 0);
  X509* signer = issuer != nullptr ? issuer->certificate.openssl() : made.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(signer));
  X509_set_pubkey(made.get(), static_cast<EVP_PKEY*>(key.get()));
  const std::string usage =
      spec.is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature";
  add(made.get(), signer, NID_basic_constraints, spec.is_ca ? "critical,CA:TRUE" : "CA:FALSE");
  add(made.get(), signer, NID_key_usage, spec.key_usage.empty() ? usage : spec.key_usage);
  add(made.get(), signer, NID_subject_key_identifier, "hash");
  if (!spec.eku.empty()) add(made.get(), signer, NID_ext_key_usage, spec.eku);
  for (const auto& [oid, content] : spec.extensions) add_raw(made.get(), oid, content);
  EVP_PKEY* signing = issuer != nullptr ? key_of(*issuer) : static_cast<EVP_PKEY*>(key.get());
  require(X509_sign(made.get(), signing, EVP_sha384()) > 0, "certificate");
  auto certificate = Certificate::from_der(der_of(made.get(), i2d_X509));
  require(certificate.has_value(), "certificate");
  return {*std::move(certificate), key};
}

Bytes opaque_bytes(const std::vector<OpaqueField>& fields) {
  Bytes bytes;
  for (const auto& [type, value] : fields) {
    append_u16_le(bytes, type);
    append_u16_le(bytes, static_cast<std::uint16_t>(value.size()));
    append(bytes, value);
  }
  return bytes;
}

Bytes report_before_signature(const ReportSpec& spec) {
  Bytes report = *from_hex("11e001ff");
  append(report, spec.nonce);
  append(report, *from_hex("0011600000"));
  append_u8(report, static_cast<std::uint8_t>(spec.blocks.size()));
  Bytes record;
  for (std::size_t i = 0; i < spec.blocks.size(); ++i) {
    append_u8(record, static_cast<std::uint8_t>(i + 1));
    append_u8(record, 1);
    append_u16_le(record, static_cast<std::uint16_t>(spec.blocks[i].size() + 3));
    append_u8(record, 1);
    append_u16_le(record, static_cast<std::uint16_t>(spec.blocks[i].size()));
    append(record, spec.blocks[i]);
  }
  append_u16_le(report, static_cast<std::uint16_t>(record.size()));
  append_u8(report, 0);
  append(report, record);
  append(report, Bytes(32, std::byte{0x77}));
  const Bytes opaque = opaque_bytes(spec.opaque);
  append_u16_le(report, static_cast<std::uint16_t>(opaque.size()));
  append(report, opaque);
  return report;
}

std::vector<Certificate> TestDevice::chain() const {
  std::vector<Certificate> certificates;
  for (const GpuCertificate& certificate : line) certificates.push_back(certificate.certificate);
  return certificates;
}

Bytes TestDevice::sign(ByteView before_signature) const {
  const openssl::DigestContext context(EVP_MD_CTX_new());
  require(
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha384(), nullptr, key_of(line.front())) == 1,
      "signature");
  std::size_t size = 0;
  EVP_DigestSign(context.get(), nullptr, &size, openssl::data(before_signature),
                 before_signature.size());
  Bytes der(size);
  require(EVP_DigestSign(context.get(), openssl::data(der), &size, openssl::data(before_signature),
                         before_signature.size()) == 1,
          "signature");
  der.resize(size);
  auto fixed = fixed_from_der(KeyKind::ecdsa_p384, der);
  require(fixed.has_value(), "signature");
  return *std::move(fixed);
}

Bytes TestDevice::report(const ReportSpec& spec) const {
  const Bytes before = report_before_signature(spec);
  return concat({before, sign(before)});
}

Vendor Vendor::make(const std::string& chip, const std::string& maker, const Validity& validity) {
  const auto made = [&](const std::string& name, const GpuCertificate* issuer, bool is_ca = true) {
    return issue({.common_name = maker + " " + name,
                  .is_ca = is_ca,
                  .not_before = validity.not_before,
                  .not_after = validity.not_after},
                 issuer);
  };
  const GpuCertificate root = made("Device Identity CA", nullptr);
  const GpuCertificate identity = made(chip + " Identity", &root);
  const GpuCertificate provisioner = made(chip + " Provisioner", &identity);
  const GpuCertificate rim_root = made("RIM Root", nullptr);
  const GpuCertificate rim_ca = made("Reference Value " + chip + " CA", &rim_root);
  const GpuCertificate signer = made("RIM L4 Signer", &rim_ca, false);
  return {root, identity, provisioner, rim_root, rim_ca, signer, validity};
}

TestDevice Vendor::device(const DeviceSpec& spec) const {
  const bool is_gpu = spec.kind == gpu::DeviceKind::gpu;
  const std::string unit = spec.chip + " A01 " + (is_gpu ? "GSP" : "FSP");
  Bytes serial = spec.device_serial;
  if (serial.empty()) {
    append_u8(serial, is_gpu ? 0x41 : 0x50);
    append(serial, spec.pdi);
  }
  const GpuCertificate own =
      issue({.common_name = spec.device_name.empty() ? unit + " BROM" : spec.device_name,
             .serial = serial,
             .not_before = validity.not_before,
             .not_after = validity.not_after},
            &provisioner);
  return reflashed({{own, own, provisioner, identity, root}}, spec);
}

TestDevice Vendor::reflashed(const TestDevice& device, const DeviceSpec& spec) const {
  const std::string unit =
      spec.chip + " A01 " + (spec.kind == gpu::DeviceKind::gpu ? "GSP" : "FSP");
  GpuCertificateSpec leaf{.common_name = spec.leaf_name.empty() ? unit + " FMC LF" : spec.leaf_name,
                          .is_ca = false,
                          .key_usage = spec.leaf_usage,
                          .eku = spec.leaf_eku,
                          .not_before = validity.not_before,
                          .not_after = validity.not_after,
                          .curve = spec.leaf_curve};
  if (spec.has_firmware_id) leaf.extensions.push_back(firmware_extension(spec));
  TestDevice flashed = device;
  flashed.line.front() = issue(leaf, &device.line.at(1));
  return flashed;
}

std::string unsigned_rim(const RimSpec& spec, const std::vector<Certificate>& certificates) {
  std::string xml =
      "<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" "
      "xmlns:ns0=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" "
      "xmlns:ns2=\"http://www.w3.org/2001/04/xmlenc#sha384\" name=\"" +
      spec.product + "\" tagId=\"test\">\n<ns0:Meta colloquialVersion=\"" + spec.version +
      "\" edition=\"" + spec.edition + "\" product=\"" + spec.product + "\"/>\n" + spec.extra +
      "<ns0:Payload>\n";
  for (const RimValue& value : spec.values) xml += resource_of(value);
  xml += "</ns0:Payload>\n";
  if (certificates.empty()) return xml + "</SoftwareIdentity>";
  xml += signature_head;
  for (const Certificate& certificate : certificates)
    xml += "<ds:X509Certificate>" + to_base64(certificate.der()) + "</ds:X509Certificate>";
  return xml + "</ds:X509Data></ds:KeyInfo></ds:Signature></SoftwareIdentity>";
}

std::string sign_rim(const std::string& xml, const GpuCertificate& signer) {
  require(gpu::rim::initialise_xmlsec(), "xmlsec1");
  const std::unique_ptr<xmlDoc, openssl::Free<xmlFreeDoc>> document(
      xmlReadMemory(xml.data(), static_cast<int>(xml.size()), nullptr, nullptr, 0));
  require(document != nullptr, "XML");
  xmlNode* node =
      xmlSecFindNode(xmlDocGetRootElement(document.get()), xmlSecNodeSignature, xmlSecDSigNs);
  const std::unique_ptr<xmlSecDSigCtx, openssl::Free<xmlSecDSigCtxDestroy>> context(
      xmlSecDSigCtxCreate(nullptr));
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_of(signer), nullptr, nullptr, 0, nullptr, nullptr);
  const std::string pem = openssl::text_of(bio.get());
  context->signKey = xmlSecCryptoAppKeyLoadMemory(
      reinterpret_cast<const xmlSecByte*>(pem.data()), static_cast<xmlSecSize>(pem.size()),
      xmlSecKeyDataFormatPem, nullptr, nullptr, nullptr);
  require(
      node != nullptr && context->signKey != nullptr && xmlSecDSigCtxSign(context.get(), node) == 0,
      "XML signature");
  xmlChar* text = nullptr;
  int size = 0;
  xmlDocDumpMemory(document.get(), &text, &size);
  std::string signed_xml(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  xmlFree(text);
  return signed_xml;
}

std::string Vendor::rim(const RimSpec& spec) const {
  return sign_rim(
      unsigned_rim(spec, {rim_signer.certificate, rim_ca.certificate, rim_root.certificate}),
      rim_signer);
}

Bytes ocsp(const Certificate& certificate, const Certificate& issuer, const GpuCertificate& signer,
           const OcspSpec& spec) {
  using Time1 = std::unique_ptr<ASN1_TIME, openssl::Free<ASN1_TIME_free>>;
  const std::unique_ptr<OCSP_BASICRESP, openssl::Free<OCSP_BASICRESP_free>> basic(
      OCSP_BASICRESP_new());
  const std::unique_ptr<OCSP_CERTID, openssl::Free<OCSP_CERTID_free>> id(
      OCSP_cert_to_id(EVP_sha384(), certificate.openssl(), issuer.openssl()));
  const Time1 from(ASN1_TIME_set(nullptr, unix_seconds(spec.this_update)));
  const Time1 until(spec.next_update ? ASN1_TIME_set(nullptr, unix_seconds(*spec.next_update))
                                     : nullptr);
  const bool bad = spec.revoked || spec.on_hold;
  const int status = bad            ? V_OCSP_CERTSTATUS_REVOKED
                     : spec.unknown ? V_OCSP_CERTSTATUS_UNKNOWN
                                    : V_OCSP_CERTSTATUS_GOOD;
  require(OCSP_basic_add1_status(
              basic.get(), id.get(), status,
              spec.on_hold ? OCSP_REVOKED_STATUS_CERTIFICATEHOLD : OCSP_REVOKED_STATUS_NOSTATUS,
              bad ? from.get() : nullptr, from.get(), until.get()) != nullptr,
          "OCSP status");
  require(OCSP_basic_sign(basic.get(), signer.certificate.openssl(), key_of(signer), EVP_sha384(),
                          nullptr, 0) == 1,
          "OCSP signature");
  const std::unique_ptr<OCSP_RESPONSE, openssl::Free<OCSP_RESPONSE_free>> response(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
  return der_of(response.get(), i2d_OCSP_RESPONSE);
}

WholeGpu whole_gpu() {
  WholeGpu whole;
  for (unsigned i = 0; i < 41; ++i) {
    const Bytes value(48, static_cast<std::byte>(i + 1));
    whole.report.blocks.push_back(value);
    const bool of_driver = i == 7 || i > 20;
    (of_driver ? whole.driver : whole.vbios).values.push_back({i, {Bytes(48), value}});
  }
  whole.driver.version = "550.90.07";
  whole.vbios.version = "96.00.9F.00.01";
  whole.report.opaque = {{3, text_field("550.90.07")},
                         {6, *from_hex("009f009601000000")},
                         {11, *from_hex("55")},
                         {15, text_field("882")},
                         {17, text_field("1010")},
                         {18, text_field("0200")},
                         {20, Bytes(48, std::byte{0xF1})},
                         {21, *from_hex("55")}};
  return whole;
}

}  // namespace attest::test

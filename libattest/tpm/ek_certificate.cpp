// Reading EK certificates: what they say, and what is wrong with those that cannot be read.
#include <algorithm>

#include <openssl/x509v3.h>

#include "libattest/base/text.h"
#include "libattest/crypto/der.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/tpm/ek.h"

namespace attest::tpm {
namespace {

constexpr std::uint8_t der_integer = 0x02;
constexpr std::uint8_t der_sequence = 0x30;
constexpr std::uint8_t der_version = 0xa0;

// Element is one TLV, read with BER's tolerance for long lengths.
struct Element {
  std::uint8_t tag = 0;
  ByteView content;
  bool long_form = false;  // the length is longer than it need be
};

Result<Element> element(ByteReader& reader) {
  Element read;
  TRY(read.tag, reader.u8("tag"));
  TRY(const std::uint8_t first, reader.u8("length"));
  std::uint64_t size = first;
  if (first >= 0x80) {
    const unsigned octets = first & 0x7fU;
    if (octets == 0 || octets > 4) return fail(refused(rules::ek_certificate_form, "not DER"));
    size = 0;
    for (unsigned i = 0; i < octets; ++i) {
      TRY(const std::uint8_t octet, reader.u8("length"));
      size = (size << 8) | octet;
    }
    read.long_form = size < 0x80 || (octets > 1 && (size >> (8 * (octets - 1))) == 0);
  }
  TRY(read.content, reader.take(size, "content"));
  return read;
}

// first_element opens a constructed element and reads what stands first in it.
Result<Element> opened(ByteView content, std::uint8_t tag) {
  ByteReader reader(content);
  TRY(const Element read, element(reader));
  if (read.tag != tag) return fail(refused(rules::ek_certificate_form, "not a certificate"));
  return read;
}

// oddity names what is not strict in something that has a certificate's outline; nothing where it
// has not even that.
std::optional<std::string> oddity(ByteView der) {
  const auto outer = opened(der, der_sequence);
  const auto to_be_signed = outer ? opened(outer->content, der_sequence) : outer;
  if (!to_be_signed) return std::nullopt;
  ByteReader reader(to_be_signed->content);
  const auto version = element(reader);
  const auto serial = version && version->tag == der_version ? element(reader) : version;
  if (!serial || serial->tag != der_integer) return std::nullopt;
  const ByteView number = serial->content;
  const bool padded =
      number.size() > 1 && number[0] == std::byte{0} && std::to_integer<unsigned>(number[1]) < 0x80;
  if (padded) return "its serial number has needless leading zeros (" + to_hex(number) + ")";
  if (outer->long_form || to_be_signed->long_form)
    return "its lengths are written in longer forms than they need be";
  return std::nullopt;
}

bool is_attribute_certificate(std::string_view text) {
  return text.find("-----BEGIN ATTRIBUTE CERTIFICATE-----") != std::string_view::npos;
}

// The base64 inside the first PEM block.
std::optional<Bytes> first_pem_block(std::string_view text) {
  const auto begin = text.find("-----BEGIN ");
  const auto from = begin == std::string_view::npos ? begin : text.find("-----\n", begin + 11);
  const auto crlf = begin == std::string_view::npos ? begin : text.find("-----\r\n", begin + 11);
  const auto start = std::min(from, crlf);
  const auto end = start == std::string_view::npos ? start : text.find("-----END ", start);
  if (end == std::string_view::npos) return std::nullopt;
  std::string base64;
  for (const char c : text.substr(start + 5, end - start - 5))
    if (c != '\n' && c != '\r' && c != ' ') base64.push_back(c);
  const auto der = from_base64(base64);
  if (!der) return std::nullopt;
  return *der;
}

bool is_padding(ByteView bytes) {
  const auto all = [bytes](std::byte value) {
    return std::ranges::all_of(bytes, [value](std::byte b) { return b == value; });
  };
  return all(std::byte{0}) || all(std::byte{0xff});
}

// A chain in NV is one certificate after the other, then padding (EK Credential Profile 2.5 section
// 2.2.1.5.2).
Result<std::vector<Certificate>> chain_from_nv(ByteView content) {
  std::vector<Certificate> chain;
  while (!content.empty() && !is_padding(content)) {
    TRY(const ByteView element, first_der_element(content));
    TRY(Certificate certificate, Certificate::from_der(element));
    chain.push_back(std::move(certificate));
    content = content.subspan(element.size());
  }
  if (chain.empty()) return fail(refused(rules::ek_certificate_form, "no certificate is here"));
  return chain;
}

std::string entry_text(const X509_NAME* name, const char* oid) {
  const openssl::Object object(OBJ_txt2obj(oid, 1));
  const int index = object ? X509_NAME_get_index_by_OBJ(name, object.get(), -1) : -1;
  if (index < 0) return "";
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
  return printable(std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                    static_cast<std::size_t>(ASN1_STRING_length(value))));
}

// contains_oid looks for an OID's encoding; the attribute's content is not interpreted.
bool contains_oid(const Bytes& extension, const char* oid) {
  const openssl::Object object(OBJ_txt2obj(oid, 1));
  if (!object) return false;
  const ByteView wanted =
      std::as_bytes(std::span(OBJ_get0_data(object.get()), OBJ_length(object.get())));
  return !std::ranges::search(extension, wanted).empty();
}

// TPMSpecification ::= SEQUENCE { family UTF8String, level INTEGER, revision INTEGER }, inside
// Attribute { 2.23.133.2.16, SET { … } }.
std::string specification_text(const Bytes& extension) {
  const openssl::Object object(OBJ_txt2obj("2.23.133.2.16", 1));
  const ByteView wanted =
      std::as_bytes(std::span(OBJ_get0_data(object.get()), OBJ_length(object.get())));
  const auto found = std::ranges::search(extension, wanted);
  if (found.empty()) return "";
  ByteReader reader(
      ByteView(extension).subspan(static_cast<std::size_t>(found.end() - extension.begin())));
  const auto set = element(reader);
  const auto sequence = set ? opened(set->content, der_sequence) : set;
  if (!sequence) return "";
  ByteReader inside(sequence->content);
  const auto family = element(inside);
  const auto level = family ? element(inside) : family;
  const auto revision = level ? element(inside) : level;
  if (!revision || level->content.size() > 4 || revision->content.size() > 4) return "";
  const auto number = [](ByteView bytes) {
    std::uint64_t value = 0;
    for (const std::byte b : bytes) value = (value << 8) | std::to_integer<std::uint64_t>(b);
    return std::to_string(value);
  };
  return printable(as_text(family->content)) + " level " + number(level->content) + " revision " +
         number(revision->content);
}

}  // namespace

Error why_unreadable(ByteView der, Error otherwise) {
  const auto found = oddity(der);
  if (!found) return otherwise;
  return incomplete(rules::ek_not_strict_der,
                    "the certificate cannot be checked: it is not strict DER, as some makers wrote "
                    "them, and no sign of forgery")
      .found(*found)
      .next("ask the maker for a corrected certificate of the same key");
}

Result<std::vector<Certificate>> read_certificates(ByteView content) {
  const std::string_view text = as_text(content);
  if (is_attribute_certificate(text))
    return fail(
        refused(rules::ek_attribute_certificate,
                "this is an attribute certificate: it speaks of a platform, and names no key")
            .expected("an X.509 public key certificate"));
  if (text.find("-----BEGIN ") != std::string_view::npos) {
    auto all = Certificate::all_from_pem(text);
    if (all) return all;
    const auto der = first_pem_block(text);
    return fail(der ? why_unreadable(*der, std::move(all).error()) : std::move(all).error());
  }
  if (auto chain = chain_from_nv(content)) return chain;
  auto one = certificate_from_nv(content);
  if (!one) return fail(why_unreadable(content, std::move(one).error()));
  return std::vector{*std::move(one)};
}

EkFacts ek_facts(const Certificate& certificate) {
  const openssl::CleanErrors clean;
  EkFacts facts;
  const std::unique_ptr<GENERAL_NAMES, openssl::Free<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate.openssl(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DIRNAME) continue;
    facts.manufacturer = entry_text(name->d.directoryName, "2.23.133.2.1");
    facts.model = entry_text(name->d.directoryName, "2.23.133.2.2");
    facts.version = entry_text(name->d.directoryName, "2.23.133.2.3");
  }
  if (const auto attributes = certificate.extension("2.5.29.9")) {
    facts.security_assertions = contains_oid(*attributes, "2.23.133.2.18");
    facts.specification = specification_text(*attributes);
  }
  return facts;
}

}  // namespace attest::tpm

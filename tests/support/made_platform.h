// Platform certificates made at run time, signed with keys of our own.
#pragma once

#include <openssl/x509.h>

#include "libattest/crypto/der_reader.h"
#include "libattest/hardware/platform_component.h"
#include "tests/support/test_ca.h"

namespace attest::test {

inline Bytes der_sequence(std::initializer_list<ByteView> parts) {
  return der_element(der_tag::sequence, concat(parts));
}
inline Bytes der_utf8(std::string_view text) {
  return der_element(der_tag::utf8_string, as_bytes(text));
}
inline Bytes der_oid_element(std::string_view oid) {
  return der_element(der_tag::oid, der_oid(oid));
}
inline Bytes der_number(std::string_view hex) {
  return der_element(der_tag::integer, *from_hex(hex));
}
inline Bytes der_attribute(std::string_view oid, ByteView value) {
  return der_sequence({der_oid_element(oid), der_element(der_tag::set, value)});
}

// subject_der and issuer_der give a certificate's names as it has them.
inline Bytes name_der(const X509_NAME* name) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_NAME(name, &der);
  Bytes bytes = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return bytes;
}
inline Bytes subject_der(const Certificate& certificate) {
  return name_der(X509_get_subject_name(certificate.openssl()));
}
inline Bytes issuer_der(const Certificate& certificate) {
  return name_der(X509_get_issuer_name(certificate.openssl()));
}
inline Bytes general_name(ByteView name) {
  return der_sequence({der_element(der_tag::context_constructed(4), name)});
}

// component_der writes a component of version 2.
inline Bytes component_der(const hardware::Component& component) {
  Bytes content = concat({der_sequence({der_oid_element(component.component_class.registry),
                                        der_element(der_tag::octet_string,
                                                    *from_hex(component.component_class.value))}),
                          der_utf8(component.manufacturer), der_utf8(component.model)});
  if (!component.serial.empty())
    append(content, der_element(der_tag::context(0), as_bytes(component.serial)));
  if (!component.revision.empty())
    append(content, der_element(der_tag::context(1), as_bytes(component.revision)));
  if (component.replaceable)
    append(content, der_element(der_tag::context(3),
                                Bytes(1, *component.replaceable ? std::byte{0xff} : std::byte{0})));
  if (component.status)
    append(content,
           der_element(der_tag::context(7), Bytes(1, static_cast<std::byte>(*component.status))));
  return der_element(der_tag::sequence, content);
}

// MadePlatform is what a platform certificate is to say; every member may be changed by a test.
struct MadePlatform {
  std::vector<hardware::Component> components;
  unsigned version = 2;
  std::string credential_type = "2.23.133.8.2";
  Bytes holder_issuer;
  Bytes holder_serial = *from_hex("07");
  std::string serial = "11";
  std::string not_before = "20260101000000Z";
  std::string not_after = "20360101000000Z";
  std::string algorithm = "1.2.840.10045.4.3.2";
  std::string outer_algorithm = "1.2.840.10045.4.3.2";
  std::string critical_extension = {};
  std::string model = "Rack 7";

  Bytes configuration() const {
    Bytes list;
    for (const hardware::Component& each : components) {
      const Bytes component = component_der(each);
      append(list,
             version < 3
                 ? component
                 : der_sequence({der_sequence({der_oid_element("2.23.133.19.1.5"),
                                               der_oid_element("2.23.133.19.2.26"),
                                               der_oid_element("2.23.133.18.3.1"), component})}));
    }
    return der_sequence({der_element(der_tag::context_constructed(0), list)});
  }

  Bytes attributes() const {
    return der_sequence(
        {der_attribute("2.23.133.2.25", der_sequence({der_oid_element(credential_type)})),
         der_attribute("2.23.133.5.1.7." + std::to_string(version), configuration())});
  }

  Bytes alternative_names() const {
    const auto attribute = [](std::string_view oid, std::string_view text) {
      return der_element(der_tag::set, der_sequence({der_oid_element(oid), der_utf8(text)}));
    };
    return general_name(
        der_sequence({attribute("2.23.133.5.1.1", "Example"), attribute("2.23.133.5.1.4", model),
                      attribute("2.23.133.5.1.6", "0815")}));
  }

  Bytes info(const Certificate& issuer) const {
    const Bytes holder = der_sequence({der_element(
        der_tag::context_constructed(0),
        concat({general_name(holder_issuer), der_element(der_tag::integer, holder_serial)}))});
    Bytes extensions = der_sequence(
        {der_oid_element("2.5.29.17"), der_element(der_tag::octet_string, alternative_names())});
    if (!critical_extension.empty())
      append(extensions, der_sequence({der_oid_element(critical_extension),
                                       der_element(der_tag::boolean, Bytes(1, std::byte{0xff})),
                                       der_element(der_tag::octet_string, Bytes(2))}));
    return der_sequence(
        {der_number("01"), holder,
         der_element(der_tag::context_constructed(0), general_name(subject_der(issuer))),
         der_sequence({der_oid_element(algorithm)}), der_number(serial),
         der_sequence({der_element(der_tag::generalized_time, as_bytes(not_before)),
                       der_element(der_tag::generalized_time, as_bytes(not_after))}),
         attributes(), der_element(der_tag::sequence, extensions)});
  }

  // by gives the attribute certificate as this authority signs it.
  Bytes by(const Certified& authority) const {
    const Bytes content = info(authority.certificate());
    return der_sequence(
        {content, der_sequence({der_oid_element(outer_algorithm)}),
         der_element(der_tag::bit_string, concat({Bytes(1), authority.sign_der(content)}))});
  }
};

}  // namespace attest::test

// TDX quotes, Intel's certificates and what Intel signs about patch levels, made at run time with
// keys of our own.
#pragma once

#include "libattest/crypto/der_reader.h"
#include "libattest/tee/tdx_collateral.h"
#include "tests/support/made_snp.h"

namespace attest::test {

inline Bytes sgx_member(const std::string& suffix, ByteView value) {
  const Bytes oid = der_element(der_tag::oid, der_oid("1.2.840.113741.1.13.1" + suffix));
  return der_element(der_tag::sequence, concat({oid, value}));
}

// pck_extension says FMSPC 50806f000000, PCE-ID 0000, the same SVN for all components.
inline std::map<std::string, Bytes> pck_extension(std::uint8_t svn, std::uint8_t pce_svn) {
  Bytes tcb;
  for (int i = 1; i <= 16; ++i)
    append(tcb, sgx_member(".2." + std::to_string(i), der_integer(svn)));
  append(tcb, sgx_member(".2.17", der_integer(pce_svn)));
  append(tcb, sgx_member(".2.18", der_element(der_tag::octet_string, Bytes(16))));
  const auto octets = [](std::string_view hex) {
    return der_element(der_tag::octet_string, *from_hex(hex));
  };
  return {{"1.2.840.113741.1.13.1",
           der_element(
               der_tag::sequence,
               concat({sgx_member(".1", der_element(der_tag::octet_string, Bytes(16))),
                       sgx_member(".2", der_element(der_tag::sequence, tcb)),
                       sgx_member(".3", octets("0000")), sgx_member(".4", octets("50806f000000")),
                       sgx_member(".5", der_element(der_tag::enumerated, Bytes(1)))}))}};
}

struct MadeTdx {
  Certified root = Certified::root({.common_name = "Intel SGX Root CA", .is_ca = true});
  Certified platform_ca = root.issue({.common_name = "Intel SGX PCK Platform CA", .is_ca = true});
  Certified pck = platform_ca.issue(
      {.common_name = "Intel SGX PCK Certificate", .extensions = pck_extension(5, 11)});
  Certified tcb_signing = root.issue({.common_name = "Intel SGX TCB Signing"});
  // The quoting enclave's key lives in a certificate only because that is where keys live here.
  Certified attestation_key = root.issue({.common_name = "attestation key"});

  std::uint16_t version = 4;
  bool td_1_5 = false;
  std::uint8_t attributes = 0;
  std::array<std::uint8_t, 2> module_svn{3, 0};
  Bytes mrsignerseam = Bytes(48);
  std::uint16_t qe_svn = 4;
  Bytes qe_signer = Bytes(32, std::byte{0xdc});
  Bytes authentication_data = Bytes(32, std::byte{7});
  Bytes report_data = Bytes(64, std::byte{0x42});

  Bytes key_bytes() const {
    const Bytes point = attestation_key.certificate().public_key()->uncompressed_point();
    return to_bytes(ByteView(point).subspan(1));
  }

  Bytes signed_bytes() const {
    Bytes out;
    append_u16_le(out, version);
    append_u16_le(out, 2);
    append_u32_le(out, 0x81);
    append(out, Bytes(4 + 16 + 20));
    Bytes body(td_1_5 ? 648 : 584);
    body[0] = static_cast<std::byte>(module_svn[0]);
    body[1] = static_cast<std::byte>(module_svn[1]);
    for (std::size_t i = 2; i < 16; ++i) body[i] = std::byte{5};
    std::ranges::copy(mrsignerseam, body.begin() + 64);
    body[120] = static_cast<std::byte>(attributes);
    std::fill_n(body.begin() + 136, 48, std::byte{0x63});
    std::ranges::copy(report_data, body.begin() + 520);
    if (version == 5) {
      append_u16_le(out, td_1_5 ? 3 : 2);
      append_u32_le(out, static_cast<std::uint32_t>(body.size()));
    }
    append(out, body);
    return out;
  }

  Bytes qe_report() const {
    Bytes report(384);
    report[48] = std::byte{0x11};
    std::ranges::copy(qe_signer, report.begin() + 128);
    report[256] = std::byte{2};
    report[258] = static_cast<std::byte>(qe_svn);
    std::ranges::copy(sha256({key_bytes(), authentication_data}), report.begin() + 320);
    return report;
  }

  std::string chain_pem() const {
    return pck.certificate().to_pem() + platform_ca.certificate().to_pem() +
           root.certificate().to_pem();
  }

  // quote_of puts a quote together from its parts.
  Bytes quote_of(ByteView to_sign, ByteView signature, ByteView report, ByteView report_signature,
                 std::string_view chain) const {
    Bytes inner = concat({report, report_signature});
    append_u16_le(inner, static_cast<std::uint16_t>(authentication_data.size()));
    append(inner, authentication_data);
    append_u16_le(inner, 5);
    append_u32_le(inner, static_cast<std::uint32_t>(chain.size()));
    append(inner, as_bytes(chain));
    Bytes data = concat({signature, key_bytes()});
    append_u16_le(data, 6);
    append_u32_le(data, static_cast<std::uint32_t>(inner.size()));
    append(data, inner);
    Bytes quote = to_bytes(to_sign);
    append_u32_le(quote, static_cast<std::uint32_t>(data.size()));
    append(quote, data);
    return quote;
  }
  Bytes quote() const {
    return quote_of(signed_bytes(), attestation_key.sign(signed_bytes()), qe_report(),
                    pck.sign(qe_report()), chain_pem());
  }

  std::vector<Bytes> crls(Time at, std::vector<Certificate> revoked = {}) const {
    return {root.crl(revoked, at - Seconds{60}, at + Seconds{60}),
            platform_ca.crl(revoked, at - Seconds{60}, at + Seconds{60})};
  }
};

// The same SVN for all components; of a TDX module of version 1.0 the second is zero.
inline std::string components(unsigned svn, bool of_tdx = false) {
  std::string array = "[";
  for (int i = 0; i < 16; ++i)
    array += std::string(i == 0 ? "" : ",") +
             "{\"svn\":" + std::to_string(of_tdx && i == 1 ? 0 : svn) + "}";
  return array + "]";
}

struct MadeLevel {
  unsigned sgx = 5;
  unsigned tdx = 3;
  unsigned pce = 11;
  std::string status = "UpToDate";
  std::string advisories = {};  // as JSON: "\"INTEL-SA-1\""
};

inline std::string tcb_info_body(const std::vector<MadeLevel>& levels, std::string modules = {},
                                 std::string_view fmspc = "50806f000000") {
  std::string body = R"({"id":"TDX","version":3,"issueDate":"2026-12-01T00:00:00Z",)"
                     R"("nextUpdate":"2027-02-01T00:00:00Z","fmspc":")" +
                     std::string(fmspc) +
                     R"(","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":15,"tdxModule":)"
                     R"({"mrsigner":")" +
                     std::string(96, '0') +
                     R"(","attributes":"0000000000000000","attributesMask":"FFFFFFFFFFFFFFFF"},)";
  if (!modules.empty()) body += "\"tdxModuleIdentities\":[" + modules + "],";
  body += "\"tcbLevels\":[";
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const MadeLevel& level = levels[i];
    body += std::string(i == 0 ? "" : ",") + R"({"tcb":{"sgxtcbcomponents":)" +
            components(level.sgx) + R"(,"pcesvn":)" + std::to_string(level.pce) +
            R"(,"tdxtcbcomponents":)" + components(level.tdx, true) +
            R"(},"tcbDate":"2026-01-01T00:00:00Z","tcbStatus":")" + level.status + "\"" +
            (level.advisories.empty() ? "" : R"(,"advisoryIDs":[)" + level.advisories + "]") + "}";
  }
  return body + "]}";
}

inline std::string qe_identity_body(unsigned svn = 4, std::string status = "UpToDate",
                                    std::string signer = {}) {
  if (signer.empty())
    for (int i = 0; i < 32; ++i) signer += "DC";
  return R"({"id":"TD_QE","version":2,"issueDate":"2026-12-01T00:00:00Z",)"
         R"("nextUpdate":"2027-02-01T00:00:00Z","tcbEvaluationDataNumber":15,)"
         R"("miscselect":"00000000","miscselectMask":"FFFFFFFF",)"
         R"("attributes":"11000000000000000000000000000000",)"
         R"("attributesMask":"FBFFFFFFFFFFFFFF0000000000000000","mrsigner":")" +
         signer + R"(","isvprodid":2,"tcbLevels":[{"tcb":{"isvsvn":)" + std::to_string(svn) +
         R"(},"tcbDate":"2026-01-01T00:00:00Z","tcbStatus":")" + status + "\"}]}";
}

inline std::string signed_json(const Certified& by, const std::string& member,
                               const std::string& body) {
  return "{\"" + member + "\":" + body + ",\"signature\":\"" + to_hex(by.sign(as_bytes(body))) +
         "\"}";
}

}  // namespace attest::test

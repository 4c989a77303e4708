#include "libattest/tee/collateral.h"

#include <algorithm>

#include <openssl/pem.h>

#include "libattest/crypto/der.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest::tee {

namespace {

constexpr std::size_t max_table = 64;  // entries of a certificate table

bool is_crl(ByteView der) {
  const openssl::CleanErrors clean;
  const auto element = first_der_element(der);
  if (!element || element->size() != der.size() || der.size() > 16U << 20) return false;
  const unsigned char* at = openssl::data(der);
  const openssl::X509Crl crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  return crl != nullptr;
}

// Every CRL in a PEM text, in DER.
std::vector<Bytes> crls_in_pem(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN X509 CRL-----";
  constexpr std::string_view end = "-----END X509 CRL-----";
  std::vector<Bytes> crls;
  for (std::size_t at = pem.find(begin); at != std::string_view::npos; at = pem.find(begin, at)) {
    const std::size_t body = at + begin.size();
    const std::size_t stop = pem.find(end, body);
    if (stop == std::string_view::npos) break;
    std::string text(pem.substr(body, stop - body));
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
    if (auto der = from_base64(text); der && is_crl(*der)) crls.push_back(*std::move(der));
    at = stop;
  }
  return crls;
}

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// The table that a host puts beside an SNP report (AMD 56421, "GHCB", section 4.1.8.1): entries of
// GUID, offset and length, ended by a GUID of zeros; certificates in DER behind it.
Result<std::vector<Certificate>> certificate_table(ByteView bytes) {
  std::vector<Certificate> found;
  ByteReader reader(bytes);
  for (std::size_t i = 0; i < max_table; ++i) {
    TRY(const ByteView guid, reader.take(16, "GUID"));
    TRY(const std::uint32_t offset, reader.u32_le("offset"));
    TRY(const std::uint32_t length, reader.u32_le("length"));
    if (std::ranges::all_of(guid, [](std::byte b) { return b == std::byte{}; })) return found;
    if (offset > bytes.size() || length > bytes.size() - offset)
      return fail(refused(rules::collateral_form, "a certificate table points past its end"));
    // Hosts put other things in the table too, under GUIDs of their own.
    if (auto certificate = Certificate::from_der(bytes.subspan(offset, length)))
      found.push_back(*std::move(certificate));
  }
  return fail(refused(rules::collateral_form, "a certificate table does not end"));
}

}  // namespace

Result<bool> Collateral::add(ByteView content) {
  const std::string_view text = trimmed(as_text(content));
  if (text.starts_with('{')) {
    if (text.find("\"tcbInfo\"") != std::string_view::npos) {
      TRY(UntrustedTcbInfo info, parse_tcb_info(text));
      tcb_infos.push_back(std::move(info));
      return true;
    }
    if (text.find("\"enclaveIdentity\"") == std::string_view::npos) return false;
    TRY(UntrustedQeIdentity identity, parse_qe_identity(text));
    qe_identities.push_back(std::move(identity));
    return true;
  }
  if (is_crl(content)) {
    crls.push_back(to_bytes(content));
    return true;
  }
  if (auto hex = from_hex(text); hex && is_crl(*hex)) {
    crls.push_back(*std::move(hex));
    return true;
  }
  bool taken = false;
  if (text.find("-----BEGIN X509 CRL-----") != std::string_view::npos) {
    auto found = crls_in_pem(text);
    taken = !found.empty();
    std::ranges::move(found, std::back_inserter(crls));
  }
  if (auto found = Certificate::from_der_or_pem(content)) {
    std::ranges::move(*found, std::back_inserter(certificates));
    return true;
  }
  if (auto found = certificate_table(content); !taken && found && !found->empty()) {
    std::ranges::move(*found, std::back_inserter(certificates));
    return true;
  }
  return taken;
}

}  // namespace attest::tee

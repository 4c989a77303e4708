#include "libattest/dice/chain.h"

#include <algorithm>
#include <ctime>

#include "libattest/crypto/openssl_handles.h"

namespace attest::dice {

namespace {

Status check_issued(const Certificate& certificate, const Certificate& issuer, std::size_t below) {
  const openssl::CleanErrors clean;
  if (const int reason = X509_check_issued(issuer.openssl(), certificate.openssl());
      reason != X509_V_OK)
    return fail(
        refused(rules::dice_not_issuer, std::string("the next certificate is not the issuer: ") +
                                            X509_verify_cert_error_string(reason))
            .expected(certificate.issuer())
            .found(issuer.subject())
            .within(certificate.subject()));
  if (X509_verify(certificate.openssl(), X509_get0_pubkey(issuer.openssl())) != 1)
    return fail(refused(rules::dice_signature, "the next certificate's key did not sign this one")
                    .within(certificate.subject()));
  if (!issuer.is_ca())
    return fail(
        refused(rules::dice_authority, "a certificate is issued by one that is no authority")
            .within(issuer.subject()));
  const long path = X509_get_pathlen(issuer.openssl());
  if (path >= 0 && below > static_cast<std::size_t>(path))
    return fail(refused(rules::dice_authority, "more layers follow than the authority allows")
                    .expected("at most " + std::to_string(path))
                    .found(std::to_string(below))
                    .within(issuer.subject()));
  return {};
}

Status check_time(const Certificate& certificate, Time at) {
  if (at >= certificate.not_before() && at <= certificate.not_after()) return {};
  return fail(incomplete(rules::chain_time, "a certificate is not in its time")
                  .expected(to_rfc3339(certificate.not_before()) + " to " +
                            to_rfc3339(certificate.not_after()))
                  .found(to_rfc3339(at))
                  .within(certificate.subject()));
}

struct Crl {
  openssl::X509Crl list;
  Time this_update;
  Time next_update;
};

Result<std::int64_t> seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    return fail(refused(rules::chain_crl, "a CRL does not say when it holds"));
  return static_cast<std::int64_t>(::timegm(&parts));
}

Result<std::vector<Crl>> read_crls(const std::vector<Bytes>& ders) {
  const openssl::CleanErrors clean;
  std::vector<Crl> crls;
  for (const Bytes& der : ders) {
    const unsigned char* at = openssl::data(ByteView(der));
    openssl::X509Crl list(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (!list || at != openssl::data(ByteView(der)) + der.size())
      return fail(refused(rules::chain_crl, "a CRL is not in DER"));
    TRY(const std::int64_t from, seconds_of(X509_CRL_get0_lastUpdate(list.get())));
    TRY(const std::int64_t until, seconds_of(X509_CRL_get0_nextUpdate(list.get())));
    crls.push_back({std::move(list), from_unix(from), from_unix(until)});
  }
  return crls;
}

// CRLs of other issuers say nothing here.
Status check_not_revoked(const Certificate& certificate, const Certificate& issuer,
                         const std::vector<Crl>& crls, Time at) {
  const openssl::CleanErrors clean;
  const auto wrong = [&](Error error) { return fail(std::move(error).within(issuer.subject())); };
  for (const Crl& crl : crls) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl.list.get()),
                      X509_get_subject_name(issuer.openssl())) != 0)
      continue;
    if (X509_CRL_verify(crl.list.get(), X509_get0_pubkey(issuer.openssl())) != 1)
      return wrong(refused(rules::chain_crl, "the signature of a CRL does not hold"));
    X509_REVOKED* entry = nullptr;
    if (X509_CRL_get0_by_cert(crl.list.get(), &entry, certificate.openssl()) != 0)
      return fail(refused(rules::chain_revoked, "the certificate was revoked by its issuer")
                      .found("serial " + certificate.serial_hex())
                      .within(certificate.subject()));
    if (at < crl.this_update || at > crl.next_update)
      return wrong(incomplete(rules::chain_crl, "a CRL is not in its time")
                       .expected(to_rfc3339(crl.this_update) + " to " + to_rfc3339(crl.next_update))
                       .found(to_rfc3339(at)));
  }
  return {};
}

// The last certificate's issuer is an anchor, or it is one itself and nobody's to revoke.
Status check_revocation(const std::vector<Certificate>& chain,
                        const std::vector<Certificate>& anchors, Time at,
                        const std::vector<Bytes>& ders) {
  if (ders.empty()) return {};
  TRY(const std::vector<Crl> crls, read_crls(ders));
  for (std::size_t i = 0; i + 1 < chain.size(); ++i)
    TRY_VOID(check_not_revoked(chain[i], chain[i + 1], crls, at));
  for (const Certificate& anchor : anchors)
    if (anchor.der() != chain.back().der() &&
        X509_check_issued(anchor.openssl(), chain.back().openssl()) == X509_V_OK)
      TRY_VOID(check_not_revoked(chain.back(), anchor, crls, at));
  return {};
}

Status check_anchor(const Certificate& last, const std::vector<Certificate>& anchors,
                    std::size_t below) {
  std::optional<Error> last_reason;
  for (const Certificate& anchor : anchors) {
    if (anchor.der() == last.der()) return {};
    const Status issued = check_issued(last, anchor, below);
    if (issued) return {};
    if (issued.error().rule != rules::dice_not_issuer) last_reason = issued.error();
  }
  if (last_reason) return fail(*std::move(last_reason));
  return fail(incomplete(rules::dice_anchor, "the chain ends in no certificate that is trusted")
                  .expected("a certificate of " + last.issuer())
                  .next("give the maker's root, or the device's identity, as a root")
                  .within(last.subject()));
}

}  // namespace

Result<VerifiedDiceChain> verify_dice_chain(const std::vector<Certificate>& chain,
                                            const std::vector<Certificate>& anchors, Time at,
                                            const std::vector<Bytes>& crls) {
  if (chain.empty()) return fail(refused(rules::dice_empty, "there is no certificate"));
  for (std::size_t i = 0; i + 1 < chain.size(); ++i)
    TRY_VOID(check_issued(chain[i], chain[i + 1], i));
  TRY_VOID(check_anchor(chain.back(), anchors, chain.size() - 1));
  VerifiedDiceChain verified;
  for (const Certificate& certificate : chain) {
    Layer layer{certificate, {}, {}};
    TRY(layer.tcb_infos, tcb_infos_of(certificate));
    TRY(layer.ueid, ueid_of(certificate));
    verified.layers_.push_back(std::move(layer));
  }
  for (const Certificate& certificate : chain) TRY_VOID(check_time(certificate, at));
  TRY_VOID(check_revocation(chain, anchors, at, crls));
  return verified;
}

}  // namespace attest::dice

#include "libattest/dice/chain.h"

#include <algorithm>

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
                                            const std::vector<Certificate>& anchors, Time at) {
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
  return verified;
}

}  // namespace attest::dice

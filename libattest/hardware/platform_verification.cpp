#include "libattest/hardware/platform_verification.h"

#include <algorithm>
#include <array>

#include "libattest/crypto/openssl_handles.h"

namespace attest::hardware {

namespace {

struct KnownAlgorithm {
  std::string_view oid;
  SignatureScheme scheme;
};
constexpr std::array algorithms = {
    KnownAlgorithm{"1.2.840.113549.1.1.11", SignatureScheme::rsa_pkcs1_sha256},
    KnownAlgorithm{"1.2.840.113549.1.1.12", SignatureScheme::rsa_pkcs1_sha384},
    KnownAlgorithm{"1.2.840.113549.1.1.13", SignatureScheme::rsa_pkcs1_sha512},
    KnownAlgorithm{"1.2.840.10045.4.3.2", SignatureScheme::ecdsa_sha256},
    KnownAlgorithm{"1.2.840.10045.4.3.3", SignatureScheme::ecdsa_sha384},
    KnownAlgorithm{"1.2.840.10045.4.3.4", SignatureScheme::ecdsa_sha512}};

using NameHandle = std::unique_ptr<X509_NAME, openssl::Free<X509_NAME_free>>;

NameHandle name_of(ByteView der) {
  const unsigned char* at = openssl::data(der);
  NameHandle name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  return at == openssl::data(der) + der.size() ? std::move(name) : NameHandle();
}

// Names are compared as RFC 5280 has it: the kind of string does not count.
bool same_name(ByteView der, const X509_NAME* other) {
  const openssl::CleanErrors clean;
  const NameHandle name = name_of(der);
  return name && X509_NAME_cmp(name.get(), other) == 0;
}

std::string name_text(ByteView der) {
  const openssl::CleanErrors clean;
  const NameHandle name = name_of(der);
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!name || !bio) return "(malformed name)";
  X509_NAME_print_ex(bio.get(), name.get(), 0, XN_FLAG_RFC2253);
  return openssl::text_of(bio.get());
}

std::string shown(const IssuerAndSerial& name) {
  return "serial " + to_hex(name.serial) + " of " + name_text(name.issuer);
}

Status check_authority(const Certificate& issuer, const PlatformRules& platform_rules) {
  if (!issuer.is_ca())
    return fail(refused(rules::platform_issuer_role,
                        "the platform certificate is signed by one that is no authority")
                    .within(issuer.subject()));
  const bool named = std::ranges::any_of(platform_rules.authorities, [&](const Certificate& each) {
    return each.der() == issuer.der();
  });
  const Time at = platform_rules.at;
  if (named && at >= issuer.not_before() && at <= issuer.not_after()) return {};
  if (named)
    return fail(
        incomplete(rules::platform_time, "the authority's certificate is not in its time")
            .expected(to_rfc3339(issuer.not_before()) + " to " + to_rfc3339(issuer.not_after()))
            .found(to_rfc3339(at))
            .within(issuer.subject()));
  TRY_VOID(verify_chain(issuer, platform_rules.intermediates, platform_rules.authorities,
                        {.at = at, .crls = platform_rules.crls, .leaf_may_be_ca = true}));
  return {};
}

// check_signed gives the authority whose key made the signature.
Result<Certificate> check_signed(const UntrustedPlatformCertificate& certificate,
                                 const PlatformRules& platform_rules) {
  if (certificate.x509) {
    TRY(const VerifiedChain chain,
        verify_chain(*certificate.x509, platform_rules.intermediates, platform_rules.authorities,
                     {.at = platform_rules.at,
                      .handled_critical = {"2.5.29.9", "2.5.29.17"},
                      .crls = platform_rules.crls}));
    return chain.certificates().at(1);
  }
  const auto* algorithm =
      std::ranges::find(algorithms, certificate.algorithm, &KnownAlgorithm::oid);
  if (algorithm == algorithms.end())
    return fail(refused(rules::platform_algorithm, "the signature's algorithm is not accepted")
                    .expected("RSA or ECDSA with SHA-256, SHA-384 or SHA-512")
                    .found(certificate.algorithm));
  std::vector<Certificate> candidates = platform_rules.authorities;
  candidates.insert(candidates.end(), platform_rules.intermediates.begin(),
                    platform_rules.intermediates.end());
  bool seen = false;
  for (const Certificate& issuer : candidates) {
    if (!same_name(certificate.name.issuer, X509_get_subject_name(issuer.openssl()))) continue;
    seen = true;
    TRY(const PublicKey key, issuer.public_key());
    if (!key.verify(algorithm->scheme, certificate.signed_bytes, certificate.signature)) continue;
    TRY_VOID(check_authority(issuer, platform_rules));
    return issuer;
  }
  if (seen)
    return fail(
        refused(rules::platform_signature, "the platform certificate's signature does not hold")
            .within(shown(certificate.name)));
  return fail(
      incomplete(rules::platform_no_issuer, "the issuer of a platform certificate is not here")
          .expected("a certificate of " + name_text(certificate.name.issuer))
          .next("give it, if you trust it, with --ca"));
}

Status check_time(const UntrustedPlatformCertificate& certificate, Time at) {
  if (at >= certificate.not_before && at <= certificate.not_after) return {};
  return fail(
      incomplete(rules::platform_time, "a platform certificate is not in its time")
          .expected(to_rfc3339(certificate.not_before) + " to " + to_rfc3339(certificate.not_after))
          .found(to_rfc3339(at))
          .within(shown(certificate.name)));
}

Status check_ek(const UntrustedPlatformCertificate& base, const Certificate& ek) {
  if (!base.holder.empty() && to_hex(base.holder.serial) == ek.serial_hex() &&
      same_name(base.holder.issuer, X509_get_issuer_name(ek.openssl())))
    return {};
  return fail(refused(rules::platform_holder, "the platform certificate is of another TPM")
                  .expected("serial " + ek.serial_hex() + " of " + ek.issuer())
                  .found(base.holder.empty() ? "none" : shown(base.holder)));
}

Status check_delta_of(const UntrustedPlatformCertificate& delta,
                      const UntrustedPlatformCertificate& base) {
  const NameHandle issuer = name_of(base.name.issuer);
  if (issuer && delta.holder.serial == base.name.serial &&
      same_name(delta.holder.issuer, issuer.get()))
    return {};
  return fail(refused(rules::platform_holder, "a delta is to another certificate than this base")
                  .expected(shown(base.name))
                  .found(delta.holder.empty() ? "none" : shown(delta.holder)));
}

std::vector<Component>::iterator named_by(std::vector<Component>& components,
                                          const Component& change, bool exactly) {
  return std::ranges::find_if(components, [&](const Component& each) {
    return each.component_class == change.component_class &&
           each.manufacturer == change.manufacturer && each.model == change.model &&
           (change.serial.empty() || each.serial == change.serial) &&
           (!exactly || change.revision.empty() || each.revision == change.revision);
  });
}

Status apply(const Component& change, std::vector<Component>& components) {
  const auto wrong = [&](std::string what) {
    return fail(refused(rules::platform_delta, std::move(what)).found(change.to_string()));
  };
  if (!change.status) return wrong("a delta does not say what it does with a component");
  Component plain = change;
  plain.status.reset();
  if (*change.status == ComponentStatus::added) {
    // Two parts without serials may be alike; one part is not there twice.
    if (!change.serial.empty() && named_by(components, change, true) != components.end())
      return wrong("a delta adds a component that is already there");
    components.push_back(std::move(plain));
    return {};
  }
  const bool removes = *change.status == ComponentStatus::removed;
  const auto found = named_by(components, change, removes);
  if (found == components.end())
    return wrong(removes ? "a delta removes a component that is not there"
                         : "a delta modifies a component that is not there");
  if (removes)
    components.erase(found);
  else
    *found = std::move(plain);
  return {};
}

Status within(Status status, const std::string& place) {
  if (status) return status;
  return fail(std::move(status).error().within(place));
}

}  // namespace

Result<VerifiedPlatform> verify_platform(const UntrustedPlatformCertificate& base,
                                         const std::vector<UntrustedPlatformCertificate>& deltas,
                                         const PlatformRules& platform_rules) {
  VerifiedPlatform verified;
  if (base.kind != PlatformKind::base)
    return fail(refused(rules::platform_order, "a delta stands where the base should be")
                    .next("give the base first, and this one with --delta"));
  TRY_WITHIN("base", const Certificate issuer, check_signed(base, platform_rules));
  TRY_WITHIN("base", const PublicKey key, issuer.public_key());
  verified.issuer_key_ = key.thumbprint();
  verified.issuers_.push_back(issuer.subject());
  TRY_VOID(within(check_time(base, platform_rules.at), "base"));
  if (platform_rules.ek) TRY_VOID(check_ek(base, *platform_rules.ek));
  verified.ek_checked_ = platform_rules.ek.has_value();
  verified.components_ = base.components;
  for (const UntrustedPlatformCertificate& delta : deltas) {
    const std::string place = "delta " + std::to_string(verified.deltas_ + 1);
    if (delta.kind != PlatformKind::delta)
      return fail(refused(rules::platform_order, "a second base stands where a delta should be")
                      .within(place));
    TRY_WITHIN(place, const Certificate signer, check_signed(delta, platform_rules));
    verified.issuers_.push_back(signer.subject());
    TRY_VOID(within(check_time(delta, platform_rules.at), place));
    TRY_VOID(within(check_delta_of(delta, base), place));
    for (const Component& change : delta.components)
      TRY_VOID(within(apply(change, verified.components_), place));
    ++verified.deltas_;
  }
  verified.base_ = base;
  return verified;
}

}  // namespace attest::hardware

// The signature of a RIM file (W3C XML Signature Syntax and Processing 1.1).
//
// xmlsec1 never chooses the key: it is handed the key of the first certificate, which is then
// tied to the pinned root. A KeyValue beside genuine certificates has no say.
#include <algorithm>
#include <array>
#include <mutex>
#include <new>

#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

#include "libattest/base/text.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/gpu/rim_document.h"

namespace attest::gpu {

namespace rim {

namespace {

constexpr std::string_view c14n11 = "http://www.w3.org/2006/12/xml-c14n11";
constexpr std::string_view ecdsa_sha384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
constexpr std::string_view sha384 = "http://www.w3.org/2001/04/xmldsig-more#sha384";
constexpr std::string_view enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
constexpr std::size_t max_certificates = 8;
constexpr std::size_t max_elements = 20'000;

void say_nothing(const char* /*file*/, int /*line*/, const char* /*function*/,
                 const char* /*object*/, const char* /*subject*/, int /*reason*/,
                 const char* /*message*/) {}

std::unexpected<Error> wrong_form(std::string what, std::string expected, std::string found) {
  return fail(refused(rules::rim_signature_form, std::move(what))
                  .expected(std::move(expected))
                  .found(std::move(found)));
}

Result<xmlNode*> only_child(const xmlNode* parent, std::string_view name) {
  const std::vector<xmlNode*> found = children(parent, dsig, name);
  if (found.size() != 1)
    return wrong_form("the signature does not have the form of a RIM's", "one " + std::string(name),
                      std::to_string(found.size()));
  return found.front();
}

Status check_algorithm(const xmlNode* element, std::string_view expected) {
  const auto found = attribute(element, "Algorithm");
  if (found == expected && children(element).empty()) return {};
  return wrong_form("the signature uses an algorithm that RIM files do not use",
                    std::string(expected), printable(found.value_or("none"), 80));
}

Status check_reference(const xmlNode* reference) {
  const auto uri = attribute(reference, "URI");
  if (uri != "")
    return wrong_form("the signature does not cover the whole document", "one Reference, URI=\"\"",
                      uri ? "URI=\"" + printable(*uri, 60) + "\"" : "no URI");
  TRY(const xmlNode* transforms, only_child(reference, "Transforms"));
  const std::vector<xmlNode*> steps = children(transforms);
  if (steps.size() != 2)
    return wrong_form("the signature's transforms are not a RIM's", "enveloped, then C14N 1.1",
                      std::to_string(steps.size()) + " transforms");
  TRY_VOID(check_algorithm(steps[0], enveloped));
  TRY_VOID(check_algorithm(steps[1], c14n11));
  TRY(const xmlNode* method, only_child(reference, "DigestMethod"));
  return check_algorithm(method, sha384);
}

Status check_form(const xmlNode* signature) {
  const std::vector<xmlNode*> parts = children(signature);
  if (parts.size() != 3)
    return wrong_form("the signature has other parts than a RIM's",
                      "SignedInfo, SignatureValue, KeyInfo",
                      std::to_string(parts.size()) + " parts");
  TRY(const xmlNode* info, only_child(signature, "SignedInfo"));
  TRY(const xmlNode* canonicalization, only_child(info, "CanonicalizationMethod"));
  TRY_VOID(check_algorithm(canonicalization, c14n11));
  TRY(const xmlNode* method, only_child(info, "SignatureMethod"));
  TRY_VOID(check_algorithm(method, ecdsa_sha384));
  TRY(const xmlNode* reference, only_child(info, "Reference"));
  return check_reference(reference);
}

// Every signature element, however deep: one that hides in the payload is one too many.
Result<std::vector<xmlNode*>> find_signatures(xmlNode* root) {
  std::vector<xmlNode*> found;
  std::size_t seen = 0;
  std::vector<xmlNode*> open{root};
  while (!open.empty()) {
    if (++seen > max_elements)
      return fail(refused(rules::rim_too_large, "the file has too many elements for a RIM")
                      .expected("at most " + std::to_string(max_elements)));
    xmlNode* node = open.back();
    open.pop_back();
    if (is_element(node, dsig, "Signature")) found.push_back(node);
    std::ranges::copy(children(node), std::back_inserter(open));
  }
  return found;
}

struct FreeSignature {
  void operator()(xmlSecDSigCtx* context) const { xmlSecDSigCtxDestroy(context); }
};
using SignatureContext = std::unique_ptr<xmlSecDSigCtx, FreeSignature>;

// With a key in the context, xmlsec1 does not look at the document's key information at all.
xmlSecKeyPtr key_of(const Certificate& certificate) {
  const std::string pem = certificate.to_pem();
  return xmlSecCryptoAppKeyLoadMemory(reinterpret_cast<const xmlSecByte*>(pem.data()),
                                      static_cast<xmlSecSize>(pem.size()),
                                      xmlSecKeyDataFormatCertPem, nullptr, nullptr, nullptr);
}

Status allow_only_rim_algorithms(xmlSecDSigCtx* context) {
  context->enabledReferenceUris = xmlSecTransformUriTypeEmpty;
  const bool ok =
      xmlSecDSigCtxEnableSignatureTransform(context, xmlSecTransformInclC14N11Id) == 0 &&
      xmlSecDSigCtxEnableSignatureTransform(context, xmlSecTransformEcdsaSha384Id) == 0 &&
      xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformInclC14N11Id) == 0 &&
      xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformEnvelopedId) == 0 &&
      xmlSecDSigCtxEnableReferenceTransform(context, xmlSecTransformSha384Id) == 0;
  if (!ok) return fail(fault(rules::rim_signature, "xmlsec1 lacks ECDSA, SHA-384 or C14N 1.1"));
  return {};
}

bool digest_holds(xmlSecDSigCtx* context) {
  if (xmlSecPtrListGetSize(&context->signedInfoReferences) != 1) return false;
  const auto* reference = static_cast<const xmlSecDSigReferenceCtx*>(
      xmlSecPtrListGetItem(&context->signedInfoReferences, 0));
  return reference != nullptr && reference->status == xmlSecDSigStatusSucceeded;
}

Status check_value(xmlNode* signature, const Certificate& signer) {
  const openssl::CleanErrors clean;
  if (!initialise_xmlsec())
    return fail(fault(rules::rim_signature, "xmlsec1 cannot be initialised"));
  const SignatureContext context(xmlSecDSigCtxCreate(nullptr));
  if (!context) throw std::bad_alloc();
  TRY_VOID(allow_only_rim_algorithms(context.get()));
  context->signKey = key_of(signer);  // owned by the context
  if (context->signKey == nullptr)
    return wrong_form("the signer's key cannot be used", "an ECDSA key", signer.subject());
  const bool ran = xmlSecDSigCtxVerify(context.get(), signature) == 0;
  if (ran && context->status == xmlSecDSigStatusSucceeded) return {};
  return fail(refused(rules::rim_signature, "the RIM file is not as it was signed")
                  .expected("a document and a signature by the first certificate that agree")
                  .found(digest_holds(context.get()) ? "a signature value that does not hold"
                                                     : "a document with another digest")
                  .next("fetch the file again from where it is published"));
}

}  // namespace

bool initialise_xmlsec() {
  static std::once_flag once;
  static bool ready = false;
  std::call_once(once, [] {
    // Before, for what initialising says; and after, since it puts its own printer back.
    xmlSecErrorsSetCallback(say_nothing);
    ready = xmlSecInit() == 0 && xmlSecCryptoInit() == 0;
    xmlSecErrorsSetCallback(say_nothing);
  });
  return ready;
}

Result<xmlNode*> signature_of(const xmlDoc* document) {
  xmlNode* root = xmlDocGetRootElement(document);
  TRY(const std::vector<xmlNode*> found, find_signatures(root));
  if (found.empty())
    return fail(refused(rules::rim_unsigned, "the RIM file is not signed")
                    .next("values nobody signed are never compared with a report"));
  if (found.size() != 1 || found.front()->parent != root)
    return wrong_form("a RIM file has one signature, right below its root", "1",
                      std::to_string(found.size()));
  return found.front();
}

Result<std::vector<Certificate>> certificates_of(const xmlNode* signature) {
  TRY(const xmlNode* key_info, only_child(signature, "KeyInfo"));
  TRY(const xmlNode* data, only_child(key_info, "X509Data"));
  const std::vector<xmlNode*> others = children(key_info);
  const std::vector<xmlNode*> parts = children(data);
  if (others.size() != 1 || parts.empty() || parts.size() > max_certificates)
    return wrong_form("the signature's key information is not X.509 certificates alone",
                      "one X509Data with 1 to 8 certificates",
                      std::to_string(others.size()) + " kinds, " + std::to_string(parts.size()) +
                          " certificates");
  std::vector<Certificate> certificates;
  for (const xmlNode* part : parts) {
    if (!is_element(part, dsig, "X509Certificate"))
      return wrong_form("the signature's key information is not X.509 certificates alone",
                        "X509Certificate", printable(reinterpret_cast<const char*>(part->name)));
    std::string base64 = text_of(part);
    std::erase_if(base64, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
    TRY_WITHIN("certificate " + std::to_string(certificates.size()), const Bytes der,
               from_base64(base64));
    TRY(Certificate certificate, Certificate::from_der(der));
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

Result<std::vector<Certificate>> check_signature(xmlDoc* document) {
  TRY(xmlNode * signature, signature_of(document));
  TRY_VOID(check_form(signature));
  TRY(std::vector<Certificate> certificates, certificates_of(signature));
  TRY_VOID(check_value(signature, certificates.front()));
  return certificates;
}

}  // namespace rim

namespace {

// A chip in a certificate's name: two capital letters, then two or more digits or 'x' ("GB1xx").
bool is_chip_word(std::string_view word) {
  const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || c == 'x' || c == 'X'; };
  return word.size() >= 4 && letter(word[0]) && letter(word[1]) &&
         std::ranges::all_of(word.substr(2), digit);
}

bool covers(std::string_view word, std::string_view product) {
  return word.size() == product.size() &&
         std::ranges::equal(word, product, [](char w, char p) { return w == p || w == 'x'; });
}

// NVIDIA runs a line of signers for each chip and names it; a signer of one chip's line does not
// speak for another.
Status check_scope(const VerifiedChain& signer, const RimContent& content) {
  std::string named;
  for (const Certificate& certificate : signer.certificates()) {
    std::string subject = certificate.subject();
    std::ranges::replace(subject, ',', ' ');
    for (const std::string_view word : split(subject, ' ')) {
      if (!is_chip_word(word)) continue;
      if (covers(word, content.product)) return {};
      named += (named.empty() ? "" : ", ") + std::string(word);
    }
  }
  if (named.empty()) return {};
  return fail(refused(rules::rim_scope, "the RIM's signer speaks for other chips")
                  .expected(content.product)
                  .found(named));
}

Status check_signer(const Certificate& signer) {
  if ((X509_get_key_usage(signer.openssl()) & KU_DIGITAL_SIGNATURE) != 0) return {};
  return fail(refused(rules::chain_eku, "the RIM's signer is not for signatures")
                  .expected("key usage digitalSignature")
                  .within(signer.subject()));
}

}  // namespace

Result<VerifiedRim> verify_rim(const UntrustedRim& rim, const RootPins& roots,
                               std::optional<Time> at) {
  TRY(const rim::Document document, rim::read_document(rim.bytes));
  TRY(const std::vector<Certificate> certificates, rim::check_signature(document.get()));
  const Certificate& leaf = certificates.front();
  const std::vector<Certificate> rest(certificates.begin() + 1, certificates.end());
  // Without a time, the chain is judged when its signer began, so that all else is still checked.
  const Time time = at.value_or(leaf.not_before());
  auto signer = verify_chain(leaf, rest, roots.among(certificates), {.at = time});
  if (!signer && (at || signer.error().kind == ErrorKind::refused))
    return fail(std::move(signer).error().within("signer of the RIM"));
  TRY_VOID(check_signer(leaf));
  TRY(RimContent content, rim::read_content(document.get()));
  if (content.product.empty() || content.version.empty())
    return fail(refused(rules::rim_meta, "the RIM names no product and version")
                    .expected("Meta with product and colloquialVersion"));
  if (!signer) return fail(std::move(signer).error().within("signer of the RIM"));
  TRY_VOID(check_scope(*signer, content));
  if (!at)
    return fail(incomplete(rules::rim_time, "no time says when the RIM's signature counted")
                    .found("signer valid " + to_rfc3339(leaf.not_before()) + " to " +
                           to_rfc3339(leaf.not_after()))
                    .next("give --at, or enter the RIM in the ledger: attestctl rim add FILE"));
  return VerifiedRim(std::move(content), *std::move(signer), rim.digest(), *at);
}

Result<std::vector<Certificate>> rim_signers(const UntrustedRim& rim) {
  TRY(const rim::Document document, rim::read_document(rim.bytes));
  TRY(const xmlNode* signature, rim::signature_of(document.get()));
  return rim::certificates_of(signature);
}

}  // namespace attest::gpu

// attestctl model verify: signatures of models (OpenSSF Model Signing) and of single files
// (Sigstore), by key, certificate or identity.
#include <algorithm>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_place.h"
#include "libattest/base/text.h"
#include "libattest/model/oms_files.h"
#include "libattest/model/sigstore_verify.h"
#include "libattest/statement/in_toto.h"

namespace attest::cli {

namespace {

constexpr std::uint64_t max_bundle = 512U << 20;

struct VerifyOptions {
  std::string path;
  std::string bundle;
  std::string key;
  std::string roots;
  std::string trusted_root;
  std::string identity;
  std::string issuer;
  std::vector<std::string> ignore;
  bool ignore_unsigned = false;
  std::string at;
  std::string cache;
};

void describe_signer(Report& report, const model::OmsSigner& signer) {
  OrderedJson json = {{"method", signer.method}, {"key", to_hex(signer.key.thumbprint())}};
  if (signer.chain.empty()) {
    report.field("signed by", "key:" + to_hex(signer.key.thumbprint()));
  } else {
    const Certificate& leaf = signer.chain.front();
    if (signer.identity.empty())
      report.field("signed by",
                   printable(leaf.subject()) + ", issued by " + printable(leaf.issuer()));
    json["subject"] = leaf.subject();
    json["issuer"] = leaf.issuer();
    json["root"] = to_hex(signer.chain.back().fingerprint());
  }
  if (signer.signed_at) {
    report.field("signed at", to_rfc3339(*signer.signed_at) +
                                  " at the latest, as a log or a "
                                  "timestamp authority says");
    json["signed_at"] = to_rfc3339(*signer.signed_at);
  }
  report.json["signer"] = std::move(json);
}

void show_differences(Report& report, const model::OmsComparison& comparison) {
  report.json["differences"] = OrderedJson::array();
  for (const model::OmsDifference& each : comparison.differences) {
    const std::string kind(model::to_string(each.kind));
    report.line("  " + padded(kind, 9) + " " + printable(each.name));
    OrderedJson json = {{"kind", kind}, {"name", each.name}};
    if (!each.expected.empty()) {
      report.line("            expected  " + each.expected);
      report.line("            found     " + each.found);
      json["expected"] = each.expected;
      json["found"] = each.found;
    }
    report.json["differences"].push_back(std::move(json));
  }
}

void show_not_checked(Report& report, const model::OmsComparison& comparison,
                      const VerifyOptions& options, const model::OmsSigner& signer) {
  std::vector<std::string> not_checked;
  for (const std::string& name : comparison.not_covered)
    not_checked.push_back(name + ": not signed");
  for (const std::string& name : options.ignore) not_checked.push_back(name + ": ignored as asked");
  if (signer.method == "key") not_checked.emplace_back("who holds the key, and when it signed");
  if (signer.method == "certificate")
    not_checked.emplace_back("when it was signed; whether the certificate was revoked");
  not_checked.emplace_back("descent: a signature proves a publisher, not a lineage");
  std::string text;
  for (const std::string& each : not_checked) text += (text.empty() ? "" : "\n") + printable(each);
  report.field("not checked", text);
  report.json["not_checked"] = not_checked;
}

Result<std::vector<Certificate>> read_roots(const std::string& place) {
  std::error_code error;
  std::vector<Path> files;
  if (std::filesystem::is_directory(place, error)) {
    TRY(const auto names, system_files().list(place));
    for (const std::string& name : names) files.push_back(Path(place) / name);
  } else {
    files.emplace_back(place);
  }
  std::vector<Certificate> roots;
  for (const Path& file : files) {
    TRY(const Bytes content, read_file(file, 1U << 20));
    TRY_WITHIN(file.string(), const auto found, Certificate::from_der_or_pem(content));
    roots.insert(roots.end(), found.begin(), found.end());
  }
  if (roots.empty()) {
    Error none = incomplete(rules::file_unreadable, "there is no certificate to trust");
    return fail(std::move(none).within(place));
  }
  return roots;
}

Result<PublicKey> read_key(const std::string& file) {
  TRY(const Bytes content, read_file(file, 1U << 20));
  TRY_WITHIN(file, PublicKey key, PublicKey::from_der_or_pem(content));
  return key;
}

Result<model::SigstoreTrust> read_trust(const std::string& file) {
  TRY(const std::string text, read_text_file(file));
  TRY_WITHIN(file, model::SigstoreTrust trust, model::parse_sigstore_trust(text));
  return trust;
}

Result<model::VerifiedOmsStatement> verify_signature(const VerifyOptions& options,
                                                     const model::UntrustedBundle& bundle,
                                                     Time now) {
  if (!options.key.empty()) {
    TRY(const PublicKey key, read_key(options.key));
    return model::verify_oms_with_key(bundle, key);
  }
  if (!options.trusted_root.empty()) {
    TRY(const model::SigstoreTrust trust, read_trust(options.trusted_root));
    return model::verify_oms_keyless(bundle, trust, {options.identity, options.issuer});
  }
  TRY(const auto roots, read_roots(options.roots));
  Time at = now;
  if (!options.at.empty()) {
    TRY(at, parse_time(options.at));
  }
  return model::verify_oms_with_certificates(bundle, roots, at);
}

Result<Report> verify_model(const VerifyOptions& options, const model::UntrustedBundle& bundle,
                            const Context& context) {
  TRY_WITHIN(options.bundle, const model::VerifiedOmsStatement verified,
             verify_signature(options, bundle, context.now));
  Threads threads;
  CacheFile cache(options.cache);
  const model::OmsFileOptions file_options{
      .ignore = options.ignore,
      .ignore_unsigned = options.ignore_unsigned,
      .signature_file = place_inside(options.bundle, options.path),
      .executor = threads.executor(),
      .progress =
          [&](std::uint64_t done, std::uint64_t total) {
            context.terminal.progress("verifying " + options.path, done, total);
          },
      .cache = cache.cache(),
      .now_ns = CacheFile::now_ns()};
  TRY(const model::OmsComparison comparison,
      model::compare_model_files(verified, options.path, file_options));
  TRY_VOID(cache.save());
  Report report;
  report.json["path"] = options.path;
  report.json["model"] = verified.statement().model_name;
  if (comparison.matches()) {
    report.line(options.path + " is the model that was signed");
  } else {
    report.outcome = Outcome::refused;
    report.line("refused: " + options.path + " is not the model that was signed");
    report.json["error"] = {{"rule", "model.oms.files"}, {"what", "the files differ"}};
  }
  show_differences(report, comparison);
  describe_signer(report, verified.signer());
  report.field("files", std::to_string(comparison.files.size()) + " of " +
                            std::to_string(verified.statement().files.size()) + " as signed, " +
                            with_thousands(comparison.bytes) + " bytes read");
  report.field("root", digest_uri(verified.statement().root));
  report.json["root"] = digest_uri(verified.statement().root);
  report.json["files"] = OrderedJson::array();
  for (const model::OmsCheckedFile& file : comparison.files)
    report.json["files"].push_back(file.name);
  show_not_checked(report, comparison, options, verified.signer());
  if (!comparison.matches())
    report.line("Fetch the files again, or ask the publisher for a new signature.");
  return report;
}

// Named is what a signature is asked to be about: a file, or "ALGORITHM:VALUE".
struct Named {
  std::string algorithm;
  std::string value;
};

std::optional<Named> named_by_digest(const std::string& path) {
  std::error_code error;
  const std::size_t colon = path.find(':');
  if (colon == std::string::npos || colon == 0 || std::filesystem::exists(path, error))
    return std::nullopt;
  return Named{path.substr(0, colon), path.substr(colon + 1)};
}

Result<Bytes> hash_file(const std::string& path, HashAlgorithm algorithm) {
  TRY(const auto file, model::OpenedFile::open(path));
  Hasher hasher(algorithm);
  Bytes piece(1U << 20);
  for (std::uint64_t at = 0;;) {
    TRY(const std::size_t got, file->read_at(at, piece));
    hasher.update(ByteView(piece).first(got));
    at += got;
    if (got < piece.size()) return hasher.finish();
  }
}

model::ArtefactDigest artefact_of(const std::string& path) {
  if (const auto named = named_by_digest(path))
    return [named](HashAlgorithm algorithm) -> Result<Bytes> {
      if (named->algorithm == hash_name(algorithm)) return from_hex(named->value);
      return fail(incomplete(rules::digest_form, "a digest by another hash function is needed")
                      .expected(std::string(hash_name(algorithm)))
                      .found(named->algorithm));
    };
  return [path](HashAlgorithm algorithm) { return hash_file(path, algorithm); };
}

// Subjects may be named by numbers that are no hash of a file.
Status check_other_subject(const statement::UntrustedEnvelope& envelope, const Named& named) {
  TRY(const auto statement, statement::parse_in_toto(envelope.payload));
  for (const statement::InTotoSubject& subject : statement.subjects) {
    const auto found = subject.digests.find(named.algorithm);
    if (found != subject.digests.end() && found->second == named.value) return {};
  }
  return fail(refused(rules::keyless_signature, "the signed statement names something else")
                  .expected(named.algorithm + ":" + named.value));
}

Report file_report(const VerifyOptions& options, const model::OmsSigner& signer,
                   const statement::UntrustedEnvelope* envelope) {
  Report report;
  report.line(options.path + " is what was signed");
  report.json["path"] = options.path;
  describe_signer(report, signer);
  if (envelope != nullptr)
    if (const auto statement = statement::parse_in_toto(envelope->payload)) {
      report.field("statement", printable(statement->predicate_type));
      report.json["predicate_type"] = statement->predicate_type;
    }
  std::vector<std::string> not_checked{"what the statement says beside its subject",
                                       "descent: a signature proves a signer, not a lineage"};
  if (!signer.signed_at) not_checked.emplace_back("when it was signed");
  std::string text;
  for (const std::string& each : not_checked) text += (text.empty() ? "" : "\n") + each;
  report.field("not checked", text);
  report.json["not_checked"] = not_checked;
  return report;
}

// A bundle about one file: a message signature, or a statement that names it.
Result<Report> verify_file(const VerifyOptions& options, const model::UntrustedBundle& bundle) {
  const model::ArtefactDigest artefact = artefact_of(options.path);
  std::optional<model::SigstoreTrust> trust;
  if (!options.trusted_root.empty()) {
    TRY(trust, read_trust(options.trusted_root));
  }
  if (!options.key.empty()) {
    TRY(const PublicKey key, read_key(options.key));
    TRY_WITHIN(options.bundle, const model::VerifiedSignature verified,
               model::verify_managed_key_bundle(bundle, key, trust, artefact));
    return file_report(options, verified.signer(),
                       verified.envelope() ? &*verified.envelope() : nullptr);
  }
  if (!trust)
    return fail(refused(rules::oms_method, "this bundle is no model's signature")
                    .next("verify it with --trusted-root, or with --key"));
  TRY_WITHIN(
      options.bundle, const model::VerifiedSignature verified,
      model::verify_sigstore_bundle(bundle, *trust, {options.identity, options.issuer}, artefact));
  return file_report(options, verified.signer(),
                     verified.envelope() ? &*verified.envelope() : nullptr);
}

// A bare envelope proves who signed, by a key. By a certificate it cannot be judged: those live for
// minutes, and only a log or a timestamp proves that it was signed in them.
Result<Report> verify_bare_envelope(const VerifyOptions& options, const std::string& text) {
  TRY_WITHIN(options.bundle, const statement::UntrustedEnvelope envelope,
             statement::parse_dsse(text));
  const auto named = named_by_digest(options.path);
  const bool by_hash = !named || hash_by_name(named->algorithm);
  const model::ArtefactDigest artefact =
      by_hash ? artefact_of(options.path) : model::ArtefactDigest();
  if (!options.key.empty()) {
    TRY(const PublicKey key, read_key(options.key));
    if (auto holds = model::verify_envelope(envelope, key, artefact); !holds)
      return fail(std::move(holds).error().within(options.bundle));
    if (!by_hash) TRY_VOID(check_other_subject(envelope, *named));
    return file_report(options, {.method = "key", .key = key}, &envelope);
  }
  const std::string& pem = envelope.signatures.front().certificate;
  TRY_WITHIN(options.bundle, const Certificate certificate, Certificate::from_pem(pem));
  TRY(const PublicKey key, certificate.public_key());
  if (auto holds = model::verify_envelope(envelope, key, artefact); !holds)
    return fail(std::move(holds).error().within(options.bundle));
  Error unproven =
      incomplete(rules::keyless_time, "the signature holds, but nothing proves when it was made");
  return fail(std::move(unproven)
                  .found("a certificate that ended " + to_rfc3339(certificate.not_after()))
                  .next("ask for a bundle with a log entry")
                  .within(options.bundle));
}

bool is_model_statement(const VerifyOptions& options, const model::UntrustedBundle& bundle) {
  std::error_code error;
  if (std::filesystem::is_directory(options.path, error)) return true;
  if (!bundle.envelope) return false;
  const auto statement = statement::parse_in_toto(bundle.envelope->payload);
  return statement && (statement->predicate_type == model::oms_predicate_type ||
                       statement->predicate_type == model::oms_old_predicate_type);
}

Status check_usage(const VerifyOptions& options) {
  const bool named = !options.identity.empty() && !options.issuer.empty();
  if (options.key.empty() && options.roots.empty() && options.trusted_root.empty())
    return fail(usage_error("give one of --key, --roots and --trusted-root: whom to trust"));
  if (!options.roots.empty() && !(options.key.empty() && options.trusted_root.empty()))
    return fail(usage_error("--roots stands alone: give one kind of trust"));
  if (!options.trusted_root.empty() && options.key.empty() && !named)
    return fail(usage_error("--trusted-root needs --identity and --issuer: who must have signed"));
  return {};
}

Result<Report> verify(const VerifyOptions& options, const Context& context) {
  TRY_VOID(check_usage(options));
  TRY(const std::string text, read_text_file(options.bundle, max_bundle));
  const auto bundle = model::parse_sigstore_bundle(text);
  if (!bundle) {
    const auto envelope = statement::parse_dsse(text);
    if (envelope) return verify_bare_envelope(options, text);
    return fail(Error(bundle.error()).within(options.bundle));
  }
  if (is_model_statement(options, *bundle)) return verify_model(options, *bundle, context);
  return verify_file(options, *bundle);
}

void add_verify(CommandLine& command_line, Command* group) {
  auto options = std::make_shared<VerifyOptions>();
  Command* verb = command_line.verb(
      group, "verify", "Check a model's signature, and each of its files",
      "attestctl model verify models/chat --bundle models/chat/model.sig --key publisher.pub");
  verb->add_option("PATH", options->path,
                   "A directory or a file; ALGORITHM:VALUE for a file elsewhere")
      ->required();
  verb->add_option("--bundle", options->bundle, "The signature")->required();
  verb->add_option("--key", options->key, "Trust this public key (PEM or DER)");
  verb->add_option("--roots", options->roots,
                   "Trust these root certificates: a file, or a directory of them");
  verb->add_option("--trusted-root", options->trusted_root,
                   "Trust this Sigstore trusted root file");
  verb->add_option("--identity", options->identity,
                   "Who must have signed: an address or URI, with --trusted-root");
  verb->add_option("--issuer", options->issuer, "Who must have vouched for the identity");
  verb->add_option("--ignore", options->ignore,
                   "Take no notice of this relative path (repeatable)");
  verb->add_flag("--ignore-unsigned", options->ignore_unsigned,
                 "Accept files that the signature does not name");
  verb->add_option("--at", options->at, "The time at which certificates must be valid (RFC 3339)");
  verb->add_option("--cache", options->cache,
                   "Keep digests of unchanged files here, so that they are not read again");
  command_line.runs(verb, [options](const Context& context) { return verify(*options, context); });
}

}  // namespace

void add_model_verify_command(CommandLine& command_line, Command* group) {
  add_verify(command_line, group);
}

}  // namespace attest::cli

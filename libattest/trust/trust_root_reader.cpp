#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/base/toml.h"
#include "libattest/trust/trust_root.h"
#include "libattest/trust/trust_root_content.h"

namespace attest {

namespace {

using transparency::NoteKeyType;
using transparency::VerifierKey;

constexpr std::string_view format_name = "attest-trust-root/v1";

// value_error makes an error of ours for a value that has the right type and makes no sense.
Error value_error(const TomlTable& table, std::string_view key, std::string what) {
  Error error = table.wrong(key, std::move(what));
  error.rule = rules::trust_value;
  return error;
}

Error twice(const TomlTable& table, std::string_view key, std::string what) {
  Error error = table.wrong(key, std::move(what));
  error.rule = rules::trust_twice;
  return error;
}

Result<PublicKey> read_spki(TomlTable& table, std::string_view key) {
  TRY(const std::string text, table.text(key));
  const auto der = from_base64(text);
  if (!der)
    return fail(value_error(table, key, "is not base64 of a SubjectPublicKeyInfo")
                    .next("attestctl key show gives it"));
  auto public_key = PublicKey::from_spki_der(*der);
  if (!public_key)
    return fail(value_error(table, key, "is no public key: " + public_key.error().to_string()));
  return public_key;
}

Result<VerifierKey> parse_vkey(const TomlTable& table, std::string_view key,
                               const std::string& text) {
  auto parsed = VerifierKey::parse(text);
  if (!parsed)
    return fail(value_error(table, key, "is no verifier key: " + parsed.error().to_string()));
  return parsed;
}

Result<std::string> read_name(TomlTable& table, std::string_view key = "name") {
  TRY(std::string name, table.text(key));
  if (!statement::is_issuer_name(name))
    return fail(
        value_error(table, key, "is no name").expected("1 to 200 visible ASCII characters"));
  return name;
}

// The type a root key signs notes with follows from its kind.
Result<VerifierKey> read_root_key(TomlTable& table) {
  TRY(const std::string name, read_name(table));
  TRY(const PublicKey key, read_spki(table, "key"));
  const auto type = key.kind() == KeyKind::ed25519 ? NoteKeyType::ed25519 : NoteKeyType::ecdsa;
  auto verifier = VerifierKey::make(name, type, key);
  if (!verifier)
    return fail(value_error(table, "key", "cannot sign notes: " + verifier.error().to_string())
                    .expected("an Ed25519 or ECDSA P-256 key"));
  return verifier;
}

bool same_key(const VerifierKey& a, const VerifierKey& b) {
  return a.public_key() && b.public_key() && *a.public_key() == *b.public_key();
}

Status check_patterns(const TomlTable& table, std::string_view key,
                      const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    const std::size_t colon = pattern.find(':');
    const std::string_view prefix = std::string_view(pattern).substr(0, colon);
    static const std::vector<std::string_view> prefixes = {"sha256", "node",     "ek",     "device",
                                                           "key",    "platform", "policy", "log"};
    if (pattern == "*") continue;
    if (colon == std::string::npos || std::ranges::find(prefixes, prefix) == prefixes.end())
      return fail(value_error(table, key, "has a pattern that matches no subject")
                      .expected("a pattern such as \"sha256:*\" or \"platform:rack7-*\"")
                      .found("\"" + printable(pattern, 80) + "\""));
  }
  return {};
}

Result<std::set<statement::Kind>> read_kinds(TomlTable& table) {
  TRY(const std::vector<std::string> names, table.texts("may"));
  std::set<statement::Kind> kinds;
  for (const std::string& name : names) {
    const auto kind = statement::kind_by_name(name);
    if (!kind || *kind == statement::Kind::map_root) {
      Error error = value_error(table, "may",
                                "has an unknown kind of statement \"" + printable(name, 60) + "\"");
      const std::string_view meant = nearest(name, statement::kind_names());
      if (!meant.empty()) error.next("did you mean \"" + std::string(meant) + "\"?");
      return fail(std::move(error));
    }
    kinds.insert(*kind);
  }
  if (kinds.empty()) return fail(value_error(table, "may", "names no kind of statement"));
  return kinds;
}

Result<Issuer> read_issuer(TomlTable& table) {
  TRY(std::string name, read_name(table));
  TRY(PublicKey key, read_spki(table, "key"));
  TRY(std::set<statement::Kind> may, read_kinds(table));
  TRY(std::vector<std::string> subjects, table.texts("subjects"));
  TRY(std::vector<std::string> revoke, table.optional_texts("revoke"));
  TRY_VOID(check_patterns(table, "subjects", subjects));
  TRY_VOID(check_patterns(table, "revoke", revoke));
  return Issuer{std::move(name), std::move(key), std::move(may), std::move(subjects),
                std::move(revoke)};
}

Result<std::vector<Certificate>> read_certificates(TomlTable& table, std::string_view key) {
  TRY(const std::vector<std::string> pems, table.optional_texts(key));
  std::vector<Certificate> certificates;
  for (const std::string& pem : pems) {
    auto some = Certificate::all_from_pem(pem);
    if (!some)
      return fail(value_error(table, key,
                              "has a text that is no certificate: " + some.error().to_string()));
    std::ranges::move(*some, std::back_inserter(certificates));
  }
  return certificates;
}

}  // namespace

// TrustRootReader reads the sections one by one into a Content.
struct TrustRootReader {
  TomlTable table;
  TrustRoot::Content content;

  Status read_head() {
    TRY(const std::string format, table.text("format"));
    if (format != format_name)
      return fail(value_error(table, "format", "is not a form of trust root known here")
                      .expected("\"" + std::string(format_name) + "\"")
                      .found("\"" + printable(format, 60) + "\""));
    TRY(TomlTable root, table.table("root"));
    TRY(const std::int64_t version, root.integer("version"));
    if (version < 1) return fail(value_error(root, "version", "is below 1"));
    content.version = static_cast<std::uint64_t>(version);
    TRY(content.expires, root.time("expires"));
    TRY(std::vector<TomlTable> keys, root.tables("key"));
    for (TomlTable& each : keys) {
      TRY(VerifierKey key, read_root_key(each));
      for (const VerifierKey& other : content.root_keys)
        if (other.name() == key.name() || same_key(other, key))
          return fail(twice(each, "name", "or its key stands twice among the root keys"));
      content.root_keys.push_back(std::move(key));
    }
    TRY(const std::int64_t threshold, root.integer("threshold"));
    if (threshold < 1 || static_cast<std::uint64_t>(threshold) > content.root_keys.size())
      return fail(value_error(root, "threshold", "cannot be reached")
                      .expected("from 1 to the number of root keys, " +
                                std::to_string(content.root_keys.size()))
                      .found(std::to_string(threshold)));
    content.threshold = static_cast<std::size_t>(threshold);
    return {};
  }

  Status read_witnesses() {
    TRY(std::vector<TomlTable> tables, table.tables("witness"));
    for (TomlTable& each : tables) {
      TRY(const std::string text, each.text("key"));
      TRY(VerifierKey key, parse_vkey(each, "key", text));
      if (key.type() != NoteKeyType::cosignature_v1)
        return fail(value_error(each, "key", "is no witness's key")
                        .expected("a key of type cosignature/v1 (0x04)"));
      for (const VerifierKey& other : content.witnesses)
        if (other.name() == key.name() || same_key(other, key))
          return fail(twice(each, "key", "stands twice among the witnesses"));
      content.witnesses.push_back(std::move(key));
    }
    TRY(std::optional<TomlTable> quorum, table.optional_table("quorum"));
    if (!quorum) return {};
    TRY(const std::int64_t k, quorum->integer("witnesses"));
    if (k < 1 || static_cast<std::uint64_t>(k) > content.witnesses.size())
      return fail(value_error(*quorum, "witnesses", "cannot be reached")
                      .expected("from 1 to the number of witnesses, " +
                                std::to_string(content.witnesses.size()))
                      .found(std::to_string(k)));
    content.quorum = static_cast<std::size_t>(k);
    return {};
  }

  Status read_logs() {
    TRY(std::vector<TomlTable> tables, table.tables("log"));
    for (TomlTable& each : tables) {
      transparency::LogVerifiers log;
      TRY(log.origin, read_name(each, "origin"));
      if (std::ranges::find(content.logs, log.origin, &transparency::LogVerifiers::origin) !=
          content.logs.end())
        return fail(twice(each, "origin", "stands twice among the logs"));
      TRY(const std::vector<std::string> keys, each.texts("keys"));
      for (const std::string& text : keys) {
        TRY(VerifierKey key, parse_vkey(each, "keys", text));
        if (!key.public_key() || key.type() == NoteKeyType::cosignature_v1)
          return fail(value_error(each, "keys", "has a key that cannot sign checkpoints")
                          .found(key.label()));
        if (key.name() != log.origin)
          return fail(value_error(each, "keys", "has a key of another name than the log's origin")
                          .expected(log.origin)
                          .found(printable(key.name(), 80)));
        log.log_keys.push_back(std::move(key));
      }
      if (log.log_keys.empty()) return fail(value_error(each, "keys", "is empty"));
      log.witnesses = content.witnesses;
      log.quorum = content.quorum;
      content.logs.push_back(std::move(log));
    }
    return {};
  }

  Status read_issuers() {
    TRY(std::vector<TomlTable> tables, table.tables("issuer"));
    for (TomlTable& each : tables) {
      TRY(Issuer issuer, read_issuer(each));
      for (const Issuer& other : content.issuers)
        if (other.name == issuer.name && other.key == issuer.key)
          return fail(twice(each, "name", "stands twice with the same key"));
      content.issuers.push_back(std::move(issuer));
    }
    return {};
  }

  Status read_verifiers() {
    TRY(std::vector<TomlTable> tables, table.tables("verifier"));
    for (TomlTable& each : tables) {
      TRY(std::string name, read_name(each));
      TRY(PublicKey key, read_spki(each, "key"));
      for (const evidence::KnownVerifier& other : content.verifiers)
        if (other.name == name && other.key == key)
          return fail(twice(each, "name", "stands twice with the same key"));
      content.verifiers.push_back({std::move(name), std::move(key)});
    }
    return {};
  }

  Status read_hardware() {
    TRY(std::optional<TomlTable> roots, table.optional_table("roots"));
    if (roots) {
      TRY(content.ek_roots, read_certificates(*roots, "ek"));
      TRY(content.gpu_roots, read_certificates(*roots, "gpu"));
      TRY(content.tee_roots, read_certificates(*roots, "tee"));
      TRY(content.rim_roots, read_certificates(*roots, "rim"));
      TRY(content.platform_roots, read_certificates(*roots, "platform"));
    }
    TRY(std::optional<TomlTable> ek, table.optional_table("ek"));
    if (!ek) return {};
    TRY(const std::vector<std::string> allowed, ek->optional_texts("allow"));
    for (const std::string& text : allowed) {
      const auto subject = statement::Subject::parse(text);
      if (!subject || subject->kind() != statement::SubjectKind::ek)
        return fail(value_error(*ek, "allow", "has a text that names no endorsement key")
                        .expected("ek: and 64 lower-case hexadecimal digits")
                        .found("\"" + printable(text, 80) + "\""));
      content.allowed_eks.insert(*subject->digest());
    }
    return {};
  }

  Status read_regions() {
    TRY(std::optional<TomlTable> regions, table.optional_table("regions"));
    if (!regions) return {};
    for (const std::string& name : regions->keys()) {
      TRY(std::vector<std::string> patterns, regions->texts(name));
      if (patterns.empty()) return fail(value_error(*regions, name, "names no node"));
      content.regions.emplace(name, std::move(patterns));
    }
    return {};
  }

  Result<TrustRoot> read_all() {
    TRY_VOID(read_head());
    TRY_VOID(read_witnesses());
    TRY_VOID(read_logs());
    TRY_VOID(read_issuers());
    TRY_VOID(read_verifiers());
    TRY_VOID(read_hardware());
    TRY_VOID(read_regions());
    TRY_VOID(table.finish());
    return TrustRoot(std::make_shared<const TrustRoot::Content>(std::move(content)));
  }
};

Result<TrustRoot> TrustRoot::parse(std::string_view text, std::string name) {
  TRY(TomlTable table, parse_toml(text, std::move(name)));
  TrustRootReader reader{std::move(table), {}};
  reader.content.digest = sha256(as_bytes(text));
  return reader.read_all();
}

Result<TrustRoot> TrustRoot::read(const Path& path) {
  TRY(const std::string text, read_text_file(path));
  return parse(text, path.filename().string());
}

}  // namespace attest

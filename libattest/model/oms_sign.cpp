#include "libattest/model/oms_sign.h"

#include <algorithm>
#include <mutex>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/statement/in_toto.h"

namespace attest::model {

namespace {

struct File {
  std::string name;
  std::unique_ptr<OpenedFile> file;
  FileIdentity identity;
};

struct Piece {
  const File* file;
  std::uint64_t begin;
  std::uint64_t end;
  std::string name;  // as the statement has it
  Result<Bytes> digest = Bytes();
  bool read = false;
  DigestCache::Reading reading = {};
};

Result<std::set<std::string>> left_out(const OmsDescribeOptions& options) {
  std::set<std::string> names = left_out_by_default();
  if (!options.signature_file.empty()) names.insert(options.signature_file);
  for (const std::string& path : options.ignore) {
    if (!is_canonical_name(path) || path.find('*') != std::string::npos)
      return fail(refused(rules::oms_ignore, "an ignored path is no plain relative path")
                      .found("\"" + printable(path) + "\""));
    if (looks_like_weights(path))
      return fail(refused(rules::oms_ignore, "weights must not be left out of a model's signature")
                      .found("\"" + printable(path) + "\""));
    names.insert(path);
  }
  return names;
}

std::vector<Piece> pieces_of(const std::vector<File>& files, const OmsDescribeOptions& options) {
  std::vector<Piece> pieces;
  for (const File& file : files) {
    const std::uint64_t size = file.identity.size;
    if (options.method == OmsMethod::files) {
      pieces.push_back({&file, 0, size, file.name});
      continue;
    }
    for (std::uint64_t begin = 0; begin < size; begin += options.shard_size) {
      const std::uint64_t end = std::min(size, begin + options.shard_size);
      pieces.push_back(
          {&file, begin, end, file.name + ":" + std::to_string(begin) + ":" + std::to_string(end)});
    }
  }
  std::ranges::sort(pieces, {}, &Piece::name);
  return pieces;
}

Result<Bytes> hash_piece(const Piece& piece, OmsHash hash,
                         const std::function<void(std::uint64_t)>& read) {
  OmsHasher hasher(hash);
  Bytes buffer(std::clamp<std::uint64_t>(piece.end - piece.begin, 1, 1U << 20));
  for (std::uint64_t at = piece.begin; at < piece.end;) {
    const std::size_t want = std::min<std::uint64_t>(buffer.size(), piece.end - at);
    TRY(const std::size_t got, piece.file->file->read_at(at, std::span(buffer).first(want)));
    if (got == 0)
      return fail(refused(rules::file_changed, "the file became shorter while it was read")
                      .within(printable(piece.file->name)));
    hasher.update(ByteView(buffer).first(got));
    at += got;
    read(got);
  }
  return hasher.finish();
}

Status hash_all(std::vector<Piece>& pieces, const OmsDescribeOptions& options,
                OmsDescription& description) {
  for (const Piece& piece : pieces) description.bytes += piece.end - piece.begin;
  std::mutex mutex;
  std::uint64_t done = 0;
  const auto read = [&](std::uint64_t bytes) {
    const std::lock_guard lock(mutex);
    done += bytes;
    if (options.progress) options.progress(done, description.bytes);
  };
  options.executor(pieces.size(), [&](std::size_t i) {
    Piece& piece = pieces[i];
    if (options.cache != nullptr && options.method == OmsMethod::files) {
      if (auto known = options.cache->known(*piece.file->file, options.hash)) {
        piece.digest = *std::move(known);
        return;
      }
      if (const auto reading = DigestCache::begin(*piece.file->file, options.now_ns))
        piece.reading = *reading;
    }
    piece.digest = hash_piece(piece, options.hash, read);
    piece.read = true;
  });
  for (Piece& piece : pieces) {
    if (!piece.digest) return fail(std::move(piece.digest).error());
    TRY(const FileIdentity now, piece.file->file->identity());
    if (now != piece.file->identity)
      return fail(refused(rules::file_changed, "the file changed while it was read")
                      .within(printable(piece.file->name)));
    if (!piece.read) continue;
    description.hashed += piece.end - piece.begin;
    if (options.cache != nullptr && options.method == OmsMethod::files)
      options.cache->learn(*piece.file->file, piece.reading, options.hash, *piece.digest);
  }
  return {};
}

// payload_of writes the statement in the one form this program gives it.
Bytes payload_of(const std::vector<Piece>& pieces, const std::string& model_name,
                 const OmsDescribeOptions& options) {
  Hasher root;
  OrderedJson resources = OrderedJson::array();
  for (const Piece& piece : pieces) {
    root.update(*piece.digest);
    resources.push_back({{"name", piece.name},
                         {"algorithm", to_string(options.hash)},
                         {"digest", to_hex(*piece.digest)}});
  }
  const bool files = options.method == OmsMethod::files;
  OrderedJson serialization = {{"method", files ? "files" : "shards"},
                               {"hash_type", to_string(options.hash)},
                               {"allow_symlinks", options.allow_symlinks}};
  if (!files) serialization["shard_size"] = options.shard_size;
  std::set<std::string> ignored = left_out_by_default();
  ignored.insert(options.ignore.begin(), options.ignore.end());
  if (!options.signature_file.empty()) ignored.insert(options.signature_file);
  serialization["ignore_paths"] = ignored;
  const OrderedJson subject = {{"name", model_name},
                               {"digest", {{"sha256", to_hex(root.finish_sha256())}}}};
  const OrderedJson statement = {
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject", OrderedJson::array({subject})},
      {"predicateType", oms_predicate_type},
      {"predicate", {{"serialization", serialization}, {"resources", resources}}}};
  return to_bytes(to_line(statement));
}

Result<std::vector<File>> open_directory(const Path& path, const OmsDescribeOptions& options) {
  TRY(const auto names, left_out(options));
  TRY(const ModelDirectory directory, ModelDirectory::open(path));
  const Symlinks symlinks = options.allow_symlinks ? Symlinks::follow_inside : Symlinks::refuse;
  TRY(const auto listed, directory.list(symlinks, names));
  std::vector<File> files;
  for (const DirectoryFile& each : listed) {
    TRY(auto file, directory.open_file(each.name, symlinks));
    TRY(const FileIdentity identity, file->identity());
    if (identity != each.identity)
      return fail(refused(rules::file_changed, "the file was swapped while it was signed")
                      .within(printable(each.name)));
    files.push_back({each.name, std::move(file), identity});
  }
  return files;
}

OrderedJson material_of(const SigningKey& key, const std::vector<Certificate>& chain) {
  OrderedJson material;
  if (chain.empty()) {
    material["publicKey"] = {{"hint", oms_hint(key.public_key())}};
  } else {
    OrderedJson certificates = OrderedJson::array();
    for (const Certificate& each : chain)
      certificates.push_back({{"rawBytes", to_base64(each.der())}});
    material["x509CertificateChain"] = {{"certificates", certificates}};
  }
  material["tlogEntries"] = OrderedJson::array();
  return material;
}

Status check_key(const SigningKey& key, const std::vector<Certificate>& chain) {
  const KeyKind kind = key.public_key().kind();
  if (field_size(kind) == 0)
    return fail(refused(rules::oms_key, "a key of this kind signs no models")
                    .expected("ECDSA on P-256, P-384 or P-521")
                    .found(std::string(to_string(kind)))
                    .next("make one with: attestctl key new --kind p256"));
  if (chain.empty()) return {};
  TRY(const PublicKey certified, chain.front().public_key());
  if (certified == key.public_key()) return {};
  return fail(refused(rules::oms_key, "the first certificate is for another key than this one")
                  .found(chain.front().subject()));
}

}  // namespace

Result<OmsDescription> describe_model(const Path& path, const OmsDescribeOptions& options) {
  if (options.method == OmsMethod::shards && options.shard_size == 0)
    return fail(refused(rules::oms_serialization, "a shard holds at least one byte"));
  std::error_code error;
  std::vector<File> files;
  if (std::filesystem::is_directory(path, error)) {
    TRY(files, open_directory(path, options));
  } else {
    TRY(auto file, OpenedFile::open(path));
    TRY(const FileIdentity identity, file->identity());
    files.push_back({path.filename().string(), std::move(file), identity});
  }
  std::vector<Piece> pieces = pieces_of(files, options);
  OmsDescription description;
  TRY_VOID(hash_all(pieces, options, description));
  Path named = std::filesystem::weakly_canonical(path, error);
  if (named.filename().empty()) named = named.parent_path();
  description.payload = payload_of(pieces, named.filename().string(), options);
  TRY(description.statement, parse_oms_statement(description.payload));
  return description;
}

Result<std::string> sign_oms_statement(const OmsDescription& description, const SigningKey& key,
                                       const std::vector<Certificate>& chain) {
  TRY_VOID(check_key(key, chain));
  const Bytes message = statement::dsse_pae(statement::in_toto_payload_type, description.payload);
  TRY(const Bytes fixed, key.sign(message));
  const Bytes signature = der_from_fixed(fixed);
  TRY_VOID(key.public_key().verify(key.scheme(), message, signature));
  const OrderedJson bundle = {
      {"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
      {"verificationMaterial", material_of(key, chain)},
      {"dsseEnvelope",
       {{"payload", to_base64(description.payload)},
        {"payloadType", statement::in_toto_payload_type},
        {"signatures", OrderedJson::array({{{"sig", to_base64(signature)}, {"keyid", ""}}})}}}};
  return to_line(bundle) + "\n";
}

}  // namespace attest::model

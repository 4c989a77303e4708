// attestctl model sign: OpenSSF Model Signing.
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_place.h"
#include "cli/passphrase.h"
#include "libattest/base/text.h"
#include "libattest/model/oms_sign.h"

namespace attest::cli {

namespace {

struct SignOptions {
  std::string path;
  std::string bundle;
  std::string key;
  std::string passphrase_file;
  std::string certificates;
  std::string hash = "sha256";
  std::uint64_t shard_size = 0;
  bool allow_symlinks = false;
  std::vector<std::string> ignore;
  std::string cache;
};

Result<Report> sign(const SignOptions& options, const Context& context) {
  TRY(const auto passphrase, passphrase_from(options.passphrase_file));
  TRY(const auto key, open_signing_key(options.key, passphrase));
  std::vector<Certificate> chain;
  if (!options.certificates.empty()) {
    TRY(const Bytes content, read_file(options.certificates, 1U << 20));
    TRY_WITHIN(options.certificates, chain, Certificate::from_der_or_pem(content));
  }
  Threads threads;
  CacheFile cache(options.cache);
  const model::OmsDescribeOptions describe{
      .method = options.shard_size == 0 ? model::OmsMethod::files : model::OmsMethod::shards,
      .hash = *model::oms_hash_by_name(options.hash),
      .shard_size = options.shard_size,
      .allow_symlinks = options.allow_symlinks,
      .ignore = options.ignore,
      .signature_file = place_inside(options.bundle, options.path),
      .executor = threads.executor(),
      .progress =
          [&](std::uint64_t done, std::uint64_t total) {
            context.terminal.progress("hashing " + options.path, done, total);
          },
      .cache = cache.cache(),
      .now_ns = CacheFile::now_ns()};
  TRY(const model::OmsDescription description, model::describe_model(options.path, describe));
  TRY(const std::string bundle, model::sign_oms_statement(description, *key, chain));
  TRY_VOID(write_file_atomically(options.bundle, as_bytes(bundle)));
  TRY_VOID(cache.save());
  const model::OmsStatement& statement = description.statement;
  Report report;
  report.line(options.bundle + ": a signature of " + options.path);
  report.field("files", std::to_string(statement.files.size()) + ", " +
                            with_thousands(description.bytes) + " bytes, of which " +
                            with_thousands(description.hashed) + " were read");
  report.field("root", digest_uri(statement.root));
  report.field("key", "key:" + to_hex(key->public_key().thumbprint()));
  report.json = {{"bundle", options.bundle},
                 {"model", statement.model_name},
                 {"root", digest_uri(statement.root)},
                 {"files", statement.files.size()},
                 {"bytes", description.bytes},
                 {"hashed", description.hashed},
                 {"key", to_hex(key->public_key().thumbprint())}};
  report.line("Check it: attestctl model verify " + options.path + " --bundle " + options.bundle +
              (chain.empty() ? " --key PUBLIC_KEY" : " --roots ROOTS"));
  return report;
}

void add_sign(CommandLine& command_line, Command* group) {
  auto options = std::make_shared<SignOptions>();
  Command* verb = command_line.verb(
      group, "sign", "Sign a model as OpenSSF Model Signing has it",
      "attestctl model sign models/chat --key publisher.key --bundle models/chat/model.sig");
  verb->add_option("PATH", options->path, "A directory, or a single file")->required();
  verb->add_option("--bundle", options->bundle, "Where to write the signature")->required();
  verb->add_option("--key", options->key, "A key file or pkcs11: URI, on P-256, P-384 or P-521")
      ->required();
  verb->add_option("--passphrase-file", options->passphrase_file,
                   "Holds the key's passphrase in its first line");
  verb->add_option("--certificates", options->certificates,
                   "The key's certificate and its issuers, leaf first (PEM)");
  verb->add_option("--hash", options->hash, "sha256, blake2b or blake3")
      ->one_of({"sha256", "blake2b", "blake3"});
  verb->add_option("--shard-size", options->shard_size,
                   "Sign shards of this many bytes instead of whole files");
  verb->add_flag("--allow-symlinks", options->allow_symlinks,
                 "Follow links that stay inside of the directory");
  verb->add_option("--ignore", options->ignore, "Leave this relative path out (repeatable)");
  verb->add_option("--cache", options->cache,
                   "Keep digests of unchanged files here, so that they are not read again");
  command_line.runs(verb, [options](const Context& context) { return sign(*options, context); });
}

}  // namespace

void add_model_sign_command(CommandLine& command_line, Command* group) {
  add_sign(command_line, group);
}

}  // namespace attest::cli

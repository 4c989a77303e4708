#include <algorithm>
#include <mutex>

#include <libp11.h>

#include "libattest/base/text.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/crypto/signing_key.h"

namespace attest {

namespace {

std::unexpected<Error> bad_uri(std::string what, std::string_view found) {
  return fail(refused(rules::key_token, "pkcs11 URI: " + std::move(what))
                  .expected("pkcs11:token=…;object=…?module-path=…&pin-source=FILE")
                  .found("\"" + printable(found, 120) + "\""));
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return bad_uri("a % is not followed by two digits", text);
    decoded += static_cast<char>((*byte)[0]);
    i += 2;
  }
  return decoded;
}

// Module owns a loaded PKCS#11 module.
class Module {
 public:
  static Result<Module> load(const std::string& path) {
    Module module(PKCS11_CTX_new());
    if (!module.context_) return fail(fault(rules::key_token, "libp11 gives no context"));
    if (PKCS11_CTX_load(module.context_.get(), path.c_str()) != 0)
      return fail(incomplete(rules::key_token, "the PKCS#11 module cannot be loaded").found(path));
    module.loaded_ = true;
    return module;
  }
  Module(Module&& other) noexcept
      : context_(std::move(other.context_)), loaded_(std::exchange(other.loaded_, false)) {}
  Module& operator=(Module&&) = delete;
  ~Module() {
    if (loaded_) PKCS11_CTX_unload(context_.get());
  }
  PKCS11_CTX* get() const { return context_.get(); }

 private:
  explicit Module(PKCS11_CTX* context) : context_(context) {}
  std::unique_ptr<PKCS11_CTX, openssl::Free<PKCS11_CTX_free>> context_;
  bool loaded_ = false;
};

// Slots owns the list of a module's slots; the module must outlive it.
class Slots {
 public:
  static Result<Slots> of(const Module& module) {
    Slots slots(module.get());
    if (PKCS11_enumerate_slots(module.get(), &slots.list_, &slots.count_) != 0)
      return fail(incomplete(rules::key_token, "the slots of the PKCS#11 module cannot be listed"));
    return slots;
  }
  Slots(Slots&& other) noexcept
      : context_(other.context_),
        list_(std::exchange(other.list_, nullptr)),
        count_(std::exchange(other.count_, 0)) {}
  Slots& operator=(Slots&&) = delete;
  ~Slots() {
    if (list_ != nullptr) PKCS11_release_all_slots(context_, list_, count_);
  }

  Result<PKCS11_SLOT*> with_token(const std::string& label) {
    std::string seen;
    for (PKCS11_SLOT& slot : std::span(list_, count_)) {
      if (slot.token == nullptr || slot.token->label == nullptr) continue;
      if (slot.token->label == label) return &slot;
      if (slot.token->initialized != 0)
        seen += (seen.empty() ? "" : ", ") + printable(slot.token->label);
    }
    return fail(incomplete(rules::key_token, "no slot holds the token")
                    .expected("a token labelled \"" + label + "\"")
                    .found(seen.empty() ? "no initialized token" : seen));
  }

 private:
  explicit Slots(PKCS11_CTX* context) : context_(context) {}
  PKCS11_CTX* context_;
  PKCS11_SLOT* list_ = nullptr;
  unsigned count_ = 0;
};

class TokenKey final : public SigningKey {
 public:
  TokenKey(Module module, Slots slots, openssl::Key key, PublicKey public_key)
      : module_(std::move(module)),
        slots_(std::move(slots)),
        key_(std::move(key)),
        public_key_(std::move(public_key)) {}

  const PublicKey& public_key() const override { return public_key_; }
  SignatureScheme scheme() const override {
    return public_key_.kind() == KeyKind::ecdsa_p384 ? SignatureScheme::ecdsa_sha384
                                                     : SignatureScheme::ecdsa_sha256;
  }

  Result<Bytes> sign(ByteView message) const override {
    const openssl::CleanErrors clean;
    // One session to the token, hence one signature at a time.
    const std::lock_guard lock(mutex_);
    const HashAlgorithm hash =
        scheme() == SignatureScheme::ecdsa_sha384 ? HashAlgorithm::sha384 : HashAlgorithm::sha256;
    const Bytes hashed = digest(hash, message);
    openssl::KeyContext context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    std::size_t size = 0;
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), nullptr, &size, openssl::data(hashed), hashed.size()) != 1)
      return fail(fault(rules::signing_failed, "the token's key cannot sign"));
    Bytes der(size);
    if (EVP_PKEY_sign(context.get(), openssl::data(der), &size, openssl::data(hashed),
                      hashed.size()) != 1)
      return fail(fault(rules::signing_failed, "the token refused to sign")
                      .next("is it still plugged in, and logged in?"));
    der.resize(size);
    return fixed_from_der(public_key_.kind(), der);
  }

 private:
  // Destroyed in reverse: key, slots, module, as libp11 wants it.
  Module module_;
  Slots slots_;
  openssl::Key key_;
  PublicKey public_key_;
  mutable std::mutex mutex_;
};

Result<PKCS11_KEY*> find_private_key(PKCS11_TOKEN* token, const std::string& label) {
  PKCS11_KEY* keys = nullptr;
  unsigned count = 0;
  if (PKCS11_enumerate_keys(token, &keys, &count) != 0)
    return fail(
        incomplete(rules::key_token, "the keys of the token cannot be listed")
            .next("libp11 fails on a token that holds an Ed25519 key, and hides all others: "
                  "keep the ECDSA key in a token without Ed25519 keys"));
  PKCS11_KEY* found = nullptr;
  for (PKCS11_KEY& key : std::span(keys, count)) {
    if (key.label == nullptr || key.label != label) continue;
    if (found != nullptr)
      return fail(refused(rules::key_token, "several private keys have this label")
                      .expected("one key labelled \"" + label + "\""));
    found = &key;
  }
  if (found == nullptr)
    return fail(incomplete(rules::key_token, "no private key in the token has this label")
                    .expected("\"" + label + "\""));
  return found;
}

// libp11's keys are of OpenSSL's old kind, whose numbers cannot be asked for one by one: the public
// half goes through its encoding.
Result<PublicKey> public_half(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0)
    return fail(incomplete(rules::key_token, "the token does not give the key's public half"));
  const Bytes spki = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  auto public_key = PublicKey::from_spki_der(spki);
  if (!public_key)
    return fail(refused(rules::key_token,
                        "the token gives a public half that is no key: " + public_key.error().what)
                    .next("key pairs in one token need ids of their own (CKA_ID): libp11 takes "
                          "the public half with the same id"));
  return public_key;
}

}  // namespace

Result<TokenKeyUri> parse_token_key_uri(std::string_view uri) {
  const std::string_view whole = uri;
  if (!uri.starts_with("pkcs11:")) return bad_uri("wrong scheme", whole);
  uri.remove_prefix(7);
  const std::size_t mark = uri.find('?');
  const std::string_view path = uri.substr(0, mark);
  const std::string_view query = mark == std::string_view::npos ? "" : uri.substr(mark + 1);

  TokenKeyUri parsed;
  std::string pin_source;
  const auto read = [&](std::string_view attributes, char separator) -> Status {
    if (attributes.empty()) return {};
    for (const std::string_view attribute : split(attributes, separator)) {
      const std::size_t equals = attribute.find('=');
      const std::string_view name = attribute.substr(0, equals);
      if (name == "pin-value")
        return fail(refused(rules::key_token, "pkcs11 URI: a PIN does not belong into a URI")
                        .expected("pin-source=FILE"));
      if (equals == std::string_view::npos) return bad_uri("an attribute has no value", whole);
      TRY(std::string value, percent_decoded(attribute.substr(equals + 1)));
      std::string* member = nullptr;
      if (separator == ';' && name == "token") member = &parsed.token_label;
      if (separator == ';' && name == "object") member = &parsed.object_label;
      if (separator == '&' && name == "module-path") member = &parsed.module_path;
      if (separator == '&' && name == "pin-source") member = &pin_source;
      if (member == nullptr) return bad_uri("unknown attribute " + printable(name, 40), whole);
      if (!member->empty()) return bad_uri("attribute " + std::string(name) + " twice", whole);
      *member = std::move(value);
    }
    return {};
  };
  TRY_VOID(read(path, ';'));
  TRY_VOID(read(query, '&'));
  if (pin_source.starts_with("file:")) pin_source.erase(0, 5);
  parsed.pin_source = pin_source;
  for (const auto& [name, value] :
       {std::pair("token", &parsed.token_label), std::pair("object", &parsed.object_label),
        std::pair("module-path", &parsed.module_path), std::pair("pin-source", &pin_source)})
    if (value->empty()) return bad_uri(std::string("attribute ") + name + " is missing", whole);
  return parsed;
}

Result<std::unique_ptr<SigningKey>> open_token_key(const TokenKeyUri& uri) {
  const openssl::CleanErrors clean;
  TRY(const Secret pin, read_secret_line(uri.pin_source));
  TRY(Module module, Module::load(uri.module_path));
  TRY(Slots slots, Slots::of(module));
  TRY(PKCS11_SLOT* const slot, slots.with_token(uri.token_label));
  if (PKCS11_login(slot, 0, pin.text().c_str()) != 0)
    return fail(incomplete(rules::key_token, "the token does not accept the PIN")
                    .next("too many wrong PINs lock a token: check " + uri.pin_source.string()));
  TRY(PKCS11_KEY* const token_key, find_private_key(slot->token, uri.object_label));
  openssl::Key key(PKCS11_get_private_key(token_key));
  if (!key) return fail(incomplete(rules::key_token, "the token does not give its key to use"));
  TRY(PublicKey public_key, public_half(key.get()));
  if (public_key.kind() != KeyKind::ecdsa_p256 && public_key.kind() != KeyKind::ecdsa_p384)
    return fail(refused(rules::key_unsupported, "this kind of key in a token cannot sign here")
                    .expected("ECDSA P-256 or P-384")
                    .found(std::string(to_string(public_key.kind()))));
  return std::make_unique<TokenKey>(std::move(module), std::move(slots), std::move(key),
                                    std::move(public_key));
}

}  // namespace attest

#include "libattest/statement/statement.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::statement {

namespace {

std::unexpected<Error> bad_header(std::string what) {
  return fail(refused(rules::statement_header, std::move(what)));
}

// Members nobody reads could carry what another reader believes: there are none.
Status check_header(const cose::UntrustedSign1& message) {
  if (!message.unprotected_header.empty())
    return bad_header("a statement's unprotected header is empty");
  // algorithm, content type, kid, CWT claims
  if (message.protected_header.size() != 4 || !message.content_type || !message.key_id ||
      std::ranges::find(message.protected_header, cbor::Value(15), &cbor::Map::value_type::first) ==
          message.protected_header.end() ||
      std::ranges::find(message.protected_header, cbor::Value(4), &cbor::Map::value_type::first) ==
          message.protected_header.end())
    return bad_header(
        "a statement's protected header holds algorithm, content type, kid and CWT claims, and "
        "nothing else");
  if (message.key_id->size() != 32)
    return fail(refused(rules::statement_header, "kid is no thumbprint")
                    .expected("32 bytes")
                    .found(std::to_string(message.key_id->size())));
  const cose::CwtClaims& claims = message.claims;
  if (!claims.issuer || !claims.subject || !claims.issued_at || claims.not_before ||
      claims.expires || !claims.others.empty())
    return bad_header("a statement's claims are issuer, subject and issued-at, and nothing else");
  if (!is_issuer_name(*claims.issuer))
    return fail(refused(rules::statement_header, "this is no name of an issuer")
                    .expected("1 to 200 visible ASCII characters")
                    .found("\"" + printable(*claims.issuer, 60) + "\""));
  return {};
}

void append_string_head(Bytes& to, std::size_t length) {
  constexpr std::uint8_t byte_string = 0x40;
  if (length < 24) return append_u8(to, static_cast<std::uint8_t>(byte_string + length));
  if (length < 0x100) {
    append_u8(to, byte_string + 24);
    return append_u8(to, static_cast<std::uint8_t>(length));
  }
  append_u8(to, byte_string + 25);  // a statement has no longer ones
  append_u16_be(to, static_cast<std::uint16_t>(length));
}

// One statement, one encoding: so that its leaf hash names it. The message's unprotected header is
// empty; it is written again here without building values, since every entry of a log is.
bool is_deterministic(const cose::UntrustedSign1& message, ByteView bytes) {
  Bytes again;
  again.reserve(bytes.size() + 8);
  append_u8(again, 0xd2);  // tag 18
  append_u8(again, 0x84);  // array of four
  append_string_head(again, message.protected_bytes.size());
  append(again, message.protected_bytes);
  append_u8(again, 0xa0);  // map of none
  append_string_head(again, message.payload->size());
  append(again, *message.payload);
  append_string_head(again, message.signature.size());
  append(again, message.signature);
  return equal(again, bytes) &&
         equal(cbor::encode(message.protected_header), message.protected_bytes);
}

Result<Kind> parse_kind(const std::string& content_type) {
  const auto kind = kind_by_content_type(content_type);
  if (!kind)
    return fail(refused(rules::statement_kind, "a statement of unknown kind")
                    .found("content type \"" + printable(content_type, 80) + "\""));
  return *kind;
}

Result<Subject> parse_subject(Kind kind, const std::string& text) {
  auto subject = Subject::parse(text);
  if (!subject) {
    Error error = std::move(subject).error();
    error.rule = rules::statement_subject;
    return fail(std::move(error));
  }
  if (!fits(kind, subject->kind()))
    return fail(refused(rules::statement_subject,
                        "a " + std::string(to_string(kind)) + " cannot speak of this subject")
                    .found(subject->text()));
  return subject;
}

Result<Content> decode_content(Kind kind, ByteView payload) {
  switch (kind) {
    case Kind::device_manifest:
      return decode_device_manifest(payload);
    case Kind::data_set:
      return decode_data_set(payload);
    case Kind::training_run:
      return decode_training_run(payload);
    case Kind::model_release:
      return decode_model_release(payload);
    case Kind::consent:
      return decode_consent(payload);
    case Kind::custody:
      return decode_custody(payload);
    case Kind::inspection:
      return decode_inspection(payload);
    case Kind::node_state_change:
      return decode_node_state_change(payload);
    case Kind::batch:
      return decode_batch(payload);
    case Kind::key_status:
      return decode_key_status(payload);
    case Kind::revocation:
      return decode_revocation(payload);
    case Kind::reference_values:
    case Kind::policy:
    case Kind::map_root:
      return Opaque{};
  }
  return Opaque{};
}

// Header and payload both say what a statement is about: whoever indexes by one and whoever judges
// by the other must not be led to different things.
Status check_agreement(const Subject& subject, const Content& content) {
  std::optional<Subject> inner;
  if (const auto* manifest = std::get_if<DeviceManifest>(&content))
    inner = Subject::ek(manifest->ek);
  if (const auto* data_set = std::get_if<DataSet>(&content)) inner = subject_of(*data_set);
  if (const auto* release = std::get_if<ModelRelease>(&content)) inner = subject_of(*release);
  if (const auto* run = std::get_if<TrainingRun>(&content)) inner = run->output;
  if (const auto* consent = std::get_if<Consent>(&content)) inner = consent->child;
  if (const auto* custody = std::get_if<Custody>(&content)) inner = subject_of(custody->device);
  if (const auto* seen = std::get_if<Inspection>(&content)) inner = subject_of(seen->device);
  if (inner && *inner != subject)
    return fail(
        refused(rules::statement_payload, "the payload speaks of another subject than the header")
            .expected(subject.text())
            .found(inner->text()));
  return {};
}

}  // namespace

Result<UntrustedStatement> parse_statement(ByteView bytes) {
  if (bytes.size() > max_statement_size)
    return fail(refused(rules::statement_form, "a statement is too large")
                    .expected("at most 65,535 bytes")
                    .found(with_thousands(bytes.size())));
  TRY_WITHIN("statement", cose::UntrustedSign1 message, cose::parse_sign1(bytes));
  if (!message.payload)
    return fail(refused(rules::statement_form, "a statement's payload is attached"));
  TRY_VOID(check_header(message));
  if (!is_deterministic(message, bytes))
    return fail(refused(rules::statement_form, "not a tagged COSE_Sign1 in deterministic CBOR"));
  TRY(const Kind kind, parse_kind(*message.content_type));
  TRY(Subject subject, parse_subject(kind, *message.claims.subject));
  TRY_WITHIN(to_string(kind), Content content, decode_content(kind, *message.payload));
  TRY_VOID(check_agreement(subject, content));

  UntrustedStatement parsed(to_bytes(bytes), kind, std::move(subject), std::move(message));
  parsed.issuer_ = *parsed.message_.claims.issuer;
  parsed.issued_at_ = *parsed.message_.claims.issued_at;
  std::ranges::copy(*parsed.message_.key_id, parsed.signer_.begin());
  parsed.content_ = std::move(content);
  return parsed;
}

Result<VerifiedStatement> verify_statement(UntrustedStatement statement, const PublicKey& key) {
  if (statement.signer() != key.thumbprint())
    return fail(refused(rules::statement_key, "the statement names another key")
                    .expected(to_hex(key.thumbprint()))
                    .found(to_hex(statement.signer())));
  TRY_VOID(cose::verify_sign1(statement.message_, key));
  return VerifiedStatement(std::move(statement), key);
}

Result<Bytes> sign_statement(Kind kind, const Subject& subject, std::string_view issuer,
                             Time issued_at, ByteView payload, const SigningKey& key) {
  cose::Sign1Content content;
  content.content_type = content_type(kind);
  content.claims.issuer = issuer;
  content.claims.subject = subject.text();
  content.claims.issued_at = issued_at;
  content.payload = to_bytes(payload);
  TRY(Bytes bytes, cose::sign1(content, key));
  TRY_VOID(parse_statement(bytes));
  return bytes;
}

}  // namespace attest::statement

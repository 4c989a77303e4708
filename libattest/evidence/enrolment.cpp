#include "libattest/evidence/enrolment.h"

#include "libattest/base/cbor.h"
#include "libattest/evidence/node_id.h"

namespace attest::evidence {

namespace {

constexpr std::uint64_t version = 1;
constexpr std::size_t message_size_limit = 512U << 10;

Error as_form_error(Error error, std::string_view what) {
  error.rule = rules::enrolment_form;
  return std::move(error).within(what);
}

// decode_message reads one message and hands its members to `read`; whatever is wrong with the form
// is one rule, in the words of the reader that found it.
template <typename Message, typename Read>
Result<Message> decode_message(ByteView bytes, std::string_view what, Read read) {
  if (bytes.size() > message_size_limit)
    return fail(refused(rules::enrolment_size, "the message is too large")
                    .expected("at most " + std::to_string(message_size_limit) + " bytes")
                    .found(std::to_string(bytes.size()))
                    .within(what));
  const auto value = cbor::decode(bytes, cbor::Form::deterministic);
  if (!value) return fail(as_form_error(value.error(), what));
  auto fields = cbor::Fields::of(*value, std::string(what));
  if (!fields) return fail(as_form_error(std::move(fields).error(), what));
  Message message;
  Status status = read(*fields, message);
  if (status) status = fields->finish();
  if (!status) {
    Error error = std::move(status).error();
    if (error.rule == rules::cbor_schema || error.rule == rules::node_id_form)
      error.rule = rules::enrolment_form;
    return fail(std::move(error));
  }
  return message;
}

Status check_size(ByteView bytes, std::size_t limit, std::string_view what) {
  if (!bytes.empty() && bytes.size() <= limit) return {};
  return fail(refused(rules::enrolment_size, std::string(what) + " has an impossible size")
                  .expected("1 to " + std::to_string(limit) + " bytes")
                  .found(std::to_string(bytes.size())));
}

Status read_structure(cbor::Fields& fields, const char* name, Bytes& to) {
  TRY(to, fields.bytes(name));
  return check_size(to, enrol_structure_size_limit, name);
}

Status read_session(cbor::Fields& fields, EnrolSession& to) {
  TRY(const Bytes bytes, fields.bytes("session", to.size()));
  std::ranges::copy(bytes, to.begin());
  return {};
}

Status read_certificates(cbor::Fields& fields, std::vector<Bytes>& to) {
  TRY(const cbor::Array* list, fields.array("ek_certificates"));
  if (list->size() > enrol_certificates_limit)
    return fail(refused(rules::enrolment_size, "there are too many certificates")
                    .expected("at most " + std::to_string(enrol_certificates_limit))
                    .found(std::to_string(list->size())));
  for (const cbor::Value& value : *list) {
    TRY(Bytes der, cbor::expect_bytes(value, "a certificate"));
    TRY_VOID(check_size(der, enrol_certificate_size_limit, "a certificate"));
    to.push_back(std::move(der));
  }
  return {};
}

}  // namespace

Bytes encode(const EnrolBegin& message) {
  cbor::Array certificates;
  for (const Bytes& der : message.ek_certificates) certificates.push_back(der);
  return cbor::encode(cbor::Map{{"version", version},
                                {"node", message.node},
                                {"ek_certificates", std::move(certificates)},
                                {"ek_public", message.ek_public},
                                {"ak_public", message.ak_public}});
}

Result<EnrolBegin> parse_enrol_begin(ByteView bytes) {
  return decode_message<EnrolBegin>(
      bytes, "enrolment request", [](cbor::Fields& fields, EnrolBegin& message) -> Status {
        TRY(const std::uint64_t found, fields.unsigned_integer("version"));
        if (found != version)
          return fail(refused(rules::enrolment_version, "the message is of another version")
                          .expected(std::to_string(version))
                          .found(std::to_string(found)));
        TRY(message.node, fields.text("node"));
        TRY_VOID(check_node_id(message.node));
        TRY_VOID(read_certificates(fields, message.ek_certificates));
        TRY_VOID(read_structure(fields, "ek_public", message.ek_public));
        return read_structure(fields, "ak_public", message.ak_public);
      });
}

Bytes encode(const EnrolChallenge& message) {
  return cbor::encode(cbor::Map{{"session", message.session},
                                {"credential_blob", message.credential_blob},
                                {"encrypted_secret", message.encrypted_secret}});
}

Result<EnrolChallenge> parse_enrol_challenge(ByteView bytes) {
  return decode_message<EnrolChallenge>(
      bytes, "enrolment challenge", [](cbor::Fields& fields, EnrolChallenge& message) -> Status {
        TRY_VOID(read_session(fields, message.session));
        TRY_VOID(read_structure(fields, "credential_blob", message.credential_blob));
        return read_structure(fields, "encrypted_secret", message.encrypted_secret);
      });
}

Bytes encode(const EnrolComplete& message) {
  return cbor::encode(cbor::Map{{"session", message.session}, {"secret", message.secret}});
}

Result<EnrolComplete> parse_enrol_complete(ByteView bytes) {
  return decode_message<EnrolComplete>(bytes, "enrolment answer",
                                       [](cbor::Fields& fields, EnrolComplete& message) -> Status {
                                         TRY_VOID(read_session(fields, message.session));
                                         TRY(message.secret, fields.bytes("secret"));
                                         return check_size(message.secret, 64, "secret");
                                       });
}

Bytes encode(const EnrolResult& message) {
  return cbor::encode(
      cbor::Map{{"node", message.node}, {"ak_name", message.ak_name}, {"state", message.state}});
}

Result<EnrolResult> parse_enrol_result(ByteView bytes) {
  return decode_message<EnrolResult>(bytes, "enrolment result",
                                     [](cbor::Fields& fields, EnrolResult& message) -> Status {
                                       TRY(message.node, fields.text("node"));
                                       TRY_VOID(check_node_id(message.node));
                                       TRY(message.ak_name, fields.bytes("ak_name"));
                                       TRY_VOID(check_size(message.ak_name, 66, "ak_name"));
                                       TRY(message.state, fields.text("state"));
                                       return {};
                                     });
}

}  // namespace attest::evidence

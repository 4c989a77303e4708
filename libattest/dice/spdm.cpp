#include "libattest/dice/spdm.h"

#include <algorithm>

#include "libattest/crypto/ecdsa_signature.h"

namespace attest::dice {

namespace {

constexpr std::uint8_t get_measurements = 0xe0;
constexpr std::uint8_t measurements = 0x60;
constexpr std::uint8_t version_1_0 = 0x10;
constexpr std::uint8_t version_1_2 = 0x12;
constexpr std::uint8_t version_1_3 = 0x13;

Error form(std::string what, std::size_t offset) {
  return refused(rules::spdm_form, std::move(what)).within("offset " + std::to_string(offset));
}

Result<std::uint32_t> u24(ByteReader& reader, std::string_view field) {
  TRY(const std::uint16_t low, reader.u16_le(field));
  TRY(const std::uint8_t high, reader.u8(field));
  return static_cast<std::uint32_t>(low) | static_cast<std::uint32_t>(high) << 16U;
}

struct Request {
  ByteView context;  // version 1.3
};

Result<Request> read_request(ByteReader& reader, UntrustedMeasurements& into) {
  Request request;
  TRY(into.version, reader.u8("version"));
  if (into.version < version_1_0 || into.version > version_1_3)
    return fail(
        form("this version of SPDM is not known", 0)
            .expected("1.0 to 1.3")
            .found(std::to_string(into.version >> 4U) + "." + std::to_string(into.version & 15U)));
  TRY(const std::uint8_t code, reader.u8("request code"));
  if (code != get_measurements)
    return fail(form("the transcript does not begin with GET_MEASUREMENTS", 1));
  TRY(const std::uint8_t attributes, reader.u8("attributes"));
  if ((attributes & 1U) == 0) return fail(form("the request asks for no signature", 2));
  TRY_VOID(reader.u8("operation"));
  TRY(into.nonce, reader.take(32, "requester's nonce"));
  if (into.version > version_1_0) {
    TRY(into.slot, reader.u8("slot"));
    into.slot &= 15U;
  }
  if (into.version >= version_1_3) {
    TRY(request.context, reader.take(8, "requester's context"));
  }
  return request;
}

Status read_response(ByteReader& reader, const Request& request, UntrustedMeasurements& into) {
  const std::size_t start = reader.offset();
  TRY(const std::uint8_t version, reader.u8("version"));
  TRY(const std::uint8_t code, reader.u8("response code"));
  if (code != measurements || version != into.version)
    return fail(form("MEASUREMENTS of the request's version does not follow", start));
  TRY_VOID(reader.u8("parameter 1"));
  TRY(const std::uint8_t slot, reader.u8("slot"));
  if (into.version > version_1_0 && (slot & 15U) != into.slot)
    return fail(form("the response is from another slot", start + 3)
                    .expected(std::to_string(into.slot))
                    .found(std::to_string(slot & 15U)));
  TRY(const std::uint8_t count, reader.u8("number of blocks"));
  TRY(const std::uint32_t length, u24(reader, "record length"));
  TRY(const ByteView record, reader.take(length, "measurement record"));
  TRY(into.blocks, parse_measurement_record(record));
  if (into.blocks.size() != count)
    return fail(form("the number of blocks is not the one declared", start + 4)
                    .expected(std::to_string(count))
                    .found(std::to_string(into.blocks.size())));
  TRY(into.responder_nonce, reader.take(32, "responder's nonce"));
  TRY(const std::uint16_t opaque, reader.u16_le("opaque length"));
  TRY(into.opaque, reader.take(opaque, "opaque data"));
  if (into.version >= version_1_3) {
    TRY(const ByteView context, reader.take(8, "requester's context"));
    if (!equal(context, request.context))
      return fail(form("the response has another context than the request", reader.offset() - 8));
  }
  return {};
}

// DSP0274, "Signature generation" of 1.2 and later: the version text four times, zeros, and the
// purpose, 100 bytes together, stand before the digest that is signed.
Bytes prefixed(std::uint8_t version, ByteView transcript_digest) {
  const std::string text =
      "dmtf-spdm-v" + std::to_string(version >> 4U) + "." + std::to_string(version & 15U) + ".*";
  constexpr std::string_view purpose = "responder-measurements signing";
  constexpr std::size_t prefix_size = 100;
  Bytes message;
  for (int i = 0; i < 4; ++i) append(message, as_bytes(text));
  message.resize(prefix_size - purpose.size());
  append(message, as_bytes(purpose));
  append(message, transcript_digest);
  return message;
}

Result<SignatureScheme> scheme_of(const PublicKey& key) {
  if (key.kind() == KeyKind::ecdsa_p256) return SignatureScheme::ecdsa_sha256;
  if (key.kind() == KeyKind::ecdsa_p384) return SignatureScheme::ecdsa_sha384;
  return fail(refused(rules::spdm_key, "the responder's key is of a kind not supported here")
                  .expected("ECDSA P-256 or P-384")
                  .found(std::string(to_string(key.kind()))));
}

}  // namespace

Result<std::vector<MeasurementBlock>> parse_measurement_record(ByteView record) {
  const auto wrong = [](std::string what, std::size_t offset) {
    return fail(refused(rules::spdm_record, std::move(what))
                    .within("record offset " + std::to_string(offset)));
  };
  std::vector<MeasurementBlock> blocks;
  ByteReader reader(record);
  while (!reader.at_end()) {
    const std::size_t start = reader.offset();
    MeasurementBlock block;
    TRY(block.index, reader.u8("index"));
    if (block.index == 0 || (!blocks.empty() && block.index <= blocks.back().index))
      return wrong("indexes of measurements do not ascend", start);
    TRY(const std::uint8_t specification, reader.u8("specification"));
    if (specification != 1) return wrong("a measurement is not of the DMTF's form", start + 1);
    TRY(const std::uint16_t size, reader.u16_le("measurement size"));
    TRY(const std::uint8_t type, reader.u8("measurement type"));
    block.raw = (type & 0x80U) != 0;
    block.type = type & 0x7fU;
    TRY(const std::uint16_t value_size, reader.u16_le("value size"));
    if (size != value_size + 3U) return wrong("a measurement's two sizes disagree", start + 2);
    TRY(block.value, reader.take(value_size, "value"));
    blocks.push_back(block);
  }
  return blocks;
}

Result<UntrustedMeasurements> parse_measurements(ByteView transcript, std::size_t signature_size) {
  UntrustedMeasurements parsed;
  ByteReader reader(transcript);
  TRY(const Request request, read_request(reader, parsed));
  TRY_VOID(read_response(reader, request, parsed));
  parsed.signed_bytes = transcript.first(reader.offset());
  TRY(parsed.signature, reader.take(signature_size, "signature"));
  TRY_VOID(reader.finish("the transcript"));
  return parsed;
}

Status check_responder(const Certificate& leaf) {
  const auto usages = leaf.extended_key_usage();
  if (!usages.contains(std::string(spdm_requester_usage)) ||
      usages.contains(std::string(spdm_responder_usage)))
    return {};
  return fail(refused(rules::spdm_role, "the certificate is a requester's")
                  .expected("extended key usage " + std::string(spdm_responder_usage))
                  .found(std::string(spdm_requester_usage))
                  .within(leaf.subject()));
}

Result<VerifiedMeasurements> verify_measurements(ByteView transcript, const Certificate& leaf,
                                                 const SpdmRules& spdm_rules) {
  const auto owned = std::make_shared<const Bytes>(to_bytes(transcript));
  TRY(const PublicKey key, leaf.public_key());
  TRY(const SignatureScheme scheme, scheme_of(key));
  TRY(UntrustedMeasurements parsed, parse_measurements(*owned, 2 * field_size(key.kind())));
  TRY_VOID(check_responder(leaf));
  TRY(VerifiedChain chain,
      verify_chain(leaf, spdm_rules.intermediates, spdm_rules.roots, {.at = spdm_rules.at}));
  Bytes message = concat({spdm_rules.negotiation, parsed.signed_bytes});
  if (parsed.version >= version_1_2) {
    if (spdm_rules.negotiation.empty())
      return fail(incomplete(rules::spdm_negotiation,
                             "the signature covers the negotiation, which is not here")
                      .next("give GET_VERSION to ALGORITHMS, as they were exchanged"));
    const HashAlgorithm hash =
        scheme == SignatureScheme::ecdsa_sha256 ? HashAlgorithm::sha256 : HashAlgorithm::sha384;
    message = prefixed(parsed.version, digest(hash, message));
  } else if (!spdm_rules.negotiation.empty()) {
    message = to_bytes(parsed.signed_bytes);  // before version 1.2 it was not signed
  }
  if (!key.verify(scheme, message, parsed.signature, EcdsaForm::fixed))
    return fail(refused(rules::spdm_signature, "the responder's signature does not hold")
                    .within(leaf.subject()));
  if (spdm_rules.nonce && !equal(*spdm_rules.nonce, parsed.nonce))
    return fail(refused(rules::spdm_nonce, "the measurements answer another request")
                    .expected(to_hex(*spdm_rules.nonce))
                    .found(to_hex(parsed.nonce)));
  return VerifiedMeasurements(owned, std::move(parsed), std::move(chain));
}

}  // namespace attest::dice

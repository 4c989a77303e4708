#include "libattest/evidence/runtime_messages.h"

#include "libattest/base/cbor.h"
#include "libattest/base/text.h"

namespace attest::evidence {
namespace {

constexpr cbor::Limits limits{.depth = 4, .items = 64};

template <typename T>
cbor::Value or_null(const std::optional<T>& value) {
  return value ? cbor::Value(*value) : cbor::Value(nullptr);
}

Error message_form(std::string what) {
  return refused(rules::runtime_message_form, std::move(what));
}

Result<Sha256> digest_of(const Bytes& bytes, std::string_view what) {
  Sha256 digest;
  if (bytes.size() != digest.size())
    return fail(message_form(std::string(what) + " is no SHA-256 digest")
                    .expected("32 bytes")
                    .found(std::to_string(bytes.size())));
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

}  // namespace

Bytes encode_runtime_request(const RuntimeRequest& request) {
  cbor::Map map;
  if (const auto* bind = std::get_if<BindRuntimeKey>(&request)) {
    map.emplace_back("request", "bind-runtime-key");
    map.emplace_back("spki", bind->spki);
  } else if (const auto* receipt = std::get_if<SubmitReceipt>(&request)) {
    map.emplace_back("request", "submit-receipt");
    map.emplace_back("digest", receipt->digest);
  } else {
    map.emplace_back("request", "status");
  }
  return cbor::encode(std::move(map));
}

Result<RuntimeRequest> parse_runtime_request(ByteView cbor_bytes) {
  TRY(const cbor::Value value, cbor::decode(cbor_bytes, cbor::Form::deterministic, limits));
  TRY(auto fields, cbor::Fields::of(value, "runtime request"));
  TRY(const std::string request, fields.text("request"));
  if (request == "bind-runtime-key") {
    TRY(Bytes spki, fields.bytes("spki"));
    TRY_VOID(fields.finish());
    if (spki.empty() || spki.size() > runtime_spki_limit)
      return fail(message_form("the runtime's key has an impossible size")
                      .expected("at most " + std::to_string(runtime_spki_limit) + " bytes")
                      .found(std::to_string(spki.size())));
    return BindRuntimeKey{std::move(spki)};
  }
  if (request == "submit-receipt") {
    TRY(const Bytes bytes, fields.bytes("digest"));
    TRY_VOID(fields.finish());
    TRY(const Sha256 digest, digest_of(bytes, "the receipt's digest"));
    return SubmitReceipt{digest};
  }
  if (request == "status") {
    TRY_VOID(fields.finish());
    return AskStatus{};
  }
  return fail(message_form("unknown runtime request")
                  .expected("bind-runtime-key, submit-receipt or status")
                  .found(printable(request, 40)));
}

Bytes encode_runtime_response(const RuntimeResponse& response) {
  cbor::Map map;
  if (const auto* answer = std::get_if<RuntimeAnswer>(&response)) {
    map.emplace_back("ok", true);
    map.emplace_back("result", or_null(answer->result));
    map.emplace_back("executable", or_null(answer->executable));
    map.emplace_back("verdict", or_null(answer->verdict));
    map.emplace_back("detail", answer->detail);
  } else {
    const auto& refusal = std::get<RuntimeRefusal>(response);
    map.emplace_back("ok", false);
    map.emplace_back("rule", refusal.rule);
    map.emplace_back("what", refusal.what);
  }
  return cbor::encode(std::move(map));
}

Result<RuntimeResponse> parse_runtime_response(ByteView cbor_bytes) {
  TRY(const cbor::Value value, cbor::decode(cbor_bytes, cbor::Form::deterministic, limits));
  TRY(auto fields, cbor::Fields::of(value, "runtime response"));
  TRY(const bool ok, fields.boolean("ok"));
  if (!ok) {
    RuntimeRefusal refusal;
    TRY(refusal.rule, fields.text("rule"));
    TRY(refusal.what, fields.text("what"));
    TRY_VOID(fields.finish());
    return refusal;
  }
  RuntimeAnswer answer;
  TRY(answer.result, fields.optional_text("result"));
  TRY(const auto executable, fields.optional_bytes("executable"));
  if (executable) {
    TRY(answer.executable, digest_of(*executable, "the executable's digest"));
  }
  TRY(answer.verdict, fields.optional_text("verdict"));
  TRY(answer.detail, fields.text("detail"));
  TRY_VOID(fields.finish());
  return answer;
}

}  // namespace attest::evidence

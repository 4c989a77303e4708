#include "libattest/evidence/gpu_item.h"

#include "libattest/base/cbor.h"
#include "libattest/base/text.h"
#include "libattest/evidence/item_form.h"

namespace attest::evidence {

namespace {

constexpr std::uint64_t version = 1;

std::unexpected<Error> wrong(std::string what) {
  return fail(refused(rules::gpu_item_form, std::move(what)).within("item \"gpu\""));
}

cbor::Value optional_bytes(const std::optional<Bytes>& bytes) {
  if (!bytes) return nullptr;
  return *bytes;
}

Status read_ocsp(const cbor::Array& list, GpuItem& item) {
  if (list.size() > gpu_ocsp_limit) return wrong("there are too many OCSP responses");
  for (const cbor::Value& element : list) {
    if (!element.as_bytes()) return wrong("an OCSP response is not bytes");
    item.ocsp.push_back(*element.as_bytes());
  }
  return {};
}

Status read_host(const cbor::Map& facts, GpuItem& item) {
  if (facts.size() > gpu_facts_limit) return wrong("there are too many facts");
  for (const auto& [name, fact] : facts) {
    if (!name.as_text() || !fact.as_text()) return wrong("a fact is not text under a text");
    item.host.emplace(*name.as_text(), *fact.as_text());
  }
  return {};
}

Result<GpuItem> read(ByteView bytes) {
  TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
  TRY(cbor::Fields fields, cbor::Fields::of(value, "gpu"));
  TRY(const std::uint64_t found, fields.unsigned_integer("version"));
  if (found != version) return wrong("its version is not 1");
  GpuItem item;
  TRY(item.vendor, fields.text("vendor"));
  TRY(item.report, fields.optional_bytes("report"));
  TRY(item.chain, fields.optional_bytes("chain"));
  TRY(const cbor::Array* ocsp, fields.array("ocsp"));
  TRY_VOID(read_ocsp(*ocsp, item));
  TRY(const cbor::Map* host, fields.map("host"));
  TRY_VOID(read_host(*host, item));
  TRY_VOID(fields.finish());
  return item;
}

}  // namespace

Bytes encode_gpu(const GpuItem& item) {
  cbor::Array ocsp;
  for (const Bytes& response : item.ocsp) ocsp.emplace_back(response);
  cbor::Map host;
  for (const auto& [name, fact] : item.host) host.emplace_back(name, fact);
  return cbor::encode(cbor::Map{{"version", version},
                                {"vendor", item.vendor},
                                {"report", optional_bytes(item.report)},
                                {"chain", optional_bytes(item.chain)},
                                {"ocsp", std::move(ocsp)},
                                {"host", std::move(host)}});
}

Result<GpuItem> parse_gpu(ByteView bytes) {
  return of_form(rules::gpu_item_form, "gpu", read(bytes));
}

}  // namespace attest::evidence

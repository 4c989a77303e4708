#include "libattest/evidence/host_item.h"

#include "libattest/base/cbor.h"

namespace attest::evidence {

namespace {

Error form_error(std::string what) {
  return refused(rules::host_form, std::move(what)).within("item \"host\"");
}

Result<HostFact> read_fact(const cbor::Value& value) {
  if (const std::string* text = value.as_text()) return HostFact(*text);
  const cbor::Array* list = value.as_array();
  if (!list) return fail(form_error("a fact is neither text nor a list of texts"));
  std::vector<std::string> texts;
  for (const cbor::Value& element : *list) {
    const std::string* text = element.as_text();
    if (!text) return fail(form_error("a fact's list holds something other than text"));
    texts.push_back(*text);
  }
  return HostFact(std::move(texts));
}

cbor::Value to_value(const HostFact& fact) {
  if (const auto* text = std::get_if<std::string>(&fact)) return *text;
  cbor::Array list;
  for (const std::string& text : std::get<std::vector<std::string>>(fact)) list.push_back(text);
  return list;
}

}  // namespace

Bytes encode_host(const HostFacts& facts) {
  cbor::Map map;
  for (const auto& [name, fact] : facts) map.emplace_back(name, to_value(fact));
  return cbor::encode(map);
}

Result<HostFacts> parse_host(ByteView bytes) {
  auto value = cbor::decode(bytes, cbor::Form::deterministic);
  if (!value) {
    Error error = std::move(value).error();
    error.rule = rules::host_form;
    return fail(std::move(error).within("item \"host\""));
  }
  const cbor::Map* map = value->as_map();
  if (!map) return fail(form_error("the inventory is not a map"));
  if (map->size() > host_facts_limit) return fail(form_error("there are too many facts"));
  HostFacts facts;
  for (const auto& [name, content] : *map) {
    if (!name.as_text()) return fail(form_error("a fact's name is not text"));
    TRY(HostFact fact, read_fact(content));
    facts.emplace(*name.as_text(), std::move(fact));
  }
  return facts;
}

}  // namespace attest::evidence

#include "libattest/statement/device_manifest.h"

#include "libattest/statement/payload_fields.h"

namespace attest::statement {

namespace {

Result<DeviceManifest::Component> decode_component(const cbor::Value& value, std::string what) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, std::move(what)));
  DeviceManifest::Component component;
  TRY(component.component_class, fields.text("class"));
  TRY(component.manufacturer, fields.text("manufacturer"));
  TRY(component.model, fields.text("model"));
  TRY(component.serial, fields.text("serial"));
  TRY_VOID(fields.finish());
  return component;
}

}  // namespace

Bytes encode(const DeviceManifest& manifest) {
  cbor::Array components;
  for (const auto& component : manifest.components)
    components.push_back(cbor::Map{{"class", component.component_class},
                                   {"manufacturer", component.manufacturer},
                                   {"model", component.model},
                                   {"serial", component.serial}});
  return cbor::encode(
      cbor::Map{{"version", 1},
                {"ek", manifest.ek},
                {"node", manifest.node ? cbor::Value(*manifest.node) : cbor::Value(nullptr)},
                {"manufacturer", manifest.manufacturer},
                {"model", manifest.model},
                {"serial", manifest.serial},
                {"components", std::move(components)}});
}

Result<DeviceManifest> decode_device_manifest(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "device manifest"));
  DeviceManifest manifest;
  TRY(manifest.ek, digest_field(fields, "ek"));
  TRY(manifest.node, nullable_text_field(fields, "node"));
  TRY(manifest.manufacturer, fields.text("manufacturer"));
  TRY(manifest.model, fields.text("model"));
  TRY(manifest.serial, fields.text("serial"));
  TRY(const cbor::Array* const components, fields.array("components"));
  for (const cbor::Value& each : *components) {
    TRY(auto component, decode_component(each, at("components", manifest.components.size())));
    manifest.components.push_back(std::move(component));
  }
  TRY_VOID(fields.finish());
  return manifest;
}

}  // namespace attest::statement

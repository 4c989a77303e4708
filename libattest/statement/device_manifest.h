// Device manifest: what an integrator says a machine is made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/crypto/digest.h"

namespace attest::statement {

struct DeviceManifest {
  struct Component {
    std::string component_class;  // "gpu", "nic", "disk", …
    std::string manufacturer;
    std::string model;
    std::string serial;
    friend bool operator==(const Component&, const Component&) = default;
  };
  Sha256 ek{};                      // SHA-256 of the endorsement key's SubjectPublicKeyInfo
  std::optional<std::string> node;  // node id, where the integrator knows it
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::vector<Component> components;
  friend bool operator==(const DeviceManifest&, const DeviceManifest&) = default;
};

Bytes encode(const DeviceManifest& manifest);
Result<DeviceManifest> decode_device_manifest(ByteView payload);

}  // namespace attest::statement

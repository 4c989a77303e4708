// Which device: told by a certificate, a chip's id, or its subject.
#pragma once

#include <optional>
#include <string>

#include "cli/command_line.h"
#include "libattest/statement/custody.h"

namespace CLI {
class App;
}

namespace attest::cli {

struct DeviceOptions {
  std::string subject;               // device:…, where nothing needs to be signed
  std::string ek;                    // EK certificate or key
  std::string gpu_chain;             // chain of a GPU, leaf first
  std::string switch_chain;          // chain of an NVSwitch, leaf first
  std::string chip_id;               // hexadecimal
  std::string platform_certificate;  // and the authority whose key is part of its identity
  std::string platform_authority;
};

// add_device_options adds --ek, --gpu-chain, --switch-chain, --chip-id, --platform-certificate with
// --platform-ca, and --device where `by_subject`.
void add_device_options(Command* verb, DeviceOptions& options, bool by_subject);

// identity_of reads the identity; exactly one of the options must be given.
Result<statement::DeviceIdentity> identity_of(const DeviceOptions& options);
// subject_of also takes --device.
Result<statement::Subject> device_subject(const DeviceOptions& options);

}  // namespace attest::cli

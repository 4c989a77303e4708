// BootFacts: what the events of one boot say, in the terms an administrator uses. Only events whose
// data is what was measured count, except where a field says otherwise. Facts read from an
// unverified log are claims; from a VerifiedEventLog's events they are vouched for. Pure functions.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libattest/tpm/event_log.h"

namespace attest::tpm {

// KeyDatabase is the content of PK, KEK, db, dbx, or a machine owner's list.
struct KeyDatabase {
  struct Certificate {
    std::string subject;  // RFC 2253; empty where it cannot be read
    std::string sha256;   // of the DER, in hexadecimal
    std::string owner;    // GUID
    friend bool operator==(const Certificate&, const Certificate&) = default;
  };
  std::vector<Certificate> certificates;
  std::vector<std::string> hashes;  // "sha256:…": images, and certificates by their hash
  bool readable = true;             // false: measured, but no signature lists
  friend bool operator==(const KeyDatabase&, const KeyDatabase&) = default;
};

struct BootOption {
  std::string title;
  std::string path;  // of the file; empty where the option names none
  friend bool operator==(const BootOption&, const BootOption&) = default;
};

// An image's digest is vouched for by the PCR; its path is what the firmware said.
struct LoadedImage {
  std::size_t event = 0;
  unsigned pcr = 0;
  std::string kind;  // "application", "boot driver", "runtime driver"
  std::string path;
  std::string digest;  // "sha256:…"
};

// A measured file or blob: digest vouched for, name claimed.
struct MeasuredThing {
  std::string name;
  std::string digest;
};

struct Partition {
  std::string type_guid;
  std::string guid;
  std::string name;
  std::uint64_t first_block = 0;
  std::uint64_t last_block = 0;
  friend bool operator==(const Partition&, const Partition&) = default;
};

struct PartitionTable {
  std::string disk_guid;
  std::vector<Partition> partitions;
  friend bool operator==(const PartitionTable&, const PartitionTable&) = default;
};

struct BootFacts {
  SecureBootState secure_boot;
  std::map<std::string, KeyDatabase> databases;       // "PK", "KEK", "db", "dbx", "dbt", "dbr"
  std::vector<KeyDatabase::Certificate> authorities;  // what verified the images that were loaded
  std::optional<std::string> sbat_level;
  std::vector<MeasuredThing> mok;  // "MokList", "MokListX", … in PCR 14
  std::vector<std::uint16_t> boot_order;
  std::map<std::string, BootOption> boot_options;  // "Boot0000"
  std::optional<std::string> firmware_version;     // EV_S_CRTM_VERSION
  std::vector<MeasuredThing> firmware_blobs;
  std::vector<LoadedImage> images;       // of PCR 4
  std::vector<LoadedImage> option_roms;  // of PCR 2
  std::vector<MeasuredThing> spdm_devices;
  std::vector<PartitionTable> disks;
  std::vector<std::string> grub_commands;
  std::vector<MeasuredThing> grub_files;
  // What GRUB measured, or systemd-boot and the kernel's stub in PCR 12.
  std::optional<std::string> kernel_command_line;
  std::vector<std::string> uki_sections;         // PCR 11, in order: ".linux", ".osrel", …
  std::vector<std::string> boot_phases;          // PCR 11: "enter-initrd", "leave-initrd", …
  std::vector<std::string> kernel_parameters;    // PCR 12: command lines, credentials, addons
  std::vector<MeasuredThing> system_extensions;  // PCR 13
  std::vector<std::string> system_identity;      // PCR 15: machine id, file systems, volume keys
};

// boot_facts reads events in log order.
BootFacts boot_facts(std::span<const Event> events, PcrBank bank,
                     Registers registers = Registers::pcr);

// secure_boot_state reads the SecureBoot variable measured before the separator; by itself, for it
// is asked for more often than the rest. Several that disagree say nothing.
SecureBootState secure_boot_state(std::span<const Event> events, PcrBank bank,
                                  Registers registers = Registers::pcr);

// changes_between says what changed from one boot to the next, a sentence each, in the order of the
// boot: firmware, keys, boot loader, kernel. Empty where nothing did.
std::vector<std::string> changes_between(const BootFacts& before, const BootFacts& after);

}  // namespace attest::tpm

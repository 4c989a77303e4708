// The part of Level Zero's system management interface that agentd calls (oneAPI Level Zero,
// "Sysman"): names and layouts as its specification has them.
#pragma once

#include <cstdint>

namespace attest::agentd::level_zero {

using Return = std::uint32_t;  // 0: success
inline constexpr Return success = 0;

using Driver = void*;
using Device = void*;
using Firmware = void*;

inline constexpr std::uint32_t max_drivers = 16;
inline constexpr std::uint32_t max_devices = 64;
inline constexpr std::uint32_t max_firmwares = 32;

enum class Kind : std::uint32_t {
  core_device = 0x3,  // ZE_STRUCTURE_TYPE_DEVICE_PROPERTIES
  device = 0x1,       // ZES_STRUCTURE_TYPE_DEVICE_PROPERTIES
  pci = 0x2,          // ZES_STRUCTURE_TYPE_PCI_PROPERTIES
  firmware = 0x8,     // ZES_STRUCTURE_TYPE_FIRMWARE_PROPERTIES
};

struct CoreDeviceProperties {  // ze_device_properties_t
  Kind kind;
  void* next;
  std::uint32_t type;
  std::uint32_t vendor_id;
  std::uint32_t device_id;
  std::uint32_t flags;
  std::uint32_t subdevice_id;
  std::uint32_t core_clock_rate;
  std::uint64_t largest_allocation;
  std::uint32_t hardware_contexts;
  std::uint32_t queue_priority;
  std::uint32_t threads_per_unit;
  std::uint32_t unit_width;
  std::uint32_t units_per_subslice;
  std::uint32_t subslices_per_slice;
  std::uint32_t slices;
  std::uint64_t timer_resolution;
  std::uint32_t timestamp_bits;
  std::uint32_t kernel_timestamp_bits;
  std::uint8_t uuid[16];
  char name[256];
};

struct DeviceProperties {  // zes_device_properties_t
  Kind kind;
  void* next;
  CoreDeviceProperties core;
  std::uint32_t subdevices;
  char serial[64];
  char board[64];
  char brand[64];
  char model[64];
  char vendor[64];
  char driver[64];
};

struct PciProperties {  // zes_pci_properties_t
  Kind kind;
  void* next;
  std::uint32_t domain;
  std::uint32_t bus;
  std::uint32_t device;
  std::uint32_t function;
  std::int32_t generation;
  std::int32_t width;
  std::int64_t bandwidth;
  std::uint8_t have_bandwidth;
  std::uint8_t have_packets;
  std::uint8_t have_replays;
};

struct FirmwareProperties {  // zes_firmware_properties_t
  Kind kind;
  void* next;
  std::uint8_t on_subdevice;
  std::uint32_t subdevice_id;
  std::uint8_t can_control;
  char name[64];
  char version[64];
};

using Init = Return (*)(std::uint32_t flags);
using GetDrivers = Return (*)(std::uint32_t* count, Driver*);
using GetDevices = Return (*)(Driver, std::uint32_t* count, Device*);
using GetProperties = Return (*)(Device, DeviceProperties*);
using GetPci = Return (*)(Device, PciProperties*);
using GetFirmwares = Return (*)(Device, std::uint32_t* count, Firmware*);
using GetFirmware = Return (*)(Firmware, FirmwareProperties*);

}  // namespace attest::agentd::level_zero

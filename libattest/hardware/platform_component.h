// Components of a machine: as a platform certificate lists them, and as a machine was found to have
// them. Plain values; pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::hardware {

// ComponentClass says what kind of thing a component is: a registry and a number in it. The
// registry is missing in certificates before version 1.1.
struct ComponentClass {
  std::string registry;  // dotted OID, or empty
  std::string value;     // 8 upper-case hexadecimal digits
  friend bool operator==(const ComponentClass&, const ComponentClass&) = default;
};

// class_name gives "Memory: DRAM Memory" of the registries of TCG, SMBIOS (DSP0134) and PCI; the
// registry and value as they are where the number is not known here.
std::string class_name(const ComponentClass& component_class);

// What a delta certificate does with a component.
enum class ComponentStatus { added, modified, removed };
std::string_view to_string(ComponentStatus status);

struct Component {
  ComponentClass component_class;
  std::string manufacturer;
  std::string model;
  std::string serial;    // empty: not said
  std::string revision;  // empty: not said
  std::optional<bool> replaceable = {};
  std::vector<std::string> addresses = {};  // MAC addresses, as written
  std::optional<ComponentStatus> status = {};

  // to_string gives "Memory: DRAM Memory, Maker, Model, serial S, revision R".
  std::string to_string() const;
  friend bool operator==(const Component&, const Component&) = default;
};

struct PlatformName {
  std::string manufacturer;
  std::string model;
  std::string version;
  std::string serial;
  friend bool operator==(const PlatformName&, const PlatformName&) = default;
};

// Inventory is what was found on a machine. Nothing vouches for it: it is host-reported.
struct Inventory {
  PlatformName platform;
  std::vector<Component> components;
};

// parse_inventory reads the JSON that collectors of platform inventories write: PLATFORM with
// PLATFORMMANUFACTURERSTR, PLATFORMMODEL, PLATFORMVERSION, PLATFORMSERIAL; COMPONENTS, each with
// COMPONENTCLASS, MANUFACTURER, MODEL, SERIAL, REVISION, FIELDREPLACEABLE, ADDRESSES. Other members
// are passed over.
Result<Inventory> parse_inventory(std::string_view json);

// NameDifference is something a certificate says of a machine as a whole, and the machine does not.
struct NameDifference {
  std::string what;  // "manufacturer", "model" or "serial"
  std::string certified;
  std::string found;
};
// name_differences compares what both sides say.
std::vector<NameDifference> name_differences(const PlatformName& listed, const PlatformName& found);

// Comparison pairs what is listed with what was found, both ways. Each found component is paired at
// most once.
struct Comparison {
  struct Pair {
    Component listed;
    Component found;
  };
  struct Missing {
    Component listed;
    std::optional<Component> nearest;  // of the same class and unpaired
  };
  std::vector<Pair> matched;
  std::vector<Missing> missing;     // listed, not found
  std::vector<Component> unlisted;  // found, not listed
  bool equal() const { return missing.empty() && unlisted.empty(); }
};

// compare pairs a listed component with a found one of the same class, manufacturer and model, and
// of the same serial and revision where the list says them. Spaces at the ends do not count.
Comparison compare(const std::vector<Component>& listed, const std::vector<Component>& found);

}  // namespace attest::hardware

namespace attest::rules {
inline constexpr Rule inventory_form{"hardware.inventory.form"};
}

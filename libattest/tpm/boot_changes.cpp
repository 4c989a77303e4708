#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/tpm/boot_facts.h"

namespace attest::tpm {
namespace {

using Changes = std::vector<std::string>;

std::string quoted(const std::string& text) {
  return "\"" + printable(text) + "\"";
}

void compare_secure_boot(const BootFacts& before, const BootFacts& after, Changes& changes) {
  const auto word = [](const SecureBootState& state) -> std::string {
    return !state.enabled ? "unknown" : *state.enabled ? "on" : "off";
  };
  if (before.secure_boot.enabled != after.secure_boot.enabled)
    changes.push_back("Secure Boot was " + word(before.secure_boot) + " and is now " +
                      word(after.secure_boot));
}

void compare_text(const char* what, const std::optional<std::string>& before,
                  const std::optional<std::string>& after, Changes& changes) {
  if (before == after) return;
  if (!before)
    changes.push_back(std::string(what) + " is now " + quoted(*after) +
                      "; none was measured before");
  else if (!after)
    changes.push_back(std::string(what) + " was " + quoted(*before) + "; none is measured now");
  else
    changes.push_back(std::string(what) + " changed from " + quoted(*before) + " to " +
                      quoted(*after));
}

// A digest as people compare it: "sha256:5e0c41aa…91d2".
std::string brief(const std::string& digest) {
  const auto colon = digest.find(':');
  if (colon == std::string::npos || digest.size() < colon + 16) return digest;
  return digest.substr(0, colon + 9) + "…" + digest.substr(digest.size() - 4);
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

void compare_database(const std::string& name, const KeyDatabase& before, const KeyDatabase& after,
                      Changes& changes) {
  for (const auto& each : after.certificates)
    if (std::ranges::find(before.certificates, each) == before.certificates.end())
      changes.push_back(name + " gained the certificate " + quoted(each.subject));
  for (const auto& each : before.certificates)
    if (std::ranges::find(after.certificates, each) == after.certificates.end())
      changes.push_back(name + " lost the certificate " + quoted(each.subject));
  const auto absent = [](const std::vector<std::string>& all,
                         const std::vector<std::string>& from) {
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const std::string& hash) { return std::ranges::find(from, hash) == from.end(); }));
  };
  const std::size_t gained = absent(after.hashes, before.hashes);
  const std::size_t lost = absent(before.hashes, after.hashes);
  if (gained > 0) changes.push_back(name + " gained " + counted(gained, "hash", "hashes"));
  if (lost > 0) changes.push_back(name + " lost " + counted(lost, "hash", "hashes"));
}

void compare_databases(const BootFacts& before, const BootFacts& after, Changes& changes) {
  static const KeyDatabase none;
  for (const char* name : {"PK", "KEK", "db", "dbx", "dbt", "dbr"}) {
    const auto old_one = before.databases.find(name);
    const auto new_one = after.databases.find(name);
    compare_database(name, old_one == before.databases.end() ? none : old_one->second,
                     new_one == after.databases.end() ? none : new_one->second, changes);
  }
}

std::string order_text(const std::vector<std::uint16_t>& order) {
  std::string text;
  for (const std::uint16_t number : order) {
    Bytes bytes;
    append_u16_be(bytes, number);
    text += (text.empty() ? "" : ", ") + to_hex(bytes);
  }
  return text.empty() ? "none" : text;
}

void compare_boot_options(const BootFacts& before, const BootFacts& after, Changes& changes) {
  if (before.boot_order != after.boot_order)
    changes.push_back("the boot order changed from " + order_text(before.boot_order) + " to " +
                      order_text(after.boot_order));
  for (const auto& [name, option] : after.boot_options) {
    const auto old_one = before.boot_options.find(name);
    if (old_one == before.boot_options.end())
      changes.push_back("boot entry " + name + " is new: " + quoted(option.title) + " " +
                        option.path);
    else if (!(old_one->second == option))
      changes.push_back("boot entry " + name + " changed from " + quoted(old_one->second.title) +
                        " " + old_one->second.path + " to " + quoted(option.title) + " " +
                        option.path);
  }
  for (const auto& [name, option] : before.boot_options)
    if (!after.boot_options.contains(name))
      changes.push_back("boot entry " + name + " is gone: " + quoted(option.title));
}

// Thing is anything measured under a name.
struct Thing {
  std::string name;
  std::string digest;
};

std::vector<Thing> things(const std::vector<LoadedImage>& images) {
  std::vector<Thing> all;
  for (const LoadedImage& image : images)
    all.push_back({image.path.empty() ? "an image without a path" : image.path, image.digest});
  return all;
}

std::vector<Thing> things(const std::vector<MeasuredThing>& measured) {
  std::vector<Thing> all;
  for (const MeasuredThing& thing : measured) all.push_back({thing.name, thing.digest});
  return all;
}

// Equal digests first, then equal names; what is left over came or went.
void compare_things(const std::string& what, std::vector<Thing> before, std::vector<Thing> after,
                    Changes& changes) {
  std::erase_if(after, [&](const Thing& thing) {
    const auto same = std::ranges::find(before, thing.digest, &Thing::digest);
    if (same == before.end()) return false;
    if (same->name != thing.name)
      changes.push_back(what + " " + printable(same->name) + " is now loaded as " +
                        printable(thing.name) + ", unchanged");
    before.erase(same);
    return true;
  });
  std::erase_if(after, [&](const Thing& thing) {
    const auto same = std::ranges::find(before, thing.name, &Thing::name);
    if (same == before.end()) return false;
    changes.push_back(what + " " + printable(thing.name) + " changed (" + brief(same->digest) +
                      " to " + brief(thing.digest) + ")");
    before.erase(same);
    return true;
  });
  for (const Thing& thing : before)
    changes.push_back(what + " " + printable(thing.name) + " is not measured any more");
  for (const Thing& thing : after)
    changes.push_back(what + " " + printable(thing.name) + " is new (" + brief(thing.digest) + ")");
}

void compare_lists(const std::string& what, const std::vector<std::string>& before,
                   const std::vector<std::string>& after, Changes& changes) {
  if (before == after) return;
  std::vector<std::string> old_ones = before;
  for (const std::string& each : after) {
    const auto same = std::ranges::find(old_ones, each);
    if (same != old_ones.end())
      old_ones.erase(same);
    else
      changes.push_back(what + " is new: " + quoted(each));
  }
  for (const std::string& each : old_ones) changes.push_back(what + " is gone: " + quoted(each));
  if (before.size() == after.size() && old_ones.empty())
    changes.push_back(what + "s came in another order");
}

}  // namespace

std::vector<std::string> changes_between(const BootFacts& before, const BootFacts& after) {
  Changes changes;
  compare_text("the firmware version", before.firmware_version, after.firmware_version, changes);
  compare_things("firmware", things(before.firmware_blobs), things(after.firmware_blobs), changes);
  compare_things("device", things(before.spdm_devices), things(after.spdm_devices), changes);
  compare_secure_boot(before, after, changes);
  compare_databases(before, after, changes);
  compare_text("the SBAT level", before.sbat_level, after.sbat_level, changes);
  compare_things("the machine owner's list", things(before.mok), things(after.mok), changes);
  compare_boot_options(before, after, changes);
  compare_things("option ROM", things(before.option_roms), things(after.option_roms), changes);
  if (before.disks != after.disks) changes.emplace_back("the partition table changed");
  compare_things("boot image", things(before.images), things(after.images), changes);
  compare_lists("GRUB command", before.grub_commands, after.grub_commands, changes);
  compare_things("GRUB file", things(before.grub_files), things(after.grub_files), changes);
  compare_text("the kernel command line", before.kernel_command_line, after.kernel_command_line,
               changes);
  compare_lists("kernel image section", before.uki_sections, after.uki_sections, changes);
  compare_lists("boot phase", before.boot_phases, after.boot_phases, changes);
  compare_lists("kernel parameter", before.kernel_parameters, after.kernel_parameters, changes);
  compare_things("system extension", things(before.system_extensions),
                 things(after.system_extensions), changes);
  compare_lists("system identity", before.system_identity, after.system_identity, changes);
  return changes;
}

}  // namespace attest::tpm

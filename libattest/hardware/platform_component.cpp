#include "libattest/hardware/platform_component.h"

#include <algorithm>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::hardware {

namespace {

constexpr std::size_t max_text = 256;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool same(const std::string& a, const std::string& b) {
  return trimmed(a) == trimmed(b);
}
bool says(const std::string& listed, const std::string& found) {
  return trimmed(listed).empty() || same(listed, found);
}

// A list before version 1.1 names no registry; then the number alone counts.
bool same_class(const ComponentClass& a, const ComponentClass& b) {
  return a.value == b.value &&
         (a.registry == b.registry || a.registry.empty() || b.registry.empty());
}

bool same_model(const Component& a, const Component& b) {
  return same_class(a.component_class, b.component_class) && same(a.manufacturer, b.manufacturer) &&
         same(a.model, b.model);
}

// Text of an optional member; a member of another type is refused.
Result<std::string> text_of(JsonFields& fields, std::string_view name) {
  const Json* value = fields.optional(name);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string() || value->get_ref<const std::string&>().size() > max_text)
    return fail(refused(rules::inventory_form, std::string(name) + " is no text of a sane length"));
  return value->get<std::string>();
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

Result<ComponentClass> class_of(JsonFields& fields) {
  ComponentClass component_class;
  const Json* json = fields.optional("COMPONENTCLASS");
  if (json == nullptr) return component_class;
  TRY(JsonFields members, JsonFields::of(*json, "COMPONENTCLASS"));
  TRY(component_class.registry, text_of(members, "COMPONENTCLASSREGISTRY"));
  TRY(std::string value, text_of(members, "COMPONENTCLASSVALUE"));
  if (value.starts_with("0x")) value.erase(0, 2);
  if (value.size() != 8 || !from_hex(value))
    return fail(refused(rules::inventory_form, "a component's class is malformed")
                    .expected("8 hexadecimal digits")
                    .found("\"" + printable(value, 40) + "\""));
  component_class.value = upper(std::move(value));
  return component_class;
}

Result<std::vector<std::string>> addresses_of(JsonFields& fields) {
  std::vector<std::string> addresses;
  const Json* json = fields.optional("ADDRESSES");
  if (json == nullptr) return addresses;
  if (!json->is_array()) return fail(refused(rules::inventory_form, "ADDRESSES is no array"));
  for (const Json& each : *json) {
    if (!each.is_object()) return fail(refused(rules::inventory_form, "an address is no object"));
    for (const auto& [kind, value] : each.items())
      if (value.is_string()) addresses.push_back(value.get<std::string>().substr(0, max_text));
  }
  return addresses;
}

Result<Component> component_of(const Json& json) {
  TRY(JsonFields fields, JsonFields::of(json, "COMPONENTS"));
  Component component;
  TRY(component.component_class, class_of(fields));
  TRY(component.manufacturer, text_of(fields, "MANUFACTURER"));
  TRY(component.model, text_of(fields, "MODEL"));
  TRY(component.serial, text_of(fields, "SERIAL"));
  TRY(component.revision, text_of(fields, "REVISION"));
  TRY(const std::string replaceable, text_of(fields, "FIELDREPLACEABLE"));
  if (!replaceable.empty()) component.replaceable = replaceable == "true";
  TRY(component.addresses, addresses_of(fields));
  return component;
}

}  // namespace

std::string_view to_string(ComponentStatus status) {
  switch (status) {
    case ComponentStatus::added:
      return "added";
    case ComponentStatus::modified:
      return "modified";
    case ComponentStatus::removed:
      return "removed";
  }
  return "removed";
}

std::string Component::to_string() const {
  std::string text = class_name(component_class);
  for (const std::string& each : {manufacturer, model})
    if (!trimmed(each).empty()) text += ", " + printable(trimmed(each), 80);
  if (!serial.empty()) text += ", serial " + printable(trimmed(serial), 80);
  if (!revision.empty()) text += ", revision " + printable(trimmed(revision), 80);
  return text;
}

Result<Inventory> parse_inventory(std::string_view json) {
  TRY(const Json value, parse_json(json, {.size = 4U << 20, .depth = 16}));
  TRY(JsonFields fields, JsonFields::of(value, "inventory"));
  Inventory inventory;
  if (const Json* platform = fields.optional("PLATFORM")) {
    TRY(JsonFields names, JsonFields::of(*platform, "PLATFORM"));
    TRY(inventory.platform.manufacturer, text_of(names, "PLATFORMMANUFACTURERSTR"));
    TRY(inventory.platform.model, text_of(names, "PLATFORMMODEL"));
    TRY(inventory.platform.version, text_of(names, "PLATFORMVERSION"));
    TRY(inventory.platform.serial, text_of(names, "PLATFORMSERIAL"));
  }
  TRY(const Json* const components, fields.array("COMPONENTS"));
  for (const Json& each : *components) {
    TRY_WITHIN("component " + std::to_string(inventory.components.size() + 1), Component component,
               component_of(each));
    inventory.components.push_back(std::move(component));
  }
  return inventory;
}

std::vector<NameDifference> name_differences(const PlatformName& listed,
                                             const PlatformName& found) {
  std::vector<NameDifference> all;
  const auto compare = [&](const char* what, const std::string& expected, const std::string& is) {
    if (!expected.empty() && !is.empty() && expected != is) all.push_back({what, expected, is});
  };
  compare("manufacturer", listed.manufacturer, found.manufacturer);
  compare("model", listed.model, found.model);
  compare("serial", listed.serial, found.serial);
  return all;
}

Comparison compare(const std::vector<Component>& listed, const std::vector<Component>& found) {
  constexpr std::size_t nobody = static_cast<std::size_t>(-1);
  std::vector<std::size_t> partner(listed.size(), nobody);
  std::vector<bool> taken(found.size(), false);
  const auto pair_where = [&](auto fits) {
    for (std::size_t i = 0; i < listed.size(); ++i)
      for (std::size_t j = 0; j < found.size() && partner[i] == nobody; ++j)
        if (!taken[j] && same_model(listed[i], found[j]) && fits(listed[i], found[j])) {
          partner[i] = j;
          taken[j] = true;
        }
  };
  // What says most is paired first, so that an entry without a serial cannot take the partner of
  // one that has it.
  pair_where([](const Component& a, const Component& b) {
    return same(a.serial, b.serial) && same(a.revision, b.revision);
  });
  pair_where([](const Component& a, const Component& b) {
    return !trimmed(a.serial).empty() && same(a.serial, b.serial) && says(a.revision, b.revision);
  });
  pair_where([](const Component& a, const Component& b) {
    return says(a.serial, b.serial) && says(a.revision, b.revision);
  });

  Comparison comparison;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (partner[i] != nobody) {
      comparison.matched.push_back({listed[i], found[partner[i]]});
      continue;
    }
    Comparison::Missing missing{listed[i], {}};
    for (std::size_t j = 0; j < found.size() && !missing.nearest; ++j)
      if (!taken[j] && same_class(listed[i].component_class, found[j].component_class))
        missing.nearest = found[j];
    comparison.missing.push_back(std::move(missing));
  }
  for (std::size_t j = 0; j < found.size(); ++j)
    if (!taken[j]) comparison.unlisted.push_back(found[j]);
  return comparison;
}

}  // namespace attest::hardware

#include "libattest/hardware/platform_configuration.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::hardware {

namespace {

constexpr std::size_t max_components = 4096;
constexpr std::size_t max_text = 256;  // STRMAX of the profile

Error form(std::string what) {
  return refused(rules::platform_form, std::move(what));
}

Result<std::string> text_of(ByteView content, std::string_view field) {
  const std::string_view text = as_text(content);
  if (text.size() > max_text || !is_utf8(text))
    return fail(form(std::string(field) + " is no text of at most 256 bytes"));
  return std::string(text);
}

Result<std::string> utf8(DerReader& reader, std::string_view field) {
  TRY(const DerElement element, reader.expect(der_tag::utf8_string, field));
  return text_of(element.content, field);
}

std::string class_value(ByteView content) {
  std::string hex = to_hex(content);
  std::ranges::transform(hex, hex.begin(), [](char c) {
    return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return hex;
}

Status read_class(DerReader& reader, ComponentClass& into) {
  DerElement value;
  if (reader.next_is(der_tag::sequence)) {
    TRY(DerReader pair, reader.enter(der_tag::sequence, "component class"));
    TRY(into.registry, pair.oid("component class registry"));
    TRY(value, pair.expect(der_tag::octet_string, "component class value"));
    TRY_VOID(pair.finish("component class"));
  } else if (reader.next_is(der_tag::octet_string)) {
    TRY(value, reader.next("component class value"));  // before version 1.1 there was no registry
  } else {
    return {};
  }
  if (value.content.size() != 4) return fail(form("a component class has not 4 bytes"));
  into.value = class_value(value.content);
  return {};
}

Result<ComponentStatus> status_of(ByteView content) {
  TRY(const std::uint64_t status, der_unsigned(content, "status"));
  if (status > 2)
    return fail(form("a component's status is not defined")
                    .expected("0, 1 or 2")
                    .found(std::to_string(status)));
  return static_cast<ComponentStatus>(status);
}

Status read_addresses(ByteView content, Component& component) {
  DerReader addresses(content);
  while (!addresses.at_end()) {
    TRY(DerReader pair, addresses.enter(der_tag::sequence, "address"));
    TRY_VOID(pair.oid("address type"));
    TRY(std::string address, utf8(pair, "address"));
    TRY_VOID(pair.finish("address"));
    component.addresses.push_back(std::move(address));
  }
  return {};
}

Result<Component> read_component(DerReader reader) {
  Component component;
  TRY_VOID(read_class(reader, component.component_class));
  TRY(component.manufacturer, utf8(reader, "component manufacturer"));
  TRY(component.model, utf8(reader, "component model"));
  unsigned next = 0;  // optional members come in the order of their tags, each once
  while (!reader.at_end()) {
    TRY(const DerElement member, reader.next("component"));
    const unsigned number = member.tag & 0x1fU;
    if ((member.tag & 0xc0U) != 0x80 || number < next || number > 7)
      return fail(form("a component has a member that is unknown, or out of order"));
    next = number + 1;
    if (number == 0) {
      TRY(component.serial, text_of(member.content, "component serial"));
    } else if (number == 1) {
      TRY(component.revision, text_of(member.content, "component revision"));
    } else if (number == 3) {
      TRY(component.replaceable, der_boolean(member.content, "field replaceable"));
    } else if (number == 4) {
      TRY_VOID(read_addresses(member.content, component));
    } else if (number == 7) {
      TRY(component.status, status_of(member.content));
    }
  }
  return component;
}

// A component of version 3 is a list of traits; the one that identifies it is a component of
// version 2, and another may hold the status.
Result<std::optional<Component>> read_traits(DerReader traits) {
  std::optional<Component> component;
  std::optional<ComponentStatus> status;
  while (!traits.at_end()) {
    TRY(DerReader trait, traits.enter(der_tag::sequence, "trait"));
    TRY(const std::string id, trait.oid("trait id"));
    TRY_VOID(trait.oid("trait category"));
    TRY_VOID(trait.oid("trait registry"));
    TRY_VOID(trait.optional(der_tag::context(0), "trait description"));
    TRY_VOID(trait.optional(der_tag::context(1), "trait description URI"));
    TRY(const DerElement value, trait.next("trait value"));
    TRY_VOID(trait.finish("trait"));
    if (id == "2.23.133.19.1.5") {
      if (component) return fail(form("a component is identified twice"));
      TRY(component, read_component(DerReader(value.content)));
    } else if (id == "2.23.133.19.1.16") {
      TRY(status, status_of(value.content));
    }
  }
  if (component && status) component->status = status;
  return component;
}

Status read_components(ByteView content, unsigned version, UntrustedPlatformCertificate& into) {
  DerReader list(content);
  while (!list.at_end()) {
    if (into.components.size() == max_components) return fail(form("more than 4096 components"));
    const std::string place = "component " + std::to_string(into.components.size() + 1);
    TRY(DerReader entry, list.enter(der_tag::sequence, "component"));
    if (version == 3) {
      TRY_WITHIN(place, auto component, read_traits(entry));
      if (component) into.components.push_back(*std::move(component));
    } else {
      TRY_WITHIN(place, Component component, read_component(entry));
      into.components.push_back(std::move(component));
    }
  }
  return {};
}

Status read_properties(ByteView content, UntrustedPlatformCertificate& into) {
  DerReader list(content);
  while (!list.at_end()) {
    if (into.properties.size() == max_components) return fail(form("more than 4096 properties"));
    TRY(DerReader entry, list.enter(der_tag::sequence, "property"));
    TRY(std::string name, utf8(entry, "property name"));
    TRY(std::string value, utf8(entry, "property value"));
    TRY_VOID(entry.optional(der_tag::context(0), "property status"));
    TRY_VOID(entry.finish("property"));
    into.properties.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

std::string* name_member(std::string_view oid, PlatformName& name) {
  // The first of each pair is of profile 1.0, from when attributes stood under another arc.
  if (oid == "2.23.133.2.4" || oid == "2.23.133.5.1.1") return &name.manufacturer;
  if (oid == "2.23.133.2.5" || oid == "2.23.133.5.1.4") return &name.model;
  if (oid == "2.23.133.2.6" || oid == "2.23.133.5.1.5") return &name.version;
  if (oid == "2.23.133.2.7" || oid == "2.23.133.5.1.6") return &name.serial;
  return nullptr;
}

}  // namespace

Status read_configuration(ByteView value, unsigned version, UntrustedPlatformCertificate& into) {
  if (into.configuration_version != 0) return fail(form("the platform is configured twice"));
  into.configuration_version = version;
  TRY(DerReader reader, DerReader::of(value, der_tag::sequence, "platform configuration"));
  TRY(const auto components,
      reader.optional(der_tag::context_constructed(0), "platform components"));
  if (components) TRY_VOID(read_components(components->content, version, into));
  // Version 2 has a URI of components in between; version 3 has properties as traits, whose
  // names and values are not compared with anything.
  const unsigned properties_tag = version == 2 ? 2 : 1;
  if (version == 2) TRY_VOID(reader.optional(der_tag::context_constructed(1), "URI of components"));
  TRY(const auto properties,
      reader.optional(der_tag::context_constructed(properties_tag), "platform properties"));
  if (properties && version != 3) TRY_VOID(read_properties(properties->content, into));
  TRY_VOID(reader.optional(der_tag::context_constructed(properties_tag + 1), "URI of properties"));
  return reader.finish("platform configuration");
}

Status read_platform_name(ByteView general_names, PlatformName& into) {
  TRY(DerReader names, DerReader::of(general_names, der_tag::sequence, "alternative names"));
  while (!names.at_end()) {
    TRY(const DerElement name, names.next("alternative name"));
    if (name.tag != der_tag::context_constructed(4)) continue;
    TRY(DerReader relative, DerReader::of(name.content, der_tag::sequence, "directory name"));
    while (!relative.at_end()) {
      TRY(DerReader set, relative.enter(der_tag::set, "relative name"));
      while (!set.at_end()) {
        TRY(DerReader pair, set.enter(der_tag::sequence, "name attribute"));
        TRY(const std::string oid, pair.oid("name attribute"));
        TRY(const DerElement value, pair.next("name attribute"));
        TRY_VOID(pair.finish("name attribute"));
        std::string* member = name_member(oid, into);
        if (member == nullptr) continue;
        if (!member->empty()) return fail(form("the platform is named twice").found(oid));
        TRY(*member, text_of(value.content, "platform name"));
      }
    }
  }
  return {};
}

}  // namespace attest::hardware

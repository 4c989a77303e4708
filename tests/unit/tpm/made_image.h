// Executables of the firmware's format, made for a test: sections, and no code worth running.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"

namespace attest::tpm {

struct Section {
  std::string name;
  std::string content;
};

// A PE32+ image of these sections, and of a certificate table where `signature` is not empty.
inline Bytes image_of(const std::vector<Section>& sections, std::string_view signature = "") {
  constexpr std::size_t directories = 16;
  constexpr std::size_t optional_size = 112 + directories * 8;
  Bytes bytes = to_bytes("MZ");
  bytes.resize(0x3c);
  append_u32_le(bytes, 0x40);
  append(bytes, as_bytes(std::string_view("PE\0\0", 4)));
  append_u16_le(bytes, 0x8664);
  append_u16_le(bytes, static_cast<std::uint16_t>(sections.size()));
  append(bytes, Bytes(12));
  append_u16_le(bytes, optional_size);
  append_u16_le(bytes, 0);
  Bytes optional;
  append_u16_le(optional, 0x20b);
  optional.resize(108);
  append_u32_le(optional, directories);
  optional.resize(optional_size);
  const std::size_t directory_at = bytes.size() + 112 + 4 * 8;
  append(bytes, optional);
  std::size_t at = bytes.size() + sections.size() * 40;
  for (const Section& section : sections) {
    Bytes name = to_bytes(section.name);
    name.resize(8);
    append(bytes, name);
    append_u32_le(bytes, static_cast<std::uint32_t>(section.content.size()));
    append_u32_le(bytes, 0);
    append_u32_le(bytes, static_cast<std::uint32_t>(section.content.size()));
    append_u32_le(bytes, static_cast<std::uint32_t>(at));
    append(bytes, Bytes(16));
    at += section.content.size();
  }
  for (const Section& section : sections) append(bytes, as_bytes(section.content));
  if (!signature.empty()) {
    bytes.resize((bytes.size() + 7) / 8 * 8);
    Bytes entry;
    append_u32_le(entry, static_cast<std::uint32_t>(bytes.size()));
    append_u32_le(entry, static_cast<std::uint32_t>(signature.size()));
    std::ranges::copy(entry, bytes.begin() + static_cast<std::ptrdiff_t>(directory_at));
    append(bytes, as_bytes(signature));
  }
  return bytes;
}

// What the digest that Secure Boot knows covers of an image_of without a certificate table.
inline Bytes covered(const Bytes& image) {
  constexpr std::ptrdiff_t optional_at = 0x40 + 24;
  constexpr std::ptrdiff_t checksum_at = optional_at + 64;
  constexpr std::ptrdiff_t directory_at = optional_at + 112 + 4 * 8;
  Bytes kept = image;
  kept.erase(kept.begin() + directory_at, kept.begin() + directory_at + 8);
  kept.erase(kept.begin() + checksum_at, kept.begin() + checksum_at + 4);
  return kept;
}

}  // namespace attest::tpm

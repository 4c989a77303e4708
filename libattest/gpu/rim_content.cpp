// What a RIM file says: Meta and Payload.
#include <algorithm>
#include <charconv>
#include <set>

#include "libattest/base/text.h"
#include "libattest/gpu/rim_document.h"

namespace attest::gpu {

namespace rim {

namespace {

constexpr std::size_t max_resources = 1024;
constexpr std::size_t max_alternatives = 64;
constexpr std::size_t max_value = 4096;

std::unexpected<Error> wrong(Rule rule, std::string what, std::string place) {
  return fail(refused(rule, std::move(what)).within(place));
}

std::string place_of(const xmlNode* resource) {
  return "Resource \"" + printable(attribute(resource, "name").value_or("?"), 60) + "\", line " +
         std::to_string(xmlGetLineNo(resource));
}

// A decimal number without sign or leading blanks, at most `limit`.
std::optional<std::size_t> number(const std::optional<std::string>& text, std::size_t limit) {
  if (!text) return std::nullopt;
  std::size_t value = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || at != end || value > limit) return std::nullopt;
  return value;
}

std::string shown(const std::optional<std::string>& text) {
  return text ? "\"" + printable(*text, 60) + "\"" : "no such attribute";
}

Result<std::size_t> need_number(const xmlNode* resource, const std::string& name, Rule rule,
                                std::size_t limit) {
  const auto found = attribute(resource, name);
  const auto value = number(found, limit);
  if (!value)
    return fail(refused(rule, "a Resource has no proper " + name)
                    .expected("a decimal number up to " + std::to_string(limit))
                    .found(shown(found))
                    .within(place_of(resource)));
  return *value;
}

// The hashes as text; they are decoded when every Resource has its form.
Result<std::vector<std::string>> hashes_of(const xmlNode* resource, std::size_t count) {
  std::vector<std::string> hashes;
  for (std::size_t i = 0; i < count; ++i) {
    auto hash = attribute(resource, "Hash" + std::to_string(i), sha384_hashes);
    if (!hash)
      return wrong(rules::rim_hash, "a Resource lacks Hash" + std::to_string(i),
                   place_of(resource));
    hashes.push_back(std::move(*hash));
  }
  if (attribute(resource, "Hash" + std::to_string(count), sha384_hashes))
    return wrong(rules::rim_alternatives, "a Resource has more hashes than alternatives",
                 place_of(resource));
  return hashes;
}

struct ReadResource {
  GoldenValue value;
  std::vector<std::string> hashes;
  std::string place;
};

Result<ReadResource> read_resource(const xmlNode* resource) {
  ReadResource read;
  read.place = place_of(resource);
  read.value.name = printable(attribute(resource, "name").value_or(""), 80);
  TRY(const std::size_t index, need_number(resource, "index", rules::rim_index, max_resources - 1));
  read.value.index = static_cast<unsigned>(index);
  const auto active = attribute(resource, "active");
  if (active != "True" && active != "False")
    return fail(refused(rules::rim_active, "a Resource does not say whether it is active")
                    .expected("\"True\" or \"False\"")
                    .found(shown(active))
                    .within(read.place));
  read.value.active = active == "True";
  TRY(const std::size_t count,
      need_number(resource, "alternatives", rules::rim_alternatives, max_alternatives));
  if (count == 0)
    return wrong(rules::rim_alternatives, "a Resource has no alternatives", read.place);
  TRY(read.value.size, need_number(resource, "size", rules::rim_size, max_value));
  TRY(read.hashes, hashes_of(resource, count));
  return read;
}

Status decode_hashes(ReadResource& read) {
  for (const std::string& hash : read.hashes) {
    auto bytes = from_hex(hash);
    if (!bytes || bytes->size() != read.value.size)
      return fail(refused(rules::rim_hash, "a golden value is not hexadecimal of its size")
                      .expected(std::to_string(read.value.size) + " bytes")
                      .found("\"" + printable(hash, 40) + "\"")
                      .within(read.place));
    read.value.alternatives.push_back(*std::move(bytes));
  }
  return {};
}

Result<std::vector<GoldenValue>> read_payload(const xmlNode* payload) {
  const std::vector<xmlNode*> resources = children(payload, swid, "Resource");
  if (resources.empty())
    return wrong(rules::rim_empty, "the Payload lists no Resource",
                 "line " + std::to_string(xmlGetLineNo(payload)));
  if (resources.size() > max_resources)
    return wrong(rules::rim_too_large, "the Payload lists too many Resources",
                 std::to_string(resources.size()));
  std::vector<ReadResource> all;
  std::set<unsigned> indexes;
  for (const xmlNode* resource : resources) {
    TRY(ReadResource read, read_resource(resource));
    if (!indexes.insert(read.value.index).second)
      return wrong(rules::rim_duplicate_index,
                   "index " + std::to_string(read.value.index) + " stands twice", read.place);
    all.push_back(std::move(read));
  }
  std::vector<GoldenValue> golden;
  for (ReadResource& read : all) {
    TRY_VOID(decode_hashes(read));
    golden.push_back(std::move(read.value));
  }
  std::ranges::sort(golden, {}, &GoldenValue::index);
  return golden;
}

bool is_firmware_version(std::string_view version) {
  const auto parts = split(version, '.');
  return parts.size() == 5 && std::ranges::all_of(parts, [](std::string_view part) {
           return part.size() == 2 && from_hex(part).has_value();
         });
}

// What a file speaks of follows from its version: five bytes in hexadecimal are a VBIOS's.
RimKind kind_of(const RimContent& content) {
  if (content.edition == "SWITCH") return RimKind::switch_bios;
  return is_firmware_version(content.version) ? RimKind::vbios : RimKind::driver;
}

}  // namespace

Result<RimContent> read_content(const xmlDoc* document) {
  const xmlNode* root = xmlDocGetRootElement(document);
  if (!is_element(root, swid, "SoftwareIdentity"))
    return wrong(rules::rim_meta, "this is no SWID tag: it has no SoftwareIdentity with Meta",
                 "root element " + printable(reinterpret_cast<const char*>(root->name), 60));
  RimContent content;
  content.product = printable(attribute(root, "name").value_or(""), 60);
  content.tag_id = printable(attribute(root, "tagId").value_or(""), 128);
  const std::vector<xmlNode*> metas = children(root, swid, "Meta");
  if (metas.size() > 1)
    return wrong(rules::rim_meta, "Meta stands more than once",
                 "line " + std::to_string(xmlGetLineNo(metas[1])));
  if (!metas.empty()) {
    content.version = printable(attribute(metas[0], "colloquialVersion").value_or(""), 60);
    content.edition = printable(attribute(metas[0], "edition").value_or(""), 60);
    if (const auto product = attribute(metas[0], "product"))
      content.product = printable(*product, 60);
  }
  content.kind = kind_of(content);
  const std::vector<xmlNode*> payloads = children(root, swid, "Payload");
  if (payloads.size() != 1)
    return wrong(rules::rim_payload, "a RIM file has one Payload",
                 std::to_string(payloads.size()) + " in SoftwareIdentity");
  TRY(content.golden, read_payload(payloads[0]));
  return content;
}

}  // namespace rim

std::string_view to_string(RimKind kind) {
  switch (kind) {
    case RimKind::driver:
      return "driver";
    case RimKind::vbios:
      return "vbios";
    case RimKind::switch_bios:
      return "switch-bios";
  }
  return "";
}

std::size_t RimContent::active_count() const {
  return static_cast<std::size_t>(std::ranges::count(golden, true, &GoldenValue::active));
}

std::string RimContent::title() const {
  const std::string what = kind == RimKind::driver  ? "driver RIM "
                           : kind == RimKind::vbios ? "VBIOS RIM "
                                                    : "switch BIOS RIM ";
  if (!id.empty()) return what + id;
  return what + product + (version.empty() ? " without a version" : " " + version);
}

Result<UntrustedRim> parse_rim(ByteView bytes) {
  TRY(const rim::Document document, rim::read_document(bytes));
  UntrustedRim untrusted;
  untrusted.bytes = to_bytes(bytes);
  TRY(untrusted.content, rim::read_content(document.get()));
  const auto signature = rim::signature_of(document.get());
  untrusted.has_signature = signature || signature.error().rule != rules::rim_unsigned;
  return untrusted;
}

}  // namespace attest::gpu

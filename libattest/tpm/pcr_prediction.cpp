#include "libattest/tpm/pcr_prediction.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace attest::tpm {
namespace {

Error malformed(std::string what) {
  return refused(rules::pe_form, std::move(what));
}

// The order in which systemd-stub measures (enum UnifiedSection), and the version that began to.
// .pcrsig is left out: it holds signatures over the result.
struct MeasuredSection {
  std::string_view name;
  unsigned since;
};
constexpr auto measured_sections = std::to_array<MeasuredSection>({{".linux", 252},
                                                                   {".osrel", 252},
                                                                   {".cmdline", 252},
                                                                   {".initrd", 252},
                                                                   {".ucode", 256},
                                                                   {".splash", 252},
                                                                   {".dtb", 252},
                                                                   {".uname", 254},
                                                                   {".sbat", 254},
                                                                   {".pcrpkey", 252}});

constexpr auto phases =
    std::to_array<std::string_view>({"enter-initrd", "leave-initrd", "sysinit", "ready"});

constexpr std::size_t certificate_directory = 4;

}  // namespace

const PeImage::Section* PeImage::find(std::string_view name) const {
  const auto found = std::ranges::find(sections_, name, &Section::name);
  return found == sections_.end() ? nullptr : &*found;
}

Bytes PeImage::authenticode(HashAlgorithm hash) const {
  constexpr std::size_t checksum_size = 4;
  constexpr std::size_t directory_size = 8;
  Hasher hasher(hash);
  hasher.update(bytes_.first(checksum_at_));
  const std::size_t after_checksum = checksum_at_ + checksum_size;
  if (directory_at_ == 0) {
    hasher.update(bytes_.subspan(after_checksum, end_ - after_checksum));
  } else {
    hasher.update(bytes_.subspan(after_checksum, directory_at_ - after_checksum));
    const std::size_t after_directory = directory_at_ + directory_size;
    hasher.update(bytes_.subspan(after_directory, end_ - after_directory));
  }
  // A length that is no multiple of eight is made one in the file when it is signed; the firmware
  // hashes the file as it is.
  return hasher.finish();
}

Result<PeImage> parse_pe(ByteView bytes) {
  constexpr std::uint16_t pe32 = 0x10b;
  constexpr std::uint16_t pe32_plus = 0x20b;
  constexpr std::size_t new_header_at = 0x3c;
  PeImage image;
  image.bytes_ = bytes;
  if (!as_text(bytes).starts_with("MZ") || bytes.size() < new_header_at + 4)
    return fail(malformed("not an executable of the firmware's format").expected("MZ"));
  const std::size_t header_at = *ByteReader(bytes.subspan(new_header_at)).u32_le("e_lfanew");
  if (header_at > bytes.size()) return fail(malformed("the header lies outside the file"));
  ByteReader reader(bytes.subspan(header_at), header_at);
  TRY(const ByteView signature, reader.take(4, "signature"));
  if (as_text(signature) != std::string_view("PE\0\0", 4))
    return fail(malformed("not an executable of the firmware's format").expected("PE"));
  TRY_VOID(reader.take(2, "machine"));
  TRY(const std::uint16_t section_count, reader.u16_le("NumberOfSections"));
  TRY_VOID(reader.take(12, "symbols"));
  TRY(const std::uint16_t optional_size, reader.u16_le("SizeOfOptionalHeader"));
  TRY_VOID(reader.take(2, "characteristics"));
  const std::size_t optional_at = reader.offset();
  TRY(const ByteView optional, reader.take(optional_size, "optional header"));
  ByteReader magic_reader(optional);
  TRY(const std::uint16_t magic, magic_reader.u16_le("magic"));
  if (magic != pe32 && magic != pe32_plus)
    return fail(malformed("neither PE32 nor PE32+").found(std::to_string(magic)));
  constexpr std::size_t checksum_offset = 64;
  const std::size_t count_offset = magic == pe32 ? 92 : 108;
  if (optional.size() < count_offset + 4)
    return fail(malformed("the optional header is too short"));
  image.checksum_at_ = optional_at + checksum_offset;
  image.end_ = bytes.size();
  const std::uint32_t directories =
      *ByteReader(optional.subspan(count_offset)).u32_le("NumberOfRvaAndSizes");
  if (directories > certificate_directory) {
    const std::size_t at = count_offset + 4 + certificate_directory * 8;
    ByteReader directory(optional.subspan(std::min(at, optional.size())), optional_at + at);
    TRY(const std::uint32_t table_at, directory.u32_le("certificate table"));
    TRY(const std::uint32_t table_size, directory.u32_le("certificate table size"));
    image.directory_at_ = optional_at + at;
    if (table_size != 0) {
      if (table_at > bytes.size() || bytes.size() - table_at != table_size)
        return fail(malformed("the certificate table is not at the end of the file"));
      image.end_ = table_at;
    }
  }
  if (image.end_ < optional_at + optional.size())
    return fail(malformed("the certificate table lies in the header"));
  for (std::uint16_t i = 0; i < section_count; ++i) {
    TRY(const ByteView name, reader.take(8, "section name"));
    TRY(const std::uint32_t virtual_size, reader.u32_le("VirtualSize"));
    TRY_VOID(reader.take(4, "VirtualAddress"));
    TRY(const std::uint32_t raw_size, reader.u32_le("SizeOfRawData"));
    TRY(const std::uint32_t raw_at, reader.u32_le("PointerToRawData"));
    TRY_VOID(reader.take(16, "relocations and flags"));
    std::string_view text = as_text(name);
    text = text.substr(0, text.find('\0'));
    if (raw_size == 0) continue;  // filled with zeros when loaded: .bss
    if (raw_at > bytes.size() || raw_size > bytes.size() - raw_at)
      return fail(malformed("section " + std::string(text) + " lies outside the file"));
    const bool boot_section = std::ranges::find(measured_sections, text, &MeasuredSection::name) !=
                              measured_sections.end();
    if (virtual_size > raw_size && boot_section)
      return fail(malformed("section " + std::string(text) + " is longer than its data"));
    image.sections_.push_back(
        {std::string(text), bytes.subspan(raw_at, std::min(virtual_size, raw_size))});
  }
  return image;
}

namespace {

// "#### LoaderInfo: systemd-stub 252.39-1 ####", in a section of its own.
std::optional<unsigned> stub_version(const PeImage& image) {
  const PeImage::Section* section = image.find(".sdmagic");
  if (section == nullptr) return std::nullopt;
  const std::string_view text = as_text(section->content);
  constexpr std::string_view words = "systemd-stub ";
  const auto at = text.find(words);
  if (at == std::string_view::npos) return std::nullopt;
  unsigned version = 0;
  const std::string_view number = text.substr(at + words.size());
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version);
  if (error != std::errc{}) return std::nullopt;
  return version;
}

Bytes measure_text(PcrBank bank, const Bytes& pcr, std::string_view text) {
  return extend(bank, pcr, digest(bank, as_bytes(text)));
}

std::vector<PhasePrediction> predict_phases(PcrBank bank, Bytes pcr) {
  std::vector<PhasePrediction> predictions{{"", pcr}};
  std::string path;
  for (const std::string_view phase : phases) {
    path += (path.empty() ? "" : ":") + std::string(phase);
    pcr = measure_text(bank, pcr, phase);
    predictions.push_back({path, pcr});
  }
  return predictions;
}

std::optional<Bytes> extend_each(PcrBank bank, const std::vector<ByteView>& contents,
                                 std::optional<Bytes> pcr) {
  for (const ByteView content : contents) {
    if (!pcr) pcr = Bytes(digest_size(bank));
    pcr = extend(bank, *pcr, digest(bank, content));
  }
  return pcr;
}

// The sections the image's stub measures, in its order.
std::vector<const PeImage::Section*> measured_of(const PeImage& image) {
  const std::optional<unsigned> version = stub_version(image);
  std::vector<const PeImage::Section*> measured;
  for (const auto& [name, since] : measured_sections) {
    if (version && *version < since) continue;
    const PeImage::Section* section = image.find(name);
    // A section that is there and empty is measured by its name and nothing; systemd leaves it out.
    if (section != nullptr && !section->content.empty()) measured.push_back(section);
  }
  return measured;
}

}  // namespace

Bytes firmware_text(std::string_view ascii) {
  Bytes bytes;
  for (const char c : ascii) append_u16_le(bytes, static_cast<unsigned char>(c));
  append_u16_le(bytes, 0);
  return bytes;
}

std::vector<StubMeasurement> stub_measurements(const PeImage& image, PcrBank bank) {
  std::vector<StubMeasurement> measurements;
  for (const PeImage::Section* section : measured_of(image)) {
    const std::string with_nul = section->name + '\0';
    measurements.push_back({section->name + ", its name", digest(bank, as_bytes(with_nul))});
    measurements.push_back({section->name + ", its content", digest(bank, section->content)});
  }
  return measurements;
}

Result<BootPrediction> predict_boot(const BootFiles& files, PcrBank bank) {
  TRY(const PeImage image, parse_pe(files.unified_image));
  if (image.find(".linux") == nullptr)
    return fail(refused(rules::uki_form, "the image is no unified kernel image")
                    .expected("a section .linux"));
  if (image.find(".profile") != nullptr)
    return fail(incomplete(rules::uki_profiles,
                           "the image holds several profiles: which will be booted is not known"));
  BootPrediction prediction;
  prediction.bank = bank;
  prediction.image = image.authenticode(bank);
  Bytes pcr(digest_size(bank));
  prediction.stub_version = stub_version(image);
  for (const StubMeasurement& each : stub_measurements(image, bank))
    pcr = extend(bank, pcr, each.digest);
  for (const PeImage::Section* section : measured_of(image))
    prediction.sections.push_back(section->name);
  prediction.pcr11 = predict_phases(bank, pcr);
  if (files.command_line)
    prediction.pcr12 =
        extend(bank, Bytes(digest_size(bank)), digest(bank, firmware_text(*files.command_line)));
  prediction.pcr12 = extend_each(bank, files.credentials, std::move(prediction.pcr12));
  prediction.pcr13 = extend_each(bank, files.extensions, std::nullopt);
  return prediction;
}

}  // namespace attest::tpm

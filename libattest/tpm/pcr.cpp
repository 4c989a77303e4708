#include "libattest/tpm/pcr.h"

#include <charconv>

#include "libattest/base/cbor.h"
#include "libattest/base/text.h"
#include "libattest/tpm/algorithm.h"

namespace attest::tpm {

std::vector<unsigned> PcrSet::indexes() const {
  std::vector<unsigned> found;
  for (unsigned index = 0; index < pcr_count; ++index)
    if (contains(index)) found.push_back(index);
  return found;
}

std::string PcrSet::to_string() const {
  std::string text;
  for (const unsigned index : indexes()) text += (text.empty() ? "" : ",") + std::to_string(index);
  return text;
}

bool PcrSelection::empty() const {
  for (const Bank& bank : banks)
    if (!bank.pcrs.empty()) return false;
  return true;
}

bool PcrSelection::contains(PcrBank wanted, unsigned index) const {
  for (const Bank& bank : banks)
    if (bank.bank == wanted && bank.pcrs.contains(index)) return true;
  return false;
}

std::string PcrSelection::to_string() const {
  std::string text;
  for (const Bank& bank : banks) {
    if (!text.empty()) text += '+';
    text += std::string(hash_name(bank.bank)) + ":" + bank.pcrs.to_string();
  }
  return text.empty() ? "nothing" : text;
}

bool PcrSelection::same_pcrs(const PcrSelection& other) const {
  std::map<PcrBank, std::uint32_t> mine;
  std::map<PcrBank, std::uint32_t> theirs;
  for (const Bank& bank : banks)
    if (!bank.pcrs.empty()) mine[bank.bank] |= bank.pcrs.bits();
  for (const Bank& bank : other.banks)
    if (!bank.pcrs.empty()) theirs[bank.bank] |= bank.pcrs.bits();
  return mine == theirs;
}

namespace {

Result<unsigned> parse_index(std::string_view text) {
  unsigned index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size() || index >= pcr_count)
    return fail(
        refused(rules::pcr_form, "not a PCR index").expected("0 to 23").found(printable(text, 20)));
  return index;
}

}  // namespace

Result<PcrSelection> parse_selection(std::string_view text) {
  PcrSelection selection;
  for (const std::string_view part : split(text, '+')) {
    const auto colon = part.find(':');
    if (colon == std::string_view::npos)
      return fail(refused(rules::pcr_form, "not a PCR selection")
                      .expected("BANK:INDEX,… such as sha256:0,1,7")
                      .found(printable(part, 60)));
    TRY(const PcrBank bank, hash_by_name(part.substr(0, colon)));
    for (const PcrSelection::Bank& other : selection.banks)
      if (other.bank == bank)
        return fail(refused(rules::pcr_form, "bank named twice in a PCR selection")
                        .found(std::string(hash_name(bank))));
    PcrSet pcrs;
    for (const std::string_view item : split(part.substr(colon + 1), ',')) {
      TRY(const unsigned index, parse_index(item));
      pcrs.insert(index);
    }
    selection.banks.push_back({bank, pcrs});
  }
  return selection;
}

Status PcrValues::set(PcrBank bank, unsigned index, ByteView value) {
  if (index >= pcr_count)
    return fail(refused(rules::pcr_form, "PCR index out of range")
                    .expected("0 to 23")
                    .found(std::to_string(index)));
  if (value.size() != digest_size(bank))
    return fail(refused(rules::pcr_form, std::string("value of PCR ") + std::to_string(index) +
                                             " has the wrong length for bank " +
                                             std::string(hash_name(bank)))
                    .expected(std::to_string(digest_size(bank)) + " bytes")
                    .found(std::to_string(value.size())));
  banks_[bank][index] = to_bytes(value);
  return {};
}

const Bytes* PcrValues::find(PcrBank bank, unsigned index) const {
  const auto of_bank = banks_.find(bank);
  if (of_bank == banks_.end()) return nullptr;
  const auto value = of_bank->second.find(index);
  return value == of_bank->second.end() ? nullptr : &value->second;
}

Result<Bytes> pcr_digest(HashAlgorithm hash, const PcrSelection& selection,
                         const PcrValues& values) {
  Hasher hasher(hash);
  for (const PcrSelection::Bank& bank : selection.banks) {
    for (const unsigned index : bank.pcrs.indexes()) {
      const Bytes* value = values.find(bank.bank, index);
      if (value == nullptr)
        return fail(refused(rules::pcr_missing, "a selected PCR has no value")
                        .expected(std::string(hash_name(bank.bank)) + ":" + std::to_string(index))
                        .found("nothing"));
      hasher.update(*value);
    }
  }
  return hasher.finish();
}

Bytes encode_pcrs(const PcrValues& values) {
  cbor::Map banks;
  for (const auto& [bank, pcrs] : values.banks()) {
    cbor::Map of_bank;
    for (const auto& [index, value] : pcrs) of_bank.emplace_back(index, value);
    banks.emplace_back(hash_name(bank), std::move(of_bank));
  }
  return cbor::encode(std::move(banks));
}

Result<PcrValues> parse_pcrs(ByteView bytes) {
  TRY(const cbor::Value item, cbor::decode(bytes, cbor::Form::deterministic, {.depth = 4}));
  const cbor::Map* banks = item.as_map();
  if (banks == nullptr)
    return fail(refused(rules::pcr_form, "PCR values are no map")
                    .expected("{bank: {index: bytes}}")
                    .found(std::string(item.type_name())));
  PcrValues values;
  for (const auto& [name, of_bank] : *banks) {
    TRY(const std::string bank_name, cbor::expect_text(name, "PCR bank"));
    TRY(const PcrBank bank, hash_by_name(bank_name));
    const cbor::Map* pcrs = of_bank.as_map();
    if (pcrs == nullptr)
      return fail(refused(rules::pcr_form, "bank " + bank_name + " is no map")
                      .found(std::string(of_bank.type_name())));
    for (const auto& [key, value] : *pcrs) {
      TRY(const std::uint64_t index, cbor::expect_unsigned(key, "PCR index"));
      if (index >= pcr_count)
        return fail(refused(rules::pcr_form, "PCR index out of range")
                        .expected("0 to 23")
                        .found(std::to_string(index)));
      TRY(const Bytes content, cbor::expect_bytes(value, "PCR value"));
      TRY_VOID(values.set(bank, static_cast<unsigned>(index), content));
    }
  }
  return values;
}

Result<PcrValues> pcrs_from_raw(const PcrSelection& selection, ByteView raw) {
  ByteReader reader(raw);
  PcrValues values;
  for (const PcrSelection::Bank& bank : selection.banks) {
    for (const unsigned index : bank.pcrs.indexes()) {
      TRY(const ByteView value, reader.take(digest_size(bank.bank), "PCR value"));
      TRY_VOID(values.set(bank.bank, index, value));
    }
  }
  TRY_VOID(reader.finish("PCR values"));
  return values;
}

namespace {

// Sizes of the C structures: TPML_PCR_SELECTION is a count and 16 of {hash, size, 4 octets},
// TPML_DIGEST a count and 8 TPM2B_DIGESTs of 2 and 64 bytes.
constexpr std::size_t tools_banks = 16;
constexpr std::size_t tools_digests = 8;
constexpr std::size_t tools_digest_size = 64;

Result<PcrSelection> tools_selection(ByteReader& reader) {
  TRY(const std::uint32_t count, reader.u32_le("selection count"));
  if (count > tools_banks)
    return fail(refused(rules::pcr_form, "too many banks").found(std::to_string(count)));
  PcrSelection selection;
  for (std::size_t i = 0; i < tools_banks; ++i) {
    TRY(const std::uint16_t id, reader.u16_le("hash"));
    TRY_VOID(reader.u8("sizeofSelect"));
    TRY(const ByteView octets, reader.take(4, "pcrSelect"));
    TRY_VOID(reader.u8("structure padding"));
    if (i >= count) continue;
    const auto bank = hash_of(id);
    if (!bank) return fail(refused(rules::pcr_form, "a bank of an unknown hash is selected"));
    std::uint32_t bits = 0;
    for (std::size_t octet = 0; octet < 3; ++octet)
      bits |= std::to_integer<std::uint32_t>(octets[octet]) << (8 * octet);
    selection.banks.push_back({*bank, PcrSet::from_bits(bits)});
  }
  return selection;
}

}  // namespace

Result<PcrValues> pcrs_from_tools(const PcrSelection& selection, ByteView blob) {
  ByteReader reader(blob);
  TRY(const PcrSelection held, tools_selection(reader));
  if (!held.same_pcrs(selection))
    return fail(refused(rules::pcr_form, "the values are of other PCRs than the quote's")
                    .expected(selection.to_string())
                    .found(held.to_string()));
  TRY(const std::uint32_t lists, reader.u32_le("number of lists"));
  Bytes raw;
  for (std::uint32_t list = 0; list < lists; ++list) {
    TRY(const std::uint32_t count, reader.u32_le("number of digests"));
    if (count > tools_digests)
      return fail(refused(rules::pcr_form, "too many digests").found(std::to_string(count)));
    for (std::size_t i = 0; i < tools_digests; ++i) {
      TRY(const std::uint16_t size, reader.u16_le("digest size"));
      TRY(const ByteView room, reader.take(tools_digest_size, "digest"));
      if (i >= count) continue;
      if (size > tools_digest_size)
        return fail(refused(rules::pcr_form, "a digest is too long").found(std::to_string(size)));
      append(raw, room.first(size));
    }
  }
  TRY_VOID(reader.finish("PCR values"));
  return pcrs_from_raw(selection, raw);
}

Bytes extend(PcrBank bank, ByteView old_value, ByteView digest) {
  Hasher hasher(bank);
  hasher.update(old_value);
  hasher.update(digest);
  return hasher.finish();
}

Bytes initial_value(PcrBank bank, unsigned index) {
  const bool dynamic = index >= 17 && index <= 22;
  return Bytes(digest_size(bank), dynamic ? std::byte{0xff} : std::byte{0});
}

}  // namespace attest::tpm

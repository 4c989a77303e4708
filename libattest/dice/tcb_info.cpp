#include "libattest/dice/tcb_info.h"

#include "libattest/base/text.h"
#include "libattest/crypto/der_reader.h"

namespace attest::dice {

namespace {

constexpr std::size_t max_infos = 64;
constexpr std::size_t max_text = 1024;

Error form(std::string what) {
  return refused(rules::tcb_info_form, std::move(what));
}

Result<std::string> text_of(ByteView content, std::string_view field) {
  const std::string_view text = as_text(content);
  if (text.size() > max_text || !is_utf8(text))
    return fail(form(std::string(field) + " is no text of a sane length"));
  return std::string(text);
}

// OperationalFlags: a BIT STRING whose bit 0 is the first, most significant one.
Result<std::uint32_t> flags_of(ByteView content) {
  if (content.empty() || content.size() > 5 || std::to_integer<unsigned>(content[0]) > 7)
    return fail(form("operational flags are no BIT STRING of at most 32 bits"));
  std::uint32_t flags = 0;
  for (std::size_t i = 1; i < content.size(); ++i)
    for (unsigned bit = 0; bit < 8; ++bit)
      if ((std::to_integer<unsigned>(content[i]) >> (7U - bit) & 1U) != 0)
        flags |= 1U << (8U * static_cast<unsigned>(i - 1) + bit);
  return flags;
}

Result<std::vector<FirmwareId>> firmware_ids_of(ByteView content) {
  std::vector<FirmwareId> ids;
  DerReader list(content);
  while (!list.at_end()) {
    if (ids.size() == max_infos) return fail(form("more than 64 firmware ids"));
    TRY(DerReader pair, list.enter(der_tag::sequence, "FWID"));
    FirmwareId id;
    TRY(id.algorithm, pair.oid("FWID algorithm"));
    TRY(const DerElement digest, pair.expect(der_tag::octet_string, "FWID digest"));
    TRY_VOID(pair.finish("FWID"));
    id.digest = to_bytes(digest.content);
    ids.push_back(std::move(id));
  }
  return ids;
}

Status read_member(unsigned number, ByteView content, TcbInfo& into) {
  switch (number) {
    case 0: {
      TRY(into.vendor, text_of(content, "vendor"));
      return {};
    }
    case 1: {
      TRY(into.model, text_of(content, "model"));
      return {};
    }
    case 2: {
      TRY(into.version, text_of(content, "version"));
      return {};
    }
    case 3: {
      TRY(into.svn, der_unsigned(content, "svn"));
      return {};
    }
    case 4: {
      TRY(into.layer, der_unsigned(content, "layer"));
      return {};
    }
    case 5: {
      TRY(into.index, der_unsigned(content, "index"));
      return {};
    }
    case 6: {
      TRY(into.firmware_ids, firmware_ids_of(content));
      return {};
    }
    case 7: {
      TRY(into.flags, flags_of(content));
      return {};
    }
    case 8:
      into.vendor_info = to_bytes(content);
      return {};
    case 9:
      into.type = to_bytes(content);
      return {};
    case 10: {
      TRY(into.flags_mask, flags_of(content));
      return {};
    }
    default:  // 11: integrity registers, which no verifier here compares
      return {};
  }
}

Result<TcbInfo> read_tcb_info(DerReader members) {
  TcbInfo info;
  unsigned next = 0;
  while (!members.at_end()) {
    TRY(const DerElement member, members.next("DiceTcbInfo"));
    const unsigned number = member.tag & 0x1fU;
    if ((member.tag & 0xc0U) != 0x80 || number < next || number > 11)
      return fail(
          form("a member is unknown, or out of order").found("tag " + std::to_string(number)));
    next = number + 1;
    TRY_VOID(read_member(number, member.content, info));
  }
  return info;
}

}  // namespace

bool TcbInfo::debug() const {
  constexpr std::uint32_t worrying = 1U << 0U | 1U << 1U | 1U << 3U;
  return flags && (*flags & flags_mask.value_or(~0U) & worrying) != 0;
}

Result<TcbInfo> parse_tcb_info(ByteView der) {
  TRY(const DerReader members, DerReader::of(der, der_tag::sequence, "DiceTcbInfo"));
  return read_tcb_info(members);
}

Result<std::vector<TcbInfo>> parse_multi_tcb_info(ByteView der) {
  TRY(DerReader list, DerReader::of(der, der_tag::sequence, "MultiDiceTcbInfo"));
  std::vector<TcbInfo> infos;
  while (!list.at_end()) {
    if (infos.size() == max_infos) return fail(form("more than 64 layers in one certificate"));
    TRY(const DerReader members, list.enter(der_tag::sequence, "DiceTcbInfo"));
    TRY(TcbInfo info, read_tcb_info(members));
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<std::vector<TcbInfo>> tcb_infos_of(const Certificate& certificate) {
  std::vector<TcbInfo> infos;
  if (const auto multi = certificate.extension(multi_tcb_info_oid)) {
    TRY_WITHIN(certificate.subject(), infos, parse_multi_tcb_info(*multi));
  }
  if (const auto single = certificate.extension(tcb_info_oid)) {
    TRY_WITHIN(certificate.subject(), TcbInfo info, parse_tcb_info(*single));
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<std::optional<Bytes>> ueid_of(const Certificate& certificate) {
  const auto extension = certificate.extension(ueid_oid);
  if (!extension) return std::nullopt;
  TRY(DerReader members, DerReader::of(*extension, der_tag::sequence, "TcgUeid"));
  TRY(const DerElement id, members.expect(der_tag::octet_string, "TcgUeid"));
  TRY_VOID(members.finish("TcgUeid"));
  return to_bytes(id.content);
}

}  // namespace attest::dice

#include "libattest/tee/pck_certificate.h"

#include <algorithm>
#include <set>

#include "libattest/base/text.h"
#include "libattest/crypto/der_reader.h"

namespace attest::tee {

namespace {

const std::string arc = "1.2.840.113741.1.13.1";

Error malformed(std::string what) {
  return refused(rules::pck_certificate, std::move(what)).within("SGX extension");
}

Result<Bytes> octets(DerReader& value, std::size_t size, const std::string& field) {
  TRY(const DerElement element, value.expect(der_tag::octet_string, field));
  if (element.content.size() != size)
    return fail(malformed(field + " has the wrong length")
                    .expected(std::to_string(size))
                    .found(std::to_string(element.content.size())));
  return to_bytes(element.content);
}

Status read_tcb(DerReader tcb, PckFields& fields) {
  std::set<std::string> seen;
  while (!tcb.at_end()) {
    TRY(DerReader pair, tcb.enter(der_tag::sequence, "TCB component"));
    TRY(const std::string oid, pair.oid("TCB component"));
    if (!oid.starts_with(arc + ".2.") || !seen.insert(oid).second)
      return fail(malformed("a TCB component is unknown or said twice").found(oid));
    const std::string number = oid.substr(arc.size() + 3);
    if (number == "18") {
      TRY_VOID(octets(pair, 16, "CPUSVN"));
    } else {
      TRY(const std::uint64_t value, pair.unsigned_integer("SVN"));
      const unsigned long index = number.size() <= 2 ? std::stoul(number) : 99;
      if (index < 1 || index > 17 || value > (index == 17 ? 0xffffU : 0xffU))
        return fail(malformed("a TCB component is out of range").found(oid));
      if (index == 17)
        fields.pce_svn = static_cast<std::uint16_t>(value);
      else
        fields.components[index - 1] = static_cast<std::uint8_t>(value);
    }
    TRY_VOID(pair.finish("TCB component"));
  }
  if (seen.size() != 18)
    return fail(malformed("the TCB is not whole")
                    .expected("18 members")
                    .found(std::to_string(seen.size())));
  return {};
}

}  // namespace

bool has_common_name(const Certificate& certificate, std::string_view wanted) {
  const std::string subject = certificate.subject();
  const auto parts = split(subject, ',');
  return std::ranges::count(parts, wanted) == 1 &&
         std::ranges::count_if(parts,
                               [](std::string_view part) { return part.starts_with("CN="); }) == 1;
}

Result<PckFields> read_pck_certificate(const Certificate& certificate) {
  const auto extension = certificate.extension(arc);
  if (!extension)
    return fail(malformed("the certificate has no SGX extension, so it is no PCK certificate")
                    .within(certificate.subject()));
  TRY(DerReader members, DerReader::of(*extension, der_tag::sequence, "SGX extension"));
  PckFields fields;
  bool has_tcb = false;
  while (!members.at_end()) {
    TRY(DerReader member, members.enter(der_tag::sequence, "SGX extension member"));
    TRY(const std::string oid, member.oid("SGX extension member"));
    const std::string number = oid.starts_with(arc + ".") ? oid.substr(arc.size() + 1) : "";
    if (number == "2") {
      if (std::exchange(has_tcb, true)) return fail(malformed("the TCB is said twice"));
      TRY(DerReader tcb, member.enter(der_tag::sequence, "TCB"));
      TRY_VOID(read_tcb(tcb, fields));
    } else if (number == "1" && fields.ppid.empty()) {
      TRY(fields.ppid, octets(member, 16, "PPID"));
    } else if (number == "3" && fields.pce_id.empty()) {
      TRY(fields.pce_id, octets(member, 2, "PCE-ID"));
    } else if (number == "4" && fields.fmspc.empty()) {
      TRY(fields.fmspc, octets(member, 6, "FMSPC"));
    } else if (number == "6" && fields.platform_instance_id.empty()) {
      TRY(fields.platform_instance_id, octets(member, 16, "platform instance id"));
    } else if (number == "1" || number == "3" || number == "4" || number == "6") {
      return fail(malformed("a member is said twice").found(oid));
    } else {
      TRY_VOID(member.next("SGX extension member"));
    }
    TRY_VOID(member.finish("SGX extension member"));
  }
  if (!has_tcb || fields.pce_id.empty() || fields.fmspc.empty())
    return fail(malformed("the SGX extension lacks TCB, PCE-ID or FMSPC"));
  return fields;
}

}  // namespace attest::tee

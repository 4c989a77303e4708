#include "agentd/tpm_client.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "agentd/tpm_templates.h"
#include "libattest/tpm/algorithm.h"

namespace attest::agentd {
namespace {

template <typename T>
struct FreeEsys {
  void operator()(T* object) const { Esys_Free(object); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeEsys<T>>;

Status check(TSS2_RC code, std::string what) {
  if (code == TSS2_RC_SUCCESS) return {};
  return fail(fault(rules::tpm_command, std::move(what)).found(Tss2_RC_Decode(code)));
}

// marshal writes a TPM structure as it travels.
template <typename T, typename Marshal>
Result<Bytes> marshal(const T& value, Marshal function) {
  std::array<std::uint8_t, sizeof(T) + 64> buffer;
  std::size_t size = 0;
  TRY_VOID(
      check(function(&value, buffer.data(), buffer.size(), &size), "cannot write a TPM structure"));
  return to_bytes(std::as_bytes(std::span(buffer.data(), size)));
}

template <typename T, typename Unmarshal>
Result<T> unmarshal(ByteView bytes, Unmarshal function, std::string_view what) {
  T value{};
  std::size_t offset = 0;
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (function(data, bytes.size(), &offset, &value) != TSS2_RC_SUCCESS || offset != bytes.size())
    return fail(refused(rules::tpm_command, std::string(what) + " has the wrong form"));
  return value;
}

TPML_PCR_SELECTION to_tpm(const tpm::PcrSelection& selection) {
  TPML_PCR_SELECTION list{};
  for (const tpm::PcrSelection::Bank& bank : selection.banks) {
    TPMS_PCR_SELECTION& entry = list.pcrSelections[list.count++];
    entry.hash = tpm::id_of(bank.bank);
    entry.sizeofSelect = 3;
    for (unsigned octet = 0; octet < 3; ++octet)
      entry.pcrSelect[octet] = static_cast<BYTE>(bank.pcrs.bits() >> (8 * octet));
  }
  return list;
}

tpm::PcrSet pcrs_of(const TPMS_PCR_SELECTION& entry) {
  std::uint32_t bits = 0;
  for (unsigned octet = 0; octet < std::min<unsigned>(entry.sizeofSelect, 3); ++octet)
    bits |= std::uint32_t{entry.pcrSelect[octet]} << (8 * octet);
  return tpm::PcrSet::from_bits(bits);
}

// PolicySession satisfies PolicySecret(TPM_RH_ENDORSEMENT), which the default EKs ask for.
class PolicySession {
 public:
  static Result<PolicySession> open(ESYS_CONTEXT* esys, TPMI_ALG_HASH hash) {
    TPMT_SYM_DEF no_encryption{};
    no_encryption.algorithm = TPM2_ALG_NULL;
    ESYS_TR handle = ESYS_TR_NONE;
    TRY_VOID(check(
        Esys_StartAuthSession(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, nullptr, TPM2_SE_POLICY, &no_encryption, hash, &handle),
        "cannot start a policy session"));
    PolicySession session(esys, handle);
    // Kept after its use, so that one place ends it: the destructor.
    TRY_VOID(check(Esys_TRSess_SetAttributes(esys, handle, TPMA_SESSION_CONTINUESESSION,
                                             TPMA_SESSION_CONTINUESESSION),
                   "cannot keep the policy session"));
    TRY_VOID(check(
        Esys_PolicySecret(esys, ESYS_TR_RH_ENDORSEMENT, handle, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                          ESYS_TR_NONE, nullptr, nullptr, nullptr, 0, nullptr, nullptr),
        "the endorsement hierarchy does not authorise the EK"));
    return session;
  }
  PolicySession(PolicySession&& other) noexcept
      : esys_(other.esys_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}
  PolicySession& operator=(PolicySession&&) = delete;
  ~PolicySession() {
    if (handle_ != ESYS_TR_NONE) Esys_FlushContext(esys_, handle_);
  }
  ESYS_TR handle() const { return handle_; }

 private:
  PolicySession(ESYS_CONTEXT* esys, ESYS_TR handle) : esys_(esys), handle_(handle) {}
  ESYS_CONTEXT* esys_;
  ESYS_TR handle_;
};

// EkAuthorisation opens a policy session as the EK's template asks for; it is good for one command.
// The high-range EKs would take the empty password too, but a password is refused while the TPM is
// in its dictionary-attack lockout, which a few power cuts bring about, and a policy is not.
class EkAuthorisation {
 public:
  static Result<EkAuthorisation> open(ESYS_CONTEXT* esys, EkKind kind) {
    const bool high_range = kind == EkKind::ecc_p384;
    TRY(PolicySession session,
        PolicySession::open(esys, high_range ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256));
    if (high_range) {
      const TPML_DIGEST branches = ek_policy_branches();
      TRY_VOID(check(Esys_PolicyOR(esys, session.handle(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                   &branches),
                     "the EK's policy does not hold"));
    }
    return EkAuthorisation(std::move(session));
  }
  ESYS_TR handle() const { return session_.handle(); }

 private:
  explicit EkAuthorisation(PolicySession session) : session_(std::move(session)) {}
  PolicySession session_;
};

Result<Owned<TPMS_CAPABILITY_DATA>> capability(ESYS_CONTEXT* esys, TPM2_CAP kind,
                                               std::uint32_t first, std::uint32_t count) {
  TPMS_CAPABILITY_DATA* data = nullptr;
  TPMI_YES_NO more = TPM2_NO;
  TRY_VOID(check(Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, kind, first,
                                    count, &more, &data),
                 "the TPM does not tell what it has"));
  return Owned<TPMS_CAPABILITY_DATA>(data);
}

}  // namespace

std::string_view to_string(EkKind kind) {
  switch (kind) {
    case EkKind::ecc_p256:
      return "ecc-p256";
    case EkKind::ecc_p384:
      return "ecc-p384";
    case EkKind::rsa2048:
      return "rsa-2048";
  }
  return "";
}

Result<EkKind> ek_kind_by_name(std::string_view name) {
  for (const EkKind kind : {EkKind::ecc_p256, EkKind::ecc_p384, EkKind::rsa2048})
    if (to_string(kind) == name) return kind;
  return fail(refused(rules::tpm_command, "unknown kind of endorsement key")
                  .expected("ecc-p256, ecc-p384 or rsa-2048")
                  .found(std::string(name)));
}

std::uint32_t ek_certificate_index(EkKind kind) {
  // EK Credential Profile 2.5 table 2 and section 2.2.1.5.
  switch (kind) {
    case EkKind::ecc_p256:
      return 0x01c0000a;
    case EkKind::ecc_p384:
      return 0x01c00016;
    case EkKind::rsa2048:
      return 0x01c00002;
  }
  return 0;
}

LoadedKey::LoadedKey(LoadedKey&& other) noexcept
    : esys_(other.esys_),
      handle_(std::exchange(other.handle_, ESYS_TR_NONE)),
      sized_public_(std::move(other.sized_public_)) {}

LoadedKey::~LoadedKey() {
  if (handle_ != ESYS_TR_NONE) Esys_FlushContext(esys_, handle_);
}

void TpmClient::CloseTcti::operator()(TSS2_TCTI_OPAQUE_CONTEXT_BLOB* tcti) const {
  Tss2_TctiLdr_Finalize(&tcti);
}

void TpmClient::CloseEsys::operator()(ESYS_CONTEXT* esys) const {
  Esys_Finalize(&esys);
}

Result<TpmClient> TpmClient::connect(const std::string& tcti) {
  TpmClient client;
  TSS2_TCTI_CONTEXT* transport = nullptr;
  const TSS2_RC opened = Tss2_TctiLdr_Initialize(tcti.c_str(), &transport);
  if (opened != TSS2_RC_SUCCESS)
    return fail(incomplete(rules::tpm_unreachable, "no TPM at tcti \"" + tcti + "\"")
                    .found(Tss2_RC_Decode(opened))
                    .next("is the device there, and may this user open it? the group is tss"));
  client.tcti_.reset(transport);
  ESYS_CONTEXT* esys = nullptr;
  TRY_VOID(check(Esys_Initialize(&esys, transport, nullptr), "cannot talk to the TPM"));
  client.esys_.reset(esys);
  TRY_VOID(client.flush_leftovers());
  return client;
}

// Behind a resource manager only our own handles are listed; without one nobody else is there.
Status TpmClient::flush_leftovers() const {
  for (const std::uint32_t first : {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST}) {
    TRY(const auto data, capability(esys_.get(), TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES));
    const TPML_HANDLE& handles = data->data.handles;
    for (UINT32 i = 0; i < handles.count; ++i) {
      ESYS_TR object = ESYS_TR_NONE;
      if (Esys_TR_FromTPMPublic(esys_.get(), handles.handle[i], ESYS_TR_NONE, ESYS_TR_NONE,
                                ESYS_TR_NONE, &object) == TSS2_RC_SUCCESS)
        Esys_FlushContext(esys_.get(), object);
    }
  }
  return {};
}

Result<std::optional<Bytes>> TpmClient::read_nv(std::uint32_t index) const {
  TRY(const auto defined, capability(esys_.get(), TPM2_CAP_HANDLES, index, 1));
  const TPML_HANDLE& handles = defined->data.handles;
  if (handles.count == 0 || handles.handle[0] != index) return std::nullopt;

  ESYS_TR nv = ESYS_TR_NONE;
  TRY_VOID(check(
      Esys_TR_FromTPMPublic(esys_.get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv),
      "cannot find the NV index"));
  TPM2B_NV_PUBLIC* raw_area = nullptr;
  TRY_VOID(check(Esys_NV_ReadPublic(esys_.get(), nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                    &raw_area, nullptr),
                 "cannot read the NV index's description"));
  const Owned<TPM2B_NV_PUBLIC> area(raw_area);
  // Certificates may be read by their own (empty) password, or by the owner's.
  const bool by_itself = (area->nvPublic.attributes & TPMA_NV_AUTHREAD) != 0;
  const ESYS_TR authority = by_itself ? nv : ESYS_TR_RH_OWNER;
  constexpr UINT16 piece = 512;  // what every TPM gives at once
  Bytes content;
  while (content.size() < area->nvPublic.dataSize) {
    const auto left = static_cast<UINT16>(area->nvPublic.dataSize - content.size());
    TPM2B_MAX_NV_BUFFER* raw_data = nullptr;
    TRY_VOID(
        check(Esys_NV_Read(esys_.get(), authority, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                           std::min(left, piece), static_cast<UINT16>(content.size()), &raw_data),
              "cannot read the NV index"));
    const Owned<TPM2B_MAX_NV_BUFFER> data(raw_data);
    if (data->size == 0)
      return fail(fault(rules::tpm_command, "the TPM gives an NV index only in part"));
    append(content, std::as_bytes(std::span(data->buffer, data->size)));
  }
  return content;
}

Result<std::vector<EkKind>> TpmClient::ek_kinds() const {
  std::vector<EkKind> kinds;
  for (const EkKind kind : {EkKind::ecc_p256, EkKind::ecc_p384, EkKind::rsa2048}) {
    const std::uint32_t index = ek_certificate_index(kind);
    TRY(const auto defined, capability(esys_.get(), TPM2_CAP_HANDLES, index, 1));
    const TPML_HANDLE& handles = defined->data.handles;
    if (handles.count > 0 && handles.handle[0] == index) kinds.push_back(kind);
  }
  return kinds;
}

Result<std::vector<tpm::PcrBank>> TpmClient::banks() const {
  TRY(const auto data, capability(esys_.get(), TPM2_CAP_PCRS, 0, 1));
  const TPML_PCR_SELECTION& assigned = data->data.assignedPCR;
  std::vector<tpm::PcrBank> banks;
  for (UINT32 i = 0; i < assigned.count; ++i) {
    const auto bank = tpm::hash_of(assigned.pcrSelections[i].hash);
    if (bank && !pcrs_of(assigned.pcrSelections[i]).empty()) banks.push_back(*bank);
  }
  return banks;
}

Result<tpm::PcrValues> TpmClient::read_pcrs(const tpm::PcrSelection& selection) const {
  tpm::PcrValues values;
  // A TPM gives at most eight values a command, and says which they were.
  for (const tpm::PcrSelection::Bank& bank : selection.banks) {
    tpm::PcrSet left = bank.pcrs;
    while (!left.empty()) {
      const TPML_PCR_SELECTION asked = to_tpm({{{bank.bank, left}}});
      TPML_PCR_SELECTION* raw_given = nullptr;
      TPML_DIGEST* raw_digests = nullptr;
      TRY_VOID(check(Esys_PCR_Read(esys_.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &asked,
                                   nullptr, &raw_given, &raw_digests),
                     "cannot read PCRs"));
      const Owned<TPML_PCR_SELECTION> given(raw_given);
      const Owned<TPML_DIGEST> digests(raw_digests);
      const tpm::PcrSet read = given->count == 0 ? tpm::PcrSet{} : pcrs_of(given->pcrSelections[0]);
      const std::vector<unsigned> indexes = read.indexes();
      if (indexes.empty() || indexes.size() != digests->count)
        return fail(fault(rules::tpm_command, "the TPM does not give all PCRs asked for")
                        .expected(bank.pcrs.to_string())
                        .next("is bank " + std::string(hash_name(bank.bank)) + " allocated?"));
      for (std::size_t i = 0; i < indexes.size(); ++i) {
        const TPM2B_DIGEST& value = digests->digests[i];
        TRY_VOID(
            values.set(bank.bank, indexes[i], std::as_bytes(std::span(value.buffer, value.size))));
      }
      left = left.without(read);
    }
  }
  return values;
}

Result<EndorsementKey> TpmClient::create_ek(EkKind kind) const {
  const TPM2B_SENSITIVE_CREATE no_secret{};
  const TPM2B_PUBLIC area = ek_template(kind);
  const TPM2B_DATA no_data{};
  const TPML_PCR_SELECTION no_pcrs{};
  ESYS_TR handle = ESYS_TR_NONE;
  TPM2B_PUBLIC* raw_public = nullptr;
  TRY_VOID(check(Esys_CreatePrimary(esys_.get(), ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
                                    ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, &area, &no_data,
                                    &no_pcrs, &handle, &raw_public, nullptr, nullptr, nullptr),
                 "cannot make the endorsement key"));
  LoadedKey key(esys_.get(), handle, {});
  const Owned<TPM2B_PUBLIC> made(raw_public);
  TRY(key.sized_public_, marshal(*made, Tss2_MU_TPM2B_PUBLIC_Marshal));
  return EndorsementKey{kind, std::move(key)};
}

Result<WrappedKey> TpmClient::create_ak(const EndorsementKey& ek) const {
  TRY(const EkAuthorisation authorised, EkAuthorisation::open(esys_.get(), ek.kind));
  const TPM2B_SENSITIVE_CREATE no_secret{};
  const TPM2B_PUBLIC area = ak_template();
  const TPM2B_DATA no_data{};
  const TPML_PCR_SELECTION no_pcrs{};
  TPM2B_PRIVATE* raw_private = nullptr;
  TPM2B_PUBLIC* raw_public = nullptr;
  TRY_VOID(check(Esys_Create(esys_.get(), ek.key.handle(), authorised.handle(), ESYS_TR_NONE,
                             ESYS_TR_NONE, &no_secret, &area, &no_data, &no_pcrs, &raw_private,
                             &raw_public, nullptr, nullptr, nullptr),
                 "cannot make the attestation key"));
  const Owned<TPM2B_PRIVATE> wrapped(raw_private);
  const Owned<TPM2B_PUBLIC> made(raw_public);
  WrappedKey ak;
  TRY(ak.sized_public, marshal(*made, Tss2_MU_TPM2B_PUBLIC_Marshal));
  TRY(ak.sized_private, marshal(*wrapped, Tss2_MU_TPM2B_PRIVATE_Marshal));
  return ak;
}

Result<LoadedKey> TpmClient::load_ak(const EndorsementKey& ek, const WrappedKey& ak) const {
  TRY(const auto area,
      unmarshal<TPM2B_PUBLIC>(ak.sized_public, Tss2_MU_TPM2B_PUBLIC_Unmarshal, "the AK"));
  TRY(const auto wrapped,
      unmarshal<TPM2B_PRIVATE>(ak.sized_private, Tss2_MU_TPM2B_PRIVATE_Unmarshal, "the AK"));
  TRY(const EkAuthorisation authorised, EkAuthorisation::open(esys_.get(), ek.kind));
  ESYS_TR handle = ESYS_TR_NONE;
  const TSS2_RC loaded = Esys_Load(esys_.get(), ek.key.handle(), authorised.handle(), ESYS_TR_NONE,
                                   ESYS_TR_NONE, &wrapped, &area, &handle);
  if (loaded != TSS2_RC_SUCCESS)
    return fail(refused(rules::tpm_foreign_key, "this TPM does not know the attestation key")
                    .found(Tss2_RC_Decode(loaded))
                    .next("if the TPM was replaced or cleared, enrol again: agentd --enrol"));
  return LoadedKey(esys_.get(), handle, ak.sized_public);
}

Result<TpmQuote> TpmClient::quote(const LoadedKey& ak, ByteView qualifying_data,
                                  const tpm::PcrSelection& selection) const {
  TPM2B_DATA nonce{};
  if (qualifying_data.size() > sizeof(nonce.buffer))
    return fail(fault(rules::tpm_command, "the qualifying data is longer than a TPM takes"));
  nonce.size = static_cast<UINT16>(qualifying_data.size());
  std::memcpy(nonce.buffer, qualifying_data.data(), qualifying_data.size());
  TPMT_SIG_SCHEME key_scheme{};
  key_scheme.scheme = TPM2_ALG_NULL;  // the AK's own
  const TPML_PCR_SELECTION pcrs = to_tpm(selection);
  TPM2B_ATTEST* raw_attest = nullptr;
  TPMT_SIGNATURE* raw_signature = nullptr;
  TRY_VOID(check(Esys_Quote(esys_.get(), ak.handle(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                            &nonce, &key_scheme, &pcrs, &raw_attest, &raw_signature),
                 "the TPM does not quote"));
  const Owned<TPM2B_ATTEST> attest(raw_attest);
  const Owned<TPMT_SIGNATURE> signature(raw_signature);
  TpmQuote quote;
  quote.attest = to_bytes(std::as_bytes(std::span(attest->attestationData, attest->size)));
  TRY(quote.signature, marshal(*signature, Tss2_MU_TPMT_SIGNATURE_Marshal));
  return quote;
}

Result<Bytes> TpmClient::activate_credential(const EndorsementKey& ek, const LoadedKey& ak,
                                             ByteView credential_blob,
                                             ByteView encrypted_secret) const {
  TRY(const auto blob, unmarshal<TPM2B_ID_OBJECT>(
                           credential_blob, Tss2_MU_TPM2B_ID_OBJECT_Unmarshal, "the credential"));
  TRY(const auto secret,
      unmarshal<TPM2B_ENCRYPTED_SECRET>(encrypted_secret, Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal,
                                        "the credential's secret"));
  TRY(const EkAuthorisation authorised, EkAuthorisation::open(esys_.get(), ek.kind));
  TPM2B_DIGEST* raw_opened = nullptr;
  const TSS2_RC activated =
      Esys_ActivateCredential(esys_.get(), ak.handle(), ek.key.handle(), ESYS_TR_PASSWORD,
                              authorised.handle(), ESYS_TR_NONE, &blob, &secret, &raw_opened);
  if (activated != TSS2_RC_SUCCESS)
    return fail(refused(rules::tpm_credential,
                        "the TPM does not open this credential: it was made for another TPM or "
                        "another attestation key")
                    .found(Tss2_RC_Decode(activated)));
  const Owned<TPM2B_DIGEST> opened(raw_opened);
  return to_bytes(std::as_bytes(std::span(opened->buffer, opened->size)));
}

}  // namespace attest::agentd

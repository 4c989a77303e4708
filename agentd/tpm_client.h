// TpmClient is agentd's TPM, through tpm2-tss (ESYS) and whatever TCTI the configuration names.
//
// Every handle is owned: keys and sessions are flushed when their object goes, and what an earlier
// run left behind is flushed on connecting (a TPM has room for three keys; leaked sessions made
// other agents' quotes fail after 64). A connection is short-lived: without a resource manager a
// TPM serves one at a time. One object is for one thread; keys must not outlive their client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/tpm/pcr.h"

struct ESYS_CONTEXT;
struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB;

namespace attest::agentd {

// EkKind is one of the default EK templates, each with its certificate's place in NV.
enum class EkKind { ecc_p256, ecc_p384, rsa2048 };
std::string_view to_string(EkKind kind);
Result<EkKind> ek_kind_by_name(std::string_view name);
std::uint32_t ek_certificate_index(EkKind kind);

// LoadedKey is a key in a TPM's transient memory; flushed when it goes.
class LoadedKey {
 public:
  LoadedKey(LoadedKey&& other) noexcept;
  LoadedKey& operator=(LoadedKey&&) = delete;
  ~LoadedKey();
  // sized_public is the TPM2B_PUBLIC as the TPM gave it.
  const Bytes& sized_public() const { return sized_public_; }
  std::uint32_t handle() const { return handle_; }

 private:
  friend class TpmClient;
  LoadedKey(ESYS_CONTEXT* esys, std::uint32_t handle, Bytes sized_public)
      : esys_(esys), handle_(handle), sized_public_(std::move(sized_public)) {}
  ESYS_CONTEXT* esys_;
  std::uint32_t handle_;
  Bytes sized_public_;
};

// EndorsementKey is an EK and which template it was made of, which decides how it is authorised.
struct EndorsementKey {
  EkKind kind;
  LoadedKey key;
};

// WrappedKey is a key encrypted by its TPM: worth nothing anywhere else.
struct WrappedKey {
  Bytes sized_public;   // TPM2B_PUBLIC
  Bytes sized_private;  // TPM2B_PRIVATE
};

struct TpmQuote {
  Bytes attest;     // TPMS_ATTEST
  Bytes signature;  // TPMT_SIGNATURE
};

class TpmClient {
 public:
  // connect opens the TPM; one that is missing or may not be opened is incomplete and says what to
  // do. `tcti` is what tpm2-tss takes: "device:/dev/tpmrm0", "tabrmd", "swtpm:path=…".
  static Result<TpmClient> connect(const std::string& tcti);

  // read_nv gives an NV index's content, or nothing where it is not defined.
  Result<std::optional<Bytes>> read_nv(std::uint32_t index) const;
  // ek_kinds are those with a certificate in NV, the cheapest to use first.
  Result<std::vector<EkKind>> ek_kinds() const;

  Result<std::vector<tpm::PcrBank>> banks() const;
  Result<tpm::PcrValues> read_pcrs(const tpm::PcrSelection& selection) const;

  Result<EndorsementKey> create_ek(EkKind kind) const;
  Result<WrappedKey> create_ak(const EndorsementKey& ek) const;
  // load_ak is refused (rules::tpm_foreign_key) when this TPM did not wrap the key.
  Result<LoadedKey> load_ak(const EndorsementKey& ek, const WrappedKey& ak) const;
  Result<TpmQuote> quote(const LoadedKey& ak, ByteView qualifying_data,
                         const tpm::PcrSelection& selection) const;
  // activate_credential gives the secret of a credential made for this EK and this AK's Name.
  Result<Bytes> activate_credential(const EndorsementKey& ek, const LoadedKey& ak,
                                    ByteView credential_blob, ByteView encrypted_secret) const;

 private:
  struct CloseTcti {
    void operator()(TSS2_TCTI_OPAQUE_CONTEXT_BLOB* tcti) const;
  };
  struct CloseEsys {
    void operator()(ESYS_CONTEXT* esys) const;
  };
  TpmClient() = default;
  Status flush_leftovers() const;

  // The ESYS context uses the TCTI, so it goes first.
  std::unique_ptr<TSS2_TCTI_OPAQUE_CONTEXT_BLOB, CloseTcti> tcti_;
  std::unique_ptr<ESYS_CONTEXT, CloseEsys> esys_;
};

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule tpm_unreachable{"agentd.tpm.unreachable"};
inline constexpr Rule tpm_command{"agentd.tpm.command"};
inline constexpr Rule tpm_foreign_key{"agentd.tpm.foreign-key"};
inline constexpr Rule tpm_credential{"agentd.tpm.credential"};
}  // namespace attest::rules

// Appraisal: what verified evidence is worth under a policy, with reference values and manifests
// from the ledger. It gives a verdict with reasons, never an error: whatever can not be judged is
// incomplete, and said to be.
//
// Pure: the same inputs give the same result, years later, anywhere.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "libattest/appraisal/policy.h"
#include "libattest/appraisal/proven_reference_values.h"
#include "libattest/appraisal/proven_rims.h"
#include "libattest/appraisal/verify_evidence.h"
#include "libattest/hardware/device_manifest.h"
#include "libattest/result/ear.h"
#include "libattest/tee/collateral.h"
#include "libattest/tpm/quote_history.h"

namespace attest::appraisal {

// NodeMemory is what a verifier keeps of a node between two appraisals. Counters of the TPM compare
// only for one and the same AK, so it is kept with the AK's Name.
struct NodeMemory {
  Bytes ak_name;
  tpm::ClockInfo clock;
  std::uint64_t firmware_version = 0;
  // What firmware and boot loader measured: PCRs 0 to 9, 11 to 14. After a change at run time they
  // stay those from before it, so that it is not forgotten until the next boot.
  tpm::PcrValues pcrs = {};
  // How far the IMA list was judged and found good: what the next challenge may tell the node.
  std::optional<evidence::ImaState> ima = {};
};

// ImaList is the list of files nodes may run, with the digest of its bytes.
struct ImaList {
  Sha256 digest{};
  tpm::ImaAllowList list;
};

// GpuTrust is what GPUs are judged by: whose devices are believed, and the RIM files of the ledger.
struct GpuTrust {
  gpu::RootPins device_roots = {};
  gpu::RootPins rim_roots = {};
  std::span<const ProvenRim> rims = {};
};

// CustodyOf gives all statements about one device that the ledger proves; nothing for one it does
// not speak of. It must give the same for the whole of an appraisal.
using CustodyOf =
    std::function<Result<std::vector<hardware::ProvenStatement>>(const statement::Subject&)>;

struct AppraisalInputs {
  std::span<const ProvenReferenceValues> reference_values;
  const hardware::DeviceManifests& manifests;
  // Policies that the ledger proves somebody entitled to has entered.
  std::span<const hardware::ProvenStatement> policies;
  std::optional<NodeMemory> previous;  // of the last evidence accepted from this node
  Time now;
  std::string verifier;  // the verifier's name: the result's issuer
  result::VerifierId verifier_id;
  // The list of files that the policy names by its digest, where the verifier has it.
  const ImaList* ima_list = nullptr;
  GpuTrust gpu = {};
  // What devices of the policy's platform may measure, and GPUs by the ids of their RIM files.
  std::span<const ProvenDeviceValues> device_values = {};
  std::vector<Certificate> tee_roots = {};  // believed beside those of libattest/tee/roots.h
  // Certificates, CRLs and TCB info that the verifier has, beside what nodes send along.
  const tee::Collateral* collateral = nullptr;
  std::vector<Certificate> platform_authorities = {};  // who may sign platform certificates
  CustodyOf custody = {};
};

struct Appraisal {
  result::Ear ear;
  result::Verdict verdict = result::Verdict::incomplete;
  // memory is what to keep for the next appraisal, unless the quote was a replay.
  std::optional<NodeMemory> memory;
  // since_last says what happened to the node since the last evidence, where that is worth a line
  // in its history: "rebooted (resetCount 41 → 42)". Empty: nothing did.
  std::string since_last;
  // reasons are the checks that did not pass, a line each, worst first.
  std::vector<std::string> reasons;
};

// appraise judges, in this order; each line is a check in the result, by its name:
//   policy.entered    the policy itself is, to the byte, in a statement of the ledger (it is not:
//                     incomplete): nobody can judge nodes by rules that no administrator signed
//   node.age          the quote is not older than the policy allows
//   node.clock        the TPM's counters do not lie behind those of the last evidence accepted, nor
//                     did its firmware change without a reset
//   boot.runtime      no PCR that firmware measures into (0 to 7) changed without a reboot since
//   node.tpm          the TPM is not a software TPM, unless the policy allows it
//   node.manifest     one issuer, and one only, has a manifest for the TPM, and it names no other
//                     node (missing: incomplete, where the policy requires one)
//   boot.quoted       every PCR the policy requires is quoted in the policy's bank
//   boot.eventlog     the event log explains the PCRs (absent: incomplete, where required)
//   boot.pcr.<n>      the PCR equals a reference value of the policy's platform (no such value:
//                     incomplete). Where it does not, the first event that no reference value knows
//                     is named, and whether the machine was rebooted or changed at run time
//   boot.secure_boot  the log shows Secure Boot on (it does not say: incomplete), where required
//   ima.list          the quoted PCR 10 vouches for the IMA list, where the policy asks for one
//                     (absent, or PCR 10 not quoted: incomplete). Of a list that goes on from what
//                     was judged before, that was by this policy (by another: incomplete)
//   ima.violations    no file changed while it was measured or in use, unless allowed
//   ima.files         every measured file is in the list that the policy names by its digest, or
//                     signed by one of the list's keys (the verifier lacks that list: incomplete)
//   models.report     the node lists its models, where required
//   gpu.<n>.…         each GPU that signs: chain, report for the nonce of its label, RIM files,
//                     measurements (gpu/device_verdict.h), a version not older than the policy's
//                     minimum, no devtools mode by the host's word, and a place in the node's
//                     manifest, where that lists GPUs. One that signs nothing is incomplete where
//                     the policy requires reports
//   gpu.devices.…     no device stands for two; gpu.topology.…: links to switches close
//   gpu.manifest      every GPU of the manifest answers
//   tee.report        its TEE signed for this challenge and these GPUs, where it has one
//   tee.measurement   the guest is one that reference values of the policy's platform describe,
//   where
//                     the policy asks (no such value: incomplete)
//   platform.certificate  the machine's maker certified it, for this TPM (absent: incomplete, where
//                     required)
//   components.listed the parts that the host found are those that are certified, and no others,
//                     where the policy asks
//   custody.<device>  the life of the TPM ("ek"), each GPU and switch ("gpu.<n>"), the processor
//                     ("chip") and the machine ("platform") by the ledger: whole, no transfer open,
//                     not at its end, and by the policy's rules (hardware/custody.h). Of kinds the
//                     policy requires, a device nobody claims is refused; of others, only what the
//                     ledger says against them counts
//   place.<device>    where its holder says that it is, by the policy's rules
// The verdict is refused when any check is, else incomplete when any is, else pass. What nobody
// looked at stands in `not_checked`.
Appraisal appraise(const VerifiedEvidence& evidence, const Policy& policy,
                   const AppraisalInputs& inputs);

}  // namespace attest::appraisal

// Enrolment: a node shows its TPM, proves that the TPM holds its attestation key, and is
// registered.
//
// All members may be called from several threads.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "libattest/evidence/enrolment.h"
#include "libattest/tpm/ek.h"
#include "verifierd/identity.h"
#include "verifierd/ledger_service.h"
#include "verifierd/state_store.h"
#include "verifierd/trust_source.h"

namespace attest::verifierd {

inline constexpr Seconds enrol_session_life{120};
inline constexpr std::size_t enrol_sessions_limit = 1024;

// KnownManifests gives what the ledger says of TPMs, as of its published checkpoint.
using KnownManifests = std::function<std::shared_ptr<const LedgerKnowledge>()>;

class Enrolment {
 public:
  Enrolment(StateStore& state, const TrustSource& trust, const Identity& identity,
            KnownManifests knowledge, Random& random, Now now,
            std::vector<Certificate> software_tpm_roots)
      : state_(state),
        trust_(trust),
        identity_(identity),
        knowledge_(std::move(knowledge)),
        random_(random),
        now_(std::move(now)),
        software_roots_(std::move(software_tpm_roots)) {}

  // begin checks, in this order, that
  //   - the node id has its form;
  //   - the EK's certificate chains to an EK root of the trust root and is for this very EK
  //     (tpm::verify_ek), or the EK is allowed by name, by the trust root or by allow_eks;
  //   - one manifest of the ledger names the EK, and no other node, or it is allowed by name;
  //   - the node id is not registered with another EK, nor the EK with another node id;
  //   - the AK is fit to be one (tpm::verify_ak);
  // and answers with a credential that only this TPM, holding this AK, can open. The session is in
  // memory only: a restart forgets it, and the node begins again.
  Result<evidence::EnrolChallenge> begin(const evidence::EnrolBegin& request);

  // allow_eks names EKs that are trusted beside those of the trust root.
  void allow_eks(std::set<Sha256> eks);

  // complete checks that the session is alive and the secret the right one; either ends the
  // session. It registers the node and enters its state in the log. A known TPM with another AK is
  // recorded as such.
  Result<evidence::EnrolResult> complete(const evidence::EnrolComplete& request);

 private:
  struct Session {
    std::string node;
    Sha256 ek{};
    bool software_tpm = false;
    std::optional<Bytes> ek_certificate;
    Bytes ak_name;
    Bytes ak_public;
    Bytes secret;
    Time expires;
  };
  struct TrustedEk {
    tpm::UntrustedPublic area;
    bool software_tpm = false;
    std::optional<Bytes> certificate = {};
  };
  Result<TrustedEk> trusted_ek(const evidence::EnrolBegin& request, const TrustRoot& trust) const;
  bool is_allowed(const Sha256& ek, const TrustRoot& trust) const;
  Status check_manifest(const std::string& node, const Sha256& ek, const TrustRoot& trust) const;
  Status check_not_taken(const std::string& node, const Sha256& ek) const;
  Status keep(const evidence::EnrolSession& id, Session session);
  Status register_node(const Session& session, Time now);

  StateStore& state_;
  const TrustSource& trust_;
  const Identity& identity_;
  KnownManifests knowledge_;
  Random& random_;
  Now now_;
  std::vector<Certificate> software_roots_;
  mutable std::mutex allowed_mutex_;
  std::set<Sha256> allowed_eks_;
  std::mutex mutex_;
  std::map<evidence::EnrolSession, Session> sessions_;
};

// parse_allowed_eks reads a list: a line each, "ek:<64 hex digits>"; '#' begins a comment.
Result<std::set<Sha256>> parse_allowed_eks(std::string_view text);

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule enrol_allow_list{"verifierd.enrol.allow-list"};
inline constexpr Rule enrol_no_certificate{"verifierd.enrol.no-certificate"};
inline constexpr Rule enrol_ek_unfit{"verifierd.enrol.ek-unfit"};
inline constexpr Rule enrol_unknown_ek{"verifierd.enrol.unknown-ek"};
inline constexpr Rule enrol_disputed{"verifierd.enrol.disputed-manifest"};
inline constexpr Rule enrol_other_node{"verifierd.enrol.manifest-of-other-node"};
inline constexpr Rule enrol_node_taken{"verifierd.enrol.node-has-other-ek"};
inline constexpr Rule enrol_ek_taken{"verifierd.enrol.ek-has-other-node"};
inline constexpr Rule enrol_session{"verifierd.enrol.session"};
inline constexpr Rule enrol_secret{"verifierd.enrol.secret"};
inline constexpr Rule enrol_busy{"verifierd.enrol.busy"};
}  // namespace attest::rules

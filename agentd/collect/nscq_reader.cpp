#include "agentd/collect/nscq_reader.h"

#include <algorithm>
#include <optional>

#include "agentd/collect/driver_library.h"
#include "agentd/collect/nscq_abi.h"

namespace attest::agentd {
namespace {

constexpr std::size_t max_switches = 64;

struct Calls {
  explicit Calls(const DriverLibrary& library)
      : create(library.find<nscq::CreateSession>("nscq_session_create")),
        destroy(library.find<nscq::DestroySession>("nscq_session_destroy")),
        observe(library.find<nscq::Observe>("nscq_session_path_observe")),
        set_input(library.find<nscq::SetInput>("nscq_session_set_input")),
        to_label(library.find<nscq::ToLabel>("nscq_uuid_to_label")) {}
  bool all() const { return create && destroy && observe && set_input && to_label; }

  nscq::CreateSession create;
  nscq::DestroySession destroy;
  nscq::Observe observe;
  nscq::SetInput set_input;
  nscq::ToLabel to_label;
};

// Callbacks only keep what they are given: nothing may be thrown through the library.
void keep_uuid(const nscq::Uuid* /*device*/, nscq::Return code, const nscq::Uuid* uuid, void* to) {
  auto& uuids = *static_cast<std::vector<nscq::Uuid>*>(to);
  if (code == nscq::success && uuid != nullptr && uuids.size() < max_switches)
    uuids.push_back(*uuid);
}

void keep_report(const nscq::Uuid* /*device*/, nscq::Return code, nscq::AttestationReport report,
                 void* to) {
  if (code != nscq::success || report.size == 0 || report.size > sizeof report.report) return;
  *static_cast<std::optional<Bytes>*>(to) =
      to_bytes(std::as_bytes(std::span(report.report).first(report.size)));
}

void keep_chain(const nscq::Uuid* /*device*/, nscq::Return code, nscq::Certificates chain,
                void* to) {
  if (code != nscq::success || chain.size == 0 || chain.size > sizeof chain.chain) return;
  *static_cast<std::optional<Bytes>*>(to) =
      to_bytes(std::as_bytes(std::span(chain.chain).first(chain.size)));
}

void keep_mode(const nscq::Uuid* /*device*/, nscq::Return code, std::int8_t mode, void* to) {
  if (code == nscq::success) *static_cast<std::optional<int>*>(to) = mode;
}

// A session that ends, whatever happens in it.
class Session {
 public:
  explicit Session(const Calls& calls) : calls_(&calls) {
    const nscq::SessionResult made = calls.create(nscq::mount_devices);
    if (made.code >= nscq::success) session_ = made.session;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (session_ != nullptr) calls_->destroy(session_);
  }
  bool is_open() const { return session_ != nullptr; }

  template <typename Callback>
  nscq::Return observe(const std::string& path, Callback callback, void* to) const {
    return calls_->observe(session_, path.c_str(), reinterpret_cast<nscq::AnyCallback>(callback),
                           to, 0);
  }
  nscq::Return set_nonce(Sha256 nonce) const {
    return calls_->set_input(session_, 0, nonce.data(), nscq::nonce_size);
  }

 private:
  const Calls* calls_;
  nscq::Session session_ = nullptr;
};

std::string mode_words(int mode) {
  switch (mode) {
    case 0:
      return "off";
    case 1:
      return "on";
    case 3:
      return "locked";
    default:
      return "failure";
  }
}

evidence::GpuItem ask(const Session& session, const std::string& label, const Sha256& nonce) {
  evidence::GpuItem item{.vendor = "nvidia", .report = {}, .chain = {}, .ocsp = {}, .host = {}};
  item.host["kind"] = "nvswitch";
  item.host["uuid"] = printable(label);
  std::optional<int> mode;
  session.observe("/" + label + nscq::mode_path, nscq::ModeCallback(keep_mode), &mode);
  if (mode) item.host["cc.tnvl"] = mode_words(*mode);
  const nscq::Return asked = session.set_nonce(nonce);
  if (asked != nscq::success) {
    item.host["report.error"] = "NSCQ takes no nonce, error " + std::to_string(asked);
    return item;
  }
  const nscq::Return reported = session.observe("/" + label + nscq::report_path,
                                                nscq::ReportCallback(keep_report), &item.report);
  const nscq::Return chained = session.observe("/" + label + nscq::certificate_path,
                                               nscq::CertificateCallback(keep_chain), &item.chain);
  if (!item.report)
    item.host["report.error"] = "NSCQ error " + std::to_string(reported);
  else if (!item.chain)
    item.host["report.error"] = "no certificates, NSCQ error " + std::to_string(chained);
  return item;
}

}  // namespace

std::vector<evidence::GpuItem> read_nscq(const std::string& name, const NonceFor& nonce) {
  std::vector<evidence::GpuItem> items;
  const DriverLibrary library(name);
  if (!library.is_open()) return items;
  const Calls calls(library);
  if (!calls.all()) return items;
  const Session session(calls);
  if (!session.is_open()) return items;
  std::vector<nscq::Uuid> uuids;
  session.observe(nscq::all_switches, nscq::UuidCallback(keep_uuid), &uuids);
  for (const nscq::Uuid& uuid : uuids) {
    nscq::Label label{};
    if (calls.to_label(&uuid, &label, 0) != nscq::success) continue;
    const std::string text(label.data, ::strnlen(label.data, sizeof label.data));
    items.push_back(ask(session, text, nonce(items.size())));
  }
  return items;
}

}  // namespace attest::agentd

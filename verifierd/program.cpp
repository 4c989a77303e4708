#include "verifierd/program.h"

#include <algorithm>

#include "libattest/http/daemon.h"
#include "libattest/http/tls_files.h"

namespace attest::verifierd {

namespace {

constexpr std::chrono::seconds grace{20};

Result<appraisal::Policy> read_policy(const Path& file) {
  TRY(const std::string text, read_text_file(file, 1U << 20));
  return appraisal::parse_policy(text, file.string());
}

Result<std::shared_ptr<const appraisal::ImaList>> read_ima_list(const std::optional<Path>& file) {
  if (!file) return nullptr;
  TRY(const std::string text, read_text_file(*file, 256U << 20));
  TRY_WITHIN(file->string(), auto list, tpm::ImaAllowList::parse(text));
  return std::make_shared<const appraisal::ImaList>(sha256(as_bytes(text)), std::move(list));
}

// Files of a folder that are no collateral are passed over; what calls itself collateral and is
// malformed is an error.
Result<std::shared_ptr<const tee::Collateral>> read_collateral(const std::vector<Path>& places) {
  auto collateral = std::make_shared<tee::Collateral>();
  for (const Path& place : places) {
    std::vector<Path> files = {place};
    std::error_code error;
    if (std::filesystem::is_directory(place, error)) {
      files.clear();
      TRY(const auto names, system_files().list(place));
      for (const std::string& name : names)
        if (std::filesystem::is_regular_file(place / name, error)) files.push_back(place / name);
    }
    for (const Path& file : files) {
      TRY(const Bytes content, read_file(file, 16U << 20));
      TRY_WITHIN(file.string(), const bool taken, collateral->add(content));
      if (!taken) log_warning(file.string() + " is no collateral; it is passed over");
    }
  }
  return collateral;
}

Result<std::set<Sha256>> read_allowed_eks(const std::optional<Path>& file) {
  if (!file) return std::set<Sha256>();
  TRY(const std::string text, read_text_file(*file, 16U << 20));
  TRY_WITHIN(file->string(), auto eks, parse_allowed_eks(text));
  return eks;
}

Result<std::vector<Certificate>> read_roots(const std::optional<Path>& file) {
  if (!file) return std::vector<Certificate>();
  TRY(const std::string pem, read_text_file(*file, 4U << 20));
  TRY_WITHIN(file->string(), auto roots, Certificate::all_from_pem(pem));
  return roots;
}

void log_access(const http::AccessRecord& record) {
  std::string line = record.remote + " " + record.method + " " + record.path + " " +
                     std::to_string(record.status) + " " + std::to_string(record.received) + " " +
                     std::to_string(record.sent) + " " + std::to_string(record.duration.count()) +
                     "us";
  if (record.client_key) line += " client=" + to_hex(*record.client_key);
  if (record.error.empty()) {
    log_info(line);
  } else {
    log_error(line + " error=\"" + record.error + "\"");
  }
}

}  // namespace

Status check_standing(const TrustRoot& trust, const Identity& identity, const std::string& origin) {
  const PublicKey& key = identity.key->public_key();
  const bool known = std::ranges::any_of(trust.verifiers(), [&](const auto& verifier) {
    return verifier.name == identity.name && verifier.key == key;
  });
  if (!known)
    return fail(refused(rules::verifier_unknown, "the trust root does not know this verifier")
                    .expected("a [[verifier]] \"" + identity.name + "\" with key " +
                              to_hex(key.thumbprint())));
  TRY(const statement::Subject log, statement::Subject::log(origin));
  for (const auto& [kind, subject] :
       {std::pair{statement::Kind::node_state_change, identity.node_subject("any")},
        std::pair{statement::Kind::batch, log}}) {
    const Status may = trust.may_say(identity.name, key.thumbprint(), kind, subject);
    if (!may)
      return fail(
          refused(rules::verifier_may_not_say,
                  "the trust root does not let this verifier make statements of kind " +
                      std::string(to_string(kind)))
              .expected("an [[issuer]] \"" + identity.name + "\" that may, over " + subject.text())
              .found(may.error().to_string()));
  }
  return {};
}

Program::Program(const Config& config, TrustRoot trust, Identity identity,
                 std::unique_ptr<StateStore> state, Now now)
    : config_(config),
      now_(std::move(now)),
      identity_(std::move(identity)),
      state_(std::move(state)),
      trust_(config.trust, std::move(trust)) {}

Program::~Program() {
  stop();
}

Result<std::unique_ptr<Program>> Program::start(const Config& config, Random& random, Now now) {
  TRY(TrustRoot trust, TrustRoot::read(config.trust));
  TRY_VOID(trust.check_time(now()));
  TRY_VOID(system_files().make_directories(config.directory, 0700));
  TRY_VOID(system_files().make_directories(config.directory / "evidence", 0700));
  Identity identity;
  identity.name = config.name;
  TRY_WITHIN("verifier.key", identity.key, open_signing_key(config.key));
  TRY(identity.node_salt, load_node_salt(config.node_salt, random));
  TRY(auto state, StateStore::open(config.directory / "state.db"));
  std::unique_ptr<Program> program(
      new Program(config, std::move(trust), std::move(identity), std::move(state), std::move(now)));
  TRY_VOID(program->assemble(random));
  TRY_VOID(program->listen());
  return program;
}

Result<appraisal::Policy> Program::put_policy_in_force() {
  TRY(appraisal::Policy policy, read_policy(config_.policy));
  Status kept = state_->keep_policy(policy.name, policy.revision, policy.digest);
  if (!kept) return fail(std::move(kept).error().within(config_.policy.string()));
  return policy;
}

Status Program::assemble(Random& random) {
  TRY(appraisal::Policy policy, put_policy_in_force());
  TRY(auto ima_list, read_ima_list(config_.ima_list));
  TRY(auto collateral, read_collateral(config_.collateral));
  TRY(auto software_roots, read_roots(config_.software_tpm_roots));
  TRY(ledger_, LedgerService::open(config_, *state_, trust_, now_));
  TRY_VOID(check_standing(trust_.get(), identity_, ledger_->origin()));
  const auto knowledge = [this] { return ledger_->knowledge(); };
  enrolment_ = std::make_unique<Enrolment>(*state_, trust_, identity_, knowledge, random, now_,
                                           std::move(software_roots));
  TRY(auto allowed_eks, read_allowed_eks(config_.allowed_eks));
  enrolment_->allow_eks(std::move(allowed_eks));
  const auto custody = [this](const statement::Subject& device) {
    return ledger_->custody(device);
  };
  attestation_ = std::make_unique<Attestation>(
      *state_, identity_, knowledge, custody, random, now_,
      Attestation::Files{std::move(policy), std::move(ima_list), std::move(collateral)},
      config_.challenge_lifetime, config_.directory / "evidence");
  receipts_ = std::make_unique<Receipts>(*state_, *ledger_, identity_, now_);
  ledger_->start([this]() -> Status {
    // A challenge is kept for an hour beyond its end, so that a late answer hears why.
    TRY_VOID(state_->forget_challenges(now_() - std::chrono::hours(1)));
    return receipts_->make_batches();
  });
  return {};
}

Status Program::listen() {
  http::ServerOptions options;
  options.listen = config_.listen;
  TRY(options.tls, http::load_tls_identity(config_.tls_certificate, config_.tls_key));
  if (config_.client_ca) {
    TRY(options.clients,
        http::load_client_roots(*config_.client_ca, http::ClientCertificates::Wanted::required));
  }
  options.limits.threads = 8;
  options.name = "verifierd";
  options.access_log = log_access;
  TRY(server_, http::Server::start(std::move(options), make_router({*state_, *ledger_, *enrolment_,
                                                                    *attestation_, *receipts_})));
  return {};
}

Status Program::reload() {
  Status first;
  const auto note = [&first](Status status) {
    if (!status && first) first = std::move(status);
  };
  note(trust_.reload(now_()));
  note(ledger_->relearn());
  if (auto policy = put_policy_in_force()) {
    attestation_->replace_policy(*std::move(policy));
  } else {
    note(fail(policy.error()));
  }
  if (auto eks = read_allowed_eks(config_.allowed_eks)) {
    enrolment_->allow_eks(*std::move(eks));
  } else {
    note(fail(eks.error()));
  }
  if (auto list = read_ima_list(config_.ima_list)) {
    attestation_->replace_ima_list(*std::move(list));
  } else {
    note(fail(list.error()));
  }
  if (auto collateral = read_collateral(config_.collateral)) {
    attestation_->replace_collateral(*std::move(collateral));
  } else {
    note(fail(collateral.error()));
  }
  if (auto tls = http::load_tls_identity(config_.tls_certificate, config_.tls_key)) {
    note(server_->replace_tls(*tls));
  } else {
    note(fail(tls.error()));
  }
  return first;
}

bool Program::healthy() const {
  return ledger_->alive(std::chrono::duration_cast<std::chrono::seconds>(
      config_.checkpoint_interval + std::chrono::seconds(60)));
}

void Program::stop() {
  if (server_) server_->stop(grace);
  if (ledger_) ledger_->stop();
}

}  // namespace attest::verifierd

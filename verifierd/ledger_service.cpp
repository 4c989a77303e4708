#include "verifierd/ledger_service.h"

#include "ledger/http_source.h"
#include "ledger/witness_service.h"
#include "libattest/base/text.h"
#include "libattest/http/daemon.h"
#include "libattest/transparency/cose_receipt.h"

namespace attest::verifierd {

namespace {

using statement::Kind;
constexpr std::size_t outbox_batch = 256;
constexpr std::chrono::seconds longest_wait{10};

Result<std::shared_ptr<ledger::TileSource>> open_mirror(const Config& config) {
  if (config.mirror.empty()) return nullptr;
  if (config.mirror.find("://") == std::string::npos)
    return std::make_shared<ledger::DirectorySource>(config.mirror);
  http::ClientOptions options;
  options.ca_file = config.mirror_ca;
  TRY(http::Client client, http::Client::make(std::move(options), system_random()));
  return std::make_shared<ledger::HttpSource>(config.mirror, std::move(client));
}

}  // namespace

LedgerService::LedgerService(const Config& config, StateStore& state, const TrustSource& trust,
                             Now now, std::unique_ptr<ledger::Log> log,
                             std::shared_ptr<const SigningKey> key)
    : state_(state),
      trust_(trust),
      now_(std::move(now)),
      interval_(config.checkpoint_interval),
      refresh_(config.refresh_interval),
      quorum_(config.witness_quorum),
      key_(std::move(key)),
      log_(std::move(log)),
      queue_(*log_),
      knowledge_(std::make_shared<LedgerKnowledge>()),
      last_round_(std::chrono::steady_clock::now()) {}

LedgerService::~LedgerService() {
  stop();
}

Result<std::unique_ptr<LedgerService>> LedgerService::open(const Config& config, StateStore& state,
                                                           const TrustSource& trust, Now now) {
  TRY_WITHIN("log.key", std::shared_ptr<const SigningKey> key, open_signing_key(config.log_key));
  ledger::LogPlace place;
  place.directory = config.log_directory;
  place.store = config.store;
  TRY(place.mirror, open_mirror(config));
  TRY(auto log, ledger::Log::open(std::move(place), key));
  std::unique_ptr<LedgerService> service(
      new LedgerService(config, state, trust, std::move(now), std::move(log), std::move(key)));
  TRY_VOID(service->connect_witnesses(config.witnesses));
  TRY(service->published_.note, service->log_->checkpoint());
  TRY_VOID(service->relearn());
  return service;
}

Status LedgerService::connect_witnesses(const std::vector<WitnessAddress>& witnesses) {
  for (const WitnessAddress& witness : witnesses) {
    http::ClientOptions options;
    options.ca_file = witness.ca_file;
    options.plain = witness.plain;
    options.connect_timeout = std::chrono::seconds(3);
    options.timeout = std::chrono::seconds(5);
    options.response_limit = 64U << 10;
    options.retry.attempts = 1;  // the next checkpoint asks again
    TRY(http::Client client, http::Client::make(std::move(options), system_random()));
    witnesses_.push_back(
        ledger::make_witness_client(witness.verifier_key, witness.url, std::move(client)));
  }
  return {};
}

void LedgerService::start(std::function<Status()> before) {
  before_ = std::move(before);
  thread_ = std::thread([this] { loop(); });
}

void LedgerService::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LedgerService::loop() {
  for (bool last = false; !last;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, interval_, [this] { return stopping_; });
      last = stopping_;
    }
    const Status done = round();
    const std::string complaint = done ? "" : done.error().to_string();
    // The same complaint each interval would fill the log and say nothing new.
    if (complaint != last_complaint_ && !complaint.empty()) log_error("checkpoint: " + complaint);
    if (complaint != last_complaint_ && complaint.empty()) log_info("checkpoints go on");
    last_complaint_ = complaint;
  }
}

Status LedgerService::round() {
  const std::lock_guard one_at_a_time(round_mutex_);
  const Time now = now_();
  if (before_) TRY_VOID(before_());
  TRY_VOID(flush_outbox());
  TRY_VOID(checkpoint(now));
  const std::lock_guard lock(mutex_);
  last_round_ = std::chrono::steady_clock::now();
  return {};
}

bool LedgerService::alive(std::chrono::seconds limit) const {
  const std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::now() - last_round_ < limit;
}

// A crash after add and before entered() adds the same bytes again, which the log answers with the
// index they have.
Status LedgerService::flush_outbox() {
  for (;;) {
    TRY(const std::vector<Waiting> waiting, state_.waiting(outbox_batch));
    if (waiting.empty()) return {};
    std::vector<Bytes> statements;
    for (const Waiting& one : waiting) statements.push_back(one.statement);
    TRY_VOID(log_->add(statements));
    TRY_VOID(state_.entered(waiting));
  }
}

Status LedgerService::checkpoint(Time now) {
  TRY(const bool leads, log_->lead());
  if (leads && !led_before_) TRY_VOID(begin_to_lead());
  led_before_ = leads;
  if (!leads) {
    // Another verifier signs; what it made known is served here too.
    TRY(const bool news, log_->follow());
    return news ? learn() : Status{};
  }
  TRY(const ledger::Head head, log_->head());
  const bool fresh = !ledger::cosign_again(last_cosigned_, now, refresh_);
  const bool nothing_new = head.size == published().size;
  if (nothing_new && (fresh || witnesses_.empty())) return {};
  const auto clients = witness_clients();
  TRY(const ledger::Cosigned cosigned,
      nothing_new ? ledger::refresh_checkpoint(*log_, clients, quorum_)
                  : ledger::publish_checkpoint(*log_, now, clients, quorum_));
  last_cosigned_ = now;
  note_silence(cosigned);
  return learn();
}

std::vector<ledger::WitnessClient*> LedgerService::witness_clients() const {
  std::vector<ledger::WitnessClient*> clients;
  for (const auto& witness : witnesses_) clients.push_back(witness.get());
  return clients;
}

Status LedgerService::begin_to_lead() {
  TRY(const auto silent, ledger::check_against_witnesses(*log_, witness_clients()));
  for (const std::string& line : silent) log_warning("witness: " + printable(line));
  return {};
}

void LedgerService::note_silence(const ledger::Cosigned& cosigned) {
  for (const std::string& line : cosigned.silent) log_warning("witness: " + printable(line));
}

LedgerService::Published LedgerService::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

Result<ledger::Added> LedgerService::submit(ByteView entry) {
  TRY(statement::UntrustedStatement parsed, statement::parse_statement(entry));
  if (parsed.kind() == Kind::map_root)
    return fail(refused(rules::ledger_own_kind, "map roots are the log's own to write"));
  const TrustRoot trust = trust_.get();
  TRY_VOID(trust.check_time(now_()));
  EntryStanding standing;
  TRY(standing.key_ends_at, key_end(parsed.signer(), trust));
  TRY_VOID(authorize(std::move(parsed), trust, standing));
  return queue_.add(to_bytes(entry));
}

Result<std::vector<std::uint64_t>> LedgerService::find(std::string_view subject) const {
  return log_->find(ledger::Field::subject, subject);
}

Result<Bytes> LedgerService::bundle(const std::string& subject,
                                    std::optional<std::uint64_t> index) {
  if (index) {
    std::unique_lock lock(mutex_);
    const bool covered = changed_.wait_for(lock, longest_wait,
                                           [&] { return published_.size > *index || stopping_; });
    if (!covered || published_.size <= *index)
      return fail(incomplete(rules::ledger_not_covered, "no checkpoint covers this entry yet")
                      .expected("a checkpoint of more than " + std::to_string(*index) + " entries")
                      .found(std::to_string(published_.size)));
  }
  return log_->make_bundle(subject);
}

Result<std::optional<Covered>> LedgerService::covered(ByteView entry) const {
  TRY(const auto index, log_->find_digest(sha256(entry)));
  const Published visible = published();
  if (!index || *index >= visible.size) return std::nullopt;
  TRY(ledger::InclusionProof proof, log_->prove_inclusion(*index, visible.size));
  return Covered{to_bytes(entry), std::move(proof), visible.note};
}

Result<std::optional<Bytes>> LedgerService::receipt(const Sha256& entry_digest) const {
  TRY(const auto index, log_->find_digest(entry_digest));
  if (!index)
    return fail(
        refused(rules::log_no_entry, "no entry has this digest").found(to_hex(entry_digest)));
  const Published visible = published();
  if (*index >= visible.size) return std::nullopt;
  TRY(const Bytes entry, log_->get(*index));
  TRY(ledger::InclusionProof proof, log_->prove_inclusion(*index, visible.size));
  TRY(const Sha256 root, transparency::root_from_path(*index, visible.size,
                                                      transparency::leaf_hash(entry), proof.path));
  TRY(Bytes receipt,
      transparency::sign_inclusion_receipt({visible.size, *index, std::move(proof.path)}, root,
                                           log_->origin(), std::nullopt, *key_));
  return receipt;
}

Result<std::vector<hardware::ProvenStatement>> LedgerService::custody(
    const statement::Subject& device) const {
  const TrustRoot trust = trust_.get();
  TRY(const transparency::LogVerifiers verifiers, trust.log_verifiers(log_->origin()));
  TRY(const auto checkpoint,
      transparency::verify_checkpoint(as_bytes(published().note), verifiers));
  TRY(const auto indexes, log_->find(ledger::Field::subject, device.text()));
  std::vector<hardware::ProvenStatement> statements;
  for (const std::uint64_t index : indexes) {
    if (index >= checkpoint.size()) continue;
    auto statement = proven(index, trust, checkpoint);
    if (!statement && statement.error().kind == ErrorKind::fault)
      return fail(std::move(statement).error());
    if (!statement) continue;  // by somebody who may not say it
    const Kind kind = (*statement)->kind();
    if (kind == Kind::custody || kind == Kind::inspection)
      statements.push_back(*std::move(statement));
  }
  return statements;
}

std::shared_ptr<const LedgerKnowledge> LedgerService::knowledge() const {
  const std::lock_guard lock(mutex_);
  return knowledge_;
}

Status LedgerService::relearn() {
  const std::lock_guard one_at_a_time(round_mutex_);
  return learn();
}

// The earliest index from which a key's statements no longer count, by those who may say so.
Result<std::optional<std::uint64_t>> LedgerService::key_end(const Sha256& signer,
                                                            const TrustRoot& trust) const {
  const statement::Subject key = statement::Subject::key(signer);
  TRY(const auto indexes, log_->find(ledger::Field::kind, content_type(Kind::key_status)));
  std::optional<std::uint64_t> end;
  for (const std::uint64_t index : indexes) {
    TRY(const Bytes entry, log_->get(index));
    auto parsed = statement::parse_statement(entry);
    if (!parsed || !(parsed->subject() == key)) continue;
    const auto status = authorize(*std::move(parsed), trust, {index, std::nullopt});
    if (!status) continue;
    const auto* content = (*status)->as<statement::KeyStatus>();
    if (content != nullptr && (!end || content->from_index < *end)) end = content->from_index;
  }
  return end;
}

Result<hardware::ProvenStatement> LedgerService::proven(
    std::uint64_t index, const TrustRoot& trust,
    const transparency::VerifiedCheckpoint& checkpoint) const {
  TRY(const Bytes entry, log_->get(index));
  TRY(statement::UntrustedStatement parsed, statement::parse_statement(entry));
  EntryStanding standing{index, std::nullopt};
  TRY(standing.key_ends_at, key_end(parsed.signer(), trust));
  TRY(const AuthorizedStatement authorized, authorize(std::move(parsed), trust, standing));
  TRY(const ledger::InclusionProof proof, log_->prove_inclusion(index, checkpoint.size()));
  return hardware::prove_statement(authorized, checkpoint, proof.path);
}

// A later revocation of the same subject, by the issuer or by whom the trust root names above it.
Result<bool> LedgerService::revoked(const hardware::ProvenStatement& statement,
                                    const TrustRoot& trust) const {
  TRY(const auto indexes, log_->find(ledger::Field::subject, statement->subject().text()));
  for (const std::uint64_t index : indexes) {
    if (index <= statement.index()) continue;
    TRY(const Bytes entry, log_->get(index));
    auto parsed = statement::parse_statement(entry);
    if (!parsed || parsed->kind() != Kind::revocation) continue;
    EntryStanding standing{index, std::nullopt};
    TRY(standing.key_ends_at, key_end(parsed->signer(), trust));
    const auto revocation = authorize(*std::move(parsed), trust, standing);
    if (revocation && revocation_counts(*revocation, statement.authorized(), trust)) return true;
  }
  return false;
}

Status LedgerService::learn() {
  const TrustRoot trust = trust_.get();
  TRY(const std::string note, log_->checkpoint());
  TRY(const transparency::LogVerifiers verifiers, trust.log_verifiers(log_->origin()));
  TRY(const auto checkpoint, transparency::verify_checkpoint(as_bytes(note), verifiers));
  std::optional<Time> time;
  if (const auto ledger_time = checkpoint.ledger_time()) time = *ledger_time;
  auto learned = std::make_shared<LedgerKnowledge>();
  learned->size = checkpoint.size();
  learned->gpu_roots = {trust.gpu_roots(), {}};
  learned->tee_roots = trust.tee_roots();
  learned->platform_authorities = trust.platform_roots();
  learned->rim_roots = {trust.rim_roots(), {}};
  for (const Kind kind : {Kind::device_manifest, Kind::reference_values, Kind::policy}) {
    TRY(const auto indexes, log_->find(ledger::Field::kind, content_type(kind)));
    for (const std::uint64_t index : indexes) {
      if (index >= checkpoint.size()) continue;
      // What was entered under another trust root may no longer be believed: it is left out.
      const auto statement = proven(index, trust, checkpoint);
      if (!statement) continue;
      TRY(const bool taken_back, revoked(*statement, trust));
      if (taken_back) continue;
      if (kind == Kind::device_manifest) {
        (void)learned->manifests.add(*statement);
      } else if (kind == Kind::policy) {
        learned->policies.push_back(*statement);
      } else if (auto values = appraisal::prove_reference_values(*statement)) {
        learned->reference_values.push_back(*std::move(values));
      } else if (auto devices = appraisal::prove_device_values(*statement)) {
        learned->device_values.push_back(*std::move(devices));
      } else if (appraisal::prove_rim(*statement, {})) {
        // A RIM is judged at the time at which its entry was first seen, restarts or not.
        TRY(const auto entered, state_.first_time(sha256((*statement)->bytes()), time));
        TRY(auto rim, appraisal::prove_rim(*statement, entered));
        learned->rims.push_back(std::move(rim));
      }
    }
  }
  {
    const std::lock_guard lock(mutex_);
    published_ = {note, checkpoint.size()};
    knowledge_ = std::move(learned);
  }
  changed_.notify_all();
  return {};
}

}  // namespace attest::verifierd

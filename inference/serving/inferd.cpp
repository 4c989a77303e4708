#include "inference/serving/inferd.h"

#include "libattest/base/text.h"
#include "libattest/http/agent_client.h"
#include "libattest/http/daemon.h"
#include "libattest/http/tls_files.h"

namespace attest::inference {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto grace = 20s;
constexpr auto turn_interval = 250ms;
constexpr auto submit_interval = 1s;
constexpr auto submit_slice = 2s;  // how long one round may go on, and the last one at the end
// After a failure, so that an agent or verifier that is down is not asked all the time.
constexpr auto submit_retry = 10s;
constexpr auto renew_interval = 30s;
// A turn may read and hash a large model, as long as the unit allows a start.
constexpr auto longest_turn = 30min;
// Handler threads beyond those that may wait for their turn: for health, metrics and receipts.
constexpr unsigned spare_threads = 4;

NodeAgent agent_at(const Path& socket) {
  return {.bind_runtime_key = [socket](ByteView spki) -> Result<evidence::RuntimeAnswer> {
            TRY(auto agent, http::connect_agent(socket));
            return agent.bind_runtime_key(spki);
          },
          .status = [socket]() -> Result<evidence::RuntimeAnswer> {
            TRY(auto agent, http::connect_agent(socket));
            return agent.status();
          }};
}

ReceiptBook::Submit submit_to(const std::optional<Path>& socket) {
  if (!socket) return {};
  return [socket = *socket](const Sha256& receipt) -> Status {
    TRY(auto agent, http::connect_agent(socket));
    TRY_VOID(agent.submit_receipt(receipt));
    return {};
  };
}

void log_access(const http::AccessRecord& record) {
  const std::string line = record.remote + " " + record.method + " " + record.path + " " +
                           std::to_string(record.status) + " " + std::to_string(record.received) +
                           " " + std::to_string(record.sent) + " " +
                           std::to_string(record.duration.count()) + "us";
  if (record.error.empty()) {
    log_info(line);
  } else {
    log_error(line + " error=\"" + record.error + "\"");
  }
}

}  // namespace

Inferd::Inferd(const ServerConfiguration& configuration, Now now)
    : configuration_(configuration), now_(std::move(now)) {}

Inferd::~Inferd() {
  stop();
}

Result<std::unique_ptr<Inferd>> Inferd::start(const ServerConfiguration& configuration,
                                              std::string runtime, Random& random, Now now) {
  std::unique_ptr<Inferd> inferd(new Inferd(configuration, std::move(now)));
  TRY_VOID(inferd->assemble(std::move(runtime), random));
  TRY_VOID(inferd->listen());
  Inferd* self = inferd.get();
  self->last_turn_ = SteadyClock::now().time_since_epoch().count();
  self->recheck_at_ = SteadyClock::now() + configuration.recheck_interval;
  self->renew_at_ = SteadyClock::now();
  self->keeper_ = std::jthread([self](const std::stop_token& stop) { self->keep(stop); });
  self->submitter_ = std::jthread([self](const std::stop_token& stop) { self->submit(stop); });
  return inferd;
}

Status Inferd::assemble(std::string runtime, Random& random) {
  const auto& receipts = configuration_.receipts;
  const auto& model = configuration_.model;
  TRY(model_,
      ServedModel::open({model.file, model.bundle, model.policy, configuration_.trust}, now_()));
  const lineage::ModelVerdict verdict = model_->in_force().model->verdict();
  log_info(model.file.string() + " is " + verdict.release + ", as of " + verdict.checkpoint);
  TRY(identity_,
      RuntimeIdentity::make(
          receipts.agent ? std::optional(agent_at(*receipts.agent)) : std::nullopt, random));
  if (const Status renewed = identity_->renew(model_->trust(), now_()); !renewed) {
    if (!receipts.answer_without) return renewed;
    node_trouble_.note(renewed);
  }
  if (!receipts.agent) log_warning("no agent: receipts are by a key that is bound to no TPM");
  TRY(receipts_,
      ReceiptBook::open(configuration_.directory / "receipts", {receipts.kept, receipts.kept_bytes},
                        submit_to(receipts.agent)));
  const unsigned threads =
      model.threads != 0 ? model.threads : std::max(1U, std::thread::hardware_concurrency());
  executor_ = make_thread_pool(threads);
  const auto& limits = configuration_.limits;
  serving_ = std::make_unique<Serving>(
      ServingOptions{.model_name = model.name,
                     .runtime = std::move(runtime),
                     .limits = {limits.body, limits.prompt, limits.max_tokens},
                     .queue = {limits.together, limits.queue, limits.queue_time},
                     .answer_time = limits.answer_time,
                     .prefixes = limits.prefixes,
                     .per_key = limits.per_key,
                     .answer_without = receipts.answer_without},
      Serving::Parts{*model_, *identity_, *receipts_, *executor_, random, now_});
  return read_keys();
}

Status Inferd::read_keys() {
  if (!configuration_.server.api_keys) return {};
  TRY(ApiKeys keys, ApiKeys::read(*configuration_.server.api_keys));
  serving_->use_keys(std::move(keys));
  return {};
}

Status Inferd::listen() {
  const auto& server = configuration_.server;
  http::ServerOptions options;
  options.listen = server.listen;
  options.plain = !server.certificate;
  if (server.certificate) {
    TRY(options.tls, http::load_tls_identity(*server.certificate, *server.key));
  }
  options.limits.threads =
      static_cast<unsigned>(configuration_.limits.queue + configuration_.limits.together) +
      spare_threads;
  options.name = "inferd";
  options.access_log = log_access;
  TRY(server_, http::Server::start(std::move(options), serving_->router()));
  return {};
}

void Inferd::request_reload(std::function<void()> done) {
  const std::lock_guard lock(mutex_);
  reload_done_ = std::move(done);
  woken_.notify_all();
}

void Inferd::reload() {
  const auto note = [](const Status& status) {
    if (!status) log_error("not everything could be read anew: " + status.error().to_string());
  };
  note(model_->reload(now_()));
  model_trouble_.note(model_->standing());
  note(read_keys());
  if (configuration_.server.certificate) {
    const auto tls =
        http::load_tls_identity(*configuration_.server.certificate, *configuration_.server.key);
    note(tls ? server_->replace_tls(*tls) : Status(fail(tls.error())));
  }
  if (!model_->standing()) return;
  const lineage::ModelVerdict verdict = model_->in_force().model->verdict();
  log_info("reloaded; serving " + verdict.release + ", as of " + verdict.checkpoint);
}

void Inferd::keep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::function<void()> done;
    {
      std::unique_lock lock(mutex_);
      woken_.wait_for(lock, stop, turn_interval, [this] { return reload_done_ != nullptr; });
      done = std::exchange(reload_done_, {});
    }
    if (done) {
      reload();
      done();
    }
    if (!stop.stop_requested()) turn();
    last_turn_ = SteadyClock::now().time_since_epoch().count();
  }
}

// One round of what must be done again and again.
void Inferd::turn() {
  const auto now = SteadyClock::now();
  if (now >= renew_at_) {
    node_trouble_.note(identity_->renew(model_->trust(), now_()));
    renew_at_ = SteadyClock::now() +
                std::min<SteadyClock::duration>(renew_interval, configuration_.recheck_interval);
  }
  if (now >= recheck_at_) {
    model_trouble_.note(model_->recheck(now_()));
    recheck_at_ = SteadyClock::now() + configuration_.recheck_interval;
  }
}

// Receipts have a thread of their own: an agent that is slow to take them, while more come, must
// not keep the node's verdict and a revocation from being seen.
void Inferd::submit(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status submitted = receipts_->submit_waiting(SteadyClock::now() + submit_slice);
    submit_trouble_.note(submitted);
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, stop, submitted ? submit_interval : submit_retry, [] { return false; });
  }
}

void Inferd::Trouble::note(const Status& status) {
  std::string now = status ? "" : status.error().to_string();
  if (now == last_) return;
  if (status) {
    log_info(about_ + ": well again");
  } else {
    log_error(about_ + ": " + now);
  }
  last_ = std::move(now);
}

bool Inferd::healthy() const {
  const SteadyClock::duration last(last_turn_.load());
  return SteadyClock::now().time_since_epoch() - last < longest_turn;
}

void Inferd::stop() {
  if (serving_) serving_->end();
  if (server_) server_->stop(grace);
  if (keeper_.joinable()) {
    keeper_.request_stop();
    submitter_.request_stop();
    keeper_.join();
    submitter_.join();
    if (const Status submitted = receipts_->submit_waiting(SteadyClock::now() + submit_slice);
        !submitted)
      log_warning("receipts wait for the next start: " + submitted.error().to_string());
  }
}

}  // namespace attest::inference

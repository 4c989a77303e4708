// Inferd: the daemon's parts, put together and running.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <thread>

#include "inference/serving/server_configuration.h"
#include "inference/serving/serving.h"

namespace attest::inference {

class Inferd {
 public:
  using Now = Serving::Now;
  // start verifies and loads the model, makes the receipt key and has it quoted, and listens. It
  // fails with the reason when the model does not check out, and when the node does not pass and
  // nothing may be answered without a receipt.
  static Result<std::unique_ptr<Inferd>> start(const ServerConfiguration& configuration,
                                               std::string runtime, Random& random, Now now);
  ~Inferd();

  std::string url() const { return server_->url(); }
  // request_reload has the keeper read trust root, policy, model, API keys and TLS files anew; once
  // that is done it calls `done`, from its own thread. The old ones serve meanwhile.
  void request_reload(std::function<void()> done);
  // healthy says whether the keeper, which renews and rechecks, is alive: what a watchdog asks.
  bool healthy() const;
  // stop ends answers, submits what receipts it can, and returns.
  void stop();

 private:
  Inferd(const ServerConfiguration& configuration, Now now);
  Status assemble(std::string runtime, Random& random);
  Status listen();
  Status read_keys();
  void keep(const std::stop_token& stop);
  void submit(const std::stop_token& stop);
  void turn();
  void reload();

  const ServerConfiguration configuration_;
  const Now now_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<ServedModel> model_;
  std::unique_ptr<RuntimeIdentity> identity_;
  std::unique_ptr<ReceiptBook> receipts_;
  std::unique_ptr<Serving> serving_;
  std::unique_ptr<http::Server> server_;

  // Trouble says in the log what is wrong once, and once that it is over.
  class Trouble {
   public:
    explicit Trouble(std::string about) : about_(std::move(about)) {}
    void note(const Status& status);

   private:
    std::string about_;
    std::string last_;
  };

  using SteadyTime = std::chrono::steady_clock::time_point;
  // The keeper's own, once it runs.
  SteadyTime renew_at_{}, recheck_at_{};
  Trouble submit_trouble_{"receipts on their way to the ledger"};
  Trouble node_trouble_{"the node's attestation"};
  Trouble model_trouble_{"the model"};

  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::function<void()> reload_done_;  // set while a reload is asked for
  std::atomic<SteadyTime::rep> last_turn_{0};
  // Last: they use all the others.
  std::jthread keeper_;
  std::jthread submitter_;
};

}  // namespace attest::inference

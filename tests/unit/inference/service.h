// inferd's interface over real HTTP on a UNIX socket, on a model released in a test's log.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "inference/serving/serving.h"
#include "libattest/base/json.h"
#include "libattest/http/client.h"
#include "libattest/http/server.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/released_model.h"
#include "tests/unit/inference/test_result.h"

namespace attest::inference {

inline constexpr const char* completions = "/v1/completions";

struct Wish {
  bool attested = false;
  bool answer_without = false;
  std::uint64_t queue = 16;
  std::uint64_t together = 1;
  std::chrono::milliseconds queue_time{60000};
  std::chrono::seconds answer_time{600};
  std::uint64_t per_key = 0;
  Bytes file = small_model({.chat_template = ReleasedModel::chat_template});
};

// WatchedExecutor says when work is done on it.
class WatchedExecutor final : public Executor {
 public:
  std::function<void()> before_next;  // called once
  void run(std::size_t count, const std::function<void(std::size_t)>& task) override {
    if (const auto before = std::exchange(before_next, {})) before();
    inner_->run(count, task);
  }

 private:
  std::unique_ptr<Executor> inner_ = make_serial_executor();
};

struct Service {
  ReleasedModel released;
  const test::TestIssuer& verifier = released.log.verifier("v.example");
  std::atomic<std::int64_t> now{unix_seconds(ReleasedModel::now)};
  // What the agent's next result says; without `attested` there is no agent.
  std::function<void(result::Ear&)> change = [](result::Ear&) {};
  std::unique_ptr<WatchedExecutor> executor = std::make_unique<WatchedExecutor>();
  std::unique_ptr<ServedModel> model;
  std::unique_ptr<RuntimeIdentity> identity;
  std::unique_ptr<ReceiptBook> receipts;
  std::unique_ptr<Serving> serving;
  std::unique_ptr<http::Server> server;

  explicit Service(Wish wish = {}) : released(std::move(wish.file)) {
    const Path trust = released.here.path() / "trust.toml";
    must(write_file_atomically(trust, as_bytes(released.log.trust_text())));
    released.write_bundle();
    model = must(ServedModel::open({released.path, {}, {}, trust}, time()));
    identity = must(RuntimeIdentity::make(wish.attested ? std::optional(agent()) : std::nullopt,
                                          system_random()));
    must(identity->renew(model->trust(), time()));
    receipts = must(ReceiptBook::open(released.here.path() / "receipts", {}, {}));
    serving = std::make_unique<Serving>(
        ServingOptions{.model_name = "tiny",
                       .runtime = "inferd test",
                       .limits = {.body = 8192, .prompt = 4096, .max_tokens = 64},
                       .queue = {wish.together, wish.queue, wish.queue_time},
                       .answer_time = wish.answer_time,
                       .per_key = wish.per_key,
                       .answer_without = wish.answer_without},
        Serving::Parts{*model, *identity, *receipts, *executor, system_random(),
                       [this] { return time(); }});
    http::ServerOptions options;
    options.listen = must(http::parse_endpoint("unix:" + socket().string()));
    options.plain = true;
    server = must(http::Server::start(std::move(options), serving->router()));
  }
  ~Service() {
    serving->end();
    server->stop(std::chrono::seconds(5));
  }

  Time time() const { return from_unix(now); }
  Path socket() const { return released.here.path() / "http"; }
  NodeAgent agent() {
    return {.bind_runtime_key = [this](ByteView) -> Result<evidence::RuntimeAnswer> {
              result::Ear ear = passing_ear(verifier, identity->key().public_key(), time());
              change(ear);
              return evidence::RuntimeAnswer{.result = signed_ear(verifier, ear),
                                             .executable = std::nullopt,
                                             .verdict = "as the result says",
                                             .detail = "as the test says"};
            },
            .status = [] { return evidence::RuntimeAnswer{}; }};
  }

  http::ClientResponse send(http::Method method, const std::string& path,
                            std::string_view body = {}, const std::string& key = {},
                            const std::string& type = "application/json") const {
    http::ClientOptions options;
    options.unix_socket = socket();
    options.plain = true;
    options.retry.attempts = 1;
    const auto client = must(http::Client::make(std::move(options), system_random()));
    http::ClientRequest request;
    request.method = method;
    request.url = "http://localhost" + path;
    if (!key.empty()) request.headers.add("Authorization", "Bearer " + key);
    if (!body.empty()) request.content_type = type;
    request.body = to_bytes(body);
    return must(client.send(request));
  }
  http::ClientResponse post(std::string_view body) const {
    return send(http::Method::post, completions, body);
  }
  http::ClientResponse get(const std::string& path) const { return send(http::Method::get, path); }
  void revoke() {
    released.log.revoke(released.lab, released.subject, "poisoned data set");
    released.write_bundle();
  }
};

inline Json json_of(const http::ClientResponse& response) {
  return must(parse_json(as_text(response.body)));
}

inline std::string request(const std::string& more = "") {
  return R"({"model": "tiny", "prompt": "abc", "max_tokens": 12, "temperature": 0.8, "seed": 7)" +
         more + "}";
}

inline void require_error(const http::ClientResponse& response, int status, Rule rule) {
  INFO(as_text(response.body));
  REQUIRE(response.status == status);
  const Json error = json_of(response)["error"];
  REQUIRE(error["code"] == std::string(rule.name));
  REQUIRE(error["message"].is_string());
  REQUIRE(error["type"].is_string());
}

}  // namespace attest::inference

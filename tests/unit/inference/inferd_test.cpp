// The daemon as a whole: its own sockets and threads, a model released in a test's log, and an
// agent that listens as agentd does.
#include "inference/serving/inferd.h"

#include <atomic>
#include <future>
#include <thread>

#include "agentd/runtime_socket.h"
#include "inference/answer/receipt_file.h"
#include "libattest/base/json.h"
#include "libattest/http/client.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/released_model.h"
#include "tests/unit/inference/test_result.h"

using namespace attest;
using namespace attest::inference;
using namespace std::chrono_literals;

namespace {

struct Daemon {
  ReleasedModel released;
  const test::TestIssuer& verifier = released.log.verifier("v.example");
  Path here = released.here.path();
  ServerConfiguration configuration;
  result::Verdict verdict = result::Verdict::pass;
  std::mutex mutex;
  std::vector<Sha256> submitted;
  std::unique_ptr<agentd::RuntimeSocket> agent;
  std::unique_ptr<Inferd> inferd;

  Daemon() {
    must(write_file_atomically(here / "trust.toml", as_bytes(released.log.trust_text())));
    released.write_bundle();
    configuration.directory = here / "state";
    configuration.trust = here / "trust.toml";
    configuration.recheck_interval = Seconds(1);
    configuration.model.file = released.path;
    configuration.model.name = "tiny";
    configuration.model.threads = 2;
    configuration.server.listen = must(http::parse_endpoint("unix:" + (here / "http").string()));
  }
  void with_agent() {
    configuration.receipts.agent = here / "agent";
    agent = must(agentd::RuntimeSocket::open(
        {.socket = here / "agent", .allowed_users = {}, .allowed_executables = {}},
        [this](const agentd::RuntimePeer&, const evidence::RuntimeRequest& request) {
          return Result<evidence::RuntimeAnswer>(answer(request));
        }));
  }
  evidence::RuntimeAnswer answer(const evidence::RuntimeRequest& request) {
    evidence::RuntimeAnswer answer;
    answer.detail = "as the test says";
    if (const auto* receipt = std::get_if<evidence::SubmitReceipt>(&request)) {
      const std::lock_guard lock(mutex);
      submitted.push_back(receipt->digest);
    }
    if (const auto* key = std::get_if<evidence::BindRuntimeKey>(&request)) {
      auto ear =
          passing_ear(verifier, must(PublicKey::from_spki_der(key->spki)), ReleasedModel::now);
      ear.verdict = verdict;
      answer.result = signed_ear(verifier, ear);
    }
    return answer;
  }
  Status start() {
    TRY(inferd, Inferd::start(configuration, "inferd test", system_random(),
                              [] { return ReleasedModel::now; }));
    return {};
  }
  Result<http::ClientResponse> try_send(http::Method method, const std::string& path,
                                        std::string_view body = {}) const {
    http::ClientOptions options;
    options.unix_socket = here / "http";
    options.plain = true;
    const auto client = must(http::Client::make(std::move(options), system_random()));
    http::ClientRequest request;
    request.method = method;
    request.url = "http://localhost" + path;
    request.content_type = "application/json";
    request.body = to_bytes(body);
    return client.send(request);
  }
  Result<http::ClientResponse> try_complete() const {
    return try_send(http::Method::post, "/v1/completions",
                    R"({"model": "tiny", "prompt": "abc", "max_tokens": 5})");
  }
  http::ClientResponse complete() const { return must(try_complete()); }
  void reload() {
    std::promise<void> done;
    inferd->request_reload([&done] { done.set_value(); });
    done.get_future().wait();
  }
};

// until waits for what the keeper does by itself.
bool until(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

}  // namespace

TEST_CASE("a daemon answers by the key its node quoted, and submits the receipt") {
  Daemon daemon;
  daemon.with_agent();
  must(daemon.start());
  const auto response = daemon.complete();
  INFO(as_text(response.body));
  REQUIRE(response.status == 200);
  const std::string id = must(parse_json(as_text(response.body)))["receipt"];
  REQUIRE(until([&] {
    const std::lock_guard lock(daemon.mutex);
    return !daemon.submitted.empty();
  }));
  REQUIRE(to_hex(daemon.submitted.front()) == id);
  const auto file = must(daemon.try_send(http::Method::get, "/v1/receipts/" + id));
  const auto verified = must(verify_receipt_file(must(decode_receipt_file(file.body)),
                                                 daemon.released.log.trust(), ReleasedModel::now));
  REQUIRE(verified.receipt().receipt().node == "rack7-n03");
  REQUIRE(daemon.inferd->healthy());
}

TEST_CASE("a daemon does not start on a model that was revoked, and says why") {
  Daemon daemon;
  daemon.released.log.revoke(daemon.released.lab, daemon.released.subject, "poisoned data set");
  daemon.released.write_bundle();
  const Status started = daemon.start();
  REQUIRE_RULE(started, rules::model_refused);
  REQUIRE(started.error().kind == ErrorKind::refused);
}

TEST_CASE("a daemon whose node does not pass starts only where it may answer without receipts") {
  Daemon daemon;
  daemon.with_agent();
  daemon.verdict = result::Verdict::refused;
  REQUIRE_RULE(daemon.start(), rules::runtime_node_failed);
  daemon.configuration.receipts.answer_without = true;
  must(daemon.start());
  const auto response = daemon.complete();
  REQUIRE(response.status == 200);
  REQUIRE(must(parse_json(as_text(response.body)))["receipt"].is_null());
}

TEST_CASE("a daemon finds out by itself that its model was revoked") {
  Daemon daemon;
  must(daemon.start());
  REQUIRE(daemon.complete().status == 200);
  daemon.released.log.revoke(daemon.released.lab, daemon.released.subject, "poisoned data set");
  daemon.released.write_bundle();
  REQUIRE(until([&] { return daemon.complete().status == 503; }));
}

TEST_CASE("a reload judges at once") {
  Daemon daemon;
  daemon.configuration.recheck_interval = Seconds(3600);
  must(daemon.start());
  daemon.reload();
  REQUIRE(daemon.complete().status == 200);
  daemon.released.log.revoke(daemon.released.lab, daemon.released.subject, "poisoned data set");
  daemon.released.write_bundle();
  REQUIRE(daemon.complete().status == 200);
  daemon.reload();
  REQUIRE(daemon.complete().status == 503);
}

TEST_CASE("a daemon that is stopped ends the answer it writes") {
  Daemon daemon;
  must(daemon.start());
  std::jthread asking([&] { (void)daemon.try_complete(); });
  daemon.inferd->stop();
  daemon.inferd.reset();
  REQUIRE_OK(daemon.start());  // the socket is free again
}

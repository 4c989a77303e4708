// Several answers at once: the same as alone, in order, within limits.
#include <barrier>
#include <future>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "inference/answer/generate.h"
#include "tests/unit/inference/service.h"

using namespace attest;
using namespace attest::inference;
using namespace std::chrono_literals;

namespace {

GenerateRequest asked(std::uint64_t seed) {
  std::vector<Token> prompt{1};
  for (std::uint64_t i = 0; i < 3 + 17 * seed; ++i)
    prompt.push_back(static_cast<Token>((i * 31 + seed) % 260));
  return {.prompt = std::move(prompt),
          .sampler = {.temperature = 0.9F, .seed = seed},
          .max_tokens = 12,
          .end_tokens = {2}};
}

// A connection over which a request is sent and nothing is read.
class Impatient {
 public:
  Impatient(const Path& socket, const std::string& body) {
    descriptor_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(socket.string().size() < sizeof address.sun_path);
    socket.string().copy(address.sun_path, socket.string().size());
    REQUIRE(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
    const std::string text =
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    REQUIRE(::send(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  ~Impatient() { leave(); }
  Impatient(const Impatient&) = delete;
  Impatient& operator=(const Impatient&) = delete;
  void leave() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_ = -1;
};

}  // namespace

TEST_CASE("answers that share their passes are the same to the bit as alone") {
  const auto executor = make_thread_pool(2);
  const Machine machine{.executor = executor.get(), .chunk = 8};
  const Transformer first = must(load_from(small_model()));
  const Transformer second = must(load_from(must(model::quantize_gguf(small_model()))));
  constexpr std::uint64_t count = 4;
  std::vector<Answer> alone;
  for (std::uint64_t i = 0; i < count; ++i)
    alone.push_back(must(generate(i == 3 ? second : first, asked(i), machine)));

  SharedPasses passes(machine);
  std::barrier all_here(count);
  std::vector<std::future<Result<Answer>>> shared;
  for (std::uint64_t i = 0; i < count; ++i)
    shared.push_back(std::async(std::launch::async, [&, i] {
      GenerateRequest request = asked(i);
      request.passes = &passes;
      all_here.arrive_and_wait();
      return generate(i == 3 ? second : first, request, machine);
    }));
  for (std::uint64_t i = 0; i < count; ++i) {
    const Answer answer = must(shared[i].get());
    REQUIRE(answer.tokens == alone[i].tokens);
    REQUIRE(answer.logits == alone[i].logits);
    REQUIRE(answer.stopped == alone[i].stopped);
  }
  REQUIRE(passes.counts().shares > passes.counts().passes);
}

TEST_CASE("a text that fails in a shared pass leaves the others as they are") {
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  const Transformer model = must(load_from(small_model()));
  const Answer alone = must(generate(model, asked(1), machine));
  SharedPasses passes(machine);
  auto bad = std::async(std::launch::async, [&] {
    GenerateRequest request = asked(2);
    request.prompt[5] = 5000;
    request.passes = &passes;
    return generate(model, request, machine);
  });
  GenerateRequest request = asked(1);
  request.passes = &passes;
  REQUIRE(must(generate(model, request, machine)).logits == alone.logits);
  REQUIRE_RULE(bad.get(), rules::token_unknown);
}

TEST_CASE("other work on the executor waits for the pass that runs, and passes for it") {
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  const Transformer model = must(load_from(small_model()));
  SharedPasses passes(machine);
  std::atomic<bool> inside{false};
  std::atomic<bool> met{false};
  auto writing = std::async(std::launch::async, [&] {
    GenerateRequest request = asked(1);
    request.passes = &passes;
    // Choices are made within a pass.
    request.choices = [&](Token, std::span<const float>) { met = met || inside; };
    return generate(model, request, machine);
  });
  for (int i = 0; i < 200; ++i)
    passes.alone([&] {
      inside = true;
      std::this_thread::yield();
      inside = false;
    });
  must(writing.get());
  REQUIRE_FALSE(met);
}

TEST_CASE("a queue lets so many in, in order, and turns away those beyond its length") {
  GenerationQueue queue({.together = 2, .may_wait = 1, .longest = 60s});
  auto first = must(queue.enter());
  const auto second = must(queue.enter());
  REQUIRE(queue.inside() == 2);
  std::atomic<bool> third_in{false};
  std::jthread third([&] { third_in = queue.enter().has_value(); });
  // Until the third waits, a fourth would take its place.
  while (queue.waiting() == 0) std::this_thread::yield();
  REQUIRE_RULE(queue.enter(), rules::generation_queue_full);
  REQUIRE_FALSE(third_in);
  first.reset();
  third.join();
  REQUIRE(third_in);
  REQUIRE(queue.inside() == 1);
  queue.close();
  REQUIRE_RULE(queue.enter(), rules::queue_closed);
}

TEST_CASE("who waits too long is sent away, and takes nobody's place") {
  GenerationQueue queue({.together = 1, .may_wait = 2, .longest = 1ms});
  auto turn = must(queue.enter());
  REQUIRE_RULE(queue.enter(), rules::generation_queue_slow);
  REQUIRE(queue.waiting() == 0);
  turn.reset();
  REQUIRE_OK(queue.enter());
}

TEST_CASE("a request that waits too long is 503, told when to come again") {
  Service service({.queue_time = 1ms});
  const auto taken = must(service.serving->queue().enter());
  const auto response = service.post(request());
  require_error(response, 503, rules::generation_queue_slow);
  REQUIRE(response.headers.find("Retry-After").has_value());
  REQUIRE(as_text(service.get("/metrics").body).find("inferd_busy_total 1\n") != std::string::npos);
}

TEST_CASE("requests at once are answered as one after the other") {
  Service service({.together = 3});
  const auto ask = [&](int seed) {
    return json_of(service.post(
        R"({"model": "tiny", "prompt": "abc", "max_tokens": 12, "temperature": 0.8, "seed": )" +
        std::to_string(seed) + "}"))["choices"][0]["text"];
  };
  std::vector<Json> alone;
  for (int seed = 0; seed < 3; ++seed) alone.push_back(ask(seed));
  std::vector<std::future<Json>> together;
  for (int seed = 0; seed < 3; ++seed)
    together.push_back(std::async(std::launch::async, ask, seed));
  for (std::size_t i = 0; i < 3; ++i) REQUIRE(together[i].get() == alone[i]);
}

TEST_CASE("a key with as many requests as it may have gets 429 for the next") {
  Service service({.per_key = 1});
  const Path file = service.released.here.path() / "keys";
  must(write_file_atomically(file, as_bytes("0123456789abcdef\nfedcba9876543210\n"), 0600));
  service.serving->use_keys(must(ApiKeys::read(file)));
  auto taken = must(service.serving->queue().enter());
  const auto ask = [&](const std::string& key) {
    return service.send(http::Method::post, completions, request(), key);
  };
  auto first = std::async(std::launch::async, ask, "0123456789abcdef");
  while (service.serving->queue().waiting() == 0) std::this_thread::yield();
  const auto second = ask("0123456789abcdef");
  require_error(second, 429, rules::serving_key_busy);
  REQUIRE(second.headers.find("Retry-After").has_value());
  auto other = std::async(std::launch::async, ask, "fedcba9876543210");
  while (service.serving->queue().waiting() < 2) std::this_thread::yield();
  taken.reset();
  REQUIRE(first.get().status == 200);
  REQUIRE(other.get().status == 200);
  REQUIRE(ask("0123456789abcdef").status == 200);
}

TEST_CASE("an answer that takes too long ends where it is, and its receipt says so") {
  Service service({.answer_time = 0s});
  const Json body = json_of(service.post(request()));
  REQUIRE(body["usage"]["completion_tokens"] == 1);
  REQUIRE(body["choices"][0]["finish_reason"] == "length");
  REQUIRE(body["receipt"].is_string());
}

TEST_CASE("a client that leaves ends its answer, and no receipt is kept for it") {
  Service service;
  auto taken = must(service.serving->queue().enter());
  Impatient client(service.socket(), request());
  while (service.serving->queue().waiting() == 0) std::this_thread::yield();
  client.leave();
  taken.reset();
  while (service.serving->queue().waiting() + service.serving->queue().inside() != 0)
    std::this_thread::yield();
  REQUIRE(service.receipts->size() == 0);
  const std::string metrics(as_text(service.get("/metrics").body));
  REQUIRE(metrics.find("inferd_answer_tokens_total 1\n") != std::string::npos);
  // The next is answered as ever.
  REQUIRE(service.post(request()).status == 200);
}

TEST_CASE("a model that is refused while it writes gives out nothing of it, and no receipt") {
  Service service({.answer_without = true});
  service.executor->before_next = [&] {
    service.revoke();
    (void)service.model->recheck(service.time());
  };
  const auto response = service.post(request());
  require_error(response, 503, rules::model_refused);
  REQUIRE(as_text(response.body).find("poisoned data set") != std::string::npos);
  REQUIRE(service.receipts->size() == 0);
  REQUIRE(as_text(service.get("/metrics").body).find("inferd_answer_tokens_total 1\n") !=
          std::string::npos);
}

TEST_CASE("an answer that was begun while the node stood well is not signed once it does not") {
  Service service({.attested = true});
  service.executor->before_next = [&] {
    service.change = [](result::Ear& ear) { ear.verdict = result::Verdict::refused; };
    service.now += 400;
    (void)service.identity->renew(service.model->trust(), service.time());
  };
  require_error(service.post(request()), 503, rules::runtime_node_failed);
  REQUIRE(service.receipts->size() == 0);
}

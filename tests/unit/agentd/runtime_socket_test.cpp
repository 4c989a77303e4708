#include "agentd/runtime_socket.h"

#include <unistd.h>

#include "libattest/http/agent_client.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest::agentd {
namespace {

// Listening answers every request with what it knows of the peer.
struct Listening {
  explicit Listening(std::set<Sha256> allowed = {}) {
    RuntimeConfiguration configuration{
        .socket = path(), .allowed_users = {}, .allowed_executables = std::move(allowed)};
    socket = must(RuntimeSocket::open(
        configuration, [](const RuntimePeer& peer, const evidence::RuntimeRequest& request) {
          const auto* key = std::get_if<evidence::BindRuntimeKey>(&request);
          return Result<evidence::RuntimeAnswer>(evidence::RuntimeAnswer{
              .result = key != nullptr ? std::optional(to_hex(key->spki)) : std::nullopt,
              .executable = peer.executable(),
              .verdict = std::nullopt,
              .detail = std::to_string(peer.process())});
        }));
  }
  Path path() const { return folder.path() / "s"; }

  TemporaryDirectory folder;
  std::unique_ptr<RuntimeSocket> socket;
};

TEST_CASE("a runtime is known by its process and by the digest of what it runs") {
  const Listening agent;
  auto connection = must(http::connect_agent(agent.path()));
  const auto answer = must(connection.bind_runtime_key(must(from_hex("0102"))));
  REQUIRE(answer.result == "0102");
  REQUIRE(answer.detail == std::to_string(::getpid()));
  REQUIRE(answer.executable == sha256(must(read_file("/proc/self/exe", 1U << 30))));
  REQUIRE_OK(connection.status());
}

TEST_CASE("a runtime whose executable is not allowed is refused") {
  const Listening agent({Sha256{}});
  auto connection = must(http::connect_agent(agent.path()));
  const auto answer = connection.status();
  REQUIRE_RULE(answer, rules::agent_refused);
  REQUIRE(answer.error().found_value == rules::runtime_executable.name);
}

TEST_CASE("without agentd the runtime is told what to do, and that nothing vouches for it") {
  const TemporaryDirectory folder;
  const auto connection = http::connect_agent(folder.path() / "s");
  REQUIRE_RULE(connection, rules::agent_unreachable);
  REQUIRE(connection.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a socket left by an earlier run is replaced, and removed at the end") {
  Path path;
  {
    const Listening agent;
    path = agent.path();
    REQUIRE(std::filesystem::exists(path));
  }
  REQUIRE_FALSE(std::filesystem::exists(path));
}

TEST_CASE("runtime messages come back as they were sent, and no cut of them does") {
  using namespace attest::evidence;
  const RuntimeRequest requests[] = {BindRuntimeKey{Bytes(44)}, SubmitReceipt{Sha256{}},
                                     AskStatus{}};
  for (const RuntimeRequest& request : requests) {
    const Bytes bytes = encode_runtime_request(request);
    REQUIRE(must(parse_runtime_request(bytes)) == request);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      REQUIRE_FALSE(parse_runtime_request(ByteView(bytes).first(size)));
  }
  const RuntimeResponse responses[] = {
      RuntimeAnswer{.result = "e", .executable = Sha256{}, .verdict = "pass", .detail = "d"},
      RuntimeAnswer{.result = std::nullopt,
                    .executable = std::nullopt,
                    .verdict = std::nullopt,
                    .detail = ""},
      RuntimeRefusal{"rule", "what"}};
  for (const RuntimeResponse& response : responses)
    REQUIRE(must(parse_runtime_response(encode_runtime_response(response))) == response);
  REQUIRE_RULE(parse_runtime_request(encode_runtime_request(BindRuntimeKey{Bytes(4000)})),
               rules::runtime_message_form);
}

}  // namespace
}  // namespace attest::agentd

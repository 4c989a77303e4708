#include "inference/serving/server_configuration.h"

#include <sys/stat.h>

#include "inference/serving/api_keys.h"
#include "libattest/base/toml.h"
#include "libattest/crypto/secret_file.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::inference;

namespace {

const std::string least =
    "version = 1\ndirectory = \"state\"\ntrust = \"trust.toml\"\n[model]\nfile = \"m/tiny.gguf\"\n";

Result<ServerConfiguration> parsed(const std::string& text) {
  return parse_server_configuration(text, "inferd.toml", "/etc/attest");
}

}  // namespace

TEST_CASE("the shipped example of inferd has the values in force where it says so") {
  const auto example =
      must(read_server_configuration(Path(ATTEST_SOURCE) / "packaging/examples/inferd.toml"));
  const ServerConfiguration defaults;
  REQUIRE(example.server.listen.to_string() == defaults.server.listen.to_string());
  REQUIRE(example.recheck_interval == defaults.recheck_interval);
  REQUIRE(example.model.threads == defaults.model.threads);
  REQUIRE(example.model.name == example.model.file.stem());
  REQUIRE(example.limits.body == defaults.limits.body);
  REQUIRE(example.limits.prompt == defaults.limits.prompt);
  REQUIRE(example.limits.max_tokens == defaults.limits.max_tokens);
  REQUIRE(example.limits.queue == defaults.limits.queue);
  REQUIRE(example.limits.together == defaults.limits.together);
  REQUIRE(example.limits.queue_time == defaults.limits.queue_time);
  REQUIRE(example.limits.answer_time == defaults.limits.answer_time);
  REQUIRE(example.limits.per_key == defaults.limits.per_key);
  REQUIRE(example.receipts.answer_without == defaults.receipts.answer_without);
  REQUIRE(example.receipts.kept == defaults.receipts.kept);
  REQUIRE(example.receipts.kept_bytes == defaults.receipts.kept_bytes);
}

TEST_CASE("relative paths are the configuration's neighbours") {
  const auto configuration = must(parsed(least));
  REQUIRE(configuration.directory == "/etc/attest/state");
  REQUIRE(configuration.trust == "/etc/attest/trust.toml");
  REQUIRE(configuration.model.file == "/etc/attest/m/tiny.gguf");
  REQUIRE(configuration.model.name == "tiny");
  REQUIRE_FALSE(configuration.receipts.agent);
}

TEST_CASE("a configuration with a key that is unknown, missing or out of range is refused") {
  REQUIRE_RULE(parsed(least + "colour = 1\n"), rules::toml_unknown);
  REQUIRE_RULE(parsed("version = 1\n"), rules::toml_missing);
  REQUIRE_RULE(parsed("version = 2\n"), rules::toml_value);
  REQUIRE_RULE(parsed("recheck_interval = \"0s\"\n" + least), rules::toml_value);
  REQUIRE_RULE(parsed(least + "threads = -1\n"), rules::toml_value);
  REQUIRE_RULE(parsed(least + "name = \"\"\n"), rules::toml_value);
  for (const std::string key :
       {"body = 1023", "prompt = 0", "max_tokens = 0", "queue = -1", "together = 0",
        "together = 65", "per_key = -1", "queue_time = \"0s\"", "answer_time = \"2d\""})
    REQUIRE_RULE(parsed(least + "[limits]\n" + key + "\n"), rules::toml_value);
  for (const std::string key : {"kept = 0", "kept_bytes = 1"})
    REQUIRE_RULE(parsed(least + "[receipts]\n" + key + "\n"), rules::toml_value);
}

TEST_CASE("plain HTTP is for this machine alone") {
  const auto listening = [](const std::string& more) {
    return parsed(least + "[server]\n" + more);
  };
  REQUIRE_RULE(listening("listen = \"0.0.0.0:80\"\n"), rules::toml_value);
  REQUIRE_OK(listening("listen = \"[::1]:80\"\n"));
  REQUIRE_OK(listening("listen = \"unix:/run/x.sock\"\n"));
  REQUIRE_OK(listening("listen = \"0.0.0.0:80\"\ncertificate = \"c\"\nkey = \"k\"\n"));
  REQUIRE_RULE(listening("certificate = \"c\"\n"), rules::toml_value);
}

TEST_CASE("API keys are long, and in a file of their owner's alone") {
  TemporaryDirectory here;
  const Path file = here.path() / "keys";
  const auto keys = [&](std::string_view text, unsigned mode = 0600) {
    (void)std::filesystem::remove(file);
    must(write_file_atomically(file, as_bytes(text), mode));
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    return ApiKeys::read(file);
  };
  const ApiKeys two = must(keys("# ours\n0123456789abcdef\n\nfedcba9876543210\r\n"));
  REQUIRE(two.has("0123456789abcdef"));
  REQUIRE(two.has("fedcba9876543210"));
  REQUIRE_FALSE(two.has("0123456789abcdeF"));
  REQUIRE_FALSE(two.has("# ours"));
  REQUIRE_FALSE(two.has(""));
  REQUIRE_RULE(keys("0123456789abcde\n"), rules::api_keys);
  REQUIRE_RULE(keys("# none\n"), rules::api_keys);
  REQUIRE_RULE(keys("0123456789abcdef\n", 0640), rules::key_file_open);
}

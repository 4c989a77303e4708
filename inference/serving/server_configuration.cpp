#include "inference/serving/server_configuration.h"

#include "libattest/base/toml.h"

namespace attest::inference {

namespace {

struct Range {
  std::int64_t least;
  std::int64_t most;
};

Status read_number(TomlTable& table, std::string_view key, Range range, std::uint64_t& value) {
  TRY(const auto given, table.optional_integer(key));
  if (!given) return {};
  if (*given < range.least || *given > range.most)
    return fail(table.wrong(key, "is out of range")
                    .expected(std::to_string(range.least) + " to " + std::to_string(range.most))
                    .found(std::to_string(*given)));
  value = static_cast<std::uint64_t>(*given);
  return {};
}

Status read_span(TomlTable& table, std::string_view key, Seconds& value) {
  TRY(const auto given, table.optional_span(key));
  if (!given) return {};
  if (*given < Seconds(1) || *given > Seconds(86400))
    return fail(table.wrong(key, "is out of range").expected("1s to 1d"));
  value = *given;
  return {};
}

// Reads one table's keys into a configuration, relative paths made absolute.
class ConfigurationReader {
 public:
  ConfigurationReader(TomlTable root, Path base) : root_(std::move(root)), base_(std::move(base)) {}

  Result<ServerConfiguration> read() {
    TRY(const std::int64_t version, root_.integer("version"));
    if (version != 1)
      return fail(
          root_.wrong("version", "is not known").expected("1").found(std::to_string(version)));
    TRY(configuration_.directory, path(root_, "directory"));
    TRY(configuration_.trust, path(root_, "trust"));
    TRY_VOID(read_span(root_, "recheck_interval", configuration_.recheck_interval));
    TRY_VOID(read_model());
    TRY_VOID(read_server());
    TRY_VOID(read_limits());
    TRY_VOID(read_receipts());
    TRY_VOID(root_.finish());
    return std::move(configuration_);
  }

 private:
  Result<Path> path(TomlTable& table, std::string_view key) const {
    TRY(const std::string text, table.text(key));
    return base_ / text;
  }
  Result<std::optional<Path>> optional_path(TomlTable& table, std::string_view key) const {
    TRY(const auto text, table.optional_text(key));
    return text ? std::optional(base_ / *text) : std::nullopt;
  }

  Status read_model() {
    auto& model = configuration_.model;
    TRY(TomlTable table, root_.table("model"));
    TRY(model.file, path(table, "file"));
    TRY(model.bundle, optional_path(table, "bundle"));
    TRY(model.policy, optional_path(table, "policy"));
    TRY(const auto name, table.optional_text("name"));
    model.name = name.value_or(model.file.stem().string());
    if (model.name.empty() || model.name.size() > 128)
      return fail(table.wrong("name", "is no name").expected("1 to 128 bytes"));
    std::uint64_t threads = 0;
    TRY_VOID(read_number(table, "threads", {0, 1024}, threads));
    model.threads = static_cast<unsigned>(threads);
    return {};
  }

  Status read_server() {
    auto& server = configuration_.server;
    TRY(auto table, root_.optional_table("server"));
    if (!table) return {};
    TRY(const auto listen, table->optional_text("listen"));
    if (listen) {
      TRY_WITHIN(table->place("listen"), server.listen, http::parse_endpoint(*listen));
    }
    TRY(server.certificate, optional_path(*table, "certificate"));
    TRY(server.key, optional_path(*table, "key"));
    if (server.certificate.has_value() != server.key.has_value())
      return fail(table->wrong(server.certificate ? "certificate" : "key",
                               "needs both certificate and key"));
    if (!server.certificate && !server.listen.is_unix() && !server.listen.is_loopback())
      return fail(table->wrong("listen", "is open to others, and there is no certificate")
                      .expected("a loopback address or a UNIX socket, or certificate and key")
                      .found(server.listen.to_string()));
    TRY(server.api_keys, optional_path(*table, "api_keys"));
    return {};
  }

  Status read_limits() {
    auto& limits = configuration_.limits;
    TRY(auto table, root_.optional_table("limits"));
    if (!table) return {};
    TRY_VOID(read_number(*table, "body", {1024, 64 << 20}, limits.body));
    TRY_VOID(read_number(*table, "prompt", {1, 64 << 20}, limits.prompt));
    TRY_VOID(read_number(*table, "max_tokens", {1, 1 << 20}, limits.max_tokens));
    TRY_VOID(read_number(*table, "together", {1, 64}, limits.together));
    TRY_VOID(read_number(*table, "queue", {0, 256}, limits.queue));
    TRY_VOID(read_number(*table, "prefixes", {0, std::uint64_t{1} << 40}, limits.prefixes));
    TRY_VOID(read_number(*table, "per_key", {0, 256}, limits.per_key));
    TRY_VOID(read_span(*table, "queue_time", limits.queue_time));
    TRY_VOID(read_span(*table, "answer_time", limits.answer_time));
    return {};
  }

  Status read_receipts() {
    auto& receipts = configuration_.receipts;
    TRY(auto table, root_.optional_table("receipts"));
    if (!table) return {};
    TRY(receipts.agent, optional_path(*table, "agent"));
    TRY(const auto answer_without, table->optional_boolean("answer_without"));
    receipts.answer_without = answer_without.value_or(false);
    TRY_VOID(read_number(*table, "kept", {1, 1'000'000}, receipts.kept));
    TRY_VOID(
        read_number(*table, "kept_bytes", {1 << 20, std::int64_t{1} << 40}, receipts.kept_bytes));
    return {};
  }

  TomlTable root_;
  Path base_;
  ServerConfiguration configuration_;
};

}  // namespace

Result<ServerConfiguration> parse_server_configuration(std::string_view text,
                                                       const std::string& file_name,
                                                       const Path& directory_of_file) {
  TRY(TomlTable root, parse_toml(text, file_name));
  return ConfigurationReader(std::move(root), directory_of_file).read();
}

Result<ServerConfiguration> read_server_configuration(const Path& file) {
  TRY(const std::string text, read_text_file(file, 1U << 20));
  return parse_server_configuration(text, file.string(),
                                    std::filesystem::absolute(file).parent_path());
}

}  // namespace attest::inference

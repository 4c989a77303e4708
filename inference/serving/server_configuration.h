// inferd's configuration: a TOML file in which unknown keys are errors
// (packaging/examples/inferd.toml documents every key).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libattest/base/file.h"
#include "libattest/base/time.h"
#include "libattest/http/server.h"

namespace attest::inference {

struct ServerConfiguration {
  Path directory;                 // receipts
  Path trust;                     // trust.toml
  Seconds recheck_interval{600};  // how often the bundle is read and judged anew

  struct Model {
    Path file;
    std::optional<Path> bundle;  // FILE.attest without
    std::optional<Path> policy;
    std::string name;      // as requests name it
    unsigned threads = 0;  // 0: as many as there are processors
  } model;

  struct Server {
    http::Endpoint listen{"127.0.0.1", 8080, {}};
    std::optional<Path> certificate;  // together with key; plain HTTP on loopback without
    std::optional<Path> key;
    std::optional<Path> api_keys;
  } server;

  struct Limits {
    std::uint64_t body = 1U << 20;      // bytes of a request
    std::uint64_t prompt = 256U << 10;  // bytes of its prompt
    std::uint64_t max_tokens = 4096;    // of an answer
    std::uint64_t together = 4;         // answers that are written at once
    std::uint64_t queue = 16;           // requests that may wait for their turn,
    Seconds queue_time{30};             // and how long
    Seconds answer_time{600};           // of one answer
    std::uint64_t prefixes = 1U << 30;  // bytes of texts that were read, kept for the same key
    std::uint64_t per_key = 0;          // requests of one API key at once; 0: any number
  } limits;

  struct Receipts {
    std::optional<Path> agent;  // agentd's socket; without it the key is bound to no TPM
    bool answer_without = false;
    std::uint64_t kept = 10000;           // receipts
    std::uint64_t kept_bytes = 1U << 30;  // and bytes of them
  } receipts;
};

// parse_server_configuration checks form and ranges; paths are not opened. Relative paths are taken
// from `directory_of_file`.
Result<ServerConfiguration> parse_server_configuration(std::string_view text,
                                                       const std::string& file_name,
                                                       const Path& directory_of_file);
Result<ServerConfiguration> read_server_configuration(const Path& file);

}  // namespace attest::inference

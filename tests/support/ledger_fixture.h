// What tests of the ledger share: keys, statements of ours, and a log in a directory that goes.
#pragma once

#include <string>

#include "ledger/log.h"
#include "libattest/statement/statement.h"
#include "tests/support/temporary_directory.h"

namespace attest::ledger {

inline std::shared_ptr<const SigningKey> new_key(KeyKind kind = KeyKind::ed25519) {
  auto key = make_signing_key(kind, system_random());
  if (!key) throw std::runtime_error(key.error().to_string());
  return *std::move(key);
}

inline const Time test_time = from_unix(1'790'000'000);
inline constexpr const char* test_origin = "log.example/test";
inline constexpr const char* test_issuer = "weights@lab.example";

inline Sha256 digest_of(std::string_view name) {
  return sha256(as_bytes(name));
}
inline statement::Subject artefact(std::string_view name) {
  return statement::Subject::artefact(digest_of(name));
}

inline Bytes signed_as(statement::Kind kind, const statement::Subject& subject, ByteView payload,
                       const SigningKey& key) {
  auto made = statement::sign_statement(kind, subject, test_issuer, test_time, payload, key);
  if (!made) throw std::runtime_error(made.error().to_string());
  return *std::move(made);
}

// data_set is a statement about the artefact that `name` stands for.
inline Bytes data_set(std::string_view name, const SigningKey& key) {
  statement::DataSet data;
  data.name = std::string(name);
  data.files.push_back({std::string(name), 1, digest_of(name)});
  data.licence = "CC0-1.0";
  return signed_as(statement::Kind::data_set, artefact(name), statement::encode(data), key);
}

// release is a model release of the artefact `name`, made from `parent` where one is given.
inline Bytes release(std::string_view name, std::string_view parent, const SigningKey& key) {
  statement::ModelRelease model;
  model.name = std::string(name);
  model.files.push_back({std::string(name), 1, digest_of(name), digest_of("verity of it")});
  model.licence = "CC0-1.0";
  if (!parent.empty()) {
    model.operation = statement::Operation{"fine-tune", {}};
    model.parents.push_back({"base", artefact(parent)});
  }
  return signed_as(statement::Kind::model_release, artefact(name), statement::encode(model), key);
}

// TestLog is a fresh log with its key and a publisher's.
class TestLog {
 public:
  explicit TestLog(FileSystem& files = system_files(), std::string vfs = {}, IndexLimits index = {},
                   std::string store = {})
      : key(new_key()),
        publisher(new_key()),
        files_(&files),
        vfs_(std::move(vfs)),
        index_(index),
        store_(std::move(store)) {
    auto made = Log::init(place(), test_origin, key);
    if (!made) throw std::runtime_error(made.error().to_string());
    log = *std::move(made);
  }

  LogPlace place() const {
    LogPlace where;
    where.directory = directory.path() / "log";
    where.files = files_;
    where.sqlite_vfs = vfs_;
    where.store = store_;
    where.index = index_;
    return where;
  }
  Path database() const { return place().directory / "ledger.db"; }

  Bytes entry(std::string_view name) const { return data_set(name, *publisher); }
  Result<Added> add(std::string_view name) { return log->add(entry(name)); }

  // publish signs and publishes without witnesses, and gives the note.
  Result<std::string> publish() {
    TRY_VOID(log->lead());
    TRY(std::string note, log->sign_checkpoint(test_time));
    TRY_VOID(log->publish(note));
    return note;
  }
  Status reopen() {
    log.reset();
    TRY(log, Log::open(place(), key));
    return {};
  }

  TemporaryDirectory directory;
  std::shared_ptr<const SigningKey> key;
  std::shared_ptr<const SigningKey> publisher;
  std::unique_ptr<Log> log;

 private:
  FileSystem* files_;
  std::string vfs_;
  IndexLimits index_;
  std::string store_;
};

}  // namespace attest::ledger

#include "agentd/change_watch.h"

#include "agentd/collect/ima_list.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest::agentd {
namespace {

struct Host {
  TemporaryDirectory folder;
  Path models = folder.path() / "models";
  Path event_log = folder.path() / "eventlog.bin";
  Path ima_log = folder.path() / "ima";

  Host() {
    std::filesystem::create_directory(models);
    write(event_log, "log");
    write(ima_log, "10 first\n");
  }
  static void write(const Path& path, std::string_view text) {
    must(write_file_atomically(path, as_bytes(text)));
  }
  ChangeWatch watch() const { return {{models, folder.path() / "one.bin"}, event_log, ima_log}; }
};

bool names(const std::string& words, std::string_view what) {
  INFO(words);
  return words.find(what) != std::string::npos;
}

TEST_CASE("nothing changed, nothing is told") {
  const Host host;
  ChangeWatch watch = host.watch();
  REQUIRE(watch.changes().empty());
  Host::write(host.models / "notes.txt", "of no model");
  Host::write(host.folder.path() / "two.bin", "of no model either");
  REQUIRE(watch.changes().empty());
}

TEST_CASE("a model that comes, changes or goes is told, once") {
  const Host host;
  ChangeWatch watch = host.watch();
  const auto told = [&](std::string_view what) {
    REQUIRE(names(watch.changes(), what));
    watch.mark();
    REQUIRE(watch.changes().empty());
  };
  Host::write(host.models / "a.gguf", "one");
  told("a.gguf");
  Host::write(host.models / "a.gguf", "two");
  told("a.gguf");
  std::filesystem::remove(host.models / "a.gguf");
  told("a.gguf");
  Host::write(host.folder.path() / "one.bin", "named by its path");
  told("one.bin");
}

TEST_CASE("a folder of models that comes later is watched from the next mark on") {
  const Host host;
  std::filesystem::remove(host.models);
  ChangeWatch watch = host.watch();
  std::filesystem::create_directory(host.models);
  watch.mark();
  Host::write(host.models / "a.safetensors", "one");
  REQUIRE(names(watch.changes(), "a.safetensors"));
}

TEST_CASE("a longer IMA list and another event log are told") {
  const Host host;
  ChangeWatch watch = host.watch();
  Host::write(host.ima_log, "10 first\n10 second\n");
  REQUIRE(names(watch.changes(), "IMA"));
  watch.mark();
  Host::write(host.event_log, "a longer log");
  REQUIRE(names(watch.changes(), "event log"));
  watch.mark();
  // The kernel's lists have no size; their count stands beside them.
  Host::write(host.folder.path() / "runtime_measurements_count", "7\n");
  REQUIRE(ima_list_length(host.ima_log) == 7);
}

TEST_CASE("an IMA list is read from the entry on that is not known") {
  const Host host;
  std::string ascii;
  for (int i = 0; i < 5000; ++i) ascii += "10 entry number " + std::to_string(i) + "\n";
  Host::write(host.ima_log, ascii);
  const auto rest = must(read_ima_list(host.ima_log, 4998));
  REQUIRE(rest->after == 4998);
  REQUIRE(as_text(rest->entries) == "10 entry number 4998\n10 entry number 4999\n");
  REQUIRE(must(read_ima_list(host.ima_log, 5000))->entries.empty());
  for (const std::uint64_t known : {0U, 5001U}) {
    const auto whole = must(read_ima_list(host.ima_log, known));
    REQUIRE(whole->after == 0);
    REQUIRE(as_text(whole->entries) == ascii);
  }
  REQUIRE_FALSE(must(read_ima_list(host.folder.path() / "none", 3)));
}

TEST_CASE("a binary IMA list is read from the entry on that is not known") {
  const Host host;
  const auto entry = [](std::string_view data) {
    Bytes bytes;
    append_u32_le(bytes, 10);
    append(bytes, Bytes(20, std::byte{1}));
    append_u32_le(bytes, 6);
    append(bytes, as_bytes("ima-ng"));
    append_u32_le(bytes, static_cast<std::uint32_t>(data.size()));
    append(bytes, as_bytes(data));
    return bytes;
  };
  Bytes list;
  for (int i = 0; i < 3000; ++i) append(list, entry("entry " + std::to_string(i)));
  must(write_file_atomically(host.ima_log, list));
  REQUIRE(must(read_ima_list(host.ima_log, 2999))->entries == entry("entry 2999"));
  REQUIRE(must(read_ima_list(host.ima_log, 3001))->entries == list);
  append(list, Bytes(24, std::byte{0xff}));  // a length no entry has: nothing can be counted
  append_u32_le(list, 0xffffffff);
  must(write_file_atomically(host.ima_log, list));
  REQUIRE(must(read_ima_list(host.ima_log, 3001))->after == 0);
}

}  // namespace
}  // namespace attest::agentd

#include "libattest/model/digest_cache.h"

#include <chrono>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>

#include "libattest/model/oms_sign.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::model;

namespace {

constexpr std::int64_t second = 1'000'000'000;

// The kernel's clock for files ticks every few milliseconds. Tests give a time of their own, so
// they wait for what the two seconds of quiet stand for.
void let_the_clock_tick() {
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
}

struct Cached {
  TemporaryDirectory place;
  Path path = place.path() / "f";
  DigestCache cache = DigestCache::of("", "boot");
  Bytes digest = Bytes(32, std::byte{7});

  Cached() { std::ofstream(path) << "content"; }
  std::unique_ptr<OpenedFile> open() const { return must(OpenedFile::open(path)); }
  // A time at which the file has been quiet for this many seconds.
  std::int64_t after(std::int64_t seconds) const {
    return must(open()->identity()).changed_ns + seconds * second;
  }
  void learn(std::int64_t now) {
    const auto file = open();
    cache.learn(*file, must(DigestCache::begin(*file, now)), OmsHash::sha256, digest);
  }
  bool known() const { return cache.known(*open(), OmsHash::sha256).has_value(); }
};

}  // namespace

TEST_CASE("a digest of a quiet file is known, for its hash function alone") {
  Cached cached;
  CHECK_FALSE(cached.known());
  cached.learn(cached.after(3));
  CHECK(cached.known());
  CHECK(*cached.cache.known(*cached.open(), OmsHash::sha256) == cached.digest);
  CHECK_FALSE(cached.cache.known(*cached.open(), OmsHash::blake2b));
}

TEST_CASE("both digests of a file are known together or not at all") {
  Cached cached;
  const FileDigests digests = digest_bytes(as_bytes("content"));
  cached.learn(cached.after(3));  // the SHA-256 alone
  CHECK_FALSE(cached.cache.known_digests(*cached.open()));
  const auto file = cached.open();
  cached.cache.learn(*file, must(DigestCache::begin(*file, cached.after(1))), digests);
  CHECK_FALSE(cached.cache.known_digests(*cached.open()));
  cached.cache.learn(*file, must(DigestCache::begin(*file, cached.after(3))), digests);
  CHECK(cached.cache.known_digests(*cached.open()) == digests);
  CHECK(DigestCache::of(cached.cache.text(), "boot").known_digests(*cached.open()) == digests);
  let_the_clock_tick();
  std::ofstream(cached.path) << "CONTENT";
  CHECK_FALSE(cached.cache.known_digests(*cached.open()));
}

TEST_CASE("a file that was changed a moment ago is not believed to be told apart") {
  Cached cached;
  cached.learn(cached.after(1));
  CHECK_FALSE(cached.known());
}

TEST_CASE("a file that somebody has open for writing is not learned") {
  Cached cached;
  {
    const Descriptor writer(::open(cached.path.c_str(), O_WRONLY | O_CLOEXEC));
    cached.learn(cached.after(3));
    CHECK_FALSE(cached.known());
  }
  {
    // The descriptor is closed; what was mapped can still be written.
    int descriptor = ::open(cached.path.c_str(), O_RDWR | O_CLOEXEC);
    void* mapped = ::mmap(nullptr, 7, PROT_WRITE, MAP_SHARED, descriptor, 0);
    REQUIRE(mapped != MAP_FAILED);
    ::close(descriptor);
    cached.learn(cached.after(3));
    CHECK_FALSE(cached.known());
    ::munmap(mapped, 7);
  }
  cached.learn(cached.after(3));
  CHECK(cached.known());
}

TEST_CASE("a file that changed, or changes while it is read, is read again") {
  Cached cached;
  cached.learn(cached.after(3));
  const auto before = std::filesystem::last_write_time(cached.path);
  let_the_clock_tick();
  std::ofstream(cached.path) << "CONTENT";
  std::filesystem::last_write_time(cached.path, before);  // as who wants to hide it would
  CHECK_FALSE(cached.known());

  const auto file = cached.open();
  const auto reading = must(DigestCache::begin(*file, cached.after(3)));
  let_the_clock_tick();
  std::ofstream(cached.path) << "content";
  cached.cache.learn(*file, reading, OmsHash::sha256, cached.digest);
  CHECK_FALSE(cached.known());
}

TEST_CASE("another file under the same name is another file") {
  Cached cached;
  cached.learn(cached.after(3));
  std::filesystem::rename(cached.path, cached.place.path() / "old");
  std::ofstream(cached.path) << "content";
  CHECK_FALSE(cached.known());
}

TEST_CASE("a cache is kept for one boot, and one that is malformed is empty") {
  Cached cached;
  cached.learn(cached.after(3));
  const std::string text = cached.cache.text();
  cached.cache = DigestCache::of(text, "boot");
  CHECK(cached.known());
  CHECK(cached.cache.text() == text);
  cached.cache = DigestCache::of(text, "another boot");
  CHECK_FALSE(cached.known());
  for (const std::string& broken :
       {"x" + text, text + "junk\n", text.substr(0, text.size() - 3), text + "file sha256 1\n"})
    CHECK(DigestCache::of(broken, "boot").size() == 0);
}

TEST_CASE("signing again reads only what changed") {
  const TemporaryDirectory place;
  for (const char* name : {"a", "b"}) std::ofstream(place.path() / name) << "content";
  DigestCache cache = DigestCache::of("", "boot");
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto describe = [&] {
    return must(describe_model(place.path(), {.cache = &cache, .now_ns = now() + 3 * second}));
  };
  const OmsDescription first = describe();
  CHECK(first.hashed == 14);
  CHECK(describe().hashed == 0);
  let_the_clock_tick();
  std::ofstream(place.path() / "b") << "changed";
  const OmsDescription again = describe();
  CHECK(again.hashed == 7);
  CHECK(again.statement.files.at("a")[0].digest == first.statement.files.at("a")[0].digest);
  CHECK(again.statement.files.at("b")[0].digest == to_bytes(sha256(as_bytes("changed"))));
}

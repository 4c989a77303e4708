#include "agentd/collect/tsm_collector.h"

#include <fstream>
#include <map>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::agentd;

namespace {

// Behaves as the kernel does: attributes come and go with their entry, and each write counts.
class FakeTsm final : public TsmTree {
 public:
  bool there = true;
  bool has_auxiliary = true;
  int interferences = 0;  // how many times somebody else writes after us
  bool after_reading = false;
  std::map<std::string, int> entries;
  int made = 0;

  bool present() const override { return there; }
  Status make_entry(const std::string& name) override {
    entries[name] = 0;
    ++made;
    return {};
  }
  void remove_entry(const std::string& name) override { entries.erase(name); }
  Status write(const std::string& entry, const std::string& attribute, ByteView value) override {
    REQUIRE(attribute == "inblob");
    ++entries.at(entry);
    if (interferences > 0 && !after_reading) interfere(entry);
    asked = to_bytes(value);
    return {};
  }
  Result<std::optional<Bytes>> read(const std::string& entry,
                                    const std::string& attribute) override {
    if (attribute == "generation") return to_bytes(std::to_string(entries.at(entry)) + "\n");
    if (attribute == "provider") return to_bytes("sev_guest\n");
    if (attribute == "auxblob") {
      if (!has_auxiliary) return std::nullopt;
      return to_bytes("certificates");
    }
    if (interferences > 0 && after_reading) interfere(entry);
    return concat({as_bytes("report over "), asked});
  }

  Bytes asked;

 private:
  void interfere(const std::string& entry) {
    --interferences;
    ++entries.at(entry);
  }
};

}  // namespace

TEST_CASE("a guest's report is asked for, and its entry goes again") {
  FakeTsm tree;
  const auto item = must(collect_tee(tree, as_bytes("nonce")));
  REQUIRE(item);
  REQUIRE(item->provider == "sev_guest");
  REQUIRE(item->report == to_bytes("report over nonce"));
  REQUIRE(item->auxiliary == to_bytes("certificates"));
  REQUIRE(tree.made == 1);
  REQUIRE(tree.entries.empty());
  REQUIRE(must(evidence::parse_tee(evidence::encode_tee(*item))) == *item);
}

TEST_CASE("a machine that is no such guest has no report, and some have no auxiliary data") {
  FakeTsm tree;
  tree.there = false;
  REQUIRE_FALSE(must(collect_tee(tree, as_bytes("nonce"))));
  tree.there = true;
  tree.has_auxiliary = false;
  REQUIRE_FALSE(must(collect_tee(tree, as_bytes("nonce")))->auxiliary);
}

TEST_CASE("a report that somebody else's write may have changed is not taken") {
  for (const bool after_reading : {false, true}) {
    FakeTsm tree;
    tree.after_reading = after_reading;
    tree.interferences = 2;
    REQUIRE(must(collect_tee(tree, as_bytes("nonce"))));
    tree.interferences = 100;
    const auto result = collect_tee(tree, as_bytes("nonce"));
    REQUIRE_RULE(result, rules::tsm_interfered);
    REQUIRE(result.error().kind == ErrorKind::incomplete);
    REQUIRE(tree.entries.empty());
  }
}

TEST_CASE("more than the kernel takes is not asked for") {
  FakeTsm tree;
  REQUIRE_RULE(collect_tee(tree, Bytes(65)), rules::tsm_attribute);
}

TEST_CASE("the kernel's tree is made of folders and files") {
  const TemporaryDirectory root;
  const auto tree = kernel_tsm(root.path());
  REQUIRE(tree->present());
  REQUIRE_FALSE(kernel_tsm(root.path() / "elsewhere")->present());
  REQUIRE_OK(tree->make_entry("a"));
  REQUIRE(std::filesystem::is_directory(root.path() / "a"));
  REQUIRE_FALSE(tree->make_entry("a"));
  std::ofstream(root.path() / "a/inblob");
  REQUIRE_OK(tree->write("a", "inblob", as_bytes("in")));
  REQUIRE(must(tree->read("a", "inblob")) == to_bytes("in"));
  REQUIRE_FALSE(must(tree->read("a", "auxblob")));
  REQUIRE_FALSE(tree->write("a", "outblob", as_bytes("x")));
  std::filesystem::remove(root.path() / "a/inblob");
  tree->remove_entry("a");
  REQUIRE_FALSE(std::filesystem::exists(root.path() / "a"));
  // Where entries have no attributes, nothing is made up.
  REQUIRE_RULE(collect_tee(*tree, as_bytes("nonce")), rules::tsm_attribute);
}

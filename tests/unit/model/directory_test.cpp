#include "libattest/model/directory.h"

#include <fstream>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::model;

namespace {

struct Tree {
  TemporaryDirectory place;
  Path root = place.path() / "model";

  Tree() {
    std::filesystem::create_directories(root / "a");
    write("a/x", "one");
    write("b", "two");
  }
  void write(const Path& name, std::string_view text) const { std::ofstream(root / name) << text; }
  ModelDirectory open() const { return must(ModelDirectory::open(root)); }
};

std::vector<std::string> names(const std::vector<DirectoryFile>& files) {
  std::vector<std::string> found;
  for (const DirectoryFile& file : files) found.push_back(file.name);
  return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a directory is listed in the order of its names' bytes") {
  const Tree tree;
  std::filesystem::create_directory(tree.root / "a-b");
  tree.write("a-b/x", "");
  tree.write("a.b", "");
  tree.write(".hidden", "");
  CHECK(names(must(tree.open().list(Symlinks::refuse))) ==
        Names{".hidden", "a-b/x", "a.b", "a/x", "b"});
}

TEST_CASE("left out are exact relative paths, with all below them") {
  const Tree tree;
  CHECK(names(must(tree.open().list(Symlinks::refuse, {"a"}))) == Names{"b"});
  CHECK(names(must(tree.open().list(Symlinks::refuse, {"a/x", "x"}))) == Names{"b"});
}

TEST_CASE("a link among a model's files is refused unless links are followed") {
  const Tree tree;
  std::filesystem::create_symlink("b", tree.root / "link");
  std::filesystem::create_directory_symlink("a", tree.root / "other");
  REQUIRE_RULE(tree.open().list(Symlinks::refuse), rules::directory_symlink);
  REQUIRE_RULE(tree.open().open_file("link", Symlinks::refuse), rules::directory_symlink);
  CHECK(names(must(tree.open().list(Symlinks::follow_inside))) ==
        Names{"a/x", "b", "link", "other/x"});
  REQUIRE_OK(tree.open().open_file("other/x", Symlinks::follow_inside));
}

TEST_CASE("nothing outside of the directory is reached") {
  const Tree tree;
  std::ofstream(tree.place.path() / "secret") << "s";
  std::filesystem::create_symlink("../secret", tree.root / "link");
  REQUIRE_RULE(tree.open().list(Symlinks::follow_inside), rules::directory_outside);
  for (const char* name : {"link", "../secret", "/etc/hostname", "a/../../secret"}) {
    INFO(name);
    REQUIRE_RULE(tree.open().open_file(name, Symlinks::follow_inside), rules::directory_outside);
  }
  REQUIRE_RULE(tree.open().open_file(std::string("b\0c", 3), Symlinks::follow_inside),
               rules::directory_name);
}

TEST_CASE("links that lead in a circle are refused") {
  const Tree tree;
  std::filesystem::create_directory_symlink("..", tree.root / "a" / "up");
  REQUIRE_RULE(tree.open().list(Symlinks::follow_inside), rules::directory_cycle);
  std::filesystem::remove(tree.root / "a" / "up");
  std::filesystem::create_symlink("self", tree.root / "self");
  REQUIRE_RULE(tree.open().list(Symlinks::follow_inside), rules::directory_cycle);
}

TEST_CASE("a FIFO is refused at once, without waiting for a writer") {
  const Tree tree;
  REQUIRE(mkfifo((tree.root / "fifo").c_str(), 0600) == 0);
  REQUIRE_RULE(tree.open().list(Symlinks::refuse), rules::directory_special);
  REQUIRE_RULE(tree.open().open_file("fifo", Symlinks::refuse), rules::directory_special);
  REQUIRE_RULE(OpenedFile::open(tree.root / "fifo"), rules::directory_special);
}

TEST_CASE("devices and sockets are refused") {
  const Tree tree;
  REQUIRE_RULE(OpenedFile::open("/dev/null"), rules::directory_special);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (tree.root / "socket").string();
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE_RULE(tree.open().list(Symlinks::refuse), rules::directory_special);
  REQUIRE_RULE(tree.open().open_file("socket", Symlinks::refuse), rules::directory_special);
  ::close(socket);
}

TEST_CASE("names that are not UTF-8 are refused") {
  const Tree tree;
  tree.write("x\xff", "");
  REQUIRE_RULE(tree.open().list(Symlinks::refuse), rules::directory_name);
}

TEST_CASE("a tree that is too deep is refused") {
  const Tree tree;
  Path deep = tree.root;
  for (int i = 0; i < 70; ++i) deep /= "d";
  std::filesystem::create_directories(deep);
  REQUIRE_RULE(tree.open().list(Symlinks::refuse), rules::directory_limit);
}

TEST_CASE("a directory swapped after it was opened is still the one that was opened") {
  const Tree tree;
  const ModelDirectory directory = tree.open();
  std::filesystem::rename(tree.root, tree.place.path() / "away");
  std::filesystem::create_directory(tree.root);
  tree.write("b", "other");
  const auto file = must(directory.open_file("b", Symlinks::refuse));
  Bytes content(3);
  must(file->read_at(0, content));
  CHECK(as_text(content) == "two");
}

TEST_CASE("a file's identity changes when the file does") {
  const Tree tree;
  const auto file = must(tree.open().open_file("b", Symlinks::refuse));
  const FileIdentity before = must(file->identity());
  CHECK(before == must(tree.open().list(Symlinks::refuse)).back().identity);
  std::filesystem::last_write_time(tree.root / "b", std::filesystem::file_time_type::min());
  tree.write("b", "owt");
  std::filesystem::permissions(tree.root / "b", std::filesystem::perms::owner_read);
  CHECK(before != must(file->identity()));
}

TEST_CASE("a file that is not there is refused, one that may not be read is incomplete") {
  const Tree tree;
  REQUIRE_RULE(tree.open().open_file("c", Symlinks::refuse), rules::directory_missing);
  REQUIRE_RULE(tree.open().open_file("b/c", Symlinks::refuse), rules::directory_missing);
  REQUIRE_RULE(ModelDirectory::open(tree.root / "c"), rules::file_unreadable);
}

#include "tests/support/platter.h"

#include <fstream>
#include <iterator>
#include <set>

#include <sys/stat.h>

namespace attest {

namespace fs = std::filesystem;

namespace {

ino_t inode_of(const Path& file) {
  struct stat facts{};
  return ::stat(file.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

}  // namespace

Platter::Platter(Path live, Path durable) : live_(std::move(live)), durable_(std::move(durable)) {
  for (const auto& each : fs::recursive_directory_iterator(live_)) {
    if (each.is_regular_file()) file_synced(each.path());
    if (each.is_directory()) directory_synced(each.path());
  }
  directory_synced(live_);
}

void Platter::file_synced(const Path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(stream)), {});
  contents_[inode_of(file)] = to_bytes(std::string_view(content));
}

void Platter::directory_synced(const Path& directory) {
  std::error_code gone;
  if (!fs::is_directory(directory, gone)) return;
  const std::string prefix =
      directory == live_ ? std::string() : directory.lexically_relative(live_).string() + "/";
  const auto directly_inside = [&](const std::string& name) {
    return name.starts_with(prefix) && name.find('/', prefix.size()) == name.npos;
  };
  std::erase_if(names_, [&](const auto& name) { return directly_inside(name.first); });
  for (const auto& each : fs::directory_iterator(directory))
    if (each.is_regular_file())
      names_[prefix + each.path().filename().string()] = inode_of(each.path());
}

void Platter::leave_behind() const {
  fs::remove_all(durable_);
  fs::create_directories(durable_);
  for (const auto& [name, inode] : names_) {
    const Path file = durable_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    if (const auto content = contents_.find(inode); content != contents_.end())
      stream << as_text(content->second);
  }
}

void Platter::cut(const Path& live, const Path& durable) {
  fs::remove_all(live);
  fs::rename(durable, live);
}

}  // namespace attest

// Where a model and its signature lie, and the cores to hash it with: what signing and verifying
// share.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/kernels/executor.h"
#include "libattest/base/file.h"
#include "libattest/model/digest_cache.h"
#include "libattest/model/executor.h"

namespace attest::cli {

// Threads runs the library's tasks on all cores.
class Threads {
 public:
  Threads()
      : pool_(inference::make_thread_pool(std::max(1U, std::thread::hardware_concurrency()))) {
    // A model may have more files than a process may open by default.
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
      limit.rlim_cur = limit.rlim_max;
      (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
  }
  model::Executor executor() {
    return [this](std::size_t count, const std::function<void(std::size_t)>& task) {
      pool_->run(count, task);
    };
  }

 private:
  std::unique_ptr<inference::Executor> pool_;
};

// The bundle's place inside of the model's directory, or nothing where it lies elsewhere.
inline std::string place_inside(const Path& bundle, const Path& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return {};
  const Path relative =
      std::filesystem::weakly_canonical(bundle, error)
          .lexically_relative(std::filesystem::weakly_canonical(directory, error));
  const std::string text = relative.generic_string();
  return text.empty() || text.starts_with("..") ? "" : text;
}

// CacheFile is a digest cache in a file of the user's own, written back when something was learned.
class CacheFile {
 public:
  // An empty path means no cache. A file that others may write, or that is malformed, is not used.
  explicit CacheFile(const std::string& path) : path_(path), cache_(read(path)) {}

  model::DigestCache* cache() { return path_.empty() ? nullptr : &cache_; }
  static std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  Status save() const {
    if (path_.empty()) return {};
    return write_file_atomically(path_, as_bytes(cache_.text()), 0600);
  }

 private:
  static model::DigestCache read(const std::string& path) {
    const auto boot = read_text_file("/proc/sys/kernel/random/boot_id", 64);
    const std::string name = boot ? boot->substr(0, boot->find('\n')) : std::string("unknown");
    struct stat status{};
    const bool own = !path.empty() && stat(path.c_str(), &status) == 0 &&
                     status.st_uid == geteuid() && (status.st_mode & 022) == 0;
    const auto text = own ? read_text_file(path, 256U << 20) : Result<std::string>(std::string());
    return model::DigestCache::of(text ? *text : "", name);
  }
  std::string path_;
  model::DigestCache cache_;
};

}  // namespace attest::cli

#include "agentd/change_watch.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/inotify.h>

#include "agentd/collect/collectors.h"
#include "agentd/collect/ima_list.h"
#include "libattest/base/text.h"

namespace attest::agentd {
namespace {

constexpr std::uint32_t what_changes_files =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE;

}  // namespace

ChangeWatch::ChangeWatch(std::vector<Path> models, Path event_log, Path ima_log)
    : models_(std::move(models)),
      event_log_(std::move(event_log)),
      ima_log_(std::move(ima_log)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  mark();
}

ChangeWatch::Log ChangeWatch::look_at(const Path& path) {
  std::error_code missing;
  Log log;
  log.size = std::filesystem::file_size(path, missing);
  log.written = std::filesystem::last_write_time(path, missing);
  return missing ? Log{} : log;
}

void ChangeWatch::mark() {
  (void)drain();
  std::error_code ignored;
  for (const Path& model : models_) {
    const Path folder = std::filesystem::is_directory(model, ignored) ? model : model.parent_path();
    // A folder that is watched already keeps its number.
    const int number = ::inotify_add_watch(inotify_.get(), folder.c_str(), what_changes_files);
    if (number < 0) continue;
    if (std::ranges::find(watches_, number, &std::pair<int, Path>::first) == watches_.end())
      watches_.emplace_back(number, folder);
  }
  event_log_then_ = look_at(event_log_);
  ima_length_then_ = ima_list_length(ima_log_);
}

std::string ChangeWatch::drain() {
  std::string first;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return first;
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      if (!first.empty()) continue;
      if ((event.mask & IN_Q_OVERFLOW) != 0) first = "more files than could be followed";
      const auto watch = std::ranges::find(watches_, event.wd, &std::pair<int, Path>::first);
      if (watch == watches_.end() || event.len == 0) continue;
      const Path file = watch->second / name;
      if (is_reported_model(file, models_)) first = file.string();
    }
  }
}

std::string ChangeWatch::changes() {
  const std::string model = drain();
  if (!model.empty()) return "models changed: " + printable(model, 200);
  if (look_at(event_log_) != event_log_then_) return "the event log changed";
  const std::uint64_t length = ima_list_length(ima_log_);
  if (length != ima_length_then_) return "the IMA list grew";
  return {};
}

}  // namespace attest::agentd

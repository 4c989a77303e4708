#include "agentd/collect/library_child.h"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libattest/base/cbor.h"
#include "libattest/base/descriptor.h"

namespace attest::agentd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t answer_limit = 4U << 20;

std::unexpected<Error> no_answer(std::string what) {
  return fail(
      incomplete(rules::library_no_answer, std::move(what))
          .next("see what the driver's own tool, such as nvidia-smi, says on this machine"));
}

Bytes encode_answer(const std::vector<evidence::GpuItem>& items) {
  cbor::Array array;
  for (const evidence::GpuItem& item : items) array.emplace_back(evidence::encode_gpu(item));
  return cbor::encode(array);
}

Result<std::vector<evidence::GpuItem>> decode_answer(ByteView bytes) {
  const auto value = cbor::decode(bytes, cbor::Form::deterministic);
  const cbor::Array* array = value ? value->as_array() : nullptr;
  if (!array) return no_answer("the process that asks the driver ended without an answer");
  std::vector<evidence::GpuItem> items;
  for (const cbor::Value& element : *array) {
    TRY(const Bytes content, cbor::expect_bytes(element, "GPU item"));
    TRY(evidence::GpuItem item, evidence::parse_gpu(content));
    items.push_back(std::move(item));
  }
  return items;
}

void write_all(int descriptor, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

// Runs in the child. Should another thread of the agent have held a lock of the loader at the fork,
// the child hangs, and the time limit ends it like a driver that hangs.
[[noreturn]] void answer(int descriptor, const Reader& reader) {
  // Whatever the agent does about its own end is not for a crash of the driver's library.
  for (const int signal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTERM, SIGINT})
    ::signal(signal, SIG_DFL);
  write_all(descriptor, encode_answer(reader()));
  ::_exit(0);
}

// Child is a process that does not outlive this object.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

 private:
  pid_t pid_;
};

Result<Bytes> read_until(int descriptor, Clock::time_point end) {
  Bytes answer;
  std::array<std::byte, 1U << 16> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd waiting{descriptor, POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return no_answer("the driver did not answer in time");
    const ssize_t size = ::read(descriptor, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return answer;
    append(answer, ByteView(buffer).first(static_cast<std::size_t>(size)));
    if (answer.size() > answer_limit) return no_answer("the driver's answer has no end");
  }
}

}  // namespace

Result<std::vector<evidence::GpuItem>> collect_in_child(const Reader& reader,
                                                        std::chrono::milliseconds time_limit) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(system_fault(rules::library_no_answer, "cannot make a pipe", errno));
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(system_fault(rules::library_no_answer, "cannot make a process", errno));
  if (pid == 0) answer(writing.get(), reader);
  const Child child(pid);
  writing.reset();
  TRY(const Bytes bytes, read_until(reading.get(), Clock::now() + time_limit));
  return decode_answer(bytes);
}

}  // namespace attest::agentd

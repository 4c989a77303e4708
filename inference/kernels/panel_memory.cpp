#include "inference/kernels/panel_memory.h"

#include <new>
#include <utility>

#include <sys/mman.h>

namespace attest::inference {

namespace {

constexpr std::size_t huge_page = 2U << 20;

// A mapping of huge pages must begin on their border, which mmap does not promise.
std::uint8_t* map_aligned(std::size_t size) {
  const std::size_t room = size + huge_page;
  void* const mapped = mmap(nullptr, room, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const start = static_cast<std::uint8_t*>(mapped);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(start) % huge_page;
  if (before > 0) munmap(start, before);
  munmap(start + before + size, room - before - size);
  return start + before;
}

// Not whole huge pages: the last one would be half empty in every matrix.
std::size_t whole_pages(std::size_t size) {
  constexpr std::size_t page = 4096;
  return (size + page - 1) / page * page;
}

}  // namespace

PanelMemory::PanelMemory(std::size_t size) : size_(size) {
  if (size == 0) return;
  const std::size_t whole = whole_pages(size);
  data_ = map_aligned(whole);
  // Advice: where huge pages are forbidden, small ones serve.
  if (whole >= huge_page) (void)madvise(data_, whole, MADV_HUGEPAGE);
}

PanelMemory::~PanelMemory() {
  if (data_) munmap(data_, whole_pages(size_));
}

PanelMemory::PanelMemory(PanelMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PanelMemory& PanelMemory::operator=(PanelMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace attest::inference

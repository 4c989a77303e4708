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

PanelArena::PanelArena(std::size_t expected) {
  blocks_.emplace_back(expected);
}

std::uint8_t* PanelArena::take(std::size_t size) {
  constexpr std::size_t line = 64;
  const std::size_t whole = (size + line - 1) / line * line;
  for (; block_ < blocks_.size(); ++block_, used_ = 0) {
    if (whole > blocks_[block_].size() - used_) continue;
    used_ += whole;
    return blocks_[block_].data() + used_ - whole;
  }
  blocks_.emplace_back(whole);
  used_ = whole;
  return blocks_.back().data();
}

void PanelArena::reset() {
  block_ = 0;
  used_ = 0;
}

}  // namespace attest::inference

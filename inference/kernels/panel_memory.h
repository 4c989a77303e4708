// Memory for weights and key-value caches: zeroed, on a page's border, on huge pages where the
// system allows them. Pages come from the node of the thread that first writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attest::inference {

// PanelMemory owns its bytes. Moved from, it is empty. Throws std::bad_alloc where there is no
// memory, as a container does.
class PanelMemory {
 public:
  PanelMemory() = default;
  explicit PanelMemory(std::size_t size);
  ~PanelMemory();
  PanelMemory(PanelMemory&& other) noexcept;
  PanelMemory& operator=(PanelMemory&& other) noexcept;

  std::size_t size() const { return size_; }
  std::uint8_t* data() { return data_; }
  const std::uint8_t* data() const { return data_; }
  float* floats() { return reinterpret_cast<float*>(data_); }
  const float* floats() const { return reinterpret_cast<const float*>(data_); }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// PanelArena gives out room for one matrix after the other, of a layer or of a whole model, and
// can be used again for another layer: memory that was written before costs nothing to write again.
class PanelArena {
 public:
  // Room for `expected` bytes is made at once, more where more is taken.
  explicit PanelArena(std::size_t expected);
  // take gives `size` bytes on the border of a line. They hold zeros, or what an earlier layer
  // left.
  std::uint8_t* take(std::size_t size);
  // reset has everything be taken again: nobody may use what was given out.
  void reset();

 private:
  std::vector<PanelMemory> blocks_;
  std::size_t block_ = 0;  // the one that is being given out, so far
  std::size_t used_ = 0;
};

}  // namespace attest::inference

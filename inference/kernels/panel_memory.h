// Memory for weights and key-value caches: zeroed, on a page's border, on huge pages where the
// system allows them. Pages come from the node of the thread that first writes them.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace attest::inference

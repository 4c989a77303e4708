#include "inference/model/weight_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libattest/model/sha256_lanes.h"

namespace attest::inference {

namespace {

// What arrives is checked and packed while it is still in the cache nearest to a core.
constexpr std::size_t piece_bytes = 1U << 20;
constexpr unsigned in_flight = 8;

std::uint64_t block_start(std::uint64_t offset) {
  return offset / model::verity_block * model::verity_block;
}

// mostly_cached says whether half of a file is in the page cache: then it is read from there.
bool mostly_cached(int fd, std::uint64_t size) {
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return false;
  std::vector<unsigned char> pages((size + 4095) / 4096);
  const bool known = mincore(mapped, size, pages.data()) == 0;
  munmap(mapped, size);
  const auto cached = std::ranges::count_if(pages, [](unsigned char page) { return page & 1U; });
  return known && static_cast<std::size_t>(cached) * 2 > pages.size();
}

}  // namespace

// Piece is some rows of one matrix, whole panels of them, and the blocks they lie in.
struct WeightReader::Piece {
  const MatrixRoom* room;
  std::size_t first_row;
  std::uint64_t offset;  // of the rows in the file
  std::size_t size;      // of the rows

  std::uint64_t start() const { return block_start(offset); }
  // length of the blocks, but for what lies beyond the end of the file.
  std::size_t length(std::uint64_t file_size) const {
    const std::uint64_t end = block_start(offset + size + model::verity_block - 1);
    return std::min(end, file_size) - start();
  }
};

// Disk reads pieces into buffers of its own: from disk several at a time, in order; out of the page
// cache, or without io_uring, as parts of a piece are asked for, by whoever wants them.
class WeightReader::Disk {
 public:
  explicit Disk(model::VerifiedFile& file) : file_(&file) {
    // Never by the file's name: whoever puts another file there changes nothing that is read here.
    fd_ = fcntl(file.descriptor(), F_DUPFD_CLOEXEC, 0);
    if (fd_ < 0 || mostly_cached(fd_, file.size())) return;
    const std::string same = "/proc/self/fd/" + std::to_string(fd_);
    const int direct = open(same.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (direct >= 0) close(std::exchange(fd_, direct));
    has_ring_ = io_uring_queue_init(in_flight, &ring_, 0) == 0;
  }
  ~Disk() {
    drain();
    if (has_ring_) io_uring_queue_exit(&ring_);
    if (fd_ >= 0) close(fd_);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // begin asks for the first pieces; next waits for piece number `i` and gives room for its blocks,
  // which stays until release(i), which asks for a further one. fill has some of the blocks in
  // their room, from `at` in the piece on; other parts of a piece may be filled at once.
  void begin(std::span<const Piece> pieces) {
    drain();
    pieces_ = pieces;
    std::size_t longest = 0;
    for (const Piece& piece : pieces) longest = std::max(longest, piece.length(file_->size()));
    // The system may be asked for whole blocks where the file ends within one.
    if (longest + model::verity_block > buffers_[0].size())
      for (PanelMemory& buffer : buffers_) buffer = PanelMemory(longest + model::verity_block);
    for (std::size_t i = 0; i < std::min<std::size_t>(in_flight, pieces.size()); ++i) ask(i);
  }

  Result<std::span<std::byte>> next(std::size_t i) {
    const std::size_t length = pieces_[i].length(file_->size());
    const std::span buffer(reinterpret_cast<std::byte*>(buffers_[i % in_flight].data()), length);
    arrived_ = 0;
    if (has_ring_) {
      Slot& slot = slots_[i % in_flight];
      while (!slot.arrived) TRY_VOID(wait());
      if (slot.result > 0) arrived_ = std::min(length, static_cast<std::size_t>(slot.result));
    }
    return buffer;
  }

  // What did not come, for whatever reason, is read the plain way, which says what is wrong.
  Status fill(std::size_t i, std::size_t at, std::span<std::byte> part) {
    if (at + part.size() <= arrived_) return {};
    const std::uint64_t from = pieces_[i].start() + at;
    if (fd_ >= 0 && pread(fd_, part.data(), part.size(), static_cast<off_t>(from)) ==
                        static_cast<ssize_t>(part.size()))
      return {};
    const std::lock_guard lock(plain_);
    return file_->read(from, part);
  }

  void release(std::size_t i) {
    if (i + in_flight < pieces_.size()) ask(i + in_flight);
  }

 private:
  struct Slot {
    bool arrived = true;
    int result = 0;
  };

  void ask(std::size_t i) {
    if (!has_ring_) return;
    Slot& slot = slots_[i % in_flight];
    slot = {false, 0};
    // O_DIRECT wants whole blocks even where the file ends within one.
    const std::size_t length = pieces_[i].length(file_->size());
    const std::size_t whole = block_start(length + model::verity_block - 1);
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    io_uring_prep_read(entry, fd_, buffers_[i % in_flight].data(), static_cast<unsigned>(whole),
                       pieces_[i].start());
    io_uring_sqe_set_data(entry, &slot);
    const int submitted = io_uring_submit(&ring_);
    if (submitted < 1) slot = {true, -EIO};
  }

  Status wait() {
    io_uring_cqe* done = nullptr;
    int outcome = 0;
    do outcome = io_uring_wait_cqe(&ring_, &done);
    while (outcome == -EINTR);
    if (outcome < 0)
      return fail(system_fault(rules::weights_unreadable, "cannot wait for a read", -outcome)
                      .within(file_->name()));
    *static_cast<Slot*>(io_uring_cqe_get_data(done)) = {true, done->res};
    io_uring_cqe_seen(&ring_, done);
    return {};
  }

  // The system writes into our buffers until every read has come back.
  void drain() {
    const auto outstanding = [](const Slot& slot) { return !slot.arrived; };
    while (has_ring_ && std::ranges::any_of(slots_, outstanding))
      if (!wait()) return;
  }

  model::VerifiedFile* file_;
  int fd_ = -1;
  bool has_ring_ = false;
  io_uring ring_{};
  std::array<PanelMemory, in_flight> buffers_;
  std::array<Slot, in_flight> slots_;
  std::span<const Piece> pieces_;
  std::size_t arrived_ = 0;  // bytes of the piece that next gave
  std::mutex plain_;         // a VerifiedFile is for one thread at a time
};

WeightReader::WeightReader(model::VerifiedFile& file, const Machine& machine)
    : file_(&file), machine_(machine), disk_(std::make_unique<Disk>(file)) {}

WeightReader::~WeightReader() = default;

std::vector<WeightReader::Piece> WeightReader::pieces_of(std::span<const Filling> fillings) {
  std::vector<Piece> pieces;
  for (const auto& [room, offset, of_layer] : fillings) {
    const std::size_t panel = panel_rows * room.row_bytes;
    const std::size_t rows = std::max<std::size_t>(1, piece_bytes / panel) * panel_rows;
    for (std::size_t row = 0; row < room.rows; row += rows) {
      const std::size_t some = std::min(rows, room.rows - row);
      pieces.push_back({&room, row, offset + row * room.row_bytes, some * room.row_bytes});
    }
  }
  return pieces;
}

Status WeightReader::read(std::span<const Filling> fillings) {
  const std::vector<Piece> pieces = pieces_of(fillings);
  disk_->begin(pieces);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    TRY(const std::span<std::byte> blocks, disk_->next(i));
    TRY_VOID(fill_and_check(pieces[i], i, blocks));
    TRY_VOID(pack(pieces[i], blocks));
    disk_->release(i);
  }
  return {};
}

// Blocks in groups of sixteen, one hash a lane. What differs, and the last few, is judged again one
// by one, which also says what is wrong.
Status WeightReader::fill_and_check(const Piece& piece, std::size_t number,
                                    std::span<std::byte> blocks) {
  constexpr std::size_t leaves_at_once = 16;  // what fills the widest registers
  constexpr std::size_t group_bytes = leaves_at_once * model::verity_block;
  const std::uint64_t first_block = piece.start() / model::verity_block;
  const model::VerifiedBlockTree& tree = file_->tree();
  return each((blocks.size() + group_bytes - 1) / group_bytes, [&](std::size_t group) -> Status {
    const std::size_t at = group * group_bytes;
    const std::span some = blocks.subspan(at, std::min(group_bytes, blocks.size() - at));
    TRY_VOID(disk_->fill(number, at, some));
    const std::uint64_t first = first_block + group * leaves_at_once;
    if (some.size() == group_bytes) {
      std::array<Sha256, leaves_at_once> hashes;
      model::sha256_blocks(some, model::verity_block, hashes);
      bool genuine = true;
      for (std::size_t i = 0; i < leaves_at_once; ++i)
        genuine = genuine && hashes[i] == tree.leaf(first + i);
      if (genuine) return {};
    }
    return file_->check(first, some);
  });
}

Status WeightReader::pack(const Piece& piece, ByteView blocks) {
  const ByteView rows = blocks.subspan(piece.offset - piece.start(), piece.size);
  const std::size_t panel = panel_rows * piece.room->row_bytes;
  return each((rows.size() + panel - 1) / panel, [&](std::size_t i) {
    const std::size_t size = std::min(panel, rows.size() - i * panel);
    return piece.room->pack(piece.first_row + i * panel_rows, rows.subspan(i * panel, size));
  });
}

// each runs tasks with all threads; the error of the first that failed, by number, is that of all.
Status WeightReader::each(std::size_t count, const std::function<Status(std::size_t)>& task) const {
  std::vector<Status> outcomes(count);
  machine_.each(count, [&](std::size_t i) { outcomes[i] = task(i); });
  for (Status& outcome : outcomes) TRY_VOID(std::move(outcome));
  return {};
}

}  // namespace attest::inference

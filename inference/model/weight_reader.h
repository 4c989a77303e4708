// Reading weights so that the bytes that were hashed are the bytes that are computed with, as fast
// as the disk gives them.
//
// A WeightReader is given the matrices that are to be filled and where their rows lie in a file. It
// keeps several reads in flight (io_uring, past the page cache where the file system can: each byte
// is used once), and what arrives is checked block by block against the file's tree and packed, by
// all threads of the machine, out of the memory it arrived in. Nothing is mapped and nothing is
// read twice, so whoever swaps or changes the file meanwhile changes nothing that was checked.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "inference/kernels/machine.h"
#include "inference/kernels/matrix.h"
#include "libattest/model/verified_file.h"

namespace attest::inference {

// Filling says where a matrix's rows come from.
struct Filling {
  MatrixRoom room;
  std::uint64_t offset;  // of the first row in the file
  bool of_layer;
};

class WeightReader {
 public:
  // A reader of `file`, which it borrows. Its buffers take 8 MB together, or eight times
  // sixteen rows where those are more.
  WeightReader(model::VerifiedFile& file, const Machine& machine);
  ~WeightReader();
  WeightReader(const WeightReader&) = delete;
  WeightReader& operator=(const WeightReader&) = delete;

  // read fills matrices in the order given. A wrong block is refused as VerifiedFile::read has it,
  // by the tensor it lies in; a weight that is not finite by rules::matrix_not_finite.
  Status read(std::span<const Filling> fillings);

 private:
  class Disk;
  struct Piece;
  static std::vector<Piece> pieces_of(std::span<const Filling> fillings);
  Status fill_and_check(const Piece& piece, std::size_t number, std::span<std::byte> blocks);
  Status pack(const Piece& piece, ByteView blocks);
  Status each(std::size_t count, const std::function<Status(std::size_t)>& task) const;

  model::VerifiedFile* file_;
  Machine machine_;
  std::unique_ptr<Disk> disk_;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule weights_unreadable{"inference.weights.unreadable"};
}

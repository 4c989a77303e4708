// configfs-tsm (Linux 6.7 and later, Documentation/ABI/testing/configfs-tsm): how a guest asks the
// trusted execution environment it runs in for a report, whoever made the processor.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libattest/base/file.h"
#include "libattest/evidence/tee_item.h"

namespace attest::agentd {

// TsmTree is the folder of reports; the kernel's, or a test's that behaves like it.
class TsmTree {
 public:
  virtual ~TsmTree() = default;
  virtual bool present() const = 0;
  // An entry appears with all its attributes when it is made, and goes when it is removed.
  virtual Status make_entry(const std::string& name) = 0;
  virtual void remove_entry(const std::string& name) = 0;
  virtual Status write(const std::string& entry, const std::string& attribute, ByteView value) = 0;
  // read gives nothing where the attribute is not there.
  virtual Result<std::optional<Bytes>> read(const std::string& entry,
                                            const std::string& attribute) = 0;
};

// kernel_tsm is the tree under `root`, "/sys/kernel/config/tsm/report".
std::unique_ptr<TsmTree> kernel_tsm(const Path& root = "/sys/kernel/config/tsm/report");

// collect_tee asks for a report over `report_data` (64 bytes at most), or gives nothing where this
// machine is no such guest. The kernel counts an entry's generation up at each write: it must be
// one more than before after ours, and the same after the report was read. Another count means that
// somebody else wrote in between; it is tried three times (rules::tsm_interfered, incomplete).
Result<std::optional<evidence::TeeItem>> collect_tee(TsmTree& tree, ByteView report_data);

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule tsm_interfered{"agentd.tsm.interfered"};
inline constexpr Rule tsm_attribute{"agentd.tsm.attribute"};
}  // namespace attest::rules

#include "agentd/collect/tsm_collector.h"

#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libattest/base/descriptor.h"

namespace attest::agentd {

namespace {

constexpr int tries = 3;
constexpr std::size_t largest_input = 64;

class KernelTsm final : public TsmTree {
 public:
  explicit KernelTsm(Path root) : root_(std::move(root)) {}

  bool present() const override {
    std::error_code error;
    return std::filesystem::is_directory(root_, error);
  }

  Status make_entry(const std::string& name) override {
    if (::mkdir((root_ / name).c_str(), 0700) == 0) return {};
    return fail(
        system_fault(rules::tsm_attribute, (root_ / name).string() + " cannot be made", errno));
  }

  // configfs removes an entry's attributes with it.
  void remove_entry(const std::string& name) override { ::rmdir((root_ / name).c_str()); }

  Status write(const std::string& entry, const std::string& attribute, ByteView value) override {
    const Path path = root_ / entry / attribute;
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.valid() &&
        ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()))
      return {};
    return fail(system_fault(rules::tsm_attribute, path.string() + " cannot be written", errno));
  }

  // The size that the kernel gives for an attribute is not how much it holds: read to the end.
  Result<std::optional<Bytes>> read(const std::string& entry,
                                    const std::string& attribute) override {
    const Path path = root_ / entry / attribute;
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid() && errno == ENOENT) return std::nullopt;
    Bytes content;
    std::array<std::byte, 4096> piece{};
    while (file.valid()) {
      const ssize_t got = ::read(file.get(), piece.data(), piece.size());
      if (got == 0) return content;
      if (got < 0 || content.size() > evidence::tee_report_limit) break;
      append(content, ByteView(piece).first(static_cast<std::size_t>(got)));
    }
    return fail(system_fault(rules::tsm_attribute, path.string() + " cannot be read", errno));
  }

 private:
  Path root_;
};

// An entry that goes again, however the function ends.
class Entry {
 public:
  static Result<Entry> make(TsmTree& tree, std::string name) {
    TRY_VOID(tree.make_entry(name));
    return Entry(tree, std::move(name));
  }
  Entry(Entry&& other) noexcept
      : tree_(std::exchange(other.tree_, nullptr)), name_(std::move(other.name_)) {}
  Entry& operator=(Entry&&) = delete;
  ~Entry() {
    if (tree_ != nullptr) tree_->remove_entry(name_);
  }

  Status write(const std::string& attribute, ByteView value) const {
    return tree_->write(name_, attribute, value);
  }
  Result<std::optional<Bytes>> read(const std::string& attribute) const {
    return tree_->read(name_, attribute);
  }
  Result<Bytes> required(const std::string& attribute) const {
    TRY(auto value, read(attribute));
    if (!value)
      return fail(fault(rules::tsm_attribute, "the kernel's entry has no \"" + attribute + "\""));
    return *std::move(value);
  }
  Result<std::uint64_t> generation() const {
    TRY(const Bytes text, required("generation"));
    const std::string_view digits = as_text(text);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end == digits.data())
      return fail(fault(rules::tsm_attribute, "the entry's generation is no number"));
    return number;
  }

 private:
  Entry(TsmTree& tree, std::string name) : tree_(&tree), name_(std::move(name)) {}
  TsmTree* tree_;
  std::string name_;
};

std::string trimmed(ByteView text) {
  std::string value = to_string(text);
  while (value.ends_with('\n') || value.ends_with('\0')) value.pop_back();
  return value;
}

// Nothing where somebody else wrote to the entry meanwhile.
Result<std::optional<evidence::TeeItem>> ask(const Entry& entry, ByteView report_data) {
  TRY(const std::uint64_t before, entry.generation());
  TRY_VOID(entry.write("inblob", report_data));
  TRY(const std::uint64_t written, entry.generation());
  if (written != before + 1) return std::nullopt;
  evidence::TeeItem item;
  TRY(item.report, entry.required("outblob"));
  TRY(const Bytes provider, entry.required("provider"));
  item.provider = trimmed(provider);
  TRY(auto auxiliary, entry.read("auxblob"));
  if (auxiliary && !auxiliary->empty()) item.auxiliary = std::move(auxiliary);
  TRY(const std::uint64_t after, entry.generation());
  if (after != written) return std::nullopt;
  return item;
}

}  // namespace

std::unique_ptr<TsmTree> kernel_tsm(const Path& root) {
  return std::make_unique<KernelTsm>(root);
}

Result<std::optional<evidence::TeeItem>> collect_tee(TsmTree& tree, ByteView report_data) {
  if (!tree.present()) return std::nullopt;
  if (report_data.size() > largest_input)
    return fail(fault(rules::tsm_attribute, "report data is longer than 64 bytes"));
  TRY(const Entry entry, Entry::make(tree, "attest-" + std::to_string(::getpid())));
  for (int attempt = 0; attempt < tries; ++attempt) {
    TRY(auto item, ask(entry, report_data));
    if (item) return item;
  }
  return fail(incomplete(rules::tsm_interfered,
                         "another program wrote to the report's entry each time it was read")
                  .next("find out who else writes below /sys/kernel/config/tsm/report"));
}

}  // namespace attest::agentd

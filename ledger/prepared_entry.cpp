#include "ledger/prepared_entry.h"

#include <algorithm>
#include <thread>

#include "ledger/entry_form.h"

namespace attest::ledger {

namespace {

// A thread costs about as much as preparing some entries does.
constexpr std::size_t least_a_thread = 128;
constexpr std::size_t most_threads = 8;

Result<std::vector<Lookup>> lookups_in(const Bytes& bytes) {
  if (bytes.size() > max_entry_size)
    return fail(refused(rules::entry_size, "an entry is too long")
                    .expected("at most 65,535 bytes")
                    .found(std::to_string(bytes.size()))
                    .next("enter the digest of a larger artefact"));
  TRY(const EntryForm form, form_of(bytes));
  if (form.is_map_root)
    return fail(refused(rules::entry_map_root, "a map root is the log's own to write"));
  return lookups_of(form);
}

void prepare(std::span<const Bytes> entries, std::vector<PreparedEntry>& into) {
  into.reserve(entries.size());
  for (const Bytes& entry : entries)
    into.push_back({sha256(entry), transparency::leaf_hash(entry), lookups_in(entry)});
}

}  // namespace

std::vector<PreparedEntry> prepare_entries(std::span<const Bytes> entries) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t parts =
      std::clamp(entries.size() / least_a_thread, std::size_t{1}, std::min(cores, most_threads));
  const std::size_t each = (entries.size() + parts - 1) / parts;
  std::vector<std::vector<PreparedEntry>> prepared(parts);
  std::vector<std::jthread> others;
  for (std::size_t part = 1; part < parts; ++part)
    others.emplace_back([&, part] {
      const std::size_t first = std::min(entries.size(), part * each);
      prepare(entries.subspan(first, std::min(each, entries.size() - first)), prepared[part]);
    });
  prepare(entries.first(std::min(each, entries.size())), prepared.front());
  others.clear();  // joins them
  for (std::size_t part = 1; part < parts; ++part)
    std::ranges::move(prepared[part], std::back_inserter(prepared.front()));
  return std::move(prepared.front());
}

}  // namespace attest::ledger

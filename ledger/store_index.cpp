#include "ledger/store_index.h"

#include <algorithm>

#include "ledger/entry_form.h"
#include "ledger/stored_tree.h"

namespace attest::ledger {

namespace {

IndexKey first_bytes(const Sha256& digest) {
  IndexKey key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

IndexKey key_of(const Lookup& lookup) {
  const auto field = static_cast<std::byte>(lookup.field);
  return first_bytes(sha256({ByteView(&field, 1), lookup.key}));
}

std::vector<IndexKey> keys_of(const std::vector<Lookup>& lookups) {
  std::vector<IndexKey> keys;
  keys.reserve(lookups.size());
  for (const Lookup& lookup : lookups) keys.push_back(key_of(lookup));
  return keys;
}

// The entries of a batch share issuers, signers and kinds: each field's last key is remembered.
class KeyMemory {
 public:
  std::span<const IndexKey> keys_of(const std::vector<Lookup>& lookups) {
    keys_.clear();
    for (const Lookup& lookup : lookups) keys_.push_back(key(lookup));
    return keys_;
  }

 private:
  static constexpr std::size_t most_known = 8;
  struct Known {
    Lookup lookup;
    IndexKey key;
  };
  IndexKey key(const Lookup& lookup) {
    for (const Known& known : known_)
      if (known.lookup == lookup) return known.key;
    const Known made{lookup, key_of(lookup)};
    if (known_.size() < most_known)
      known_.push_back(made);
    else
      known_[next_++ % most_known] = made;
    return made.key;
  }

  std::vector<IndexKey> keys_;
  std::vector<Known> known_;
  std::size_t next_ = 0;
};

}  // namespace

Result<StoreIndex> StoreIndex::open(Store& store, FileSystem& files, const Path& directory,
                                    bool writer, IndexLimits limits) {
  TRY(const Head head, store.head());
  const EntryIndex::IsOurs ours = [&](std::uint64_t size, const Sha256& root) -> Result<bool> {
    if (size > head.size) return false;
    TRY(const Sha256 found, transparency::root_from_nodes(size, stored_nodes(store, size)));
    return found == root;
  };
  TRY(EntryIndex digests, EntryIndex::open(files, directory / "digests", writer, ours, limits));
  TRY(EntryIndex lookups, EntryIndex::open(files, directory / "lookups", writer, ours, limits));
  return StoreIndex(store, limits, std::move(digests), std::move(lookups));
}

Status StoreIndex::follow(const Head& head) {
  if (digests_.covered() > head.size) TRY_VOID(digests_.forget());
  if (lookups_.covered() > head.size) TRY_VOID(lookups_.forget());
  std::uint64_t from = std::min(digests_.covered(), lookups_.covered());
  while (from < head.size) {
    const std::uint64_t to = std::min(head.size, from + limits_.entries_in_memory);
    TRY_VOID(read_on(from, to));
    Sha256 root = head.root;
    if (to < head.size) {
      TRY(root, transparency::root_from_nodes(to, stored_nodes(*store_, to)));
    }
    if (digests_.covered() == to) TRY_VOID(digests_.settle(root));
    if (lookups_.covered() == to) TRY_VOID(lookups_.settle(root));
    from = to;
  }
  return {};
}

Status StoreIndex::read_on(std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t at_once = 1024;
  for (std::uint64_t index = from; index < to;) {
    TRY(const auto entries, store_->entries(index, std::min(at_once, to - index)));
    for (const Bytes& entry : entries) {
      if (digests_.covered() == index) {
        const IndexKey key = first_bytes(sha256(entry));
        digests_.add(std::span(&key, 1));
      }
      if (lookups_.covered() == index) {
        const auto form = form_of(entry);
        lookups_.add(form ? keys_of(lookups_of(*form)) : std::vector<IndexKey>{});
      }
      ++index;
    }
  }
  return {};
}

Status StoreIndex::took(const Commit& commit) {
  if (commit.entries.empty()) return {};
  if (digests_.covered() != commit.from.size || lookups_.covered() != commit.from.size)
    return follow(commit.to);
  KeyMemory memory;
  for (const NewEntry& entry : commit.entries) {
    const IndexKey key = first_bytes(entry.digest);
    digests_.add(std::span(&key, 1));
    lookups_.add(memory.keys_of(entry.lookups));
  }
  const Status digests = digests_.settle(commit.to.root);
  const Status lookups = lookups_.settle(commit.to.root);
  return digests ? lookups : digests;
}

Result<std::optional<std::uint64_t>> StoreIndex::index_of(const Sha256& entry_digest,
                                                          const Head& head) {
  TRY_VOID(follow(head));
  for (const std::uint64_t index : digests_.find(first_bytes(entry_digest), head.size)) {
    TRY(const auto entry, store_->entries(index, 1));
    if (sha256(entry.front()) == entry_digest) return index;
  }
  return std::nullopt;
}

Result<std::vector<std::uint64_t>> StoreIndex::find(const Lookup& lookup, std::uint64_t below,
                                                    const Head& head) {
  TRY_VOID(follow(head));
  return lookups_.find(key_of(lookup), below);
}

Result<std::uint64_t> StoreIndex::lookups(const Head& head) {
  TRY_VOID(follow(head));
  return lookups_.records();
}

Result<bool> StoreIndex::heal(const Head& head) {
  const Status sound = check();
  if (sound) return false;
  if (sound.error().rule != rules::index_damaged) return fail(sound.error());
  TRY_VOID(digests_.forget());
  TRY_VOID(lookups_.forget());
  TRY_VOID(follow(head));
  return true;
}

Status StoreIndex::check() const {
  TRY_VOID(digests_.check());
  return lookups_.check();
}

}  // namespace attest::ledger

#include "ledger/bundle_writer.h"

#include <algorithm>
#include <map>
#include <set>

#include "ledger/entry_form.h"
#include "ledger/stored_tree.h"
#include "ledger/subject_map_store.h"
#include "libattest/base/cbor.h"

namespace attest::ledger {

namespace {

// Closure gathers all that a bundle must hold: from the artefact up to its ancestors, and to the
// keys that signed anything in it.
class Closure {
 public:
  Closure(Store& store, std::uint64_t covered) : store_(&store), covered_(covered) {}

  Status follow(const std::string& artefact) {
    wanted_.push_back({artefact, true});
    while (!wanted_.empty()) {
      const Wanted next = std::move(wanted_.back());
      wanted_.pop_back();
      TRY_VOID(take_subject(next));
    }
    return {};
  }

  const std::map<std::uint64_t, Bytes>& entries() const { return entries_; }
  const std::map<std::string, std::vector<std::uint64_t>>& subjects() const { return subjects_; }

 private:
  struct Wanted {
    std::string subject;
    bool is_artefact;  // an artefact's own releases name the parents to follow
  };

  Status take_subject(const Wanted& wanted) {
    if (subjects_.contains(wanted.subject)) return {};
    TRY(auto indexes, store_->find(lookup_for(Field::subject, wanted.subject), covered_));
    for (const std::uint64_t index : indexes) TRY_VOID(take_entry(index, wanted));
    subjects_.emplace(wanted.subject, std::move(indexes));
    return {};
  }

  Status take_entry(std::uint64_t index, const Wanted& wanted) {
    if (!entries_.contains(index)) {
      TRY(auto read, store_->entries(index, 1));
      entries_.emplace(index, std::move(read.front()));
    }
    TRY(const EntryForm form, form_of(entries_.at(index)));
    if (form.signer) wanted_.push_back({"key:" + to_hex(*form.signer), false});
    // Descendants speak of this subject too; only the release of the subject itself leads upward.
    if (wanted.is_artefact && form.subject == wanted.subject)
      for (const std::string& parent : form.parents) wanted_.push_back({parent, true});
    return {};
  }

  Store* store_;
  std::uint64_t covered_;
  std::vector<Wanted> wanted_;
  std::map<std::uint64_t, Bytes> entries_;
  std::map<std::string, std::vector<std::uint64_t>> subjects_;
};

cbor::Array hashes(const std::vector<Sha256>& path) {
  return {path.begin(), path.end()};
}

Result<cbor::Value> placed_entry(Store& store, std::uint64_t index, const Bytes& entry,
                                 std::uint64_t size) {
  TRY(const auto path, transparency::prove_inclusion(index, size, stored_nodes(store, size)));
  return cbor::Map{{"entry", entry}, {"index", index}, {"path", hashes(path)}};
}

Result<cbor::Value> status_of(Store& store, const std::string& subject,
                              const std::vector<std::uint64_t>& indexes) {
  TRY(const SubjectPlace place, find_subject(store, transparency::subject_key(subject)));
  if ((place.leaf ? place.leaf->count : 0) != indexes.size())
    return fail(fault(rules::store_damaged, "the subject map and the index by subject differ")
                    .within(subject)
                    .next("run: attestctl ledger fsck"));
  cbor::Value other = nullptr;
  if (place.proof.other)
    other = cbor::Map{{"key", place.proof.other->key},
                      {"count", place.proof.other->count},
                      {"chain", place.proof.other->chain}};
  return cbor::Map{{"subject", subject},
                   {"indexes", cbor::Array(indexes.begin(), indexes.end())},
                   {"siblings", hashes(place.proof.siblings)},
                   {"other", other}};
}

}  // namespace

Result<Bytes> write_bundle(Store& store, const std::string& note,
                           const transparency::Checkpoint& checkpoint, const std::string& subject) {
  TRY(const Head head, store.head());
  // The stored map is that of the last map root: it must be the last entry under the checkpoint.
  if (checkpoint.size == 0 || head.map_size != checkpoint.size)
    return fail(incomplete(rules::bundle_not_covered, "the published checkpoint is not the latest")
                    .expected("size " + std::to_string(head.map_size))
                    .found(std::to_string(checkpoint.size))
                    .next("publish a checkpoint first"));
  const std::uint64_t last = checkpoint.size - 1;
  Closure closure(store, last);
  TRY_VOID(closure.follow(subject));
  if (closure.subjects().at(subject).empty())
    return fail(incomplete(rules::bundle_no_statement, "no entry of the log speaks of this subject")
                    .within(subject));

  cbor::Array entries;
  for (const auto& [index, entry] : closure.entries()) {
    TRY(auto placed, placed_entry(store, index, entry, checkpoint.size));
    entries.push_back(std::move(placed));
  }
  cbor::Array status;
  for (const auto& [about, indexes] : closure.subjects()) {
    TRY(auto one, status_of(store, about, indexes));
    status.push_back(std::move(one));
  }
  TRY(const auto map_root, store.entries(last, 1));
  TRY(auto placed_root, placed_entry(store, last, map_root.front(), checkpoint.size));
  return cbor::encode(cbor::Map{{"version", 1},
                                {"subject", subject},
                                {"checkpoint", note},
                                {"map_root", std::move(placed_root)},
                                {"entries", std::move(entries)},
                                {"status", std::move(status)}});
}

}  // namespace attest::ledger

#include "ledger/fsck.h"

#include <map>
#include <set>

#include "ledger/entry_form.h"
#include "ledger/statement_audit.h"
#include "ledger/store_source.h"
#include "ledger/subject_map_store.h"
#include "ledger/tree_audit.h"

namespace attest::ledger {

namespace {

// IndexAudit holds the lookups that the entries call for against those that are stored.
class IndexAudit {
 public:
  IndexAudit(Store& store, TreeAudit& tree) : store_(&store), tree_(&tree) {}

  Status take(std::uint64_t index, ByteView entry) {
    TRY(const auto known, store_->index_of(sha256(entry)));
    if (known != index)
      tree_->found({Verdict::corrupt,
                    "digests",
                    {},
                    index,
                    "the index by digest does not lead to this entry: it could be added twice"});
    const auto form = form_of(entry);
    if (!form) return {};
    for (const Lookup& lookup : lookups_of(*form)) {
      expected_[lookup].push_back(index);
      ++rows_;
    }
    return {};
  }

  Status compare(std::uint64_t size) {
    for (const auto& [lookup, indexes] : expected_) {
      TRY(const auto stored, store_->find(lookup, size));
      if (stored != indexes)
        tree_->found({Verdict::corrupt,
                      "lookups",
                      {},
                      indexes.front(),
                      "an index row is missing or false: a search would hide entries"});
    }
    TRY(const std::uint64_t rows, store_->lookups());
    if (rows != rows_)
      tree_->found({Verdict::corrupt,
                    "lookups",
                    {},
                    {},
                    "there are " + std::to_string(rows) + " index rows, the entries call for " +
                        std::to_string(rows_)});
    return {};
  }

 private:
  Store* store_;
  TreeAudit* tree_;
  std::map<Lookup, std::vector<std::uint64_t>> expected_;
  std::uint64_t rows_ = 0;
};

// MapAudit recomputes the subject map of the entries it covers, node by node.
class MapAudit {
 public:
  MapAudit(Store& store, TreeAudit& tree) : store_(&store), tree_(&tree) {}

  void take(std::uint64_t index, ByteView entry, const Sha256& leaf) {
    const auto form = form_of(entry);
    if (!form) return;
    for (const std::string& subject : form->subjects) {
      map_.add(subject, index, leaf);
      keys_.insert(transparency::subject_key(subject));
    }
  }

  Status compare(std::uint64_t subjects) {
    TRY(const Sha256 root, stored_map_root(*store_));
    if (root != map_.root() || subjects != map_.subjects()) wrong("the stored root");
    for (const Sha256& key : keys_) {
      TRY(const SubjectPlace place, find_subject(*store_, key));
      if (place.leaf != map_.find(key) || place.proof != map_.prove(key))
        wrong("the path of subject key " + to_hex(key));
    }
    return {};
  }

 private:
  void wrong(const std::string& place) {
    tree_->found({Verdict::corrupt,
                  "map_nodes",
                  {},
                  {},
                  place + " of the subject map is not that of the entries"});
  }

  Store* store_;
  TreeAudit* tree_;
  transparency::SubjectMap map_;
  std::set<Sha256> keys_;
};

}  // namespace

Result<AuditReport> fsck(Store& store, std::size_t max_findings) {
  TRY(const Head head, store.head());
  TRY(const auto log_key, transparency::VerifierKey::parse(store.identity().verifier_key));
  AuditReport report;
  report.origin = store.identity().origin;
  report.size = head.size;
  report.root = head.root;
  StoreSource source(store);
  TreeAudit tree(source, {head.size, head.root, "log"}, report, max_findings);
  StatementAudit statements(log_key, nullptr, report,
                            [&tree](Finding finding) { tree.found(std::move(finding)); });
  IndexAudit index_audit(store, tree);
  MapAudit map_audit(store, tree);
  Status read;
  TRY_VOID(tree.run(
      [&](std::uint64_t index, ByteView entry, const Sha256& leaf) {
        statements.take(index, entry, leaf);
        if (read) read = index_audit.take(index, entry);
        if (index < head.map_size) map_audit.take(index, entry, leaf);
      },
      {}));
  TRY_VOID(read);
  TRY_VOID(index_audit.compare(head.size));
  TRY_VOID(map_audit.compare(head.map_subjects));
  report.subjects = statements.map().subjects();
  report.not_checked.emplace_back("checkpoint signatures: audit the published files for these");
  return report;
}

}  // namespace attest::ledger

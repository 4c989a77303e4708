#include "ledger/monitor.h"

#include <algorithm>

#include "ledger/entry_form.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/tile.h"
#include "libattest/transparency/tree.h"

namespace attest::ledger {

namespace {

using transparency::VerifiedCheckpoint;
using transparency::VerifierKey;

Error missing(const std::string& path) {
  return incomplete(rules::monitor_missing, "the log does not serve a file it should have")
      .within(path)
      .next("try again; if it stays away, audit a mirror");
}

Result<Bytes> fetch(TileSource& source, const std::string& path) {
  TRY(auto content, source.read(path));
  if (!content) return fail(missing(path));
  return *std::move(content);
}

transparency::NodeReader published_nodes(TileSource& source, std::uint64_t size) {
  return transparency::node_reader(size, [&source](const transparency::Tile& tile) {
    return fetch(source, transparency::tile_path(tile));
  });
}

// A tile of another length than its name says is damage, not absence.
bool is_damage(const Error& error) {
  return error.kind == ErrorKind::refused;
}

class Monitoring {
 public:
  Monitoring(TileSource& source, const MonitorRequest& request)
      : source_(&source), request_(&request) {}

  Result<MonitorReport> run() {
    TRY(const Bytes note, fetch(*source_, "checkpoint"));
    report_.note = attest::to_string(ByteView(note));
    TRY(const transparency::LogVerifiers verifiers, trusted());
    const auto current = transparency::verify_checkpoint(note, verifiers);
    if (!current) return alarm(Alarm::bad_signature, current.error().to_string());
    report_.origin = current->origin();
    report_.size = current->size();
    report_.cosignatures = current->cosignatures().size();
    TRY_VOID(compare(*current, verifiers));
    if (report_.alarm == Alarm::none) TRY_VOID(read_entries());
    if (report_.alarm == Alarm::none) TRY_VOID(check_promises());
    return std::move(report_);
  }

 private:
  MonitorReport alarm(Alarm kind, std::string what) {
    raise(kind, std::move(what));
    return std::move(report_);
  }
  void raise(Alarm kind, std::string what) {
    report_.alarm = kind;
    report_.what = std::move(what);
  }

  Result<transparency::LogVerifiers> trusted() const {
    TRY_WITHIN("log key", VerifierKey log, VerifierKey::parse(request_->verifier_key));
    transparency::LogVerifiers verifiers{log.name(), {log}, {}, 0};
    for (const std::string& text : request_->witness_keys) {
      TRY_WITHIN("witness key", VerifierKey witness, VerifierKey::parse(text));
      verifiers.witnesses.push_back(std::move(witness));
    }
    return verifiers;
  }

  Status compare(const VerifiedCheckpoint& current, const transparency::LogVerifiers& verifiers) {
    const auto nodes = published_nodes(*source_, current.size());
    const auto root = transparency::root_from_nodes(current.size(), nodes);
    if (!root && !is_damage(root.error())) return fail(root.error());
    if (!request_->last) {
      if (!root || *root != current.root())
        raise(Alarm::corrupt, "the tiles do not hash to the signed root");
      return {};
    }
    TRY_WITHIN("last checkpoint", const auto last,
               transparency::verify_checkpoint(as_bytes(*request_->last), verifiers));
    report_.from = last.size();
    if (current.size() < last.size()) {
      raise(Alarm::rollback, "the log shows " + std::to_string(current.size()) +
                                 " entries where it showed " + std::to_string(last.size()));
    } else if (current.size() == last.size() && current.root() != last.root()) {
      raise(Alarm::split_view, "the log signed two roots of " + std::to_string(last.size()) +
                                   " entries: both checkpoints together prove it");
    } else if (!root || *root != current.root()) {
      raise(Alarm::corrupt, "the tiles do not hash to the signed root");
    } else {
      TRY(const Sha256 before, transparency::root_from_nodes(last.size(), nodes));
      if (before != last.root())
        raise(Alarm::split_view, "the log's first " + std::to_string(last.size()) +
                                     " entries are not those it signed before: both checkpoints "
                                     "together prove it");
    }
    return {};
  }

  Status read_entries() {
    const auto nodes = published_nodes(*source_, report_.size);
    for (std::uint64_t number = report_.from / tile_width; number * tile_width < report_.size;
         ++number) {
      const unsigned width = transparency::width_in_tree(0, number, report_.size);
      const std::string path = transparency::tile_path({0, number, width, true});
      TRY(const Bytes bundle, fetch(*source_, path));
      const auto entries = transparency::parse_bundle(bundle, width);
      if (!entries) {
        raise(Alarm::corrupt, path + ": " + entries.error().to_string());
        return {};
      }
      for (std::size_t i = 0; i < entries->size(); ++i) {
        const std::uint64_t index = number * tile_width + i;
        if (index < report_.from) continue;
        TRY(const Sha256 leaf, nodes(0, index));
        if (transparency::leaf_hash((*entries)[i]) != leaf) {
          raise(Alarm::corrupt,
                path + ": entry " + std::to_string(index) + " does not hash to its leaf");
          return {};
        }
        look_at(index, (*entries)[i]);
      }
    }
    return {};
  }

  void look_at(std::uint64_t index, ByteView entry) {
    ++report_.entries;
    if (request_->subjects.empty()) return;
    const auto form = form_of(entry);
    if (!form) return;
    for (const std::string& subject : form->subjects)
      if (std::ranges::find(request_->subjects, subject) != request_->subjects.end())
        report_.sightings.push_back({index, subject});
  }

  Status check_promises() {
    const auto nodes = published_nodes(*source_, report_.size);
    for (const Promise& promise : request_->promises) {
      if (promise.index >= report_.size) {
        raise(Alarm::missed_merge, "entry " + std::to_string(promise.index) +
                                       " was promised and is not under the checkpoint");
        return {};
      }
      TRY(const Sha256 leaf, nodes(0, promise.index));
      if (leaf == promise.leaf) continue;
      raise(Alarm::missed_merge, "another entry stands at index " + std::to_string(promise.index) +
                                     " than was promised");
      return {};
    }
    return {};
  }

  TileSource* source_;
  const MonitorRequest* request_;
  MonitorReport report_;
};

}  // namespace

std::string_view to_string(Alarm alarm) {
  switch (alarm) {
    case Alarm::none:
      return "none";
    case Alarm::bad_signature:
      return "bad-signature";
    case Alarm::rollback:
      return "rollback";
    case Alarm::split_view:
      return "split-view";
    case Alarm::corrupt:
      return "corrupt";
    case Alarm::missed_merge:
      return "missed-merge";
  }
  return "none";
}

Result<MonitorReport> monitor(TileSource& source, const MonitorRequest& request) {
  return Monitoring(source, request).run();
}

}  // namespace attest::ledger

#include "ledger/statement_audit.h"

#include <algorithm>

#include "ledger/entry_form.h"
#include "libattest/base/text.h"
#include "libattest/transparency/map_root.h"
#include "libattest/transparency/tile.h"
#include "libattest/trust/authorize.h"

namespace attest::ledger {

Result<transparency::MapRoot> read_map_root(ByteView entry,
                                            const transparency::VerifierKey& log_key) {
  if (!log_key.public_key())
    return fail(incomplete(rules::map_root_signature, "the log's key is of a type not known here"));
  TRY(auto message, cose::parse_sign1(entry));
  if (message.content_type != transparency::map_root_content_type ||
      message.claims.issuer != log_key.name())
    return fail(refused(rules::map_root_form, "this is no map root of this log"));
  TRY(const auto verified, cose::verify_sign1(std::move(message), *log_key.public_key()));
  return transparency::decode_map_root(verified.payload());
}

void StatementAudit::wrong(Verdict verdict, std::uint64_t index, std::string what) {
  const std::uint64_t number = index / tile_width;
  const unsigned width = transparency::width_in_tree(0, number, report_->size);
  found_({verdict, transparency::tile_path({0, number, width, true}), {}, index, std::move(what)});
}

void StatementAudit::take(std::uint64_t index, ByteView entry, const Sha256& leaf) {
  const auto form = form_of(entry);
  if (!form) {
    wrong(Verdict::corrupt, index,
          "the entry is no statement this log may hold: " + form.error().to_string());
    return;
  }
  ++report_->statements;
  if (form->is_map_root) {
    check_map_root(index, entry);
    return;
  }
  for (const std::string& subject : form->subjects) map_.add(subject, index, leaf);
  if (trust_ != nullptr) judge(index, entry);
}

void StatementAudit::check_map_root(std::uint64_t index, ByteView entry) {
  const auto said = read_map_root(entry, log_key_);
  if (!said) {
    wrong(Verdict::bad_signature, index,
          "the map root is not the log's: " + said.error().to_string());
    return;
  }
  ++report_->map_roots;
  if (said->size != index)
    wrong(Verdict::equivocation, index,
          "the map root says that it covers " + with_thousands(said->size) +
              " entries, and stands where " + with_thousands(index) + " are before it");
  else if (said->root != map_.root() || said->subjects != map_.subjects())
    wrong(Verdict::equivocation, index,
          "the signed subject map is not that of the entries before it: the log hides a statement, "
          "or shows one that is not there");
}

void StatementAudit::judge(std::uint64_t index, ByteView entry) {
  auto statement = statement::parse_statement(entry);
  // A foreign envelope has no issuer in the sense of the trust root.
  if (!statement) return;
  EntryStanding standing{index, {}};
  if (const auto ends = key_ends_at_.find(statement->signer()); ends != key_ends_at_.end())
    standing.key_ends_at = ends->second;
  const auto authorized = authorize(*std::move(statement), *trust_, standing);
  if (!authorized) {
    if (authorized.error().rule == rules::cose_signature)
      wrong(Verdict::bad_signature, index,
            "the statement's signature does not hold: " + authorized.error().to_string());
    else
      ++report_->may_not_speak;
    return;
  }
  ++report_->signatures;
  const auto* status = (*authorized)->as<statement::KeyStatus>();
  if (status == nullptr) return;
  const auto key = (*authorized)->subject().digest();
  if (!key) return;
  const auto [ends, first] = key_ends_at_.emplace(*key, status->from_index);
  if (!first) ends->second = std::min(ends->second, status->from_index);
}

}  // namespace attest::ledger

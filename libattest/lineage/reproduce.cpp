#include "libattest/lineage/reproduce.h"

#include <algorithm>
#include <map>

#include "libattest/lineage/drawing.h"
#include "libattest/model/quantize.h"

namespace attest::lineage {

namespace {

using statement::Subject;

Result<std::map<Subject, ByteView>> files_by_digest(const statement::ModelRelease& release,
                                                    std::span<const ByteView> files) {
  std::map<Subject, ByteView> found;
  for (const ByteView file : files) {
    const Subject subject = Subject::artefact(sha256(file));
    const bool named = std::ranges::any_of(
        release.parents, [&](const statement::Parent& each) { return each.subject == subject; });
    if (!named)
      return fail(refused(rules::reproduce_no_parent, "a file is no parent of the release")
                      .expected("one of its " + std::to_string(release.parents.size()) + " parents")
                      .found(subject.text()));
    found.emplace(subject, file);
  }
  for (const statement::Parent& parent : release.parents)
    if (!found.contains(parent.subject))
      return fail(incomplete(rules::reproduce_parent_missing, "a parent's file is not here")
                      .expected(parent.role + " " + parent.subject.text())
                      .next("give its file with --parent"));
  return found;
}

}  // namespace

bool can_reproduce(const statement::ModelRelease& release) {
  return release.operation && release.operation->name == "quantize" &&
         release.operation->parameters == cbor::Map{{"to", "q8_0"}} &&
         release.parents.size() == 1 && release.parents.front().role == "base" &&
         release.files.size() == 1;
}

Result<Reproduced> reproduce(const Origin& origin, std::span<const ByteView> parents) {
  const auto* release = origin.release();
  if (release == nullptr || !can_reproduce(*release))
    return fail(
        incomplete(rules::reproduce_unknown, "this operation cannot be performed again here")
            .expected("quantize of one base with the parameter to=q8_0 alone")
            .found(operation_of(origin)));
  TRY(const auto files, files_by_digest(*release, parents));
  TRY_WITHIN("quantize", const Bytes made,
             model::quantize_gguf(files.at(release->parents.front().subject)));
  const Subject result = Subject::artefact(sha256(made));
  if (result != origin.subject)
    return fail(refused(rules::reproduce_differs,
                        "the operation gives another file than the one that was released")
                    .expected(origin.subject.text())
                    .found(result.text()));
  return Reproduced{"quantize to=q8_0", *result.digest(), made.size()};
}

}  // namespace attest::lineage

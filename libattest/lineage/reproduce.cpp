#include "libattest/lineage/reproduce.h"

#include <algorithm>
#include <map>

#include "libattest/lineage/drawing.h"

namespace attest::lineage {

namespace {

using statement::Subject;

// The parents as the release names them, with their files.
Result<std::vector<ParentFiles>> in_order(const statement::ModelRelease& release,
                                          std::span<const model::ModelFiles> given) {
  std::map<Subject, const model::ModelFiles*> by_subject;
  for (const model::ModelFiles& files : given) {
    const Subject subject = subject_of_files(files);
    if (std::ranges::find(release.parents, subject, &statement::Parent::subject) ==
        release.parents.end())
      return fail(refused(rules::reproduce_no_parent, "a model is no parent of the release")
                      .expected("one of its " + std::to_string(release.parents.size()) + " parents")
                      .found(subject.text()));
    by_subject.emplace(subject, &files);
  }
  std::vector<ParentFiles> parents;
  for (const statement::Parent& parent : release.parents) {
    const auto found = by_subject.find(parent.subject);
    if (found == by_subject.end())
      return fail(incomplete(rules::reproduce_parent_missing, "a parent's file is not here")
                      .expected(parent.role + " " + parent.subject.text())
                      .next("give its file or directory with --parent"));
    parents.push_back({parent.role, *found->second});
  }
  return parents;
}

}  // namespace

bool can_reproduce(const statement::ModelRelease& release) {
  std::vector<std::string> roles;
  for (const statement::Parent& parent : release.parents) roles.push_back(parent.role);
  return release.operation && release.files.size() == 1 && can_perform(*release.operation, roles);
}

Result<Reproduced> reproduce(const Origin& origin, std::span<const model::ModelFiles> parents,
                             const model::Executor& executor) {
  const auto* release = origin.release();
  if (release == nullptr || !can_reproduce(*release)) {
    const bool said = release != nullptr && release->operation;
    return fail(
        incomplete(rules::reproduce_unknown, "this operation cannot be performed again here")
            .expected("quantize, convert or merge, with parameters that `attestctl model` has")
            .found(said ? performance_text(*release->operation) : operation_of(origin)));
  }
  TRY(const std::vector<ParentFiles> ordered, in_order(*release, parents));
  TRY_WITHIN(release->operation->name, const Bytes made,
             perform(*release->operation, ordered, executor));
  const Subject result = Subject::artefact(sha256(made));
  if (result != origin.subject)
    return fail(refused(rules::reproduce_differs,
                        "the operation gives another file than the one that was released")
                    .expected(origin.subject.text())
                    .found(result.text()));
  return Reproduced{performance_text(*release->operation), *result.digest(), made.size()};
}

}  // namespace attest::lineage

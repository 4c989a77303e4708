// Re-execution: an operation that is specified to the bit is performed again on the parents, and
// what comes out is compared with what was released. Then the edge is proven, not only signed.
//
// Which operations those are: perform.h. Pure; holds parents and result in memory.
#pragma once

#include <span>
#include <string>

#include "libattest/lineage/graph.h"
#include "libattest/lineage/perform.h"

namespace attest::lineage {

struct Reproduced {
  std::string operation;  // "quantize to=q8_0"
  Sha256 digest{};        // of what came out, and of what was released
  std::uint64_t size = 0;
};

// can_reproduce says whether this program performs a release's operation, and it gave one file.
bool can_reproduce(const statement::ModelRelease& release);

// reproduce takes the parents' files, in any order of the parents. It checks, in this order:
//   - the origin is a release whose operation can be performed (rules::reproduce_unknown,
//     incomplete: what this program cannot do again may still be true);
//   - each model given is one of the parents, by the subject its files give
//     (rules::reproduce_no_parent), and each parent is there (rules::reproduce_parent_missing,
//     incomplete);
//   - the operation, performed, gives the digest that was released (rules::reproduce_differs).
Result<Reproduced> reproduce(const Origin& origin, std::span<const model::ModelFiles> parents,
                             const model::Executor& executor = model::serially);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule reproduce_unknown{"lineage.reproduce.unknown-operation"};
inline constexpr Rule reproduce_no_parent{"lineage.reproduce.no-parent"};
inline constexpr Rule reproduce_parent_missing{"lineage.reproduce.parent-missing"};
inline constexpr Rule reproduce_differs{"lineage.reproduce.differs"};
}  // namespace attest::rules

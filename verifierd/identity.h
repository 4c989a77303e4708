// Identity: under which name and key this verifier speaks, and how it hides nodes' names in the
// public log.
#pragma once

#include <memory>
#include <string>

#include "libattest/base/file.h"
#include "libattest/crypto/random.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/statement/node_state.h"
#include "libattest/statement/subject.h"

namespace attest::verifierd {

struct Identity {
  std::string name;
  std::shared_ptr<const SigningKey> key;
  Bytes node_salt;

  // node_subject = SHA-256("attest-node-v1" ‖ salt ‖ node id)
  statement::Subject node_subject(std::string_view node) const;
  // state_statement signs a change of a node's state for the log.
  Result<Bytes> state_statement(std::string_view node,
                                const statement::NodeStateChange& change) const;
};

// load_node_salt reads the salt of 32 bytes, or makes it when the file is missing. A file that
// others may read is refused: the salt is what keeps guessed node names from being recognised.
Result<Bytes> load_node_salt(const Path& file, Random& random);

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule node_salt{"verifierd.node-salt"};
}

#include "verifierd/identity.h"

#include <sys/stat.h>

#include "libattest/statement/statement.h"

namespace attest::verifierd {

namespace {
constexpr std::size_t salt_size = 32;
}

statement::Subject Identity::node_subject(std::string_view node) const {
  return statement::Subject::node(
      sha256({as_bytes("attest-node-v1"), ByteView(node_salt), as_bytes(node)}));
}

Result<Bytes> Identity::state_statement(std::string_view node,
                                        const statement::NodeStateChange& change) const {
  return statement::sign_statement(statement::Kind::node_state_change, node_subject(node), name,
                                   change.time, statement::encode(change), *key);
}

Result<Bytes> load_node_salt(const Path& file, Random& random) {
  TRY(const bool there, system_files().exists(file));
  if (!there) TRY_VOID(write_file_atomically(file, random.bytes(salt_size), 0600));
  struct stat about{};
  if (::stat(file.c_str(), &about) == 0 && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(refused(rules::node_salt, "others than its owner may read the node salt")
                    .expected("mode 0600")
                    .next("chmod 600 " + file.string())
                    .within(file.string()));
  TRY(Bytes salt, read_file(file, 4096));
  if (salt.size() != salt_size)
    return fail(refused(rules::node_salt, "the node salt has the wrong size")
                    .expected("32 bytes")
                    .found(std::to_string(salt.size()))
                    .within(file.string()));
  return salt;
}

}  // namespace attest::verifierd

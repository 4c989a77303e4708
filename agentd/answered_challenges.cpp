#include "agentd/answered_challenges.h"

namespace attest::agentd {
namespace {
constexpr std::uint64_t file_limit = 16U << 20;
}

// The file is a row of records: digest (32 bytes), expiry (u64be seconds).
Result<AnsweredChallenges> AnsweredChallenges::open(FileSystem& files, Path file) {
  AnsweredChallenges answered(files, std::move(file));
  TRY(const bool there, files.exists(answered.file_));
  if (!there) return answered;
  TRY(const Bytes content, read_file(answered.file_, file_limit));
  ByteReader reader(content);
  while (!reader.at_end()) {
    TRY_WITHIN(answered.file_.string(), const ByteView bytes, reader.take(32, "digest"));
    TRY_WITHIN(answered.file_.string(), const std::uint64_t expiry, reader.u64_be("expiry"));
    Sha256 digest;
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    answered.expiry_by_digest_[digest] = from_unix(static_cast<std::int64_t>(expiry));
  }
  return answered;
}

Status AnsweredChallenges::accept(const evidence::VerifiedChallenge& challenge, Time now) {
  if (expiry_by_digest_.contains(challenge.digest()))
    return fail(refused(rules::challenge_answered, "this challenge was answered before")
                    .found(to_hex(challenge.nonce())));
  std::erase_if(expiry_by_digest_, [now](const auto& entry) { return entry.second < now; });
  expiry_by_digest_[challenge.digest()] = challenge.expires();
  Bytes content;
  for (const auto& [digest, expiry] : expiry_by_digest_) {
    append(content, digest);
    append_u64_be(content, static_cast<std::uint64_t>(unix_seconds(expiry)));
  }
  return write_file_atomically(*files_, file_, content, 0600);
}

}  // namespace attest::agentd

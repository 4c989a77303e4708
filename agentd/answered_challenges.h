// AnsweredChallenges remembers which challenges this node has answered, so that none is answered
// twice: not even across a restart. Kept in one file of the state directory, written before the
// quote is made; a challenge is forgotten once it has expired. One object is for one thread.
#pragma once

#include <map>

#include "libattest/base/file.h"
#include "libattest/evidence/challenge.h"

namespace attest::agentd {

class AnsweredChallenges {
 public:
  static Result<AnsweredChallenges> open(FileSystem& files, Path file);

  // accept refuses a challenge that was accepted before (rules::challenge_answered). When it
  // returns, the challenge is on stable storage as answered.
  Status accept(const evidence::VerifiedChallenge& challenge, Time now);
  std::size_t size() const { return expiry_by_digest_.size(); }

 private:
  AnsweredChallenges(FileSystem& files, Path file) : files_(&files), file_(std::move(file)) {}
  FileSystem* files_;
  Path file_;
  std::map<Sha256, Time> expiry_by_digest_;
};

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule challenge_answered{"agentd.challenge.answered"};
inline constexpr Rule answered_challenges_file{"agentd.answered-challenges.file"};
}  // namespace attest::rules

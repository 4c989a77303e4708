// Beginnings of texts that were read before, so that they need not be read again: what many prompts
// begin with, and a conversation that goes on. A text that is begun from here has the same bits as
// one that is read anew.
//
// What was read for one reader is not used for another: by the time it takes, each could tell what
// others have asked.
//
// A PrefixCache may be used from several threads and for several models.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "inference/model/transformer.h"

namespace attest::inference {

class PrefixCache {
 public:
  // Keeps the texts used last, as long as their keys and values take no more than `bytes`.
  explicit PrefixCache(std::uint64_t bytes) : room_(bytes) {}

  // Begun is a sequence with the first positions of a text read, and the links of the chain of
  // logit hashes (answer/logits_chain.h) for just these.
  struct Begun {
    Sequence sequence;
    std::vector<Sha256> hashes;
  };
  // begin is Sequence::begin, and has read the longest beginning that is known for this model and
  // profile, but at most all but the last token.
  Result<Begun> begin(const Transformer& transformer, std::span<const Token> text,
                      std::size_t capacity, exact::Profile profile, const Sha256& reader = {});

  // keep takes over a sequence whose positions hold the first sequence.length() tokens of `text`;
  // `hashes` are their links.
  void keep(Sequence sequence, std::span<const Token> text, std::span<const Sha256> hashes,
            const Sha256& reader = {});

 private:
  struct Known {
    Sha256 reader;
    Sha256 model;  // fs-verity digest
    std::vector<Token> text;
    std::vector<Sha256> hashes;
    KeyValueCache cache;
  };
  // The reader's text of this model and profile that has most in common with `text`, and how much.
  struct Match {
    std::shared_ptr<const Known> known;
    std::size_t length = 0;
  };
  Match find(const Sha256& reader, const Sha256& model, std::span<const Token> text,
             exact::Profile profile);
  static std::uint64_t size_of(const Known& known);

  const std::uint64_t room_;
  std::mutex mutex_;
  std::list<std::shared_ptr<const Known>> known_;  // used last first
  std::uint64_t used_ = 0;
};

}  // namespace attest::inference

#include "inference/model/prefix_cache.h"

#include <algorithm>

namespace attest::inference {

Result<PrefixCache::Begun> PrefixCache::begin(const Transformer& transformer,
                                              std::span<const Token> text, std::size_t capacity,
                                              exact::Profile profile, const Sha256& reader) {
  TRY(Sequence sequence, Sequence::begin(transformer, capacity, profile));
  Begun begun{std::move(sequence), {}};
  if (text.empty()) return begun;
  const auto [known, length] = find(reader, transformer.fsverity(),
                                    text.first(std::min(text.size() - 1, capacity)), profile);
  if (!known) return begun;
  begun.sequence.cache_.copy(known->cache, length);
  begun.sequence.length_ = length;
  begun.hashes.assign(known->hashes.begin(),
                      known->hashes.begin() + static_cast<std::ptrdiff_t>(length));
  return begun;
}

PrefixCache::Match PrefixCache::find(const Sha256& reader, const Sha256& model,
                                     std::span<const Token> text, exact::Profile profile) {
  const std::lock_guard lock(mutex_);
  Match best;
  auto place = known_.end();
  for (auto it = known_.begin(); it != known_.end(); ++it) {
    const Known& known = **it;
    if (known.reader != reader || known.model != model || known.cache.profile() != profile)
      continue;
    const auto common =
        static_cast<std::size_t>(std::ranges::mismatch(known.text, text).in2 - text.begin());
    if (common <= best.length) continue;
    best = {*it, common};
    place = it;
  }
  if (best.known) known_.splice(known_.begin(), known_, place);
  return best;
}

void PrefixCache::keep(Sequence sequence, std::span<const Token> text,
                       std::span<const Sha256> hashes, const Sha256& reader) {
  const std::size_t length = sequence.length();
  const auto tokens = text.first(length);
  const auto links = hashes.first(length);
  auto known = std::make_shared<const Known>(Known{reader,
                                                   sequence.transformer().fsverity(),
                                                   {tokens.begin(), tokens.end()},
                                                   {links.begin(), links.end()},
                                                   std::move(sequence.cache_)});
  const std::uint64_t size = size_of(*known);
  if (size > room_) return;
  const std::lock_guard lock(mutex_);
  // What is only a beginning of the new text is of no more use.
  std::erase_if(known_, [&](const auto& old) {
    const bool contained = old->reader == known->reader && old->model == known->model &&
                           old->cache.profile() == known->cache.profile() &&
                           old->text.size() <= length &&
                           std::ranges::equal(old->text, tokens.first(old->text.size()));
    if (contained) used_ -= size_of(*old);
    return contained;
  });
  used_ += size;
  known_.push_front(std::move(known));
  while (used_ > room_) {
    used_ -= size_of(*known_.back());
    known_.pop_back();
  }
}

std::uint64_t PrefixCache::size_of(const Known& known) {
  return known.cache.bytes(known.text.size()) +
         known.text.size() * (sizeof(Token) + sizeof(Sha256));
}

}  // namespace attest::inference

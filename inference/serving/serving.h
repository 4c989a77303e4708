// The runtime's HTTP interface: the well-known completions of one verified model, each with the id
// of its receipt.
//
//   POST /v1/completions      a text goes on
//   POST /v1/chat/completions a conversation goes on, by the chat template in the model's file
//   POST /v1/embeddings       vectors of texts, of a model that makes such
//   GET  /v1/receipts/{hex}   the receipt file (receipt_file.h)
//   GET  /v1/models           what is served, and under which release
//   GET  /health              whether it answers and signs; 503 with the reason where it does not
//   GET  /metrics             Prometheus text
//
// completion_request.h and embeddings_request.h have the members. Each vector has a receipt of its
// own. Errors have the form clients
// know: {"error": {"message", "type", "param", "code"}}, `param` being the member at fault and
// `code` the rule.
//
// Several answers are written together, in passes that they share (shared_passes.h); each is the
// same as alone. Requests beyond the queue, and those that waited too long, get 503 with
// Retry-After; those of a key that has too many already 429. An answer whose reader left ends, and
// one that takes too long ends as "length".
//
// A model that was refused is not asked for one more token. While a receipt cannot be given for
// other reasons, answers are refused with the reason (503), or given without a receipt where
// `answer_without` says so; an answer then says why it has none.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "inference/answer/generate.h"
#include "inference/kernels/executor.h"
#include "inference/serving/api_keys.h"
#include "inference/serving/completion_request.h"
#include "inference/serving/embeddings_request.h"
#include "inference/serving/generation_queue.h"
#include "inference/serving/receipt_book.h"
#include "inference/serving/runtime_identity.h"
#include "inference/serving/served_model.h"
#include "libattest/http/router.h"

namespace attest::inference {

struct ServingOptions {
  std::string model_name;
  std::string runtime;  // "inferd 0.1.0", for receipts
  CompletionLimits limits;
  GenerationQueue::Limits queue;
  std::chrono::seconds answer_time{600};  // an answer that takes longer ends where it is
  std::uint64_t prefixes = 1U << 30;      // bytes of texts that were read, kept for the same key
  std::uint64_t per_key = 0;              // requests of one API key at once; 0: any number
  bool answer_without = false;
};

// Serving may be used from several threads. It borrows model, identity, receipts and executor.
class Serving {
 public:
  using Now = std::function<Time()>;
  struct Parts {
    ServedModel& model;
    RuntimeIdentity& identity;
    ReceiptBook& receipts;
    Executor& executor;
    Random& random;
    Now now;
  };
  Serving(ServingOptions options, Parts parts);

  // router borrows this object.
  http::Router router();
  // use_keys asks for one of these keys from now on; nullopt asks for none.
  void use_keys(std::optional<ApiKeys> keys);
  // end makes answers that are being written stop, and sends those who wait away.
  void end() { queue_.close(); }
  GenerationQueue& queue() { return queue_; }

 private:
  struct Work;
  http::Response complete(const http::Request& request, bool chat);
  http::Response embeddings(const http::Request& request);
  http::Response receipt(const http::Request& request) const;
  http::Response models() const;
  http::Response health() const;
  http::Response metrics() const;

  bool admits(const http::Request& request) const;
  http::Handler guarded(std::function<http::Response(const http::Request&)> handler);
  http::Response turned_away(int status, const Error& error) const;
  std::optional<http::Response> not_servable(const std::string& model) const;
  http::Response other_media_type() const;
  // was_refused: the model's last judgement says that it must not write one more token.
  bool was_refused() const;
  // may_answer fails with the reason why no answer is given at present.
  Status may_answer(Time now) const;
  Result<std::shared_ptr<Work>> prepare(CompletionRequest request, const http::Request& from);
  // claim counts a request of a key until it is let go.
  Result<std::shared_ptr<void>> claim(const http::Request& request);
  Result<std::vector<Token>> read_prompt(Work& work) const;
  std::shared_ptr<const TokenOrder> tokens_of(const std::shared_ptr<const RunnableModel>& model);
  http::Response answer_whole(Work& work);
  void answer_in_pieces(Work& work, http::StreamWriter& writer);
  using TextSink = std::function<bool(std::string)>;
  Status write_answer(Work& work, const TextSink& sink);
  Result<std::string> issue_receipt(const Work& work);
  Result<std::string> sign_and_keep(Receipt receipt, const ServedModel::InForce& served,
                                    const std::optional<AnswerForm>& form);
  struct Embedded {
    std::vector<float> vector;
    std::size_t tokens;
    Result<std::string> receipt;
  };
  Result<std::vector<Embedded>> embed_all(const EmbeddingsRequest& request,
                                          const http::Request& from);

  const ServingOptions options_;
  const Parts parts_;
  GenerationQueue queue_;
  SharedPasses passes_;
  PrefixCache prefixes_;
  mutable std::mutex keys_mutex_;
  std::optional<ApiKeys> keys_;
  std::mutex claims_mutex_;
  std::map<Sha256, std::uint64_t> claims_;  // requests of each key at present
  // Of the model that was last asked for a form.
  std::mutex tokens_mutex_;
  std::weak_ptr<const RunnableModel> tokens_model_;
  std::shared_ptr<const TokenOrder> tokens_;

  struct Counts {
    std::atomic<std::uint64_t> answers, embeddings, prompt_tokens, answer_tokens, receipts,
        refusals, busy;
  };
  mutable Counts counts_{};
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule serving_key{"inference.serving.api-key"};
inline constexpr Rule serving_model{"inference.serving.model-not-found"};
inline constexpr Rule serving_key_busy{"inference.serving.key-busy"};
inline constexpr Rule serving_media_type{"inference.serving.media-type"};
inline constexpr Rule serving_no_chat{"inference.serving.no-chat-template"};
}  // namespace attest::rules

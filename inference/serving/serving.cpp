#include "inference/serving/serving.h"

#include "inference/answer/receipt_file.h"
#include "inference/kernels/exact.h"
#include "inference/serving/answer_text.h"
#include "inference/serving/log_probabilities.h"
#include "inference/text/conversation.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::inference {

using http::Method;
using http::Request;
using http::Response;

namespace {

// Large enough for an answer of many tokens to end; small enough to come back soon.
constexpr const char* retry_after_seconds = "2";

std::string_view error_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

OrderedJson error_body(int status, const Error& error) {
  // What went wrong inside may name paths: it is for the log.
  const bool inside = error.kind == ErrorKind::fault;
  const bool of_member =
      error.rule == rules::request_field || error.rule == rules::request_unknown_field;
  OrderedJson body;
  body["message"] = inside ? "a fault of the runtime's own; its log says why" : error.to_string();
  body["type"] = error_type(status);
  body["param"] = of_member ? OrderedJson(error.where) : OrderedJson();
  body["code"] = error.rule.name;
  return {{"error", std::move(body)}};
}

bool is_busy(const Error& error) {
  for (const Rule& rule :
       {rules::generation_queue_full, rules::generation_queue_slow, rules::serving_key_busy})
    if (error.rule == rule) return true;
  return false;
}

Response say_error(int status, const Error& error) {
  Response response = http::json_response(status, to_line(error_body(status, error)) + "\n");
  // Only what is busy becomes free by itself: what lapsed may stay so for long.
  if (is_busy(error)) response.headers.add("Retry-After", retry_after_seconds);
  if (status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

int status_of(const Error& error) {
  // A form that turned out not to be one that can be followed is the request's own.
  for (const Rule& rule : {rules::request_field, rules::grammar_ambiguous, rules::form_dead_end})
    if (error.rule == rule) return 400;
  if (error.rule == rules::serving_key_busy) return 429;
  for (const Rule& rule : {rules::serving_no_chat, rules::model_other_kind})
    if (error.rule == rule) return 404;
  return error.kind == ErrorKind::fault ? 500 : 503;
}

// The API key of a request, where it has one.
std::optional<std::string_view> key_in(const Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  const auto field = request.headers.find("Authorization");
  if (!field || !field->starts_with(scheme)) return std::nullopt;
  return field->substr(scheme.size());
}

Error unusable(const std::string& member, std::string expected, std::string found) {
  return refused(rules::request_field, "this cannot be answered")
      .expected(std::move(expected))
      .found(std::move(found))
      .within(member);
}

void add_receipt(OrderedJson& to, const Result<std::string>& receipt) {
  to["receipt"] = receipt ? OrderedJson(*receipt) : OrderedJson();
  if (!receipt) to["no_receipt"] = receipt.error().to_string();
}

// Bytes of a token that are no text by themselves are written "bytes:\xe2\x80", as clients know it;
// of a control token, which has no text in the answer, its name.
std::string shown(const Tokenizer& tokenizer, Token token) {
  const std::string piece = tokenizer.piece(token);
  if (piece.empty()) return printable(tokenizer.vocabulary().text(token));
  if (is_utf8(piece)) return piece;
  std::string bytes = "bytes:";
  for (const char byte : piece) bytes += "\\x" + to_hex(as_bytes({&byte, 1}));
  return bytes;
}

OrderedJson bytes_of(std::string_view piece) {
  OrderedJson bytes = OrderedJson::array();
  for (const char byte : piece) bytes.push_back(static_cast<unsigned char>(byte));
  return bytes;
}

OrderedJson chat_chances(const std::vector<TokenChances>& chances, const Tokenizer& tokenizer) {
  const auto entry = [&](Token token, double log_probability) {
    return OrderedJson{{"token", shown(tokenizer, token)},
                       {"logprob", log_probability},
                       {"bytes", bytes_of(tokenizer.piece(token))}};
  };
  OrderedJson content = OrderedJson::array();
  for (const TokenChances& each : chances) {
    OrderedJson one = entry(each.token, each.log_probability);
    one["top_logprobs"] = OrderedJson::array();
    for (const auto& [token, chance] : each.likeliest)
      one["top_logprobs"].push_back(entry(token, chance));
    content.push_back(std::move(one));
  }
  return {{"content", std::move(content)}};
}

OrderedJson text_chances(const std::vector<TokenChances>& chances, const Tokenizer& tokenizer,
                         std::size_t& offset) {
  OrderedJson out = {{"tokens", OrderedJson::array()},
                     {"token_logprobs", OrderedJson::array()},
                     {"top_logprobs", OrderedJson::array()},
                     {"text_offset", OrderedJson::array()}};
  for (const TokenChances& each : chances) {
    OrderedJson top = OrderedJson::object();
    for (const auto& [token, chance] : each.likeliest) {
      // Of several tokens that look the same the likeliest.
      const std::string text = shown(tokenizer, token);
      if (!top.contains(text)) top[text] = chance;
    }
    out["tokens"].push_back(shown(tokenizer, each.token));
    out["token_logprobs"].push_back(each.log_probability);
    out["top_logprobs"].push_back(std::move(top));
    out["text_offset"].push_back(offset);
    offset += tokenizer.piece(each.token).size();
  }
  return out;
}

}  // namespace

// Work is one answer, from the request to its receipt.
struct Serving::Work {
  Sha256 reader{};  // digest of the API key, where there is one
  CompletionRequest request;
  ServedModel::InForce served;
  std::vector<Token> prompt;
  std::shared_ptr<void> claim;  // before the turn: let go after it
  std::shared_ptr<GenerationQueue::Turn> turn;
  std::function<bool()> reader_left = [] { return false; };
  bool out_of_time = false;
  std::string id;
  Time started{};
  Answer answer;

  std::optional<Sha256> template_digest;
  // Of tokens whose text was not given yet, and where the next one's text begins.
  std::vector<TokenChances> chances;
  std::size_t offset = 0;
  bool begun = false;

  std::string_view finish_reason() const {
    return out_of_time || answer.stopped == "length" ? "length" : "stop";
  }
  // piece is a part of the answer, or all of it.
  OrderedJson piece(const std::string& name, std::string text, OrderedJson reason) {
    OrderedJson choice = {{"index", 0}};
    if (!request.chat) {
      choice["text"] = std::move(text);
    } else if (request.stream) {
      choice["delta"] = OrderedJson::object();
      if (!begun) choice["delta"]["role"] = "assistant";
      if (!text.empty() || !begun) choice["delta"]["content"] = std::move(text);
    } else {
      choice["message"] = {{"role", "assistant"}, {"content", std::move(text)}};
    }
    begun = true;
    const Tokenizer& tokenizer = served.model->tokenizer();
    const std::vector<TokenChances> heard = std::exchange(chances, {});
    choice["logprobs"] = nullptr;
    if (request.log_probabilities && (!heard.empty() || !request.stream))
      choice["logprobs"] =
          request.chat ? chat_chances(heard, tokenizer) : text_chances(heard, tokenizer, offset);
    choice["finish_reason"] = std::move(reason);
    const char* object = !request.chat    ? "text_completion"
                         : request.stream ? "chat.completion.chunk"
                                          : "chat.completion";
    return {{"id", id},
            {"object", object},
            {"created", unix_seconds(started)},
            {"model", name},
            {"choices", OrderedJson::array({std::move(choice)})}};
  }
  void add_ending(OrderedJson& to, const Result<std::string>& receipt) const {
    to["usage"] = {{"prompt_tokens", prompt.size()},
                   {"completion_tokens", answer.tokens.size()},
                   {"total_tokens", prompt.size() + answer.tokens.size()}};
    add_receipt(to, receipt);
  }
};

Serving::Serving(ServingOptions options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      queue_(options_.queue),
      passes_({.executor = &parts_.executor}),
      prefixes_(options_.prefixes) {}

void Serving::use_keys(std::optional<ApiKeys> keys) {
  const std::lock_guard lock(keys_mutex_);
  keys_ = std::move(keys);
}

http::Router Serving::router() {
  http::Router router;
  router.add(Method::post, "/v1/completions",
             guarded([this](const Request& request) { return complete(request, false); }),
             {.body = options_.limits.body});
  router.add(Method::post, "/v1/chat/completions",
             guarded([this](const Request& request) { return complete(request, true); }),
             {.body = options_.limits.body});
  router.add(Method::post, "/v1/embeddings",
             guarded([this](const Request& request) { return embeddings(request); }),
             {.body = options_.limits.body});
  router.add(Method::get, "/v1/receipts/{id}",
             guarded([this](const Request& request) { return receipt(request); }));
  router.add(Method::get, "/v1/models", guarded([this](const Request&) { return models(); }));
  router.add(Method::get, "/metrics", guarded([this](const Request&) { return metrics(); }));
  // Whoever watches whether the runtime is well need not be able to use it.
  router.add(Method::get, "/health", [this](const Request&) { return health(); });
  return router;
}

http::Handler Serving::guarded(std::function<Response(const Request&)> handler) {
  return [this, handler = std::move(handler)](const Request& request) {
    if (admits(request)) return handler(request);
    return turned_away(401, refused(rules::serving_key, "this needs an API key that is known here")
                                .expected("Authorization: Bearer KEY"));
  };
}

bool Serving::admits(const Request& request) const {
  const std::lock_guard lock(keys_mutex_);
  if (!keys_) return true;
  const auto key = key_in(request);
  return key && keys_->has(*key);
}

Result<std::shared_ptr<void>> Serving::claim(const Request& request) {
  const auto key = key_in(request);
  if (!key || options_.per_key == 0) return std::shared_ptr<void>();
  const Sha256 name = sha256(as_bytes(*key));
  const std::lock_guard lock(claims_mutex_);
  if (claims_[name] >= options_.per_key)
    return fail(incomplete(rules::serving_key_busy, "this key has too many requests at once")
                    .expected("at most " + std::to_string(options_.per_key))
                    .next("wait for one of them to end"));
  ++claims_[name];
  return std::shared_ptr<void>(nullptr, [this, name](void*) {
    const std::lock_guard hold(claims_mutex_);
    if (--claims_[name] == 0) claims_.erase(name);
  });
}

Response Serving::turned_away(int status, const Error& error) const {
  ++(is_busy(error) ? counts_.busy : counts_.refusals);
  return say_error(status, error);
}

Status Serving::may_answer(Time now) const {
  if (const Status model = parts_.model.standing();
      !model && (model.error().kind == ErrorKind::refused || !options_.answer_without))
    return model;
  if (options_.answer_without) return {};
  TRY_VOID(parts_.identity.standing(now));
  return {};
}

// What is asked of every request before it waits for its turn; the status with the reason.
std::optional<Response> Serving::not_servable(const std::string& model) const {
  if (model != options_.model_name)
    return turned_away(404, refused(rules::serving_model, "this model is not served here")
                                .expected(options_.model_name)
                                .found(printable(model, 64)));
  if (const Status may = may_answer(parts_.now()); !may)
    return turned_away(status_of(may.error()), may.error());
  return std::nullopt;
}

Response Serving::complete(const Request& request, bool chat) {
  // A web page can have a browser send any other type here without asking first.
  if (request.content_type != "application/json") return other_media_type();
  auto parsed = chat ? parse_chat_request(request.body, options_.limits)
                     : parse_completion_request(request.body, options_.limits);
  if (!parsed) return turned_away(400, parsed.error());
  if (auto response = not_servable(parsed->model)) return *std::move(response);
  auto work = prepare(*std::move(parsed), request);
  if (!work) return turned_away(status_of(work.error()), work.error());
  if (!(*work)->request.stream) return answer_whole(**work);
  return http::stream_response("text/event-stream",
                               [this, work = *std::move(work)](http::StreamWriter& writer) {
                                 answer_in_pieces(*work, writer);
                               });
}

Response Serving::other_media_type() const {
  return turned_away(415, refused(rules::serving_media_type, "the request's type is not served")
                              .expected("Content-Type: application/json"));
}

Response Serving::embeddings(const Request& request) {
  if (request.content_type != "application/json") return other_media_type();
  const auto parsed = parse_embeddings_request(request.body, options_.limits);
  if (!parsed) return turned_away(400, parsed.error());
  if (auto response = not_servable(parsed->model)) return *std::move(response);
  const auto embedded = embed_all(*parsed, request);
  if (!embedded) return turned_away(status_of(embedded.error()), embedded.error());
  OrderedJson data = OrderedJson::array();
  std::size_t tokens = 0;
  for (const Embedded& each : *embedded) {
    OrderedJson one = {{"object", "embedding"}, {"index", data.size()}};
    one["embedding"] = parsed->base64
                           ? OrderedJson(to_base64(std::as_bytes(std::span(each.vector))))
                           : OrderedJson(each.vector);
    add_receipt(one, each.receipt);
    data.push_back(std::move(one));
    tokens += each.tokens;
  }
  const OrderedJson body = {{"object", "list"},
                            {"data", std::move(data)},
                            {"model", options_.model_name},
                            {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
  return http::json_response(200, to_line(body) + "\n");
}

Result<std::vector<Serving::Embedded>> Serving::embed_all(const EmbeddingsRequest& request,
                                                          const Request& from) {
  TRY(const auto claimed, claim(from));
  TRY(const auto turn, queue_.enter());
  TRY_VOID(may_answer(parts_.now()));
  const ServedModel::InForce served = parts_.model.in_force();
  TRY(const Encoder* encoder, embedding_model(*served.model));
  const Machine machine{.executor = &parts_.executor};
  std::vector<Embedded> all;
  for (const std::string& input : request.inputs) {
    if (queue_.closed() || from.client_left())
      return fail(incomplete(rules::queue_closed, "the vectors were not made to their end"));
    Receipt receipt;
    receipt.started = parts_.now();
    auto tokens = served.model->tokenizer().encode(input);
    if (!tokens) return fail(unusable("input", "text that has tokens", tokens.error().what));
    if (tokens->empty() || tokens->size() > encoder->shape().context)
      return fail(unusable("input", "1 to " + std::to_string(encoder->shape().context) + " tokens",
                           std::to_string(tokens->size())));
    Result<std::vector<float>> embedded;
    passes_.alone([&] { embedded = encoder->embed(*tokens, machine); });
    TRY(auto vector, std::move(embedded));
    const std::size_t count = tokens->size();
    receipt.prompt = *std::move(tokens);
    receipt.embedding = Receipt::Embedding{std::string(to_string(encoder->shape().pooling)),
                                           vector.size(), digest_of(vector)};
    auto kept = sign_and_keep(std::move(receipt), served, {});
    if (!kept && !options_.answer_without) return fail(kept.error());
    all.push_back({std::move(vector), count, std::move(kept)});
    counts_.prompt_tokens += count;
    ++counts_.embeddings;
  }
  return all;
}

// Reads the prompt and waits for this request's turn.
Result<std::shared_ptr<Serving::Work>> Serving::prepare(CompletionRequest request,
                                                        const Request& from) {
  auto work = std::make_shared<Work>();
  work->request = std::move(request);
  TRY(work->claim, claim(from));
  if (const auto key = key_in(from)) work->reader = sha256(as_bytes(*key));
  // A stream learns by itself that its reader is gone.
  if (!work->request.stream) work->reader_left = from.client_left;
  if (!work->request.has_seed) {
    const Bytes seed = parts_.random.bytes(8);
    TRY(work->request.sampler.seed, ByteReader(seed).u64_le("seed"));
  }
  work->id = (work->request.chat ? "chatcmpl-" : "cmpl-") + to_hex(parts_.random.bytes(12));
  TRY(work->turn, queue_.enter());
  // Only now: what is in force may have changed while this request waited.
  TRY_VOID(may_answer(parts_.now()));
  work->served = parts_.model.in_force();
  work->started = parts_.now();
  TRY(work->prompt, read_prompt(*work));
  return work;
}

Result<std::vector<Token>> Serving::read_prompt(Work& work) const {
  const RunnableModel& model = *work.served.model;
  TRY(const Transformer* transformer, writing_model(model));
  const bool chat = work.request.chat;
  const std::string member = chat ? "messages" : "prompt";
  Result<std::vector<Token>> prompt;
  if (chat) {
    if (model.chat_template().empty())
      return fail(refused(rules::serving_no_chat, "this model has no chat template")
                      .next("send the whole text to /v1/completions"));
    TRY(const auto chat_template, ChatTemplate::parse(model.chat_template()));
    work.template_digest = sha256(as_bytes(model.chat_template()));
    auto read =
        read_conversation(chat_template, model.tokenizer(),
                          nlohmann::ordered_json::parse(work.request.conversation), work.started);
    if (!read)
      return fail(unusable(member, "a conversation that the model's chat template takes",
                           read.error().to_string()));
    prompt = std::move(read->tokens);
  } else {
    prompt = model.tokenizer().encode(work.request.prompt);
    if (!prompt) return fail(unusable(member, "text that has tokens", prompt.error().what));
  }
  const std::size_t context = transformer->shape().context;
  if (prompt->empty() || prompt->size() >= context)
    return fail(unusable(member, "1 to " + std::to_string(context - 1) + " tokens",
                         std::to_string(prompt->size())));
  return prompt;
}

bool Serving::was_refused() const {
  const Status model = parts_.model.standing();
  return !model && model.error().kind == ErrorKind::refused;
}

// Lets the model write; `sink` gets text as it can be shown, and false from it ends the answer.
Status Serving::write_answer(Work& work, const TextSink& sink) {
  const RunnableModel& model = *work.served.model;
  const Machine machine{.executor = &parts_.executor};
  std::function<void(Token, std::span<const float>)> choices;
  if (work.request.log_probabilities)
    choices = [&work](Token token, std::span<const float> logits) {
      work.chances.push_back(chances_of(token, logits, *work.request.log_probabilities));
    };
  std::optional<FormedAnswer> form;
  if (work.request.grammar) {
    TRY(form, FormedAnswer::begin(work.request.grammar, tokens_of(work.served.model)));
  }
  const GenerateRequest request{.prompt = work.prompt,
                                .sampler = work.request.sampler,
                                .max_tokens = work.request.max_tokens,
                                .end_tokens = model.tokenizer().vocabulary().end_tokens(),
                                .prefixes = &prefixes_,
                                .reader = work.reader,
                                .form = form ? &*form : nullptr,
                                .passes = &passes_,
                                .choices = choices};
  AnswerText text(work.request.stop);
  bool listening = true;
  const auto end = std::chrono::steady_clock::now() + options_.answer_time;
  TRY(work.answer, generate(*model.transformer(), request, machine, [&](Token token) {
        std::string ready = text.add(model.tokenizer().piece(token));
        if (!ready.empty()) listening = sink(std::move(ready));
        listening = listening && !work.reader_left();
        work.out_of_time = std::chrono::steady_clock::now() >= end;
        return listening && !text.stopped() && !queue_.closed() && !work.out_of_time &&
               !was_refused();
      }));
  counts_.prompt_tokens += work.prompt.size();
  counts_.answer_tokens += work.answer.tokens.size();
  // What a model that was refused meanwhile had written is not given out either.
  if (was_refused()) return parts_.model.standing();
  if (queue_.closed() || !listening)
    return fail(incomplete(rules::queue_closed, "the answer was not written to its end"));
  if (std::string rest = text.finish(); !rest.empty()) sink(std::move(rest));
  return {};
}

std::shared_ptr<const TokenOrder> Serving::tokens_of(
    const std::shared_ptr<const RunnableModel>& model) {
  const std::lock_guard lock(tokens_mutex_);
  if (!tokens_ || tokens_model_.lock() != model) {
    tokens_ = std::make_shared<const TokenOrder>(model->tokenizer());
    tokens_model_ = model;
  }
  return tokens_;
}

Result<std::string> Serving::issue_receipt(const Work& work) {
  Receipt receipt;
  receipt.prompt = work.prompt;
  receipt.template_digest = work.template_digest;
  const auto& form = work.request.form;
  if (form) receipt.form = Receipt::Form{form->kind, form->digest()};
  receipt.sampler = work.request.sampler;
  receipt.answer = work.answer.tokens;
  receipt.stopped = work.answer.stopped;
  receipt.logits = work.answer.logits;
  receipt.started = work.started;
  return sign_and_keep(std::move(receipt), work.served, form);
}

// What a receipt rests on is asked for when it is signed, not when the answer was begun.
Result<std::string> Serving::sign_and_keep(Receipt receipt, const ServedModel::InForce& served,
                                           const std::optional<AnswerForm>& form) {
  const Time now = parts_.now();
  TRY_VOID(parts_.model.standing());
  TRY(const auto standing, parts_.identity.standing(now));
  receipt.profile = std::string(exact::profile);
  receipt.runtime = options_.runtime;
  receipt.node = standing.node;
  receipt.model = {digest_uri(served.model->sha256()), served.model->fsverity(), served.release};
  receipt.checkpoint = served.checkpoint;
  if (standing.result) receipt.result = sha256(as_bytes(*standing.result));
  const SigningKey& key = parts_.identity.key();
  TRY(const Bytes bytes, sign_receipt(receipt, "inferd", now, key));
  const Sha256 id = sha256(bytes);
  TRY_VOID(parts_.receipts.keep(
      id, encode_receipt_file(bytes, key.public_key(), standing.result, std::nullopt,
                              form ? std::optional(form->text) : std::nullopt)));
  ++counts_.receipts;
  return to_hex(id);
}

Response Serving::answer_whole(Work& work) {
  std::string text;
  const Status written = write_answer(work, [&text](std::string piece) {
    text += piece;
    return true;
  });
  if (!written) return turned_away(status_of(written.error()), written.error());
  const auto receipt = issue_receipt(work);
  if (!receipt && !options_.answer_without)
    return turned_away(status_of(receipt.error()), receipt.error());
  ++counts_.answers;
  OrderedJson body = work.piece(options_.model_name, std::move(text), work.finish_reason());
  work.add_ending(body, receipt);
  return http::json_response(200, to_line(body) + "\n");
}

// The reader may be gone at any piece: then nobody is left to be told, and no receipt is due.
void Serving::answer_in_pieces(Work& work, http::StreamWriter& writer) {
  bool gone = false;
  const Status written = write_answer(work, [&](std::string piece) {
    gone = !writer.event(to_line(work.piece(options_.model_name, std::move(piece), nullptr)));
    return !gone;
  });
  const auto receipt = written ? issue_receipt(work) : Result<std::string>(fail(written.error()));
  work.turn.reset();
  if (gone) return;
  if (!written || (!receipt && !options_.answer_without)) {
    ++counts_.refusals;
    (void)writer.event(to_line(error_body(503, receipt.error())));
    return;
  }
  ++counts_.answers;
  OrderedJson last = work.piece(options_.model_name, "", work.finish_reason());
  work.add_ending(last, receipt);
  if (writer.event(to_line(last))) (void)writer.event("[DONE]");
}

Response Serving::receipt(const Request& request) const {
  const auto id = parse_digest_uri("sha256:" + request.parameters.at("id"));
  if (!id)
    return turned_away(400, refused(rules::receipt_not_kept, "this is no receipt's id")
                                .expected("64 hex digits, in lower case"));
  auto file = parts_.receipts.find(*id);
  if (!file)
    return turned_away(file.error().rule == rules::receipt_not_kept ? 404 : 500, file.error());
  return http::bytes_response(200, std::string(receipt_file_media_type), *std::move(file));
}

Response Serving::models() const {
  const auto served = parts_.model.in_force();
  const lineage::ModelVerdict& verdict = served.model->verdict();
  OrderedJson model = {
      {"id", options_.model_name},
      {"object", "model"},
      {"created", unix_seconds(served.model->bundle().ledger_time())},
      {"owned_by", served.issuer},
      {"subject", digest_uri(served.model->sha256())},
      {"release", verdict.release},
      {"checkpoint", {{"origin", served.checkpoint.origin}, {"size", served.checkpoint.size}}}};
  const OrderedJson body = {{"object", "list"}, {"data", OrderedJson::array({std::move(model)})}};
  return http::json_response(200, to_line(body) + "\n");
}

Response Serving::health() const {
  const Time now = parts_.now();
  const Status answers = may_answer(now);
  const Status model = parts_.model.standing();
  const auto standing = parts_.identity.standing(now);
  const auto words = [](const auto& outcome) {
    return outcome ? std::string("pass") : outcome.error().to_string();
  };
  OrderedJson body = {{"status", answers ? "ok" : "unavailable"},
                      {"model", words(model)},
                      {"node", words(standing)},
                      {"receipts", model && standing ? "issued" : "not issued"}};
  if (standing)
    body["key"] = standing->node ? "quoted by the TPM of " + *standing->node + ", until " +
                                       to_rfc3339(*standing->expires)
                                 : "made at start, bound to no TPM";
  return http::json_response(answers ? 200 : 503, to_line(body) + "\n");
}

Response Serving::metrics() const {
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view type, std::string_view help,
                           std::uint64_t value) {
    const std::string full = "inferd_" + std::string(name);
    text += "# HELP " + full + " " + std::string(help) + "\n# TYPE " + full + " " +
            std::string(type) + "\n" + full + " " + std::to_string(value) + "\n";
  };
  add("answers_total", "counter", "Completions that were answered.", counts_.answers);
  add("embeddings_total", "counter", "Vectors that were made of texts.", counts_.embeddings);
  add("refusals_total", "counter", "Requests that were refused.", counts_.refusals);
  add("busy_total", "counter", "Requests turned away because too many waited.", counts_.busy);
  add("prompt_tokens_total", "counter", "Tokens read.", counts_.prompt_tokens);
  add("answer_tokens_total", "counter", "Tokens written.", counts_.answer_tokens);
  add("receipts_total", "counter", "Receipts signed.", counts_.receipts);
  add("receipts_waiting", "gauge", "Receipts whose digest is not submitted yet.",
      parts_.receipts.waiting());
  add("requests_waiting", "gauge", "Requests that wait for their turn.", queue_.waiting());
  add("requests_inside", "gauge", "Requests that are being answered.", queue_.inside());
  const SharedPasses::Counts passes = passes_.counts();
  add("passes_total", "counter", "Passes through the model's layers.", passes.passes);
  add("pass_shares_total", "counter", "Texts that took part in those passes.", passes.shares);
  add("model_pass", "gauge", "1 while the model's last judgement passed.",
      parts_.model.standing() ? 1 : 0);
  add("node_pass", "gauge", "1 while receipts may be signed with the node's word.",
      parts_.identity.standing(parts_.now()) ? 1 : 0);
  return http::text_response(200, text);
}

}  // namespace attest::inference

// attestctl receipt: show, disclose, prove, verify, replay: did this answer come from that model?
#include <charconv>
#include <thread>

#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_file.h"
#include "cli/submission.h"
#include "cli/trust_file.h"
#include "inference/answer/receipt_file.h"
#include "inference/answer/replay.h"
#include "inference/model/unreleased_model.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/crypto/random.h"

namespace attest::cli {

namespace {

struct ReceiptOptions {
  std::string file;
  std::string trust;
  std::string model;
  std::string policy;
  std::string opening;
  std::string disclosure;
  std::string tokens;
  std::string out;
  std::size_t sample = 0;
  std::uint64_t memory_mb = 0;
  unsigned threads = 0;
  ServerOptions server;
};

Result<inference::UntrustedReceiptFile> read_receipt(const std::string& file) {
  TRY(const Bytes content, read_file(file, inference::max_receipt_size + (16U << 20)));
  TRY_WITHIN(file, auto receipt, inference::decode_receipt_file(content));
  return receipt;
}

void describe(Report& report, const inference::UntrustedReceipt& untrusted) {
  const inference::Receipt& receipt = untrusted.receipt;
  const std::string id = to_hex(sha256(untrusted.bytes));
  report.line("receipt " + id.substr(0, 4) + "… by " + printable(receipt.runtime, 60) +
              (receipt.node ? " on " + printable(*receipt.node, 60) : "") + ", " +
              to_minutes(receipt.started));
  report.json = {
      {"receipt", id},
      {"runtime", receipt.runtime},
      {"node", receipt.node ? OrderedJson(*receipt.node) : OrderedJson()},
      {"profile", receipt.profile},
      {"model", receipt.model.subject},
      {"release", receipt.model.release ? OrderedJson(*receipt.model.release) : OrderedJson()},
      {"prompt_tokens", receipt.prompt ? OrderedJson(receipt.prompt->size()) : OrderedJson()},
      {"answer", receipt.answer},
      {"stopped", receipt.stopped},
      {"embedding",
       receipt.embedding ? OrderedJson(digest_uri(receipt.embedding->digest)) : OrderedJson()},
      {"form", receipt.form ? OrderedJson(digest_uri(receipt.form->digest)) : OrderedJson()},
      {"key", to_hex(untrusted.key_id)},
      {"started", to_rfc3339(receipt.started)}};
}

std::string prompt_in_words(const inference::Receipt& receipt) {
  if (receipt.prompt) return std::to_string(receipt.prompt->size()) + " tokens";
  if (receipt.prompt_tree)
    return std::to_string(receipt.prompt_tree->count) + " tokens kept private, each committed to";
  return "kept private, committed to";
}

// The tokens of a private prompt that were disclosed, checked against the receipt's commitment; as
// text where the model is given.
Status show_disclosed(const ReceiptOptions& options, const inference::Receipt& receipt,
                      Report& report) {
  TRY(const std::string text, read_text_file(options.disclosure));
  TRY_WITHIN(options.disclosure, const auto tokens, inference::decode_disclosure(text));
  if (!receipt.prompt_tree)
    return fail(refused(rules::prompt_disclosure, "the receipt's prompt does not open in parts"));
  const Status fits = inference::verify_disclosure(*receipt.prompt_tree, tokens);
  if (!fits) {
    Error error = fits.error();
    return fail(std::move(error.within(options.disclosure)));
  }
  std::optional<inference::Tokenizer> tokenizer;
  if (!options.model.empty()) {
    TRY(auto file, system_files().open(options.model, OpenMode::read));
    TRY_WITHIN(options.model, const auto gguf, model::read_gguf(*file));
    TRY_WITHIN(options.model, tokenizer, inference::Tokenizer::read(gguf));
  }
  report.json["disclosed"] = OrderedJson::array();
  for (const auto& each : tokens) {
    const std::string piece = tokenizer ? tokenizer->piece(each.token) : "";
    report.field("token " + std::to_string(each.index),
                 std::to_string(each.token) + (tokenizer ? " \"" + printable(piece) + "\"" : "") +
                     ", the prompt's");
    report.json["disclosed"].push_back({{"index", each.index}, {"token", each.token}});
  }
  return {};
}

Result<Report> show(const ReceiptOptions& options) {
  TRY(const auto file, read_receipt(options.file));
  const inference::Receipt& receipt = file.receipt.receipt;
  Report report;
  describe(report, file.receipt);
  report.field("model", receipt.model.subject);
  report.field("profile", printable(receipt.profile, 40));
  report.field("prompt", prompt_in_words(receipt));
  if (!options.disclosure.empty()) TRY_VOID(show_disclosed(options, receipt, report));
  if (receipt.embedding) {
    report.field("embedding", std::to_string(receipt.embedding->size) + " numbers, " +
                                  digest_uri(receipt.embedding->digest));
  } else {
    report.field("answer", std::to_string(receipt.answer.size()) + " tokens, ended by " +
                               printable(receipt.stopped, 20));
  }
  if (receipt.form)
    report.field("form", std::string(to_string(receipt.form->kind)) + " " +
                             digest_uri(receipt.form->digest) +
                             (file.form ? "" : ", its text is not here"));
  report.field("key", "key:" + to_hex(file.receipt.key_id));
  report.field("result", file.result ? "carried along" : "none: the key is bound to no TPM");
  report.field("batch",
               file.batch ? "carried along"
                          : "none yet: attestctl receipt prove " + options.file + " --server URL");
  report.outcome = Outcome::incomplete;
  report.line("not checked: anything. Check it: attestctl receipt verify " + options.file +
              " --trust FILE");
  return report;
}

Result<Report> prove(const ReceiptOptions& options) {
  if (options.server.url.empty())
    return fail(usage_error("a proof comes from a ledger: name it with --server URL"));
  TRY(const auto file, read_receipt(options.file));
  TRY(const http::Client client, connect(options.server));
  TRY(const Bytes answer,
      client.fetch(options.server.url + "/v1/receipts/" + to_hex(sha256(file.receipt.bytes))));
  TRY_WITHIN(options.server.url, const auto batch, inference::decode_batch_proof(answer));
  TRY_VOID(write_file_atomically(
      options.file,
      inference::encode_receipt_file(file.receipt.bytes, file.key, file.result, batch, file.form)));
  Report report;
  report.line(options.file + ": now carries its proof, batch statement " +
              with_thousands(batch.statement.index));
  report.json["index"] = batch.statement.index;
  return report;
}

// The signature and what binds its key; the report is begun with both.
Result<inference::VerifiedReceiptFile> verified_receipt(const ReceiptOptions& options,
                                                        const TrustRoot& trust, Time now,
                                                        Report& report) {
  TRY(auto file, read_receipt(options.file));
  describe(report, file.receipt);
  TRY_WITHIN(options.file, auto verified,
             inference::verify_receipt_file(std::move(file), trust, now));
  report.field("signature", verified.binding_in_words());
  report.json["binding"] = verified.binding() == inference::Binding::bound      ? "bound"
                           : verified.binding() == inference::Binding::unproven ? "unproven"
                                                                                : "unbound";
  if (verified.ledger_time()) report.json["ledger_time"] = to_rfc3339(*verified.ledger_time());
  return verified;
}

Result<Report> verify(const ReceiptOptions& options, Time now) {
  TRY(const TrustRoot trust, load_trust(options.trust));
  Report report;
  TRY(const auto verified, verified_receipt(options, trust, now, report));
  report.json["not_checked"] = OrderedJson::array({"that the model gives this answer"});
  report.field("not checked", "that the model gives this answer: attestctl receipt replay " +
                                  options.file + " --model FILE");
  if (verified.binding() != inference::Binding::bound) {
    report.outcome = Outcome::incomplete;
    report.line(
        "verdict: incomplete; nothing proves that a node's TPM vouched for the key when it signed");
  } else {
    report.line("verdict: signed by a key that a node's TPM vouched for");
  }
  return report;
}

// What the ledger says of the model, where its bundle lies beside it. A replay needs no lineage,
// but an answer of a revoked model is worth knowing as such.
Outcome judge_lineage(const ReceiptOptions& options, const TrustRoot& trust, const Context& context,
                      Report& report) {
  const auto bundle = read_bundle(places_of(options.model));
  if (!bundle) {
    report.field("lineage", "not checked: no bundle beside the model");
    report.json["not_checked"].push_back("the model's lineage: no bundle beside it");
    return Outcome::pass;
  }
  const auto policy = load_release_policy(options.policy);
  const auto file = present_file(options.model, context.terminal);
  if (!policy || !file) {
    report.field("lineage", (policy ? file.error() : policy.error()).to_string());
    return Outcome::incomplete;
  }
  const auto verdict = lineage::judge_bundle(*bundle, trust, *file, *policy, context.now);
  std::string text = verdict.release.empty() ? "" : "released: " + verdict.release + "; ";
  text += result::to_string(verdict.outcome);
  for (const auto& check : verdict.checks)
    if (check.outcome != result::Verdict::pass) text += "; " + check.why;
  report.field("lineage", text);
  report.json["lineage"] = result::to_string(verdict.outcome);
  return verdict.outcome == result::Verdict::pass      ? Outcome::pass
         : verdict.outcome == result::Verdict::refused ? Outcome::refused
                                                       : Outcome::incomplete;
}

void describe(Report& report, const inference::ReplayReport& replayed,
              const inference::Tokenizer& tokenizer) {
  report.field("logits", with_thousands(replayed.equal) + " of " +
                             with_thousands(replayed.positions) + " position hashes equal" +
                             (replayed.equal == replayed.positions
                                  ? ""
                                  : ", up to position " + with_thousands(replayed.equal)));
  report.json["positions"] = replayed.positions;
  report.json["equal"] = replayed.equal;
  report.json["agrees"] = replayed.agrees();
  if (replayed.token) {
    const std::string words = inference::difference_in_words(*replayed.token, tokenizer);
    report.line("  " + words);
    report.json["first_difference"] = {{"answer_index", replayed.token->answer_index},
                                       {"receipt", replayed.token->receipt},
                                       {"model", replayed.token->model},
                                       {"words", words}};
  }
  if (const auto cause = inference::cause_in_words(replayed.cause); !cause.empty()) {
    report.field("likely", std::string(cause));
    report.json["likely"] = cause;
  }
  if (replayed.ends_wrongly) report.line("  the answer does not end where the receipt says");
}

// What a private prompt's owner discloses: {"salt": hex, "prompt": [token, …]}.
Result<inference::ReplayRequest::Opening> read_opening(const std::string& path) {
  TRY(const std::string text, read_text_file(path));
  TRY_WITHIN(path, const Json json, parse_json(text));
  const auto wrong = [&path] {
    return fail(refused(rules::replay_opening, "this opens no prompt")
                    .expected("{\"salt\": 64 hex digits, \"prompt\": [token, …]}")
                    .within(path));
  };
  inference::ReplayRequest::Opening opening;
  if (!json.is_object() || !json.contains("salt") || !json["salt"].is_string() ||
      !json.contains("prompt") || !json["prompt"].is_array())
    return wrong();
  const auto salt = parse_digest_uri("sha256:" + json["salt"].get<std::string>());
  if (!salt) return wrong();
  opening.salt = *salt;
  for (const Json& token : json["prompt"]) {
    if (!token.is_number_unsigned() || token.get<std::uint64_t>() > 0xffffffffU) return wrong();
    opening.prompt.push_back(token.get<inference::Token>());
  }
  return opening;
}

unsigned threads_of(const ReceiptOptions& options) {
  return options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
}

// Places of tokens: "3-9,12".
Result<std::vector<std::uint64_t>> read_places(const std::string& text) {
  std::vector<std::uint64_t> places;
  const auto wrong = [&text] {
    return fail(usage_error("--tokens takes places such as 3-9,12, rising, not \"" +
                            printable(text, 40) + "\""));
  };
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view part = std::string_view(text).substr(at, comma - at);
    const std::size_t dash = part.find('-');
    const auto first = number(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(part.substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first > 0xffff ||
        (!places.empty() && *first <= places.back()))
      return wrong();
    for (std::uint64_t i = *first; i <= *last; ++i) places.push_back(i);
    at = comma + 1;
  }
  return places;
}

// Opens some tokens of a private prompt, and leaves the others closed.
Result<Report> disclose(const ReceiptOptions& options) {
  TRY(const auto places, read_places(options.tokens));
  TRY(const auto file, read_receipt(options.file));
  const inference::Receipt& receipt = file.receipt.receipt;
  TRY(const auto opening, read_opening(options.opening));
  if (!receipt.prompt_tree ||
      inference::commit_to_tokens(opening.prompt, opening.salt) != *receipt.prompt_tree)
    return fail(refused(rules::prompt_disclosure, "this does not open the receipt's prompt")
                    .within(options.opening));
  TRY(const auto tokens, inference::disclose_tokens(opening.prompt, opening.salt, places));
  TRY_VOID(
      write_file_atomically(options.out, as_bytes(inference::encode_disclosure(tokens)), 0600));
  Report report;
  report.json = {{"disclosed", tokens.size()}, {"of", receipt.prompt_tree->count}};
  report.line(std::to_string(tokens.size()) + " of " + std::to_string(receipt.prompt_tree->count) +
              " tokens are disclosed in " + options.out);
  report.line("Check them: attestctl receipt show " + options.file + " --disclosure " +
              options.out);
  return report;
}

// What a replay leaves unsaid about who answered.
void say_binding(Report& report, inference::Binding binding) {
  if (binding == inference::Binding::bound) return;
  const std::string which = binding == inference::Binding::unbound
                                ? "which node answered: the key is bound to no TPM"
                                : "that the node was trusted when it answered: no ledger proof";
  report.json["not_checked"].push_back(which);
  report.field("not checked", which);
}

// An embedding has one number to compare: the digest of its vector.
Result<Report> replay_embedding(const ReceiptOptions& options,
                                const inference::VerifiedReceiptFile& receipt, Report report) {
  TRY_WITHIN(options.model, const auto model, inference::open_unreleased_encoder(options.model));
  inference::ReplayRequest request;
  if (!options.opening.empty()) {
    TRY(request.opening, read_opening(options.opening));
  }
  const auto pool = inference::make_thread_pool(threads_of(options));
  TRY_WITHIN(options.file, const auto replayed,
             inference::replay_embedding(model.encoder, receipt.receipt(), request,
                                         {.executor = pool.get()}));
  report.json["agrees"] = replayed.agrees();
  if (!replayed.agrees()) {
    report.outcome = Outcome::refused;
    report.field("vector", "receipt says " + digest_uri(replayed.receipt) + ", the model gives " +
                               digest_uri(replayed.model));
    report.line("verdict: refused; this model does not make this vector of this text");
    return report;
  }
  report.field("vector", "the same to the bit");
  say_binding(report, receipt.binding());
  report.line(report.outcome == Outcome::pass
                  ? "verdict: this vector came from this model"
                  : "verdict: " + std::string(to_string(report.outcome)) +
                        "; the vector came from this model, but see lineage above");
  return report;
}

Result<Report> replay(const ReceiptOptions& options, const Context& context) {
  TRY(const TrustRoot trust, load_trust(options.trust));
  Report report;
  report.json["not_checked"] = OrderedJson::array();
  TRY(const auto receipt, verified_receipt(options, trust, context.now, report));
  report.outcome = worse_of(report.outcome, judge_lineage(options, trust, context, report));
  if (receipt.receipt().receipt().embedding)
    return replay_embedding(options, receipt, std::move(report));
  std::optional<std::uint64_t> budget;
  if (options.memory_mb != 0) budget = options.memory_mb << 20U;
  TRY_WITHIN(options.model, const auto model,
             inference::open_unreleased_model(options.model, budget));

  const auto pool = inference::make_thread_pool(threads_of(options));
  inference::ReplayRequest request;
  request.end_tokens = model.tokenizer.vocabulary().end_tokens();
  if (!options.opening.empty()) {
    TRY(request.opening, read_opening(options.opening));
  }
  if (receipt.form()) {
    request.form = receipt.form();
    request.tokens = std::make_shared<const inference::TokenOrder>(model.tokenizer);
  }
  const std::size_t positions = receipt.receipt().receipt().logits.size();
  if (options.sample != 0 && options.sample < positions)
    request.sample = inference::draw_sample(positions, options.sample, system_random());
  request.progress = [&](std::size_t done, std::size_t total) {
    context.terminal.progress("replaying", done, total);
  };
  const auto start = std::chrono::steady_clock::now();
  TRY_WITHIN(options.file, const auto replayed,
             inference::replay(model.transformer, receipt.receipt(), request,
                               // Streamed weights are read once a chunk.
                               {.executor = pool.get(), .chunk = budget ? 2048U : 256U}));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const inference::Receipt& said = receipt.receipt().receipt();
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.2f s", took.count());
  report.field("replay",
               (said.prompt ? std::to_string(said.prompt->size()) + " prompt + " : std::string()) +
                   std::to_string(said.answer.size()) + " answer tokens, " + seconds.data());
  describe(report, replayed, model.tokenizer);
  if (!replayed.agrees()) {
    report.outcome = Outcome::refused;
    report.line(replayed.token
                    ? "verdict: refused; text before token " +
                          std::to_string(replayed.token->answer_index + 1) + " is genuine"
                    : "verdict: refused; this model does not give this answer");
    return report;
  }
  if (!request.sample.empty()) {
    const std::string rest =
        with_thousands(positions - replayed.positions) + " positions that were not drawn";
    report.json["not_checked"].push_back(rest);
    report.field("not checked", rest);
  }
  say_binding(report, receipt.binding());
  report.line(report.outcome == Outcome::pass
                  ? "verdict: this answer came from this model"
                  : "verdict: " + std::string(to_string(report.outcome)) +
                        "; the answer came from this model, but see lineage above");
  return report;
}

}  // namespace

void add_receipt_commands(CommandLine& command_line) {
  Command* group = command_line.group("receipt", "Signed answers");

  auto options = std::make_shared<ReceiptOptions>();
  Command* verb = command_line.verb(group, "show", "Show what a receipt says, unchecked",
                                    "attestctl receipt show answer.receipt");
  verb->add_option("FILE", options->file, "The receipt")->required();
  verb->add_option("--disclosure", options->disclosure,
                   "Tokens of a private prompt: a file of attestctl receipt disclose");
  verb->add_option("--model", options->model, "Show these tokens as this model's text");
  command_line.runs(verb, [options](const Context&) { return show(*options); });

  options = std::make_shared<ReceiptOptions>();
  verb = command_line.verb(group, "disclose", "Open some tokens of a private prompt, and no others",
                           "attestctl receipt disclose answer.receipt --opening answer.opening "
                           "--tokens 3-9,12 --out some.json");
  verb->add_option("FILE", options->file, "The receipt")->required();
  verb->add_option("--opening", options->opening, "A file of attestctl infer --private")
      ->required();
  verb->add_option("--tokens", options->tokens, "Their places in the prompt, from 0: 3-9,12")
      ->required();
  verb->add_option("--out", options->out, "Write what discloses them to this file")->required();
  command_line.runs(verb, [options](const Context&) { return disclose(*options); });

  options = std::make_shared<ReceiptOptions>();
  verb =
      command_line.verb(group, "prove", "Fetch the ledger's proof of a receipt into it",
                        "attestctl receipt prove answer.receipt --server https://127.0.0.1:8443");
  verb->add_option("FILE", options->file, "The receipt")->required();
  add_server_options(verb, options->server);
  command_line.runs(verb, [options](const Context&) { return prove(*options); });

  options = std::make_shared<ReceiptOptions>();
  verb = command_line.verb(group, "verify",
                           "Check who signed a receipt, and that a TPM vouches for the key",
                           "attestctl receipt verify answer.receipt --trust trust.toml");
  verb->add_option("FILE", options->file, "The receipt")->required();
  add_trust_option(verb, options->trust);
  command_line.runs(verb,
                    [options](const Context& context) { return verify(*options, context.now); });

  options = std::make_shared<ReceiptOptions>();
  verb = command_line.verb(
      group, "replay", "Compute an answer again, and compare every token",
      "attestctl receipt replay answer.receipt --model tiny.gguf --trust trust.toml");
  verb->add_option("FILE", options->file, "The receipt")->required();
  verb->add_option("--model", options->model, "The model it names")->required();
  add_trust_option(verb, options->trust);
  verb->add_option("--policy", options->policy, "What the model must be (TOML)");
  verb->add_option("--sample", options->sample,
                   "Compare so many positions, drawn at random; all without")
      ->positive();
  verb->add_option("--opening", options->opening,
                   "What discloses a private prompt: a file of attestctl infer --private");
  verb->add_option("--memory", options->memory_mb,
                   "Megabytes that weights may take; layers are then streamed from disk")
      ->positive();
  verb->add_option("--threads", options->threads,
                   "All cores without; the result does not depend on it");
  command_line.runs(verb, [options](const Context& context) { return replay(*options, context); });
}

}  // namespace attest::cli

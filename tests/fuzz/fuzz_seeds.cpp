// Makes first inputs for the fuzz targets: one whole and good input of each kind, in a folder named
// after its target under ATTEST_FUZZ_SEEDS. Each is checked to be one that its parser takes.
#include <cstdlib>
#include <map>

#include "inference/answer/receipt_file.h"
#include "inference/form/answer_form.h"
#include "inference/template/chat_template.h"
#include "libattest/base/file.h"
#include "libattest/evidence/enrolment.h"
#include "libattest/evidence/gpu_item.h"
#include "libattest/gpu/evidence_file.h"
#include "libattest/lineage/model_card.h"
#include "libattest/model/gguf.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/oms_statement.h"
#include "libattest/model/safetensors_index.h"
#include "libattest/model/sigstore_bundle.h"
#include "libattest/reference/reference_values.h"
#include "libattest/result/ear_claims.h"
#include "libattest/result/jwt.h"
#include "libattest/statement/dsse.h"
#include "libattest/statement/entry_subjects.h"
#include "libattest/statement/in_toto.h"
#include "libattest/tee/tdx_quote.h"
#include "libattest/transparency/cose_receipt.h"
#include "libattest/transparency/tlog_proof.h"
#include "libattest/transparency/witness_protocol.h"
#include "tests/support/catch.h"
#include "tests/support/hf_model.h"
#include "tests/support/made_tdx.h"
#include "tests/support/test_ca.h"
#include "tests/support/test_gpu.h"
#include "tests/support/test_log.h"
#include "tests/support/test_node.h"

using namespace attest;
using namespace attest::test;

namespace {

const Time now = from_unix(1'800'000'000);

class SeedFolder {
 public:
  explicit SeedFolder(Path root) : root_(std::move(root)) {}
  void add(const std::string& target, ByteView content) {
    const Path folder = root_ / (target + "_fuzz");
    std::filesystem::create_directories(folder);
    must(write_file_atomically(folder / std::to_string(count_[target]++), content));
  }
  void add(const std::string& target, std::string_view text) { add(target, as_bytes(text)); }

 private:
  Path root_;
  std::map<std::string, int> count_;
};

Path seed_root() {
  const char* root = std::getenv("ATTEST_FUZZ_SEEDS");
  if (!root) FAIL("set ATTEST_FUZZ_SEEDS to the folder to write to");
  return root;
}

const SigningKey& signing_key() {
  static const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  return *key;
}

}  // namespace

TEST_CASE("seeds: keys and certificates") {
  SeedFolder seeds(seed_root());
  const Certified root = Certified::root({.common_name = "root", .is_ca = true});
  const Certified leaf =
      root.issue({.common_name = "leaf", .eku = {"2.23.133.8.1"}, .alternative_names = "DNS:a"});
  seeds.add("crypto_certificate", root.certificate().der());
  seeds.add("crypto_certificate", leaf.certificate().to_pem());
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384}) {
    const PublicKey key = must(make_signing_key(kind, system_random()))->public_key();
    seeds.add("crypto_public_key", key.spki_der());
    seeds.add("crypto_public_key", key.to_pem());
  }
}

TEST_CASE("seeds: what a node sends") {
  SeedFolder seeds(seed_root());
  const TestNode node;
  const Bytes pcrs = tpm::encode_pcrs(node.tpm.pcrs(node.quoted));
  seeds.add("evidence_challenge", node.challenge);
  seeds.add("evidence_collection", node.answer().bytes());
  seeds.add("tpm_event_log", node.tpm.event_log());
  seeds.add("tpm_public", node.tpm.ak_public());
  seeds.add("tpm_quote", pcrs);

  const evidence::EnrolSession session{};
  const Bytes begin = evidence::encode(
      evidence::EnrolBegin{"rack7-n03", {to_bytes("leaf")}, to_bytes("ek"), to_bytes("ak")});
  REQUIRE_OK(evidence::parse_enrol_begin(begin));
  seeds.add("evidence_enrolment", begin);
  seeds.add("evidence_enrolment", evidence::encode(evidence::EnrolChallenge{
                                      session, to_bytes("blob"), to_bytes("secret")}));
  seeds.add("evidence_enrolment",
            evidence::encode(evidence::EnrolComplete{session, to_bytes("secret")}));
  seeds.add("evidence_enrolment",
            evidence::encode(evidence::EnrolResult{"rack7-n03", to_bytes("name"), "enrolled"}));
}

TEST_CASE("seeds: evidence of trusted execution environments") {
  SeedFolder seeds(seed_root());
  const MadeSnp snp;
  REQUIRE_OK(tee::parse_snp_report(snp.report()));
  seeds.add("tee_snp", snp.report());
  MadeTdx tdx;
  seeds.add("tee_tdx", tdx.quote());
  tdx.version = 5;
  tdx.td_1_5 = true;
  REQUIRE_OK(tee::parse_tdx_quote(tdx.quote()));
  seeds.add("tee_tdx", tdx.quote());
  seeds.add("tee_collateral", tdx.chain_pem());
  seeds.add("tee_collateral", snp.vcek.certificate().der());
  seeds.add("tee_collateral", tdx.crls(now).front());
  seeds.add("tee_collateral",
            signed_json(tdx.tcb_signing, "tcbInfo", tcb_info_body({{}, {.status = "OutOfDate"}})));
  seeds.add("tee_collateral", signed_json(tdx.tcb_signing, "enclaveIdentity", qe_identity_body()));
}

TEST_CASE("seeds: reference values and results") {
  SeedFolder seeds(seed_root());
  reference::ReferenceValues values{"v1", "rack", "a rack's firmware", {}, {}};
  values.pcrs[HashAlgorithm::sha256][4] = {{Bytes(32), "grub"}, {Bytes(32, std::byte{1}), ""}};
  values.events[HashAlgorithm::sha256][4] = {{Bytes(32, std::byte{2}), "shim"}};
  seeds.add("reference_corim", must(reference::encode_reference_values(values)));

  result::Ear ear;
  ear.issued_at = now;
  ear.expires = now + Seconds{900};
  ear.nonce = Bytes(32, std::byte{1});
  ear.issuer = "verifier.example";
  ear.id = std::string(64, 'a');
  ear.verdict = result::Verdict::pass;
  ear.verifier_id = {"attest 0.1", "example"};
  ear.subject = "rack7-n03";
  result::Submod& boot = ear.submods["boot"];
  boot.vector.set(result::TrustClaim::executables, 2);
  boot.status = result::Tier::affirming;
  boot.policy_id = "sha256:" + std::string(64, 'b');
  boot.trust_level = result::TrustLevel::tpm_measured;
  ear.checks = {{"boot.pcr.4", result::Verdict::pass, "e", "f", "PCR 4 equals reference 54"}};
  const std::string json = result::to_json(ear);
  REQUIRE_OK(result::parse_ear_json(json));
  seeds.add("result_ear", json);
  seeds.add("result_ear", must(result::to_cbor(ear)));
  seeds.add("result_jwt", must(result::sign_jwt(as_bytes(json), "eat+jwt", signing_key())));
}

TEST_CASE("seeds: statements, proofs and bundles") {
  SeedFolder seeds(seed_root());
  TestLog log;
  const TestIssuer& lab = log.issuer(
      "lab.example", {"data-set", "model-release", "revocation", "training-run", "consent"},
      {"sha256:*"});
  const statement::ModelRelease base = release_of("base");
  const statement::ModelRelease chat =
      release_of("chat", "quantize", {{"base", statement::subject_of(base)}});
  log.data_set(lab, data_set_of("text"));
  log.release(lab, base);
  log.release(lab, chat);
  log.revoke(lab, statement::subject_of(base), "withdrawn");
  const statement::TrainingRun run{statement::subject_of(base),
                                   {"trainer", sha256(as_bytes("trainer"))},
                                   {{"epochs", "3"}},
                                   {},
                                   {{"rack7-n03", to_bytes("result")}},
                                   now,
                                   now};
  log.say(lab, statement::Kind::training_run, run.output, statement::encode(run));
  const statement::Consent consent{statement::subject_of(chat), statement::subject_of(base),
                                   "quantize"};
  log.say(lab, statement::Kind::consent, consent.child, statement::encode(consent));
  const lineage::UntrustedBundle bundle = log.bundle(statement::subject_of(chat), {now, now});

  for (std::uint64_t index = 0; index < log.size(); ++index) {
    const Bytes entry = log.entry(index).entry;
    seeds.add("statement_statement", entry);
    seeds.add("cose_sign1", entry);
  }
  seeds.add("lineage_bundle", lineage::encode_bundle(bundle));
  seeds.add("transparency_note", bundle.checkpoint);
  seeds.add("transparency_checkpoint",
            bundle.checkpoint.substr(0, bundle.checkpoint.find("\n\n") + 1));
  seeds.add("transparency_tile", "tile/0/x001/234.p/5");
  const transparency::UntrustedEntry& first = bundle.entries.front();
  seeds.add("transparency_tlog_proof",
            transparency::format_tlog_proof({{}, first.index, first.path, bundle.checkpoint}));
  const Bytes receipt_of_first = must(transparency::sign_inclusion_receipt(
      {log.size(), first.index, first.path}, {}, "log.example/a", {}, signing_key()));
  REQUIRE_OK(transparency::parse_receipt(receipt_of_first));
  seeds.add("transparency_cose_receipt", receipt_of_first);
  seeds.add("transparency_certificate_log", Bytes(17));  // a certificate of no bytes, no chain
  seeds.add("transparency_witness_request",
            transparency::format_add_checkpoint({0, {}, bundle.checkpoint}));

  inference::Receipt receipt;
  receipt.profile = "exact-1";
  receipt.runtime = "example";
  receipt.model = {statement::subject_of(chat).text(), {}, 1};
  receipt.prompt = std::vector<inference::Token>{1, 2, 3};
  receipt.answer = {4, 5};
  receipt.stopped = "length";
  receipt.logits = std::vector<Sha256>(4);  // three of the prompt, one before the last answer
  receipt.started = now;
  const Bytes bytes = must(inference::sign_receipt(receipt, "inferd", now, signing_key()));
  seeds.add("inference_receipt", bytes);
  const inference::BatchProof batch{first, {Sha256{}}, 1, bundle.checkpoint};
  const Bytes file = inference::encode_receipt_file(bytes, signing_key().public_key(), {}, batch);
  REQUIRE_OK(inference::decode_receipt_file(file));
  seeds.add("inference_receipt", file);
  receipt.prompt_tree = inference::commit_to_tokens(*receipt.prompt, Sha256{});
  const std::string some = inference::encode_disclosure(must(
      inference::disclose_tokens(*receipt.prompt, Sha256{}, std::vector<std::uint64_t>{0, 2})));
  REQUIRE_OK(inference::decode_disclosure(some));
  seeds.add("inference_receipt", some);
  receipt.prompt.reset();
  receipt.form = inference::Receipt::Form{};
  seeds.add("inference_receipt",
            must(inference::sign_receipt(receipt, "inferd", now, signing_key())));
  receipt.embedding = inference::Receipt::Embedding{"mean", 3, Sha256{}};
  seeds.add("inference_receipt",
            must(inference::sign_receipt(receipt, "inferd", now, signing_key())));
}

TEST_CASE("seeds: other projects' statements") {
  SeedFolder seeds(seed_root());
  const std::string in_toto =
      R"({"_type":"https://in-toto.io/Statement/v1","predicateType":"p","predicate":{},"subject":)"
      R"([{"name":"n","digest":{"sha256":")" +
      std::string(64, 'a') + R"("}}]})";
  REQUIRE_OK(statement::parse_in_toto(as_bytes(in_toto)));
  seeds.add("statement_in_toto", in_toto);
  const std::string card = "---\nlicense: mit\nbase_model:\n- a/b\ndatasets: [c, 'd']\n---\n";
  REQUIRE_OK(lineage::parse_model_card(card));
  seeds.add("lineage_model_card", card);
  const std::string envelope = R"({"payload":")" + to_base64(as_bytes(in_toto)) +
                               R"(","payloadType":"application/vnd.in-toto+json",)" +
                               R"("signatures":[{"keyid":"k","sig":"AAAA"}]})";
  REQUIRE_OK(statement::parse_dsse(envelope));
  seeds.add("statement_dsse", envelope);
  seeds.add("statement_statement", envelope);
  seeds.add("http_target", "/tile/0/x001/234?a=b%20c&d");
}

TEST_CASE("seeds: chat templates") {
  SeedFolder seeds(seed_root());
  for (const char* source :
       {"{%- for m in messages if m.role != 'system' -%}\n<{{ m.role | upper }}>{{ m['content'] | "
        "trim | tojson(indent=2) }}{{ ',' if not loop.last else '' }}\n{%- else -%}none{%- endfor "
        "-%}",
        "{% set ns = namespace(n=0, t='') %}{% macro f(a, b='z') %}[{{ a ~ b }}]{{ caller() }}"
        "{% endmacro %}{% for k, v in {'a': 1, 'b': [2, 3.5]}.items() %}{% set ns.n = ns.n + "
        "loop.index0 %}{% if k is string and v in [1] %}{% continue %}{% endif %}{% call f(*[k]) %}"
        "{{ v }}{% endcall %}{% endfor %}{{ ns.n // 2 }}",
        "{# note #}{% raw %}{{ x }}{% endraw %}{{ 'abc'[::-1] }}{{ messages[0:2] | "
        "selectattr('role', 'equalto', 'user') | map(attribute='content') | join(' ') }}{{ "
        "strftime_now('%Y') }}{% set t | upper %}x{% endset %}{{ raise_exception('no') }}"}) {
    REQUIRE_OK(inference::ChatTemplate::parse(source));
    seeds.add("inference_chat_template", source);
  }
}

TEST_CASE("seeds: models") {
  SeedFolder seeds(seed_root());
  model::GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", {"<unk>", "a", "<s>"});
  writer.add_f32s("tokenizer.ggml.scores", {0.0F, -1.0F, 0.0F});
  writer.add_i32s("tokenizer.ggml.token_type", {2, 1, 3});
  writer.add_u32("tokenizer.ggml.unknown_token_id", 0);
  writer.add_tensor_f32("output.weight", {2, 2}, {1.0F, 2.0F, 3.0F, 4.0F});
  const Bytes gguf = must(writer.finish());
  REQUIRE_OK(model::parse_gguf(gguf));
  seeds.add("model_gguf", gguf);
  const std::string header = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  Bytes safetensors;
  append_u64_le(safetensors, header.size());
  append(safetensors, as_bytes(header + "ab"));
  REQUIRE_OK(model::parse_safetensors(safetensors));
  seeds.add("model_safetensors", safetensors);

  for (const HfModel& each :
       {HfModel{}, HfModel{.class_name = "Qwen2ForCausalLM", .byte_level = true}})
    for (const auto& [name, content] : each.files())
      if (name.ends_with(".json")) seeds.add("model_hf", content);
  const std::string index = R"({"metadata":{"total_size":2},"weight_map":{"a":"1.safetensors"}})";
  REQUIRE_OK(model::parse_safetensors_index(index));
  seeds.add("model_safetensors", index);
  seeds.add("model_format", R"({"auto_map":{"a":"b"},"chat_template":"{{ x.__class__ }}"})");
  const std::string signed_model =
      R"({"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":")" +
      to_hex(sha256(sha256(as_bytes("a")))) +
      R"("}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{)" +
      R"("serialization":{"method":"files","hash_type":"sha256","ignore_paths":["b"]},)" +
      R"("resources":[{"name":"a","algorithm":"sha256","digest":")" +
      to_hex(sha256(as_bytes("a"))) + R"("}]}})";
  REQUIRE_OK(model::parse_oms_statement(as_bytes(signed_model)));
  seeds.add("model_oms", signed_model);
  const std::string bundle =
      R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":)"
      R"({"publicKey":{"hint":"k"},"tlogEntries":[{"logIndex":"1","kindVersion":{"kind":)"
      R"("hashedrekord","version":"0.0.1"},"canonicalizedBody":"e30="}]},"messageSignature":)"
      R"({"messageDigest":{"algorithm":"SHA2_256","digest":"AAAA"},"signature":"AAAA"}})";
  REQUIRE_OK(model::parse_sigstore_bundle(bundle));
  seeds.add("model_oms", bundle);
  seeds.add("model_sigstore", bundle);
  seeds.add("inference_tokenizer", gguf);
  seeds.add("inference_tokenizer",
            "a b\xe2\x96\x81"
            "<s>");
}

TEST_CASE("seeds: requests to a runtime, and forms of answers") {
  SeedFolder seeds(seed_root());
  seeds.add("inference_completion_request",
            R"({"model":"m","prompt":"a","max_tokens":4,"temperature":0.5,"top_k":3,"min_p":0.1,)"
            R"("stop":["b"],"seed":1,"logprobs":2,"grammar":"root ::= [a]","stream":true})");
  seeds.add("inference_completion_request",
            R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],)"
            R"("tools":[{"type":"function"}],"response_format":{"type":"json_schema",)"
            R"("json_schema":{"name":"n","schema":{"type":"object"}}}})");
  seeds.add("inference_completion_request",
            R"({"model":"m","input":["a","b"],"encoding_format":"base64"})");
  using inference::AnswerForm;
  const std::string schema =
      R"({"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":9},)"
      R"("age":{"type":"integer","minimum":0,"maximum":130},"when":{"type":"string","format":)"
      R"("date-time"},"tags":{"type":"array","items":{"enum":["a",1,null]},"maxItems":2},"more":)"
      R"({"anyOf":[{"$ref":"#/$defs/m"},{"type":"null"}]}},"required":["name"],)"
      R"("additionalProperties":false,"$defs":{"m":{"$ref":"#"}}})";
  const std::string grammar =
      "root ::= (\"Hello\" | \"Hi\") \", \" name{1,2} [.!]? # greeted\n"
      "name ::= [A-Z] [^\\x00-@]+ | \"O'\" name | .\n";
  REQUIRE_OK(inference::compile_form({AnswerForm::Kind::json_schema, schema}));
  REQUIRE_OK(inference::compile_form({AnswerForm::Kind::grammar, grammar}));
  const std::string end(1, '\0');
  seeds.add("inference_answer_form", end + schema + end + R"({"name":"Ada","age":36})");
  seeds.add("inference_answer_form", "\1" + grammar + end + "Hi, Ada.");
}

TEST_CASE("seeds: GPUs") {
  SeedFolder seeds(seed_root());
  const Vendor vendor = Vendor::make();
  const TestDevice device = vendor.device();
  const WholeGpu whole = whole_gpu();
  const Bytes report = device.report(whole.report);
  REQUIRE_OK(gpu::parse_report(report));
  seeds.add("gpu_report", report);
  seeds.add("gpu_opaque", opaque_bytes(whole.report.opaque));
  seeds.add("gpu_rim", vendor.rim(whole.driver));
  seeds.add("gpu_rim", unsigned_rim(whole.vbios, {}));
  seeds.add("gpu_ocsp",
            ocsp(device.line[1].certificate, device.line[2].certificate, device.line[2]));
  std::string pem;
  for (const Certificate& certificate : device.chain()) pem += certificate.to_pem();
  const std::string json = R"([{"arch":"HOPPER","nonce":"11","evidence":")" + to_base64(report) +
                           R"(","certificate":")" + to_base64(as_bytes(pem)) + R"("}])";
  REQUIRE_OK(gpu::parse_evidence_file(json));
  seeds.add("gpu_evidence_file", json);
  seeds.add("evidence_gpu_item", evidence::encode_gpu({.vendor = "nvidia",
                                                       .report = report,
                                                       .chain = to_bytes(pem),
                                                       .ocsp = {Bytes(3)},
                                                       .host = {{"uuid", "GPU-0"}}}));
}

#include "libattest/base/cbor.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/evidence/gpu_item.h"
#include "libattest/evidence/host_item.h"
#include "libattest/evidence/models_item.h"
#include "libattest/evidence/runtime_key_item.h"
#include "libattest/evidence/tee_item.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::evidence;

TEST_CASE("the models item is read back as it was written") {
  const ModelFile file{"models/tiny.gguf", 1310720, sha256(as_bytes("a")), sha256(as_bytes("b"))};
  const auto files = must(parse_models(encode_models({file, file})));
  REQUIRE(files.size() == 2);
  REQUIRE(files[1].path == file.path);
  REQUIRE(files[1].size == file.size);
  REQUIRE(files[1].sha256 == file.sha256);
  REQUIRE(files[1].fsverity == file.fsverity);
}

TEST_CASE("a models item with another form is refused") {
  const cbor::Map good{{"path", "p"}, {"size", 1}, {"sha256", Sha256{}}, {"fsverity", Sha256{}}};
  REQUIRE_OK(parse_models(cbor::encode(cbor::Array{good})));
  for (std::size_t i = 0; i < good.size(); ++i) {
    cbor::Map map = good;
    map[i].second = Bytes(31);
    REQUIRE_RULE(parse_models(cbor::encode(cbor::Array{map})), rules::models_form);
    map.erase(map.begin() + static_cast<long>(i));
    REQUIRE_RULE(parse_models(cbor::encode(cbor::Array{map})), rules::models_form);
  }
  cbor::Map more = good;
  more.emplace_back("extra", 1);
  REQUIRE_RULE(parse_models(cbor::encode(cbor::Array{more})), rules::models_form);
  REQUIRE_RULE(parse_models(cbor::encode(good)), rules::models_form);
  REQUIRE_RULE(parse_models(encode_models(std::vector<ModelFile>(models_limit + 1))),
               rules::models_form);
}

TEST_CASE("the host item is read back as it was written, and refused in another form") {
  const HostFacts facts{{"os.release", "12.15"}, {"gpus", std::vector<std::string>{"a", "b"}}};
  REQUIRE(must(parse_host(encode_host(facts))) == facts);
  REQUIRE_RULE(parse_host(cbor::encode(cbor::Map{{"a", 1}})), rules::host_form);
  REQUIRE_RULE(parse_host(cbor::encode(cbor::Map{{"a", cbor::Array{1}}})), rules::host_form);
  REQUIRE_RULE(parse_host(cbor::encode(cbor::Map{{1, "a"}})), rules::host_form);
  REQUIRE_RULE(parse_host(cbor::encode(cbor::Array{})), rules::host_form);
  HostFacts many;
  for (std::size_t i = 0; i <= host_facts_limit; ++i) many["f" + std::to_string(i)] = "x";
  REQUIRE_RULE(parse_host(encode_host(many)), rules::host_form);
}

TEST_CASE("the runtime key item names its key by the digest of its one encoding") {
  const auto signer = must(make_signing_key(KeyKind::ed25519, system_random()));
  const RuntimeKey key{signer->public_key().spki_der(), sha256(as_bytes("exe")), "/usr/bin/inferd",
                       4711};
  const RuntimeKey read = must(parse_runtime_key(encode_runtime_key(key)));
  REQUIRE(read.thumbprint() == signer->public_key().thumbprint());
  REQUIRE(read.executable == key.executable);
  REQUIRE(read.path == key.path);
  REQUIRE(read.pid == key.pid);

  RuntimeKey no_key = key;
  no_key.spki = to_bytes("no key");
  REQUIRE_RULE(parse_runtime_key(encode_runtime_key(no_key)), rules::runtime_key_form);
}

TEST_CASE("a GPU item is read back as it was written, and refused in another form") {
  const GpuItem item{.vendor = "nvidia",
                     .report = to_bytes("report"),
                     .chain = {},
                     .ocsp = {to_bytes("good")},
                     .host = {{"uuid", "GPU-0"}}};
  REQUIRE(must(parse_gpu(encode_gpu(item))) == item);
  const cbor::Map good = *must(cbor::decode(encode_gpu(item))).as_map();
  for (std::size_t i = 0; i < good.size(); ++i) {
    cbor::Map map = good;
    map[i].second = cbor::Array{1};
    REQUIRE_RULE(parse_gpu(cbor::encode(map)), rules::gpu_item_form);
  }
  cbor::Map more = good;
  more.emplace_back("extra", 1);
  REQUIRE_RULE(parse_gpu(cbor::encode(more)), rules::gpu_item_form);
  GpuItem many = item;
  many.ocsp.resize(gpu_ocsp_limit + 1);
  REQUIRE_RULE(parse_gpu(encode_gpu(many)), rules::gpu_item_form);
}

TEST_CASE("a TEE item is read back as it was written, and by a strict schema") {
  const TeeItem item{"sev_guest", Bytes(1184, std::byte{1}), to_bytes("certificates")};
  REQUIRE(must(parse_tee(encode_tee(item))) == item);
  const TeeItem alone{"tdx_guest", Bytes(5000), {}};
  REQUIRE(must(parse_tee(encode_tee(alone))) == alone);
  const auto refused = [](TeeItem wrong) {
    REQUIRE_RULE(parse_tee(encode_tee(wrong)), rules::tee_item_form);
  };
  refused({"", Bytes(1), {}});
  refused({std::string(65, 'p'), Bytes(1), {}});
  refused({"sev_guest", Bytes(tee_report_limit + 1), {}});
  refused({"sev_guest", Bytes(1), Bytes(tee_report_limit + 1)});
  Bytes trailing = encode_tee(item);
  trailing.push_back(std::byte{0});
  REQUIRE_RULE(parse_tee(trailing), rules::tee_item_form);
  REQUIRE_RULE(parse_tee(cbor::encode(cbor::Map{{"version", 2}})), rules::tee_item_form);
}

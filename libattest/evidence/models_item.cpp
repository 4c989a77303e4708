#include "libattest/evidence/models_item.h"

#include "libattest/base/cbor.h"
#include "libattest/evidence/item_form.h"

namespace attest::evidence {

namespace {

Result<ModelFile> read_file(const cbor::Value& value) {
  TRY(auto fields, cbor::Fields::of(value, "model"));
  ModelFile file;
  TRY(file.path, fields.text("path"));
  TRY(file.size, fields.unsigned_integer("size"));
  TRY(const cbor::Value* sha, fields.required("sha256"));
  TRY(file.sha256, cbor::expect_fixed<32>(*sha, "sha256"));
  TRY(const cbor::Value* verity, fields.required("fsverity"));
  TRY(file.fsverity, cbor::expect_fixed<32>(*verity, "fsverity"));
  TRY_VOID(fields.finish());
  return file;
}

Result<std::vector<ModelFile>> read_files(ByteView bytes) {
  TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
  const cbor::Array* list = value.as_array();
  if (!list) return fail(refused(rules::models_form, "the models are not an array"));
  if (list->size() > models_limit)
    return fail(refused(rules::models_form, "there are too many models")
                    .expected("at most " + std::to_string(models_limit))
                    .found(std::to_string(list->size())));
  std::vector<ModelFile> files;
  for (const cbor::Value& element : *list) {
    TRY(ModelFile file, read_file(element));
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

Bytes encode_models(const std::vector<ModelFile>& files) {
  cbor::Array list;
  for (const ModelFile& file : files)
    list.push_back(cbor::Map{{"path", file.path},
                             {"size", file.size},
                             {"sha256", file.sha256},
                             {"fsverity", file.fsverity}});
  return cbor::encode(list);
}

Result<std::vector<ModelFile>> parse_models(ByteView bytes) {
  return of_form(rules::models_form, "models", read_files(bytes));
}

}  // namespace attest::evidence

#include "fixtures/tiny-model/training.h"

#include "fixtures/tiny-model/material.h"
#include "fixtures/tiny-model/recipe.h"
#include "libattest/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::tiny_model;

namespace {

const Path folder = ATTEST_TINY_MODEL;

const Material& material() {
  static const Material made = must(make_material(folder));
  return made;
}

std::string recorded(const char* key) {
  return must(parse_json(must(read_text_file(folder / "training.json")))).at(key);
}

}  // namespace

TEST_CASE("the text and the vocabulary can be made again from what is kept here") {
  REQUIRE(material().text_digest == recorded("text_sha256"));
  REQUIRE(material().vocabulary_digest == recorded("vocabulary_sha256"));
}

TEST_CASE("the sources kept here are those that trained the model") {
  REQUIRE(must(sources_digest(folder)) == recorded("sources_sha256"));
}

TEST_CASE("the first two steps of training come out as recorded, to the bit") {
  TrainingState state = initial_state();
  Trainer trainer(material().tokens);
  const double first = trainer.step(state);
  const double second = trainer.step(state);
  REQUIRE(second < first);
  REQUIRE(parameters_digest(state.parameters) == recorded("parameters_after_two_steps_sha256"));
}

TEST_CASE("a state that was kept is taken up again as it was") {
  TemporaryDirectory directory;
  TrainingState state = initial_state();
  state.steps_done = 17;
  state.mean_decay = 0.25;
  state.variance_decay = 0.125;
  state.mean[3] = 1.5F;
  state.variance.back() = 2.5F;
  must(save_state(state, directory.path() / "state.bin"));
  const auto back = must(load_state(directory.path() / "state.bin"));
  REQUIRE(back.steps_done == 17);
  REQUIRE(back.mean_decay == 0.25);
  REQUIRE(back.variance_decay == 0.125);
  REQUIRE(back.parameters == state.parameters);
  REQUIRE(back.mean == state.mean);
  REQUIRE(back.variance == state.variance);
}

TEST_CASE("a state of another shape is refused") {
  TemporaryDirectory directory;
  must(write_file_atomically(directory.path() / "state.bin", Bytes(1000)));
  REQUIRE_RULE(load_state(directory.path() / "state.bin"), tiny_model::rules::state_form);
}

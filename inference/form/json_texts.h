// The grammar of JSON's own texts (RFC 8259), from which schemas are put together.
#pragma once

#include <string>
#include <vector>

#include "inference/form/byte_grammar.h"

namespace attest::inference {

// JsonTexts borrows the builder. Each kind of text is made once, when it is first asked for.
class JsonTexts {
 public:
  using Sequence = GrammarBuilder::Sequence;

  explicit JsonTexts(GrammarBuilder& builder) : builder_(&builder) {}

  Sequence any();
  Sequence boolean();
  Sequence number();
  // integer of least to most, of at most 16 digits either.
  Sequence integer(std::int64_t least, std::int64_t most);
  Sequence string(std::uint32_t least, std::optional<std::uint32_t> most);
  // format is nothing where it is not known: date, time, date-time, uuid are.
  std::optional<Sequence> format(std::string_view name);
  Sequence array(const Sequence& item, std::uint32_t least, std::optional<std::uint32_t> most);
  // map has any names.
  Sequence map(const Sequence& value);
  struct Member {
    std::string name;  // in quotes
    Sequence value;
    bool required;
  };
  Sequence object(const std::vector<Member>& members);

 private:
  Sequence lit(std::string_view text) { return builder_->literal(text); }
  Sequence one_in(char first, char last);
  Sequence digits(std::uint32_t count);
  Sequence space();
  Sequence character();
  Sequence separated(const Sequence& what, std::uint32_t least, std::optional<std::uint32_t> most);
  Sequence whole_numbers(std::uint64_t least, std::uint64_t most);
  Sequence same_length(std::string_view least, std::string_view most);
  Sequence date();
  Sequence time();
  template <typename Make>
  Sequence once(std::optional<GrammarBuilder::Rule>& rule, Make make);

  GrammarBuilder* builder_;
  std::optional<GrammarBuilder::Rule> any_, number_, character_, space_;
};

}  // namespace attest::inference

#include "libattest/model/oms_statement.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/crypto/digest.h"

namespace attest::model {

namespace {

constexpr std::size_t max_statement_size = 384U << 20;
constexpr std::size_t max_statement_depth = 32;
constexpr std::size_t max_name_size = 4096;  // as Linux has it
constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::oms_statement, "model signature: " + std::move(what)));
}

const std::string* text_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() ? nullptr : member->get_ptr<const std::string*>();
}

Result<const Json*> member(const Json& object, const char* name,
                           bool (Json::*is)() const noexcept) {
  const auto found = object.find(name);
  if (found == object.end() || !((*found).*is)())
    return malformed("\"" + std::string(name) + "\" is missing or of the wrong type");
  return &*found;
}

Result<Bytes> read_digest(const std::string* hex, std::size_t size, std::string_view where) {
  auto bytes = hex == nullptr ? Result<Bytes>(Bytes()) : from_hex(*hex);
  if (!bytes || bytes->size() != size)
    return fail(refused(rules::oms_digest, "a digest is not whole")
                    .expected(std::to_string(2 * size) + " hexadecimal digits")
                    .found(hex == nullptr ? "none" : "\"" + printable(*hex, 140) + "\"")
                    .within(printable(where)));
  return bytes;
}

// A name under which two statements would list the same file twice.
class Names {
 public:
  Status add(const std::string& name) {
    if (!is_canonical_name(name))
      return fail(refused(rules::oms_name, "a resource's name is no plain relative path")
                      .found("\"" + printable(name) + "\""));
    if (!seen_.insert(look_alike_key(name)).second)
      return fail(refused(rules::oms_look_alike,
                          "two resources' names differ in case or Unicode form alone")
                      .found("\"" + printable(name) + "\""));
    return {};
  }

 private:
  std::set<std::string> seen_;
};

class Parser {
 public:
  Result<OmsStatement> parse(const Json& whole) {
    if (!whole.is_object()) return malformed("the statement is no object");
    const std::string* type = text_of(whole, "_type");
    if (type == nullptr || *type != statement_type)
      return fail(refused(rules::oms_statement, "this is no in-toto statement of version 1")
                      .expected(std::string(statement_type))
                      .found(type == nullptr ? "none" : printable(*type, 80)));
    const std::string* predicate_type = text_of(whole, "predicateType");
    if (predicate_type != nullptr && *predicate_type == oms_old_predicate_type)
      return read_version_0_2(whole);
    if (predicate_type == nullptr || *predicate_type != oms_predicate_type)
      return fail(refused(rules::oms_statement, "this statement is no model signature")
                      .expected(std::string(oms_predicate_type))
                      .found(predicate_type == nullptr ? "none" : printable(*predicate_type, 80)));
    return read_version_1(whole);
  }

 private:
  Result<OmsStatement> read_version_1(const Json& whole) {
    TRY_VOID(read_subject(whole));
    TRY(const Json* predicate, member(whole, "predicate", &Json::is_object));
    TRY(const Json* serialization, member(*predicate, "serialization", &Json::is_object));
    TRY(const Json* resources, member(*predicate, "resources", &Json::is_array));
    if (resources->empty()) return malformed("it lists no resource");
    TRY_VOID(read_serialization(*serialization));
    for (const Json& each : *resources) TRY_VOID(read_resource(each));
    TRY_VOID(check_names());
    TRY_VOID(check_shards());
    if (root_.finish_sha256() != statement_.root)
      return fail(refused(rules::oms_root, "the subject's digest is not that of the resources")
                      .found(to_hex(statement_.root)));
    return std::move(statement_);
  }

  // Version 0.2 signed a list of subjects, one a file, and nothing else.
  Result<OmsStatement> read_version_0_2(const Json& whole) {
    TRY(const Json* subjects, member(whole, "subject", &Json::is_array));
    if (subjects->empty()) return malformed("it lists no file");
    for (const Json& each : *subjects) {
      const std::string* name = each.is_object() ? text_of(each, "name") : nullptr;
      if (name == nullptr) return malformed("a subject has no name");
      TRY(const Json* digests, member(each, "digest", &Json::is_object));
      TRY(Bytes digest, read_digest(text_of(*digests, "sha256"), 32, *name));
      root_.update(digest);
      TRY_VOID(add_piece(*name, {0, 0, std::move(digest)}));
    }
    TRY_VOID(check_names());
    statement_.root = root_.finish_sha256();
    statement_.version_0_2 = true;
    return std::move(statement_);
  }

  Status read_subject(const Json& whole) {
    TRY(const Json* subjects, member(whole, "subject", &Json::is_array));
    if (subjects->size() != 1 || !subjects->front().is_object())
      return malformed("it has not exactly one subject");
    const Json& subject = subjects->front();
    if (const std::string* name = text_of(subject, "name")) statement_.model_name = *name;
    TRY(const Json* digests, member(subject, "digest", &Json::is_object));
    TRY(const Bytes root, read_digest(text_of(*digests, "sha256"), 32, "subject"));
    std::ranges::copy(root, statement_.root.begin());
    return {};
  }

  static std::unexpected<Error> unserializable(std::string what, std::string found) {
    return fail(refused(rules::oms_serialization, std::move(what)).found(std::move(found)));
  }

  Status read_serialization(const Json& object) {
    const std::string* method = text_of(object, "method");
    const std::string* hash = text_of(object, "hash_type");
    if (method == nullptr || (*method != "files" && *method != "shards"))
      return unserializable("unknown method", method == nullptr ? "none" : printable(*method, 40));
    statement_.method = *method == "files" ? OmsMethod::files : OmsMethod::shards;
    const auto known = hash == nullptr ? std::nullopt : oms_hash_by_name(*hash);
    if (!known)
      return unserializable("unknown or weak hash function",
                            hash == nullptr ? "none" : printable(*hash, 40));
    statement_.hash = *known;
    if (const auto allow = object.find("allow_symlinks"); allow != object.end()) {
      if (!allow->is_boolean())
        return unserializable("allow_symlinks is no boolean", allow->type_name());
      statement_.allow_symlinks = allow->get<bool>();
    }
    if (statement_.method == OmsMethod::shards) TRY_VOID(read_shard_size(object));
    return read_ignore_paths(object);
  }

  // The reference writes it as a double, since protobuf's JSON knows no other number.
  Status read_shard_size(const Json& object) {
    const auto size = object.find("shard_size");
    if (size == object.end() || !size->is_number())
      return unserializable("there is no shard_size", "none");
    const double value = size->get<double>();
    if (!(value >= 1) || value > 9007199254740992.0 || value != std::floor(value))
      return unserializable("shard_size is no whole number of bytes", to_line(*size));
    statement_.shard_size = static_cast<std::uint64_t>(value);
    return {};
  }

  Status read_ignore_paths(const Json& object) {
    const auto paths = object.find("ignore_paths");
    if (paths == object.end() || paths->is_null()) return {};
    if (!paths->is_array()) return unserializable("ignore_paths is no list", paths->type_name());
    for (const Json& each : *paths) {
      const auto* path = each.get_ptr<const std::string*>();
      if (path == nullptr || !is_canonical_name(*path) || path->find('*') != std::string::npos)
        return fail(refused(rules::oms_ignore, "an ignored path is no plain relative path")
                        .found(printable(to_line(each), 80)));
      statement_.ignore_paths.push_back(*path);
    }
    return {};
  }

  bool is_algorithm(const std::string& name) const {
    const std::string hash(to_string(statement_.hash));
    if (name == hash) return true;
    return statement_.method == OmsMethod::shards &&
           name == hash + "-sharded-" + std::to_string(statement_.shard_size);
  }

  Status read_resource(const Json& object) {
    if (!object.is_object()) return malformed("a resource is no object");
    const std::string* name = text_of(object, "name");
    const std::string* algorithm = text_of(object, "algorithm");
    if (name == nullptr || algorithm == nullptr)
      return malformed("a resource has no name or no algorithm");
    if (!is_algorithm(*algorithm))
      return fail(refused(rules::oms_digest, "a resource's algorithm is not the serialization's")
                      .expected(std::string(to_string(statement_.hash)))
                      .found(printable(*algorithm, 40))
                      .within(printable(*name)));
    TRY(Bytes digest, read_digest(text_of(object, "digest"), digest_size(statement_.hash), *name));
    root_.update(digest);
    if (statement_.method == OmsMethod::files) return add_piece(*name, {0, 0, std::move(digest)});
    return add_shard(*name, std::move(digest));
  }

  // "path:begin:end" is read from its last two colons: a path may hold some.
  Status add_shard(const std::string& name, Bytes digest) {
    const std::size_t second = name.rfind(':');
    const std::size_t first = second == std::string::npos || second == 0
                                  ? std::string::npos
                                  : name.rfind(':', second - 1);
    if (first == std::string::npos) return no_shard(name);
    OmsPiece piece{0, 0, std::move(digest)};
    const auto number = [&](std::size_t from, std::size_t to, std::uint64_t& value) {
      const char* stop = name.data() + to;
      const auto [end, error] = std::from_chars(name.data() + from, stop, value);
      const bool shortest = to - from == 1 || name[from] != '0';
      return error == std::errc{} && end == stop && value <= largest && shortest;
    };
    if (second == first + 1 || second + 1 == name.size() ||
        !number(first + 1, second, piece.begin) || !number(second + 1, name.size(), piece.end))
      return no_shard(name);
    return add_piece(name.substr(0, first), std::move(piece));
  }

  static std::unexpected<Error> no_shard(const std::string& name) {
    return fail(refused(rules::oms_shards, "a resource's name is no shard's")
                    .expected("path:begin:end")
                    .found("\"" + printable(name) + "\""));
  }

  Status add_piece(const std::string& name, OmsPiece piece) {
    auto& pieces = statement_.files[name];
    if (statement_.method == OmsMethod::files && !pieces.empty())
      return fail(refused(rules::oms_twice, "a resource is listed twice")
                      .found("\"" + printable(name) + "\""));
    pieces.push_back(std::move(piece));
    return {};
  }

  Status check_names() const {
    // The old name of a model that is one file.
    if (statement_.files.size() == 1 && statement_.files.begin()->first == ".") return {};
    Names names;
    for (const auto& [name, pieces] : statement_.files) TRY_VOID(names.add(name));
    return {};
  }

  Status check_shards() {
    if (statement_.method == OmsMethod::files) return {};
    for (auto& [name, pieces] : statement_.files) {
      std::ranges::sort(pieces, {}, &OmsPiece::begin);
      std::uint64_t end = 0;
      for (const OmsPiece& piece : pieces) {
        const bool last = &piece == &pieces.back();
        const bool whole = piece.end > piece.begin &&
                           piece.end - piece.begin <= statement_.shard_size &&
                           (last || piece.end - piece.begin == statement_.shard_size);
        if (piece.begin != end || !whole)
          return fail(refused(rules::oms_shards, "a file's shards do not follow each other")
                          .expected("a shard from byte " + std::to_string(end) + ", of " +
                                    std::to_string(statement_.shard_size) + " bytes but the last")
                          .found(std::to_string(piece.begin) + ":" + std::to_string(piece.end))
                          .within(printable(name)));
        end = piece.end;
      }
    }
    return {};
  }

  OmsStatement statement_;
  Hasher root_;
};

}  // namespace

bool is_canonical_name(std::string_view name) {
  if (name.empty() || name.size() > max_name_size || !is_utf8(name)) return false;
  const auto bad = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7f' || c == '\\';
  };
  if (std::ranges::any_of(name, bad)) return false;
  return std::ranges::none_of(split(name, '/'), [](std::string_view part) {
    return part.empty() || part == "." || part == "..";
  });
}

std::string look_alike_key(std::string_view name) {
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2* folding = unorm2_getNFKCCasefoldInstance(&status);
  std::u16string wide(name.size(), u'\0');
  std::int32_t wide_size = 0;
  u_strFromUTF8(wide.data(), static_cast<std::int32_t>(wide.size()), &wide_size, name.data(),
                static_cast<std::int32_t>(name.size()), &status);
  // A character folds to at most 18 of them (U+FDFA).
  std::u16string folded(18 * name.size() + 1, u'\0');
  const std::int32_t size = unorm2_normalize(folding, wide.data(), wide_size, folded.data(),
                                             static_cast<std::int32_t>(folded.size()), &status);
  // Names that ICU cannot read are compared as they are.
  if (U_FAILURE(status)) return std::string(name);
  return std::string(
      as_text(std::as_bytes(std::span(folded).first(static_cast<std::size_t>(size)))));
}

Result<OmsStatement> parse_oms_statement(ByteView payload) {
  TRY_WITHIN(
      "signed statement", const Json whole,
      parse_json(as_text(payload), {.size = max_statement_size, .depth = max_statement_depth}));
  return Parser().parse(whole);
}

}  // namespace attest::model

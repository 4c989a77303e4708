#include "libattest/tpm/ima_log.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "libattest/base/text.h"

namespace attest::tpm {
namespace {

constexpr std::size_t event_name_size = 256;  // IMA_EVENT_NAME_LEN_MAX + 1, of the old template

struct TemplateName {
  std::string_view name;
  ImaTemplate form;
};
constexpr auto template_names = std::to_array<TemplateName>({
    {"ima", ImaTemplate::ima},
    {"ima-ng", ImaTemplate::ima_ng},
    {"ima-sig", ImaTemplate::ima_sig},
    {"ima-ngv2", ImaTemplate::ima_ngv2},
    {"ima-sigv2", ImaTemplate::ima_sigv2},
    {"ima-buf", ImaTemplate::ima_buf},
    {"ima-modsig", ImaTemplate::ima_modsig},
    {"evm-sig", ImaTemplate::evm_sig},
});

Error malformed(std::string what) {
  return refused(rules::ima_form, std::move(what));
}

bool all_bytes(ByteView bytes, std::byte value) {
  return std::ranges::all_of(bytes, [value](std::byte b) { return b == value; });
}

Result<ImaTemplate> template_by_name(std::string_view name) {
  const auto* found = std::ranges::find(template_names, name, &TemplateName::name);
  if (found == template_names.end())
    return fail(
        refused(rules::ima_template, "a template that is not known").found(printable(name, 40)));
  return found->form;
}

bool has_version_two_digest(ImaTemplate form) {
  return form == ImaTemplate::ima_ngv2 || form == ImaTemplate::ima_sigv2;
}

// "sha256:\0" and the digest; of version 2 "verity:sha256:\0" and the digest.
Result<ImaDigest> read_digest(ByteView field, bool version_two) {
  ImaDigest digest;
  if (field.empty()) return digest;
  const std::string_view text = as_text(field);
  const auto end = text.find('\0');
  if (end == std::string_view::npos || end == 0 || text[end - 1] != ':')
    return fail(malformed("a digest does not say its algorithm"));
  std::string_view name = text.substr(0, end - 1);
  if (version_two) {
    const auto colon = name.find(':');
    const std::string_view kind = name.substr(0, colon);
    if (colon == std::string_view::npos || (kind != "ima" && kind != "verity"))
      return fail(malformed("a digest is neither of a file nor of its verity descriptor")
                      .found(printable(name, 40)));
    digest.verity = kind == "verity";
    name = name.substr(colon + 1);
  }
  digest.algorithm = name;
  digest.value = field.subspan(end + 1);
  return digest;
}

Result<std::string_view> read_path(ByteView field) {
  const std::string_view text = as_text(field);
  if (text.empty() || text.back() != '\0') return fail(malformed("a path does not end with a NUL"));
  const std::string_view path = text.substr(0, text.size() - 1);
  if (path.find('\0') != std::string_view::npos) return fail(malformed("a path holds a NUL"));
  return path;
}

Result<ByteView> sized_field(ByteReader& reader, std::string_view name) {
  TRY(const std::uint32_t size, reader.u32_le(name));
  return reader.take(size, name);
}

// read_fields fills an entry from its template data.
Status read_fields(ImaEntry& entry) {
  if (entry.form == ImaTemplate::ima) return {};  // digest and path are set by the caller
  ByteReader reader(entry.template_data);
  TRY(const ByteView digest, sized_field(reader, "d-ng"));
  TRY(entry.file, read_digest(digest, has_version_two_digest(entry.form)));
  TRY(const ByteView path, sized_field(reader, "n-ng"));
  TRY(entry.path, read_path(path));
  switch (entry.form) {
    case ImaTemplate::ima_sig:
    case ImaTemplate::ima_sigv2: {
      TRY(entry.signature, sized_field(reader, "sig"));
      break;
    }
    case ImaTemplate::ima_buf: {
      TRY(entry.buffer, sized_field(reader, "buf"));
      break;
    }
    case ImaTemplate::ima_modsig: {
      TRY(entry.signature, sized_field(reader, "sig"));
      TRY(const ByteView of_modsig, sized_field(reader, "d-modsig"));
      TRY(entry.modsig_digest, read_digest(of_modsig, false));
      TRY(entry.modsig, sized_field(reader, "modsig"));
      break;
    }
    case ImaTemplate::evm_sig: {
      TRY(entry.signature, sized_field(reader, "evmsig"));
      for (const char* name :
           {"xattrnames", "xattrlengths", "xattrvalues", "iuid", "igid", "imode"})
        TRY_VOID(sized_field(reader, name));
      break;
    }
    default:
      break;
  }
  if (!reader.at_end())
    return fail(malformed("bytes follow the last field").found(std::to_string(reader.remaining())));
  return {};
}

// Chunks keeps decoded bytes in pieces that never move.
class Chunks {
 public:
  Bytes& room(std::size_t size) {
    constexpr std::size_t chunk = 1U << 20;
    if (chunks_.empty() || chunks_.back()->capacity() - chunks_.back()->size() < size) {
      chunks_.push_back(std::make_unique<Bytes>());
      chunks_.back()->reserve(std::max(chunk, size));
    }
    return *chunks_.back();
  }

 private:
  std::vector<std::unique_ptr<Bytes>> chunks_;
};

struct Kept {
  Bytes source;
  Chunks decoded;
};

std::optional<HashAlgorithm> hash_of_size(std::size_t size) {
  for (const HashAlgorithm hash :
       {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512})
    if (digest_size(hash) == size) return hash;
  return std::nullopt;
}

constexpr std::array<std::int8_t, 256> hex_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  std::int8_t value = 0;
  for (const char digit : std::string_view("0123456789"))
    values[static_cast<unsigned char>(digit)] = value++;
  for (const std::string_view letters : {"abcdef", "ABCDEF"}) {
    value = 10;
    for (const char letter : letters) values[static_cast<unsigned char>(letter)] = value++;
  }
  return values;
}();

int hex_value(char c) {
  return hex_values[static_cast<unsigned char>(c)];
}

// append_hex decodes into room that is there; false where the text is not hexadecimal.
bool append_hex(Bytes& to, std::string_view hex) {
  if (hex.size() % 2 != 0) return false;
  std::size_t at = to.size();
  to.resize(at + hex.size() / 2);
  int wrong = 0;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_value(hex[i]);
    const int low = hex_value(hex[i + 1]);
    wrong |= high | low;  // negative once one is
    to[at++] = static_cast<std::byte>(high * 16 + low);
  }
  return wrong >= 0;
}

bool is_hex(std::string_view text) {
  return text.size() % 2 == 0 &&
         std::ranges::all_of(text, [](char c) { return hex_value(c) >= 0; });
}

}  // namespace

// ImaLogBuilder reads one list.
class ImaLogBuilder {
 public:
  explicit ImaLogBuilder(ByteView log) : kept_(std::make_shared<Kept>()) {
    kept_->source = to_bytes(log);
    log_.kept_ = kept_;
  }

  Result<UntrustedImaLog> ascii() && {
    const std::string_view text = as_text(kept_->source);
    log_.entries_.reserve(std::min<std::size_t>(text.size() / 80 + 1, 1U << 20));
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto newline = std::min(text.find('\n', at), text.size());
      ++line;
      std::string_view one = text.substr(at, newline - at);
      at = newline + 1;
      if (one.empty()) continue;
      if (const Status read = ascii_line(one, line); !read)
        return fail(Error(read.error()).within("line " + std::to_string(line)));
    }
    return finish();
  }

  Result<UntrustedImaLog> binary(HashAlgorithm listed) && {
    ByteReader reader(kept_->source);
    while (!reader.at_end()) {
      const std::size_t number = log_.entries_.size() + 1;
      if (const Status read = binary_entry(reader, number, listed); !read)
        return fail(Error(read.error()).within("entry " + std::to_string(number)));
    }
    return finish();
  }

 private:
  Result<UntrustedImaLog> finish() {
    if (log_.entries_.empty()) return fail(malformed("the list holds no entry"));
    return std::move(log_);
  }

  Status add(ImaEntry entry) {
    const auto hash = hash_of_size(entry.template_hash.size());
    if (!hash || (!log_.entries_.empty() && *hash != log_.listed_hash_))
      return fail(refused(rules::ima_hash_size,
                          "a template hash has no hash's length, or another "
                          "one than the entries before")
                      .found(std::to_string(entry.template_hash.size()) + " bytes"));
    log_.listed_hash_ = *hash;
    if (entry.pcr >= pcr_count) return fail(malformed("no platform has this PCR"));
    TRY_VOID(read_fields(entry));
    log_.entries_.push_back(entry);
    return {};
  }

  // token cuts the text up to the next space off `line`.
  static std::string_view token(std::string_view& line) {
    const auto space = line.find(' ');
    const std::string_view cut = line.substr(0, space);
    line = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
    return cut;
  }
  // last_token cuts the text after the last space off `line`; where there is none, nothing.
  static std::string_view last_token(std::string_view& line) {
    const auto space = line.rfind(' ');
    if (space == std::string_view::npos) return {};
    const std::string_view cut = line.substr(space + 1);
    line = line.substr(0, space);
    return cut;
  }

  Status ascii_line(std::string_view line, std::size_t number) {
    ImaEntry entry;
    entry.number = number;
    const std::string_view pcr = token(line);
    const auto [end, error] = std::from_chars(pcr.data(), pcr.data() + pcr.size(), entry.pcr);
    if (error != std::errc{} || end != pcr.data() + pcr.size())
      return fail(malformed("a line does not begin with a PCR; a path with a newline can be told "
                            "only in the binary list")
                      .found(printable(pcr, 20)));
    const std::string_view hash = token(line);
    Bytes& room = kept_->decoded.room(line.size() + 2 * hash.size() + 128);
    const std::size_t hash_at = room.size();
    if (hash.empty() || !append_hex(room, hash))
      return fail(malformed("a template hash is not hexadecimal"));
    entry.template_hash = ByteView(room).subspan(hash_at);
    TRY(entry.form, template_by_name(token(line)));
    const std::size_t data_at = room.size();
    if (entry.form == ImaTemplate::ima) {
      const std::string_view digest = token(line);
      if (!append_hex(room, digest)) return fail(malformed("a digest is not hexadecimal"));
      entry.file = {false, "sha1", ByteView(room).subspan(data_at)};
      entry.path = line;
    } else {
      TRY_VOID(write_fields(entry.form, line, room));
    }
    entry.template_data = ByteView(room).subspan(data_at);
    return add(entry);
  }

  // write_fields writes the template data that this text was made of.
  static Status write_fields(ImaTemplate form, std::string_view line, Bytes& room) {
    TRY_VOID(write_digest(token(line), room));
    std::vector<std::string_view> after;
    std::string_view path = line;
    switch (form) {
      case ImaTemplate::ima_sig:
      case ImaTemplate::ima_sigv2:
      case ImaTemplate::ima_buf:
        after = take_signature(path);
        break;
      case ImaTemplate::ima_modsig: {
        const std::string_view modsig = last_token(path);
        const std::string_view digest = last_token(path);
        const std::string_view signature = last_token(path);
        write_path(path, room);
        TRY_VOID(write_hex(signature, room));
        if (digest.empty())
          append_u32_le(room, 0);
        else
          TRY_VOID(write_digest(digest, room));
        return write_hex(modsig, room);
      }
      case ImaTemplate::evm_sig:
        return write_evm(path, room);
      default:
        break;
    }
    write_path(path, room);
    for (const std::string_view hex : after) TRY_VOID(write_hex(hex, room));
    return {};
  }

  // An absent signature leaves a space at the end of the line, which some tools cut off; a path may
  // hold spaces of its own. What follows the last space is the field if it reads as one.
  static std::vector<std::string_view> take_signature(std::string_view& path) {
    std::string_view rest = path;
    const std::string_view last = last_token(rest);
    if (rest.size() == path.size() || !is_hex(last)) return {std::string_view{}};
    path = rest;
    return {last};
  }

  static Status write_evm(std::string_view path, Bytes& room) {
    std::array<std::string_view, 7> fields;  // evmsig … imode
    for (std::size_t i = fields.size(); i-- > 0;) fields[i] = last_token(path);
    write_path(path, room);
    TRY_VOID(write_hex(fields[0], room));
    append_u32_le(room, static_cast<std::uint32_t>(fields[1].size() + (fields[1].empty() ? 0 : 1)));
    append(room, as_bytes(fields[1]));
    if (!fields[1].empty()) room.push_back(std::byte{0});
    TRY_VOID(write_hex(fields[2], room));
    TRY_VOID(write_hex(fields[3], room));
    TRY_VOID(write_number(fields[4], 4, room));
    TRY_VOID(write_number(fields[5], 4, room));
    return write_number(fields[6], 2, room);
  }

  static Status write_number(std::string_view text, std::uint32_t size, Bytes& room) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
      return fail(malformed("an owner or mode is no number").found(printable(text, 20)));
    append_u32_le(room, size);
    if (size == 4)
      append_u32_le(room, value);
    else
      append_u16_le(room, static_cast<std::uint16_t>(value));
    return {};
  }

  static void write_path(std::string_view path, Bytes& room) {
    append_u32_le(room, static_cast<std::uint32_t>(path.size()) + 1);
    append(room, as_bytes(path));
    room.push_back(std::byte{0});
  }

  static Status write_hex(std::string_view hex, Bytes& room) {
    append_u32_le(room, static_cast<std::uint32_t>(hex.size() / 2));
    if (!append_hex(room, hex)) return fail(malformed("a field is not hexadecimal"));
    return {};
  }

  // "sha256:<hex>" or "verity:sha256:<hex>".
  static Status write_digest(std::string_view text, Bytes& room) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
      return fail(malformed("a digest does not say its algorithm").found(printable(text, 40)));
    const std::string_view name = text.substr(0, colon + 1);
    const std::string_view hex = text.substr(colon + 1);
    append_u32_le(room, static_cast<std::uint32_t>(name.size() + 1 + hex.size() / 2));
    append(room, as_bytes(name));
    room.push_back(std::byte{0});
    if (!append_hex(room, hex)) return fail(malformed("a digest is not hexadecimal"));
    return {};
  }

  Status binary_entry(ByteReader& reader, std::size_t number, HashAlgorithm listed) {
    ImaEntry entry;
    entry.number = number;
    TRY(entry.pcr, reader.u32_le("pcr"));
    TRY(entry.template_hash, reader.take(digest_size(listed), "template hash"));
    TRY(const ByteView name, sized_field(reader, "template name"));
    TRY(entry.form, template_by_name(as_text(name)));
    if (entry.form == ImaTemplate::ima) {
      const ByteView from = reader.rest();
      TRY(const ByteView digest, reader.take(digest_size(HashAlgorithm::sha1), "digest"));
      TRY(const ByteView path, sized_field(reader, "path"));
      entry.file = {false, "sha1", digest};
      std::string_view text = as_text(path);
      while (text.ends_with('\0')) text.remove_suffix(1);
      entry.path = text;
      entry.template_data = from.first(digest.size() + 4 + path.size());
    } else {
      TRY(entry.template_data, sized_field(reader, "template data"));
    }
    return add(entry);
  }

  std::shared_ptr<Kept> kept_;
  UntrustedImaLog log_;
};

std::string_view ima_template_name(ImaTemplate form) {
  return std::ranges::find(template_names, form, &TemplateName::form)->name;
}

bool ImaEntry::violation() const {
  return all_bytes(template_hash, std::byte{0});
}

void ImaEntry::digest_into(Hasher& hasher, Bytes& result) const {
  if (violation()) {
    result.assign(digest_size(hasher.algorithm()), std::byte{0xff});
    return;
  }
  static constexpr std::array<std::byte, event_name_size> zeros{};
  std::array<ByteView, 3> parts{template_data, ByteView{}, ByteView{}};
  if (form == ImaTemplate::ima) {
    const std::string_view name = path.substr(0, event_name_size - 1);
    parts = {file.value, as_bytes(name), ByteView(zeros).first(event_name_size - name.size())};
  }
  // Small digests by the hundred thousand: without a hasher's context where there is a way.
  if (hasher.algorithm() == HashAlgorithm::sha256) {
    const Sha256 value = sha256({parts[0], parts[1], parts[2]});
    result.assign(value.begin(), value.end());
    return;
  }
  for (const ByteView part : parts) hasher.update(part);
  result = hasher.finish();
}

bool template_hash_holds(const ImaEntry& entry, Hasher& hasher, Bytes& scratch) {
  if (entry.violation()) return true;
  entry.digest_into(hasher, scratch);
  return equal(scratch, entry.template_hash);
}

void ImaReplay::extend(const ImaEntry& entry) {
  entry.digest_into(hasher_, scratch_);
  if (hasher_.algorithm() == HashAlgorithm::sha256) {
    const Sha256 value = sha256({pcr_, scratch_});
    pcr_.assign(value.begin(), value.end());
    return;
  }
  hasher_.update(pcr_);
  hasher_.update(scratch_);
  pcr_ = hasher_.finish();
}

Bytes ima_replay(const UntrustedImaLog& log, PcrBank bank, bool padded_sha1) {
  if (!padded_sha1) {
    ImaReplay replay(bank);
    for (const ImaEntry& entry : log.entries())
      if (entry.pcr == ima_pcr) replay.extend(entry);
    return replay.value();
  }
  Hasher sha1(HashAlgorithm::sha1);
  Hasher hasher(bank);
  Bytes pcr(digest_size(bank));
  Bytes padded;
  for (const ImaEntry& entry : log.entries()) {
    if (entry.pcr != ima_pcr) continue;
    entry.digest_into(sha1, padded);
    padded.resize(pcr.size(), entry.violation() ? std::byte{0xff} : std::byte{0});
    hasher.update(pcr);
    hasher.update(padded);
    pcr = hasher.finish();
  }
  return pcr;
}

Result<UntrustedImaLog> parse_ima_rest(ByteView entries) {
  if (entries.empty()) return UntrustedImaLog{};
  return parse_ima_log(entries);
}

Result<std::optional<std::size_t>> binary_ima_entry_size(ByteView bytes) {
  constexpr std::size_t name_limit = 64;
  constexpr std::size_t data_limit = 16U << 20;
  const std::size_t name_at = 4 + digest_size(HashAlgorithm::sha1);
  const auto size_at = [&](std::size_t at, std::size_t limit,
                           std::string_view of) -> Result<std::optional<std::size_t>> {
    if (bytes.size() < at + 4) return std::nullopt;
    ByteReader reader(bytes.subspan(at));
    TRY(const std::uint32_t size, reader.u32_le(of));
    if (size > limit)
      return fail(malformed("no entry has a " + std::string(of) + " of this length")
                      .expected("at most " + std::to_string(limit))
                      .found(std::to_string(size)));
    return size;
  };
  TRY(const auto name, size_at(name_at, name_limit, "template name"));
  if (!name || bytes.size() < name_at + 4 + *name) return std::nullopt;
  std::size_t at = name_at + 4 + *name;
  // The old template has no length of its own: a digest, and the path behind its length.
  if (as_text(bytes.subspan(name_at + 4, *name)) == "ima") at += digest_size(HashAlgorithm::sha1);
  TRY(const auto data, size_at(at, data_limit, "template data"));
  if (!data) return std::nullopt;
  return at + 4 + *data;
}

Result<UntrustedImaLog> parse_ima_log(ByteView log) {
  // An ascii list begins with a PCR in digits and a space; a binary one with it as a 32-bit number,
  // whose first three bytes cannot be text.
  const bool ascii = !log.empty() && log[0] >= std::byte{'0'} && log[0] <= std::byte{'9'} &&
                     log.size() > 1 && log[1] != std::byte{0};
  if (ascii) return ImaLogBuilder(log).ascii();
  auto first = ImaLogBuilder(log).binary(HashAlgorithm::sha1);
  if (first) return first;
  for (const HashAlgorithm listed :
       {HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512})
    if (auto other = ImaLogBuilder(log).binary(listed)) return other;
  return first;
}

}  // namespace attest::tpm

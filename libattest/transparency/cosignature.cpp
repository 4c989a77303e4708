#include "libattest/transparency/cosignature.h"

#include <limits>

namespace attest::transparency {

std::string cosigned_message(std::string_view note_text, std::uint64_t time) {
  std::string message = "cosignature/v1\ntime " + std::to_string(time) + "\n";
  message += note_text;
  return message;
}

Result<Bytes> make_cosignature(std::string_view note_text, Time time, const SigningKey& key) {
  if (unix_seconds(time) < 0)
    return fail(refused(rules::cosignature_form, "a cosignature has no time before 1970"));
  const auto seconds = static_cast<std::uint64_t>(unix_seconds(time));
  TRY(const Bytes signature, key.sign(as_bytes(cosigned_message(note_text, seconds))));
  Bytes line;
  append_u64_be(line, seconds);
  append(line, signature);
  return line;
}

Result<Time> verify_cosignature(std::string_view note_text, ByteView signature,
                                const PublicKey& key) {
  constexpr std::size_t length = 8 + 64;
  if (signature.size() != length)
    return fail(refused(rules::cosignature_form, "a cosignature has the wrong length")
                    .expected("72 bytes")
                    .found(std::to_string(signature.size())));
  ByteReader reader(signature);
  TRY(const std::uint64_t seconds, reader.u64_be("time"));
  if (seconds > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return fail(refused(rules::cosignature_form, "a cosignature's time is out of range")
                    .found(std::to_string(seconds)));
  const std::string message = cosigned_message(note_text, seconds);
  if (!key.verify(SignatureScheme::ed25519, as_bytes(message), reader.rest()))
    return fail(refused(rules::cosignature_wrong, "a cosignature does not hold over the text"));
  return from_unix(static_cast<std::int64_t>(seconds));
}

}  // namespace attest::transparency

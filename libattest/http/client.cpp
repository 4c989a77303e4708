#include "libattest/http/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>
#include <thread>

#include <curl/curl.h>

#include "libattest/base/text.h"
#include "libattest/http/tls_files.h"

namespace attest::http {

namespace {

using Milliseconds = std::chrono::milliseconds;
constexpr unsigned redirects_at_most = 5;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;
using Url = std::unique_ptr<CURLU, FreeUrl>;

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
  const std::unique_ptr<char, FreeText> owned(text);
  return owned.get();
}

std::unexpected<Error> bad_url(const std::string& url, std::string what) {
  return fail(refused(rules::http_url, std::move(what)).within(printable(url)));
}

Result<Url> parsed_url(const std::string& text, bool plain) {
  Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return bad_url(text, "this is no URL");
  const std::string scheme = part_of(url.get(), CURLUPART_SCHEME);
  if (scheme != "https" && !(plain && scheme == "http"))
    return bad_url(text, plain ? "only http and https are spoken here"
                               : "only https is spoken here unless plain HTTP is allowed");
  // A password in a URL ends up in logs and process lists.
  if (!part_of(url.get(), CURLUPART_USER).empty() ||
      !part_of(url.get(), CURLUPART_PASSWORD).empty())
    return bad_url("(not shown)", "a URL with a user name or password is not used");
  return url;
}

// Where a response of `from` sends us, if that is the same scheme, host and port.
Result<std::string> redirected(const std::string& from, const std::string& location, bool plain) {
  TRY(const Url before, parsed_url(from, plain));
  TRY(const Url after, parsed_url(from, plain));
  if (curl_url_set(after.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK)
    return bad_url(location, "a redirect to what is no URL");
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT})
    if (part_of(before.get(), part) != part_of(after.get(), part))
      return fail(refused(rules::http_redirect, "the server sends us elsewhere")
                      .expected("the same scheme, host and port")
                      .found(printable(location))
                      .within(printable(from)));
  return part_of(after.get(), CURLUPART_URL);
}

std::string trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::string media_type(std::string_view field) {
  std::string type = trimmed(field.substr(0, field.find(';')));
  std::ranges::transform(type, type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

// One transfer's incoming side, as libcurl's callbacks fill it.
struct Incoming {
  CURL* easy;
  const ClientRequest* request;
  std::uint64_t limit;
  ClientResponse response;
  bool too_large = false;
  bool ended_by_caller = false;

  std::size_t header(std::string_view line) {
    if (line.starts_with("HTTP/")) response.headers = {};  // an interim response was before it
    if (response.headers.all().size() > 200) return 0;
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos)
      response.headers.add(std::string(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    return line.size();
  }

  std::size_t body(ByteView piece) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (request->on_piece && status >= 200 && status < 300) {
      ended_by_caller = !request->on_piece(piece);
      return ended_by_caller ? 0 : piece.size();
    }
    too_large = piece.size() > limit - response.body.size();
    if (too_large) return 0;
    append(response.body, piece);
    return piece.size();
  }
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* incoming) {
  return static_cast<Incoming*>(incoming)->header({data, size * count});
}
std::size_t on_body(char* data, std::size_t size, std::size_t count, void* incoming) {
  return static_cast<Incoming*>(incoming)->body(as_bytes({data, size * count}));
}

// What one attempt came to. `untouched` says that the server certainly did nothing.
struct Attempt {
  Result<ClientResponse> result;
  bool untouched = false;
  std::chrono::seconds asked{0};  // to wait, by Retry-After
};

bool certificate_problem(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_CONNECT_ERROR;
}

Error transfer_error(CURLcode code, const Incoming& incoming, std::string_view detail) {
  const std::string url = printable(incoming.request->url);
  const std::string said(detail.empty() ? std::string_view(curl_easy_strerror(code)) : detail);
  if (incoming.too_large)
    return refused(rules::http_response_size, "the response is too large")
        .expected("at most " + with_thousands(incoming.limit) + " bytes")
        .within(url);
  if (incoming.ended_by_caller)
    return incomplete(rules::http_stream_closed, "the transfer was ended here").within(url);
  if (certificate_problem(code))
    return incomplete(rules::http_peer, "the server cannot be trusted: " + printable(said))
        .within(url);
  if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL ||
      code == CURLE_WRITE_ERROR || code == CURLE_BAD_CONTENT_ENCODING)
    return refused(rules::http_response, "this is no proper response: " + printable(said))
        .within(url);
  if (code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT)
    return fault(rules::http_unreachable, "libcurl failed: " + printable(said)).within(url);
  return incomplete(rules::http_unreachable, "cannot be reached: " + printable(said)).within(url);
}

bool failed_before_sending(CURL* easy, CURLcode code) {
  if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT) return true;
  curl_off_t handed_over = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &handed_over);
  return code == CURLE_OPERATION_TIMEDOUT && handed_over == 0;
}

std::chrono::seconds retry_after(std::string_view text) {
  unsigned seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(seconds);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Sleep thread_sleep() {
  return [](Milliseconds span) {
    std::this_thread::sleep_for(span);
    return true;
  };
}

Milliseconds backoff_delay(const RetryPolicy& policy, unsigned n, Random& random,
                           std::chrono::seconds asked) {
  const auto longest = std::max<std::int64_t>(policy.longest_delay.count(), 0);
  const auto doubled = policy.first_delay.count() << std::min(n, 20U);
  const auto bound = static_cast<std::uint64_t>(std::clamp<std::int64_t>(doubled, 0, longest));
  const Bytes drawn = random.bytes(8);
  ByteReader reader(drawn);
  const std::uint64_t number = reader.u64_be("random").value_or(0);
  const Milliseconds jittered(static_cast<std::int64_t>(number % (bound + 1)));
  const Milliseconds wanted = std::chrono::duration_cast<Milliseconds>(asked);
  return std::min(std::max(jittered, wanted), Milliseconds(longest));
}

struct Client::State {
  ClientOptions options;
  std::optional<TlsIdentity> identity;
  Random* random;
  Sleep sleep;
  std::mutex mutex;
  std::vector<Easy> idle;  // kept with their open connections

  Easy take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return Easy(curl_easy_init());
    Easy easy = std::move(idle.back());
    idle.pop_back();
    return easy;
  }
  void give_back(Easy easy) {
    curl_easy_reset(easy.get());  // options go, connections stay
    const std::lock_guard lock(mutex);
    if (idle.size() < 8) idle.push_back(std::move(easy));
  }

  void set_security(CURL* easy) const;
  void set_limits(CURL* easy, const ClientRequest& request) const;
  List set_request(CURL* easy, const ClientRequest& request, const std::string& url) const;
  Attempt attempt(const ClientRequest& request, const std::string& url);
  Result<ClientResponse> send_with_retries(const ClientRequest& request, const std::string& url);
};

void Client::State::set_security(CURL* easy) const {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options.plain ? "http,https" : "https");
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  // Which machine is spoken to is for the configuration to say, not for the environment.
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  if (options.ca_file) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file->c_str());
    // Debian's libcurl would otherwise believe the system's store as well.
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  if (identity) {
    curl_blob chain{const_cast<char*>(identity->chain_pem().data()), identity->chain_pem().size(),
                    CURL_BLOB_COPY};
    curl_blob key{const_cast<char*>(identity->key_pem().data()), identity->key_pem().size(),
                  CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &chain);
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
  }
  if (options.unix_socket)
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options.unix_socket->c_str());
}

void Client::State::set_limits(CURL* easy, const ClientRequest& request) const {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  if (request.on_piece) {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(std::max<std::int64_t>(options.timeout.count() / 1000, 1)));
  } else {
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  }
}

List Client::State::set_request(CURL* easy, const ClientRequest& request,
                                const std::string& url) const {
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  if (request.method != Method::get) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    // A null pointer would make libcurl ask a callback for the body.
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     request.body.empty() ? "" : as_text(request.body).data());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, std::string(to_string(request.method)).c_str());
  }
  List list;
  const auto add = [&list](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
      (void)list.release();
      list.reset(longer);
    }
  };
  add("Expect:");  // do not wait for 100 Continue
  if (request.method != Method::get) add("Content-Type: " + request.content_type);
  for (const auto& [name, value] : request.headers.all()) add(name + ": " + printable(value, 8192));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list.get());
  return list;
}

Attempt Client::State::attempt(const ClientRequest& request, const std::string& url) {
  Easy easy = take();
  if (!easy) return {fail(fault(rules::http_unreachable, "libcurl cannot start")), false, {}};
  Incoming incoming{easy.get(), &request, options.response_limit, {}};
  std::array<char, CURL_ERROR_SIZE> detail{};
  set_security(easy.get());
  set_limits(easy.get(), request);
  const List headers = set_request(easy.get(), request, url);
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, detail.data());
  curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, &incoming);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &incoming);

  const CURLcode code = curl_easy_perform(easy.get());
  if (code != CURLE_OK) {
    const bool untouched = failed_before_sending(easy.get(), code);
    return {fail(transfer_error(code, incoming, detail.data())), untouched, {}};
  }
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  give_back(std::move(easy));
  ClientResponse& response = incoming.response;
  response.status = static_cast<int>(status);
  response.content_type = media_type(response.headers.find("Content-Type").value_or(""));
  const auto later = response.headers.find("Retry-After");
  const bool untouched = status == 503 && later.has_value();
  const auto asked = untouched ? retry_after(*later) : std::chrono::seconds(0);
  return {std::move(response), untouched, asked};
}

Result<ClientResponse> Client::State::send_with_retries(const ClientRequest& request,
                                                        const std::string& url) {
  for (unsigned n = 0;; ++n) {
    Attempt attempted = attempt(request, url);
    const bool last = n + 1 >= options.retry.attempts;
    if (!attempted.untouched || last) return std::move(attempted.result);
    if (!sleep(backoff_delay(options.retry, n, *random, attempted.asked)))
      return std::move(attempted.result);
  }
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::make(ClientOptions options, Random& random, Sleep sleep) {
  // Thread-safe and done once for the process; libcurl asks for it before its first handle.
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return fail(fault(rules::http_unreachable, "libcurl cannot start"));
  auto state = std::make_unique<State>();
  if (options.ca_file) {
    TRY(const std::string pem, read_text_file(*options.ca_file, 4U << 20));
    TRY_WITHIN(options.ca_file->string(), const auto roots, Certificate::all_from_pem(pem));
    if (roots.empty())
      return fail(refused(rules::tls_certificate, "there is no certificate in this file")
                      .within(options.ca_file->string()));
  }
  if (options.client_certificate.has_value() != options.client_key.has_value())
    return fail(usage_error("a client certificate and its key go together"));
  if (options.client_certificate) {
    TRY(state->identity, load_tls_identity(*options.client_certificate, *options.client_key));
  }
  state->options = std::move(options);
  state->random = &random;
  state->sleep = std::move(sleep);
  return Client(std::move(state));
}

Result<ClientResponse> Client::send(const ClientRequest& request) const {
  const bool plain = state_->options.plain;
  std::string url = request.url;
  for (unsigned hop = 0; hop <= redirects_at_most; ++hop) {
    TRY_VOID(parsed_url(url, plain));
    TRY(ClientResponse response, state_->send_with_retries(request, url));
    const auto location = response.headers.find("Location");
    if (request.method != Method::get || !is_redirect(response.status) || !location)
      return response;
    TRY(url, redirected(url, std::string(*location), plain));
  }
  return fail(refused(rules::http_redirect, "too many redirects").within(printable(request.url)));
}

Result<ClientResponse> Client::get(const std::string& url) const {
  ClientRequest request;
  request.url = url;
  return send(request);
}

Result<ClientResponse> Client::post(const std::string& url, std::string content_type,
                                    Bytes body) const {
  ClientRequest request;
  request.method = Method::post;
  request.url = url;
  request.content_type = std::move(content_type);
  request.body = std::move(body);
  return send(request);
}

Result<Bytes> Client::fetch(const std::string& url) const {
  TRY(ClientResponse response, get(url));
  if (!response.ok()) return fail(error_from(response.status, response.body, url));
  return std::move(response.body);
}

Result<Bytes> Client::exchange(const std::string& url, std::string content_type, Bytes body) const {
  TRY(ClientResponse response, post(url, std::move(content_type), std::move(body)));
  if (!response.ok()) return fail(error_from(response.status, response.body, url));
  return std::move(response.body);
}

std::string url_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || std::string_view("-._~").contains(c);
    if (unreserved) {
      encoded += c;
    } else {
      encoded += "%" + to_hex(as_bytes({&c, 1}));
    }
  }
  return encoded;
}

}  // namespace attest::http

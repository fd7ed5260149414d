// SPDX-License-Identifier: Apache-2.0
// The one file that sees libcurl.
#include "base/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/version.hpp"

namespace hwprof::base {
namespace {

struct Closer {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_mime* form) const { curl_mime_free(form); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
template <typename T>
using Owned = std::unique_ptr<T, Closer>;

void start_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw Error(Fault::internal, std::string("libcurl cannot be started: ") + curl_easy_strerror(code));
}

/// What of an URL may be shown.
struct Address {
  std::string scheme, host, shown;
  bool here = false;  ///< this machine's, whatever a name server says
};

/// 127.0.0.0/8 in digits: "127.evil.example" is a name like any other.
bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  const auto parts = split(host, '.');
  return parts.size() == 4 && parts[0] == "127" && std::all_of(parts.begin(), parts.end(), [](const auto& part) {
           return !part.empty() && part.size() <= 3 && part.find_first_not_of("0123456789") == std::string::npos;
         });
}

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

Address address_of(const HttpForm& form) {
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, "URL of the server: " + what); };
  Owned<CURLU> url(curl_url());
  if (url == nullptr || form.url.find('\0') != std::string::npos ||
      curl_url_set(url.get(), CURLUPART_URL, form.url.c_str(), 0) != CURLUE_OK)
    refuse("http://host:port/path or https://… is expected");
  if (!part_of(url.get(), CURLUPART_USER).empty() || !part_of(url.get(), CURLUPART_PASSWORD).empty())
    refuse("a name or password does not belong into it; use a token");
  Address out{part_of(url.get(), CURLUPART_SCHEME), part_of(url.get(), CURLUPART_HOST), {}, false};
  if (out.scheme != "http" && out.scheme != "https")
    refuse("http or https is expected, found " + in_quotes(out.scheme));
  // Without the query, in which secrets may stand.
  const std::string port = part_of(url.get(), CURLUPART_PORT);
  out.shown = out.scheme + "://" + out.host + (port.empty() ? "" : ":" + port) + part_of(url.get(), CURLUPART_PATH);
  out.here = is_loopback(out.host);
  if (!form.token.empty() && out.scheme != "https" && !out.here)
    throw Error(Fault::usage, out.shown + ": a token would go over the net in the clear; use https");
  for (const char c : form.token)
    if (c <= ' ' || c == 127)
      throw Error(Fault::usage, "the token must be one word of printable characters (no line break)");
  return out;
}

/// One attempt.
struct Transfer {
  const HttpForm& form;
  std::string body;
  bool too_large = false, stopped = false;
  std::size_t head_bytes = 0;

  static std::size_t head(char*, std::size_t size, std::size_t count, void* self) {
    constexpr std::size_t most = std::size_t{1} << 20;
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.head_bytes += size * count;
    transfer.too_large = transfer.too_large || transfer.head_bytes > most;
    return transfer.too_large ? 0 : size * count;
  }

  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    if (bytes > transfer.form.max_response - transfer.body.size()) {
      transfer.too_large = true;
      return 0;
    }
    transfer.body.append(data, bytes);
    return bytes;
  }
  static int progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.stopped = transfer.form.stop && transfer.form.stop();
    return transfer.stopped ? 1 : 0;
  }
};

struct Attempt {
  HttpAnswer answer;
  std::string problem;  ///< empty: it went well
  bool again = false;   ///< a repetition may help
  bool stopped = false, nobody = false;
};

[[noreturn]] void cannot(const char* what) {
  throw Error(Fault::internal, std::string("libcurl refuses ") + what);
}

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  if (curl_easy_setopt(handle, option, value) != CURLE_OK) cannot("an option");
}

long milliseconds(double seconds) {
  return static_cast<long>(std::ceil(std::clamp(seconds, 0.001, 1e6) * 1e3));
}

Owned<curl_mime> mime_of(CURL* handle, const HttpForm& form) {
  Owned<curl_mime> mime(curl_mime_init(handle));
  if (mime == nullptr) cannot("a form");
  for (const auto& field : form.fields) {
    curl_mimepart* part = curl_mime_addpart(mime.get());
    if (part == nullptr || curl_mime_name(part, field.name.c_str()) != CURLE_OK) cannot("a field");
    if (field.file.empty()) {
      if (curl_mime_data(part, field.text.data(), field.text.size()) != CURLE_OK) cannot("a field's text");
    } else if (curl_mime_filedata(part, field.file.c_str()) != CURLE_OK) {
      throw Error(Fault::input, field.file + ": cannot be read");
    }
  }
  return mime;
}

bool is_worth_another(CURLcode code) {
  const std::array codes{CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_OPERATION_TIMEDOUT,
                         CURLE_PARTIAL_FILE,    CURLE_GOT_NOTHING,          CURLE_SEND_ERROR,
                         CURLE_RECV_ERROR,      CURLE_SSL_CONNECT_ERROR};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::string first_line(const std::string& body) {
  const auto text = trim(std::string_view(body).substr(0, 4096));
  const auto line = text.substr(0, text.find('\n'));
  return line.empty() ? std::string() : "; it said " + in_quotes(line);
}

/// With a mark for the token, wherever a server repeats it.
std::string without_token(std::string text, const std::string& token) {
  if (token.empty()) return text;
  constexpr std::string_view mark = "[token]";
  for (auto at = text.find(token); at != std::string::npos; at = text.find(token, at + mark.size()))
    text.replace(at, token.size(), mark);
  return text;
}

Attempt attempt(const HttpForm& form, bool here) {
  Owned<CURL> handle(curl_easy_init());
  if (handle == nullptr) cannot("to start");
  CURL* curl = handle.get();
  Transfer transfer{form, {}, false, false, 0};
  std::array<char, CURL_ERROR_SIZE> said{};
  const auto mime = mime_of(curl, form);
  Owned<curl_slist> headers(curl_slist_append(nullptr, "Expect:"));  // many small servers never answer that
  if (!form.token.empty())
    headers.reset(curl_slist_append(headers.release(), ("Authorization: Bearer " + form.token).c_str()));
  if (headers == nullptr) cannot("a header");

  set(curl, CURLOPT_URL, form.url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(curl, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  if (here) set(curl, CURLOPT_NOPROXY, "*");  // no proxy sees what does not leave this machine, a token least of all
  if (!form.ca_file.empty()) set(curl, CURLOPT_CAINFO, form.ca_file.c_str());
  set(curl, CURLOPT_USERAGENT, (std::string("hwprof/") + version).c_str());
  set(curl, CURLOPT_HTTPHEADER, headers.get());
  set(curl, CURLOPT_MIMEPOST, mime.get());
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(form.connect_timeout_s));
  set(curl, CURLOPT_TIMEOUT_MS, milliseconds(form.timeout_s));
  set(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(form.max_response));
  set(curl, CURLOPT_HEADERFUNCTION, &Transfer::head);
  set(curl, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(curl, CURLOPT_WRITEFUNCTION, &Transfer::write);
  set(curl, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(curl, CURLOPT_NOPROGRESS, 0L);
  set(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::progress);
  set(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  set(curl, CURLOPT_ERRORBUFFER, said.data());

  const CURLcode code = curl_easy_perform(curl);
  Attempt out;
  out.stopped = transfer.stopped;
  if (code == CURLE_FILESIZE_EXCEEDED || transfer.too_large) {
    out.problem = "its answer is larger than " + std::to_string(form.max_response) + " bytes";
  } else if (code == CURLE_READ_ERROR) {
    out.problem = "the file to be sent cannot be read";
  } else if (code != CURLE_OK) {
    out.problem = said[0] != '\0' ? said.data() : curl_easy_strerror(code);
    out.again = is_worth_another(code);
    out.nobody = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                 code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
  } else {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out.answer.status);
    const long status = out.answer.status;
    if (status < 200 || status > 299) {
      out.problem =
          "it answered with status " + std::to_string(status) + first_line(without_token(transfer.body, form.token));
      out.again = status >= 500 || status == 429;
    } else if (!form.token.empty() && transfer.body.find(form.token) != std::string::npos) {
      out.problem = "its answer repeats the token, and is not kept";  // without it numbers might be other numbers
    }
    out.answer.body = std::move(transfer.body);
  }
  return out;
}

/// False when it was stopped meanwhile.
bool pause(double seconds, const std::function<bool()>& stop) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    if (stop && stop()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

bool has_http() noexcept {
  return true;
}

HttpAnswer post_form(const HttpForm& form) {
  start_curl();
  const Address address = address_of(form);
  double backoff = form.backoff_s;
  for (int i = 1;; ++i) {
    Attempt one = attempt(form, address.here);
    if (one.stopped) throw Error(Fault::interrupted, address.shown + ": stopped on request");
    if (one.problem.empty()) {
      one.answer.attempts = i;
      return one.answer;
    }
    if (!one.again || i >= form.attempts) {
      const std::string what =
          address.shown + ": " + one.problem + (i > 1 ? " (attempt " + std::to_string(i) + ")" : std::string());
      if (one.nobody) throw NobodyThere(what);
      throw Error(Fault::device, what);
    }
    if (!pause(std::min(backoff, 60.0), form.stop))
      throw Error(Fault::interrupted, address.shown + ": stopped on request");
    backoff *= 2;
  }
}

}  // namespace hwprof::base

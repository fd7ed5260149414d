// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "hwprof/error.hpp"

namespace hwprof::base {

/// Whether this build can speak HTTP (-DHWPROF_HTTP=ON, libcurl).
[[nodiscard]] bool has_http() noexcept;

/// A field of a form: a text, or a file's content under the file's name.
struct HttpField {
  std::string name, text;
  std::string file;  ///< path; empty: text is sent
};

/// A form to be sent (multipart/form-data). Certificates are verified, redirections are not followed, and only http and
/// https are spoken.
struct HttpForm {
  std::string url;
  std::vector<HttpField> fields;
  std::string token;    ///< sent as "Authorization: Bearer", never part of a message; needs https or this machine
  std::string ca_file;  ///< certificates to trust in place of the system's
  double connect_timeout_s = 10;
  double timeout_s = 600;  ///< of one attempt, from its beginning to its last byte
  std::size_t max_response = std::size_t{64} << 20;
  int attempts = 3;            ///< in all, where a repetition may help: no connection, time out, cut off, 429, 5xx
  double backoff_s = 1;        ///< before the second attempt; doubled before each further one, at most a minute
  std::function<bool()> stop;  ///< asked about once a second and while data arrives; true ends it
};

/// Nobody is there, or nobody who can be trusted: a device's fault, and no reason to ask again with another form.
class NobodyThere : public Error {
 public:
  explicit NobodyThere(const std::string& what) : Error(Fault::device, what) {}
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  int attempts = 1;
};

/// Sends it and waits for the whole answer; status is 200 to 299. Thread-safe.
/// @throws Error(Fault::usage) for an URL that is not http(s), or has a password in it, and for a token that would go
/// over the net in the clear; Error(Fault::device) naming the server and what went wrong, with the beginning of its
/// answer (NobodyThere where none came and none will), and for an answer that repeats the token;
/// Error(Fault::interrupted) after a stop; Error(Fault::unsupported) in a build without libcurl.
[[nodiscard]] HttpAnswer post_form(const HttpForm& form);

}  // namespace hwprof::base

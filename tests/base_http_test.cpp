// SPDX-License-Identifier: Apache-2.0
// Forms sent to a real server on the loopback, which misbehaves in every way that it can.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>

#include "base/files.hpp"
#include "base/http.hpp"
#include "base/subprocess.hpp"
#include "http_server.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof::base;
using hwprof::Fault;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::HttpServer;
using hwprof_test::Peer;
using hwprof_test::Received;
using hwprof_test::TempFolder;

namespace {

HttpForm form_to(const std::string& url) {
  ::setenv("no_proxy", "127.0.0.1,localhost", 1);
  HttpForm form;
  form.url = url;
  form.fields = {{"kernel_name", "net0", {}}};
  form.timeout_s = 5;
  form.backoff_s = 0.01;
  return form;
}

}  // namespace

TEST_CASE("a file and a text arrive as they were, with the token in the header") {
  const TempFolder folder;
  std::string content =
      "\x7f"
      "ELF\r\n\r\n--";
  for (int i = 0; i < 3000000; ++i) content += static_cast<char>(i * 7 + i / 251);
  const std::string file = folder.write("dpu_net0.elf", content);
  HttpServer server([](const Received&, Peer& peer) { peer.answer(200, "All 1 2 3\n"); });
  auto form = form_to(server.url());
  form.fields.push_back({"file", {}, file});
  form.token = "s3cret";
  const auto answer = post_form(form);
  CHECK(answer.status == 200);
  CHECK(answer.body == "All 1 2 3\n");
  CHECK(answer.attempts == 1);
  const auto requests = server.received();
  REQUIRE(requests.size() == 1);
  const auto& request = requests[0];
  CHECK(has(request.head, "POST /deploy HTTP/1.1\r\n"));
  CHECK(has(request.head, "\r\nAuthorization: Bearer s3cret\r\n"));
  CHECK(request.form.at("kernel_name") == "net0");
  CHECK(request.files.at("file") == "dpu_net0.elf");
  CHECK(request.form.at("file") == content);
}

TEST_CASE("500 is asked again with growing pauses, and no more often than allowed") {
  int left = 2;
  HttpServer server([&left](const Received&, Peer& peer) {
    if (left-- > 0)
      peer.answer(500, "<h1>Server Error</h1>\n");
    else
      peer.answer(200, "ok");
  });
  const auto begin = std::chrono::steady_clock::now();
  auto form = form_to(server.url());
  form.backoff_s = 0.05;
  const auto answer = post_form(form);
  CHECK(answer.attempts == 3);
  CHECK(answer.body == "ok");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  CHECK(took.count() >= 0.15);  // 0.05 s and then 0.1 s
  left = 5;
  const std::string message = error_of(Fault::device, [&] { (void)post_form(form); });
  CHECK(has(message, "status 500"));
  CHECK(has(message, "Server Error"));
  CHECK(has(message, "attempt 3"));
  CHECK(server.received().size() == 6);
}

TEST_CASE("404 and a redirection are not asked again, and no other server gets the token") {
  HttpServer other([](const Received&, Peer& peer) { peer.answer(200, "stolen"); });
  int status = 404;
  HttpServer server([&](const Received&, Peer& peer) {
    if (status == 404)
      peer.answer(404, "no such page");
    else
      peer.say("HTTP/1.1 307 X\r\nLocation: " + other.url() + "\r\nContent-Length: 0\r\n\r\n");
  });
  auto form = form_to(server.url());
  form.token = "s3cret";
  std::string message = error_of(Fault::device, [&] { (void)post_form(form); });
  CHECK(has(message, "status 404"));
  CHECK(message.find("s3cret") == std::string::npos);
  status = 307;
  message = error_of(Fault::device, [&] { (void)post_form(form); });
  CHECK(has(message, "status 307"));
  CHECK(server.received().size() == 2);
  CHECK(other.received().empty());
}

TEST_CASE("a server that hangs, and one that drips, cost one time limit each") {
  for (const bool drips : {false, true}) {
    CAPTURE(drips);
    HttpServer server([drips](const Received&, Peer& peer) {
      if (drips) peer.say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
      while (peer.wait(0.02) && (!drips || peer.say("x"))) {
      }
    });
    auto form = form_to(server.url());
    form.timeout_s = 0.3;
    form.attempts = 2;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(has(error_of(Fault::device, [&] { (void)post_form(form); }), "timed out"));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    CHECK(took.count() < 60);  // hours, were there no limit
    CHECK(server.received().size() == 2);
  }
}

TEST_CASE("an answer that is cut off is not taken for one") {
  int calls = 0;
  HttpServer server([&calls](const Received&, Peer& peer) {
    if (++calls == 1)
      peer.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nAll 1 2");
    else if (calls == 2)
      peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nAll 1");
    else
      peer.answer(200, "whole");
  });
  CHECK(post_form(form_to(server.url())).body == "whole");
  CHECK(calls == 3);
  calls = 0;
  auto once = form_to(server.url());
  once.attempts = 1;
  CHECK(has(error_of(Fault::device, [&] { (void)post_form(once); }), "127.0.0.1"));
}

TEST_CASE("an answer of 10 GB is refused when it is announced, and where it is not, when it passes the limit") {
  int kind = 0;
  std::size_t sent = 0;
  HttpServer server([&](const Received&, Peer& peer) {
    const std::string block(1 << 16, 'x');
    if (kind == 0) peer.say("HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
    if (kind == 1) peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    if (kind == 2) peer.say("HTTP/1.1 200 OK\r\n");
    const std::string line = "X-Filler: " + std::string(1000, 'y') + "\r\n";
    sent = 0;
    while (sent < (std::size_t{1} << 30) && peer.say(kind == 2 ? line : block)) sent += block.size();
  });
  auto form = form_to(server.url());
  form.max_response = 1 << 20;
  form.attempts = 1;  // libcurl has a limit of its own for headers, and calls that an error of the net
  for (kind = 0; kind < 3; ++kind) {
    CAPTURE(kind);
    const std::string message = error_of(Fault::device, [&] { (void)post_form(form); });
    if (kind < 2) CHECK(has(message, "larger than 1048576 bytes"));
    CHECK(sent < (std::size_t{1} << 30));
  }
  CHECK(server.received().size() == 3);
}

TEST_CASE("what is no HTTP, and nobody there") {
  HttpServer server([](const Received&, Peer& peer) { peer.say("SSH-2.0-OpenSSH_9.2\r\n"); });
  auto form = form_to(server.url());
  CHECK(has(error_of(Fault::device, [&] { (void)post_form(form); }), server.url()));
  form.url = "http://127.0.0.1:1/";
  form.attempts = 2;
  CHECK(has(error_of(Fault::device, [&] { (void)post_form(form); }), "attempt 2"));
  form.fields.push_back({"file", {}, "/nonexistent/dpu.elf"});
  CHECK(has(error_of(Fault::input, [&] { (void)post_form(form); }), "/nonexistent/dpu.elf"));
}

TEST_CASE("a stop ends the waiting and the pause") {
  HttpServer server([](const Received&, Peer& peer) { (void)peer.wait(30); });
  auto form = form_to(server.url());
  form.timeout_s = 60;
  form.stop = [] { return true; };
  (void)error_of(Fault::interrupted, [&] { (void)post_form(form); });
  form.url = "http://127.0.0.1:1/";
  form.backoff_s = 60;
  (void)error_of(Fault::interrupted, [&] { (void)post_form(form); });
}

TEST_CASE("what goes to this machine goes past every proxy") {
  HttpServer proxy([](const Received&, Peer& peer) { peer.answer(200, "stolen"); });
  HttpServer server([](const Received&, Peer& peer) { peer.answer(200, "ours"); });
  auto form = form_to(server.url());
  form.token = "s3cret";
  ::unsetenv("no_proxy");
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  const auto answer = post_form(form);
  ::unsetenv("http_proxy");
  CHECK(answer.body == "ours");
  CHECK(proxy.received().empty());
}

TEST_CASE("URLs and tokens that must not be used") {
  const auto refused = [](const std::string& url, const std::string& token = {}) {
    auto form = form_to(url);
    form.token = token;
    return error_of(Fault::usage, [&] { (void)post_form(form); });
  };
  CHECK(has(refused("file:///etc/passwd"), "http or https"));
  CHECK(has(refused("gopher://127.0.0.1/x"), "http or https"));
  CHECK(has(refused("board"), "expected"));
  CHECK(has(refused(""), "expected"));
  CHECK(refused("http://me:pa55@127.0.0.1/").find("pa55") == std::string::npos);
  CHECK(has(refused("http://192.0.2.1/", "s3cret"), "in the clear"));
  for (const char* host : {"127.evil.example", "127.0.0.1.evil.example", "127.0.0.1a", "localhost.evil.example"})
    CHECK(has(refused("http://" + std::string(host) + "/", "s3cret"), "in the clear"));
  CHECK(has(refused("https://192.0.2.1/", "a\r\nX-Evil: 1"), "one word"));
}

TEST_CASE("a certificate that nobody vouches for is refused, and accepted where it is named") {
  if (!find_program("openssl")) {
    MESSAGE("openssl is not installed");
    return;
  }
  const TempFolder folder;
  Command make;
  make.argv = {"openssl",  "req",
               "-x509",    "-newkey",
               "rsa:2048", "-nodes",
               "-keyout",  folder.file("key.pem"),
               "-out",     folder.file("cert.pem"),
               "-days",    "2",
               "-subj",    "/CN=board",
               "-addext",  "subjectAltName=IP:127.0.0.1"};
  REQUIRE(run_command(make).good());
  const int port = [] {
    HttpServer free_port([](const Received&, Peer&) {});
    return free_port.port();
  }();
  const std::string where = "127.0.0.1:" + std::to_string(port);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string cert = folder.file("cert.pem"), key = folder.file("key.pem");
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (int handle = 0; handle < 3; ++handle) ::dup2(nowhere, handle);
    ::execlp("openssl", "openssl", "s_server", "-quiet", "-accept", where.c_str(), "-cert", cert.c_str(), "-key",
             key.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  REQUIRE(child > 0);
  auto form = form_to("https://" + where + "/deploy");
  form.attempts = 50;  // until openssl listens
  form.timeout_s = 1;
  const std::string refused = error_of(Fault::device, [&] { (void)post_form(form); });
  CHECK(has(refused, "certificate"));
  form.ca_file = folder.file("cert.pem");
  form.attempts = 1;
  const std::string trusted = error_of(Fault::device, [&] { (void)post_form(form); });
  CHECK(trusted.find("certificate") == std::string::npos);  // now it is that nobody answers
  CHECK(trusted.find("SSL") == std::string::npos);
  form.url = "https://localhost:" + std::to_string(port) + "/";
  const std::string other_name = error_of(Fault::device, [&] { (void)post_form(form); });
  CHECK(has(other_name, "localhost"));
  CHECK(has(other_name, "certificate"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

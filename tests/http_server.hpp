// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hwprof_test {

/// A request with a form in it, as the server below took it from the wire.
struct Received {
  std::string head;                          ///< request line and headers
  std::map<std::string, std::string> form;   ///< name -> content
  std::map<std::string, std::string> files;  ///< name -> file name, of fields that have one
};

/// One connection; what is said goes out at once. False: the other side has gone, or the server ends.
class Peer {
 public:
  Peer(int socket, const std::atomic<bool>& ending) : socket_(socket), ending_(ending) {}
  bool say(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size() && !ending_) {
      const auto n = ::send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return sent == text.size();
  }
  bool answer(int status, const std::string& body) {
    return say("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\nConnection: close\r\n\r\n" + body);
  }
  /// Sleeps; false when the server ends or the other side has gone meanwhile.
  bool wait(double seconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) {
      pollfd gone{socket_, POLLIN, 0};
      if (ending_ || ::poll(&gone, 1, 5) > 0) return false;
    }
    return true;
  }

 private:
  int socket_;
  const std::atomic<bool>& ending_;
};

/// A small HTTP server on the loopback that answers as a test wants it to, one connection after the other.
class HttpServer {
 public:
  using Handler = std::function<void(const Received&, Peer&)>;
  explicit HttpServer(Handler handler) : handler_(std::move(handler)), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (socket_ < 0 || ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(socket_, 8) != 0 || ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no server on the loopback");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    ending_ = true;
    thread_.join();
    ::close(socket_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/deploy"; }
  [[nodiscard]] std::vector<Received> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

 private:
  void serve() {
    while (!ending_) {
      pollfd waiting{socket_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int connection = ::accept(socket_, nullptr, nullptr);
      if (connection < 0) continue;
      Received request;
      if (take(connection, request)) {
        {
          const std::lock_guard lock(mutex_);
          received_.push_back(request);
        }
        Peer peer(connection, ending_);
        handler_(request, peer);
      }
      ::close(connection);
    }
  }

  /// The whole request; false when it never came.
  bool take(int connection, Received& request) const {
    std::string text;
    std::size_t body_at = std::string::npos;
    std::size_t length = 0;
    std::vector<char> block(1 << 16);
    while (!ending_ && (body_at == std::string::npos || text.size() < body_at + length)) {
      pollfd ready{connection, POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      const auto n = ::recv(connection, block.data(), block.size(), 0);
      if (n <= 0) return false;
      text.append(block.data(), static_cast<std::size_t>(n));
      if (body_at != std::string::npos) continue;
      const auto end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      body_at = end + 4;
      request.head = text.substr(0, body_at);
      const auto at = request.head.find("Content-Length: ");
      length = at == std::string::npos ? 0 : std::stoul(request.head.substr(at + 16));
    }
    if (ending_) return false;
    const auto mark = request.head.find("boundary=");
    if (mark == std::string::npos) return true;
    const std::string boundary = "--" + request.head.substr(mark + 9, request.head.find("\r\n", mark) - mark - 9);
    std::size_t at = text.find(boundary, body_at);
    while (at != std::string::npos) {
      const auto begin = at + boundary.size() + 2;
      const auto next = text.find("\r\n" + boundary, begin);
      const auto gap = text.find("\r\n\r\n", begin);
      if (next == std::string::npos || gap == std::string::npos || gap > next) break;
      const std::string head = text.substr(begin, gap - begin);
      const std::string name = quoted(head, " name=\"");
      request.form[name] = text.substr(gap + 4, next - gap - 4);
      if (const auto file = quoted(head, "filename=\""); !file.empty()) request.files[name] = file;
      at = next + 2;
    }
    return true;
  }
  static std::string quoted(const std::string& head, const std::string& before) {
    const auto at = head.find(before);
    if (at == std::string::npos) return {};
    return head.substr(at + before.size(), head.find('"', at + before.size()) - at - before.size());
  }

  Handler handler_;
  int socket_, port_ = 0;
  std::atomic<bool> ending_{false};
  mutable std::mutex mutex_;
  std::vector<Received> received_;
  std::thread thread_;
};

}  // namespace hwprof_test

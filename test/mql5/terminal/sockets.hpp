// The terminal's client sockets: sends take a part now and then, reads wait for all that is asked for up to their time-out
// and answer -1 with nothing, and SocketIsReadable says 1 when it does not know.
#pragma once
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <cerrno>
#include <functional>
#include "events.hpp"

namespace mql {
namespace terminal {

struct Socket {
  int file = -1;
  bool connected = false;
  uint receiveMs = 120000;
  /** What else there is of it. */
  std::function<void()> forget = [] {};
};
inline std::map<int, Socket> &sockets() {
  static std::map<int, Socket> all;
  return all;
}
inline Socket *socketOf(int handle) {
  const auto found = sockets().find(handle);
  if (found == sockets().end()) lastError = ERR_NETSOCKET_INVALIDHANDLE;
  return found == sockets().end() ? nullptr : &found->second;
}
inline int cut(Socket &socket) {
  socket.connected = false;
  lastError = ERR_NETSOCKET_IO_ERROR;
  return -1;
}
/** How much of an offer the system takes: now and then only a part. */
inline uint someOf(uint size) {
  auto &dice = events.dice();
  return size > 1 && dice() % 4 == 0 ? 1 + static_cast<uint>(dice() % (size - 1)) : size;
}
inline bool await(int file, short what, int milliseconds) {
  pollfd one{file, what, 0};
  return ::poll(&one, 1, milliseconds) > 0;
}

inline bool connect(int handle, const string &server, uint port, uint timeout) {
  Socket *socket = socketOf(handle);
  if (socket == nullptr) return false;
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(server.bytes().c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return failed(ERR_NETSOCKET_CANNOT_CONNECT);
  socket->file = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int started = ::connect(socket->file, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  int error = started == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    socklen_t size = sizeof error;
    error = await(socket->file, POLLOUT, static_cast<int>(timeout)) ? 0 : ETIMEDOUT;
    if (error == 0) ::getsockopt(socket->file, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) return failed(ERR_NETSOCKET_CANNOT_CONNECT);
  const int on = 1;
  ::setsockopt(socket->file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  socket->connected = true;
  return true;
}

}  // namespace terminal

inline int SocketCreate(uint = 0) {
  int handle = 1;
  while (terminal::sockets().contains(handle)) handle++;
  if (handle > 128) return lastError = ERR_NETSOCKET_TOO_MANY_OPENED, INVALID_HANDLE;
  terminal::sockets()[handle] = {};
  return handle;
}
inline bool SocketClose(int handle) {
  terminal::Socket *socket = terminal::socketOf(handle);
  if (socket == nullptr) return false;
  socket->forget();
  if (socket->file >= 0) ::close(socket->file);
  terminal::sockets().erase(handle);
  return true;
}
inline bool SocketTimeouts(int handle, uint, uint receive) {
  terminal::Socket *socket = terminal::socketOf(handle);
  if (socket != nullptr) socket->receiveMs = receive;
  return socket != nullptr;
}
inline bool SocketIsConnected(int handle) {
  const auto found = terminal::sockets().find(handle);
  return found != terminal::sockets().end() && found->second.connected;
}
inline uint SocketIsReadable(int handle) {
  terminal::Socket *socket = terminal::socketOf(handle);
  if (socket == nullptr || !socket->connected) return 0;
  int waiting = 0;
  ::ioctl(socket->file, FIONREAD, &waiting);
  // Nothing, or the end: only a read can tell the two apart.
  return waiting > 0 ? static_cast<uint>(waiting) : terminal::await(socket->file, POLLIN, 0) ? 1 : 0;
}
inline int SocketRead(int handle, Array<uchar> &to, uint most, uint timeout) {
  terminal::Socket *socket = terminal::socketOf(handle);
  if (socket == nullptr) return -1;
  if (!socket->connected) return terminal::cut(*socket);
  std::vector<uchar> bytes(most);
  std::size_t count = 0;
  const ulong until = GetTickCount64() + (timeout == 0 ? 120000 : timeout);
  while (count < most) {
    const auto got = ::recv(socket->file, bytes.data() + count, most - count, MSG_DONTWAIT);
    if (got > 0) count += static_cast<std::size_t>(got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      if (count == 0) return terminal::cut(*socket);
      break;
    } else if (GetTickCount64() >= until) break;
    else terminal::await(socket->file, POLLIN, 1);
  }
  if (count == 0) return -1;
  to.resize(static_cast<long>(count));
  std::copy_n(bytes.data(), count, to.data());
  terminal::step("read");
  return static_cast<int>(count);
}
inline int SocketSend(int handle, const Array<uchar> &from, uint size) {
  terminal::Socket *socket = terminal::socketOf(handle);
  if (socket == nullptr) return -1;
  if (!socket->connected) return terminal::cut(*socket);
  terminal::step("send");
  const auto sent = ::send(socket->file, from.data(), terminal::someOf(size), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (sent < 0) return terminal::cut(*socket);
  terminal::step("sent");
  return static_cast<int>(sent);
}

}  // namespace mql

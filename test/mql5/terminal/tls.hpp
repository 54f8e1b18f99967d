// TLS over the terminal's sockets, by OpenSSL (Debian's libssl-dev). Without its headers every handshake fails.
//
// The documentation does not say what MetaTrader checks. Here a certificate has to be for the host, and of an authority that
// this machine trusts; SSL_CERT_FILE names others.
#pragma once
#include "sockets.hpp"
#if __has_include(<openssl/ssl.h>)
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
// Its own header, openssl/err.h, needs INT_MAX, which is the program's here.
extern "C" void ERR_clear_error(void);

namespace mql {
namespace terminal {

/** What OpenSSL knows of a socket. It lives as long as the socket's handle. */
class Tls {
 public:
  Tls(int file, const std::string &host) : ssl_(SSL_new(context())) {
    SSL_set_fd(ssl_, file);
    SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    in_addr number;
    if (::inet_pton(AF_INET, host.c_str(), &number) == 1) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
    else SSL_set1_host(ssl_, host.c_str()), SSL_set_tlsext_host_name(ssl_, host.c_str());
  }
  Tls(const Tls &) = delete;
  Tls &operator=(const Tls &) = delete;
  ~Tls() { SSL_free(ssl_); }

  /** Waits for the peer as long as the socket's time-out says, each time. */
  bool shake(int file, int timeout) {
    for (;;) {
      ERR_clear_error();
      const int done = SSL_connect(ssl_);
      if (done == 1) return true;
      const int wants = SSL_get_error(ssl_, done);
      const short what = wants == SSL_ERROR_WANT_READ ? POLLIN : wants == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
      if (what == 0 || !await(file, what, timeout)) return false;
    }
  }
  /** 0: nothing now; -1: the connection is gone. */
  int read(uchar *to, int most) { return what(SSL_read(ssl_, to, most)); }
  /** What was offered and not taken has to be offered again, and not less of it. */
  int write(const uchar *from, int size) {
    refused_ = 0;
    const int taken = what(SSL_write(ssl_, from, size));
    if (taken == 0) refused_ = size;
    return taken;
  }
  int refused() const { return refused_; }
  X509 *certificate() const { return SSL_get0_peer_certificate(ssl_); }

 private:
  SSL *ssl_;
  int refused_ = 0;

  static SSL_CTX *context() {
    static SSL_CTX *one = [] {
      SSL_CTX *made = SSL_CTX_new(TLS_client_method());
      SSL_CTX_set_default_verify_paths(made);
      SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
      return made;
    }();
    return one;
  }
  int what(int count) {
    if (count > 0) return count;
    const int error = SSL_get_error(ssl_, count);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
};

inline std::map<int, Tls> &secured() {
  static std::map<int, Tls> all;
  return all;
}
inline Tls *securedAt(int handle) {
  const auto found = secured().find(handle);
  return found == secured().end() ? nullptr : &found->second;
}
inline String text(BIO *bio) {
  char *bytes;
  const long size = BIO_get_mem_data(bio, &bytes);
  const String made(std::string_view(bytes, static_cast<std::size_t>(size)));
  BIO_free(bio);
  return made;
}
inline String nameOf(const X509_NAME *name) {
  BIO *bio = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
  return text(bio);
}

}  // namespace terminal

inline bool SocketTlsHandshake(int handle, const string &host) {
  terminal::Socket *socket = terminal::socketOf(handle);
  if (socket == nullptr) return false;
  if (!socket->connected || terminal::securedAt(handle) != nullptr) return failed(ERR_NETSOCKET_HANDSHAKE_FAILED);
  auto &tls = terminal::secured().try_emplace(handle, socket->file, host.bytes()).first->second;
  socket->forget = [handle] { terminal::secured().erase(handle); };
  if (tls.shake(socket->file, static_cast<int>(socket->receiveMs))) return true;
  socket->connected = false;
  return failed(ERR_NETSOCKET_HANDSHAKE_FAILED);
}
inline bool SocketTlsCertificate(int handle, string &subject, string &issuer, string &serial, string &thumbprint, datetime &expiration) {
  if (terminal::socketOf(handle) == nullptr) return false;
  const terminal::Tls *tls = terminal::securedAt(handle);
  X509 *certificate = tls == nullptr ? nullptr : tls->certificate();
  if (certificate == nullptr) return failed(ERR_NETSOCKET_NO_CERTIFICATE);
  subject = terminal::nameOf(X509_get_subject_name(certificate));
  issuer = terminal::nameOf(X509_get_issuer_name(certificate));
  BIO *number = BIO_new(BIO_s_mem());
  i2a_ASN1_INTEGER(number, X509_get0_serialNumber(certificate));
  serial = terminal::text(number);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha1(), digest, &size);
  std::string hex;
  for (unsigned int i = 0; i < size; i++) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", digest[i]);
    hex += two;
  }
  thumbprint = String(std::string_view(hex));
  std::tm end{};
  ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end);
  expiration = ::timegm(&end);
  return true;
}
inline int SocketTlsSend(int handle, const Array<uchar> &from, uint size) {
  terminal::Socket *socket = terminal::socketOf(handle);
  terminal::Tls *tls = terminal::securedAt(handle);
  if (socket == nullptr) return -1;
  if (!socket->connected || tls == nullptr) return terminal::cut(*socket);
  terminal::step("send");
  const int offered = static_cast<int>(std::max(terminal::someOf(size), static_cast<uint>(tls->refused())));
  const int sent = tls->write(from.data(), offered);
  if (sent < 0) return terminal::cut(*socket);
  if (sent > 0) terminal::step("sent");
  return sent;
}
/** That nothing is there is told by 0 or by -1: which of them, the documentation does not say. */
inline int SocketTlsReadAvailable(int handle, Array<uchar> &to, uint most) {
  terminal::Socket *socket = terminal::socketOf(handle);
  terminal::Tls *tls = terminal::securedAt(handle);
  if (socket == nullptr) return -1;
  if (!socket->connected || tls == nullptr) return terminal::cut(*socket);
  std::vector<uchar> bytes(most);
  const int count = tls->read(bytes.data(), static_cast<int>(most));
  if (count < 0) return terminal::cut(*socket);
  if (count == 0) return terminal::events.dice()() % 2 == 0 ? 0 : -1;
  to.resize(count);
  std::copy_n(bytes.data(), count, to.data());
  terminal::step("read");
  return count;
}

}  // namespace mql
#else
namespace mql {

inline bool SocketTlsHandshake(int handle, const string &) {
  return terminal::socketOf(handle) != nullptr && failed(ERR_NETSOCKET_HANDSHAKE_FAILED);
}
inline bool SocketTlsCertificate(int, string &, string &, string &, string &, datetime &) { return failed(ERR_NETSOCKET_NO_CERTIFICATE); }
inline int SocketTlsSend(int, const Array<uchar> &, uint) { return lastError = ERR_NETSOCKET_IO_ERROR, -1; }
inline int SocketTlsReadAvailable(int, Array<uchar> &, uint) { return lastError = ERR_NETSOCKET_IO_ERROR, -1; }

}  // namespace mql
#endif

namespace mql {

/** A connection to port 443 has TLS by itself. So has one to TERMINAL_TLS_PORT, where nobody may listen at 443. */
inline bool SocketConnect(int handle, const string &server, uint port, uint timeout) {
  static const uint secure = static_cast<uint>(broker::number("TERMINAL_TLS_PORT", 443));
  return terminal::connect(handle, server, port, timeout) && (port != secure || SocketTlsHandshake(handle, server));
}

}  // namespace mql

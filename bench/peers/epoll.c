/*
 * The limit: what one turn brought, encoded once and written to every subscriber's socket, and nothing else.
 *
 *   epoll FEED_PORT SUBSCRIBERS
 *
 * Once there are so many subscribers, reads up to a thousand ticks at a time from the feeder, makes one StreamTicksResponse of them in gRPC's envelope,
 * and reads on once the slowest subscriber's socket has taken it. Prints the port at which subscribers connect; who
 * connects is subscribed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1000, SUBSCRIBERS = 10000, TICK = 64 };
struct record {
  uint32_t symbol, flags;
  double bid, ask, time, sequence;
};
static const char *symbols[] = {"EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "US500", "NAS100", "BTCUSD"};
static const char epoch[] = "b7a1c0de-0000-4000-8000-000000000000";

static struct subscriber {
  int fd;
  size_t written;
} all[SUBSCRIBERS];
static int count;

static uint8_t *varint(uint8_t *at, uint64_t value) {
  for (; value > 127; value >>= 7) *at++ = value | 128;
  *at++ = value;
  return at;
}

static uint8_t *text(uint8_t *at, int tag, const char *value) {
  *at++ = tag;
  size_t length = strlen(value);
  at = varint(at, length);
  memcpy(at, value, length);
  return at + length;
}

static uint8_t *number(uint8_t *at, int tag, uint64_t value) {
  *at++ = tag;
  return varint(at, value);
}

static uint8_t *real(uint8_t *at, int tag, double value) {
  *at++ = tag;
  memcpy(at, &value, 8);
  return at + 8;
}

static size_t encode(uint8_t *into, const struct record *ticks, size_t length, uint64_t place) {
  static uint8_t batch[MOST * 2 * TICK];
  uint8_t *at = batch;
  for (size_t i = 0; i < length; i++) {
    uint8_t tick[2 * TICK], *end = text(tick, 0x0a, symbols[ticks[i].symbol]);
    end = real(real(end, 0x11, ticks[i].bid), 0x19, ticks[i].ask);
    end = number(number(end, 0x30, ticks[i].time), 0x38, ticks[i].time + 7200000);
    end = number(number(end, 0x40, ticks[i].flags), 0x48, ticks[i].sequence);
    at = number(at, 0x0a, end - tick);
    memcpy(at, tick, end - tick);
    at += end - tick;
  }
  uint8_t cursor[2 * TICK], *end = number(text(cursor, 0x0a, epoch), 0x10, place);
  at = number(at, 0x12, end - cursor);
  memcpy(at, cursor, end - cursor);
  at += end - cursor;
  end = number(into + 5, 0x22, at - batch);
  memcpy(end, batch, at - batch);
  end += at - batch;
  uint32_t size = htonl(end - into - 5);
  into[0] = 0;
  memcpy(into + 1, &size, 4);
  return end - into;
}

/* Whether the socket has taken everything; a subscriber that has gone wants nothing any more. */
static int write_some(struct subscriber *s, const uint8_t *bytes, size_t length) {
  ssize_t sent = send(s->fd, bytes + s->written, length - s->written, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) sent = length - s->written;
  if (sent > 0) s->written += sent;
  return s->written == length;
}

static void write_to_all(int waiting, const uint8_t *bytes, size_t length) {
  int left = 0;
  for (struct subscriber *s = all; s < all + count; s++) {
    s->written = 0;
    if (write_some(s, bytes, length)) continue;
    left++;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = s};
    epoll_ctl(waiting, EPOLL_CTL_ADD, s->fd, &event);
  }
  while (left > 0) {
    struct epoll_event events[256];
    int ready = epoll_wait(waiting, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      struct subscriber *s = events[i].data.ptr;
      if (!write_some(s, bytes, length)) continue;
      epoll_ctl(waiting, EPOLL_CTL_DEL, s->fd, NULL);
      left--;
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), feed = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  bind(listener, (struct sockaddr *)&address, sizeof address);
  listen(listener, 1024);
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  static struct record ticks[MOST];
  static uint8_t bytes[MOST * 2 * TICK + 256];
  size_t have = 0;
  uint64_t place = 0;
  int waiting = epoll_create1(0);
  for (;;) {
    struct pollfd fds[] = {{listener, POLLIN, 0}, {feed, POLLIN, 0}};
    poll(fds, count >= atoi(argv[2]) ? 2 : 1, -1);
    if (fds[0].revents && count < SUBSCRIBERS) {
      int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      all[count++].fd = fd;
      address.sin_port = htons(atoi(argv[1]));
      if (count == atoi(argv[2]) && connect(feed, (struct sockaddr *)&address, sizeof address) < 0) return 1;
      continue;
    }
    ssize_t got;
    while (have < sizeof ticks && (got = recv(feed, (char *)ticks + have, sizeof ticks - have, MSG_DONTWAIT)) > 0)
      have += got;
    if (have < sizeof ticks && got == 0) return 0;
    size_t whole = have / sizeof *ticks;
    if (whole == 0) continue;
    place += whole;
    write_to_all(waiting, bytes, encode(bytes, ticks, whole, place));
    have -= whole * sizeof *ticks;
    memmove(ticks, ticks + whole, have);
  }
}

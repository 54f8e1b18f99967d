/*
 * The load client: subscribers of every tick, each on a connection of its own, as cheap as a client can be.
 *
 *   reader PORT SUBSCRIBERS STALLED TRICKLING FRAMING CONTENT WARM_MS MEASURE_MS OPENING REQUEST
 *
 * OPENING and REQUEST are bytes in hex, `-` for none: the first are sent at once, the others once the server has
 * answered. So nothing here knows how a request is made, only how ticks come back: out of what they are taken
 * (FRAMING) and in what form (CONTENT). Messages are looked through, never decoded: one that left a tick out shows by
 * its cursor, which counts ticks. Of one subscriber in ten (the last among them) every tick is looked at: its symbol's
 * own sequence, and how old it is.
 *
 * STALLED subscribers read nothing once they are open, TRICKLING ones a kilobyte every tenth of a second; neither is
 * in the figures. With a MEASURE_MS of 0 it goes on until no tick has come for a second, and that second does not
 * count. Says "began" when the warm-up is over, and in the end one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SYMBOLS = 16, STEPS = 3000001 }; /* latencies in hundredths of a millisecond, up to half a minute */
enum framing { H2, H1, WEBSOCKET, RAW, NATS, REDIS };
enum content { PROTO, WS_PROTO, JSON, WS_JSON, SIMPLE };
static const char *framings[] = {"h2", "h1", "websocket", "raw", "nats", "redis"};
static const char *contents[] = {"proto", "wsProto", "json", "wsJson", "simple"};

typedef struct {
  uint8_t *at;
  size_t used, room;
} Bytes;

typedef struct {
  int fd;
  char thorough, stalled, trickling, answered, opened, lost;
  Bytes raw, body;
  uint64_t place, ticks, batches, holes;
  struct { char name[32]; size_t length; uint64_t last; } symbols[SYMBOLS];
} Subscriber;

static enum framing framing;
static enum content content;
static Bytes opening, request;
static uint32_t *latencies;
static uint64_t latency_count;
static double latency_max, received_at, last_tick_at;
static char measuring;

static double now_ms(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void append(Bytes *bytes, const void *more, size_t length) {
  if (bytes->used + length > bytes->room) {
    bytes->room = 2 * (bytes->used + length);
    if (!(bytes->at = realloc(bytes->at, bytes->room))) fail("memory");
  }
  if (more) memcpy(bytes->at + bytes->used, more, length);
  bytes->used += more ? length : 0;
}

static void drop(Bytes *bytes, size_t length) {
  bytes->used -= length;
  if (length > 0) memmove(bytes->at, bytes->at + length, bytes->used);
}

static void say(Subscriber *s, const void *bytes, size_t length) {
  if (length > 0 && send(s->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) s->lost = 1;
}

/* ---- what a message says ---- */

static uint64_t varint(const uint8_t **p) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    uint8_t byte = *(*p)++;
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128 || shift > 56) return value;
  }
}

static int64_t signed_of(uint64_t zigzag) { return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1); }

static void skip(const uint8_t **p, int tag) {
  switch (tag & 7) {
    case 0: varint(p); break;
    case 1: *p += 8; break;
    case 2: { uint64_t n = varint(p); *p += n; break; }
    default: *p += 4;
  }
}

static void seen(Subscriber *s, const char *name, size_t length, uint64_t sequence, double time) {
  if (measuring) {
    double late = received_at - time;
    if (late < 0) late = 0;
    if (late > latency_max) latency_max = late;
    size_t step = late * 100 + 0.5;
    latencies[step < STEPS ? step : STEPS - 1]++;
    latency_count++;
  }
  for (int i = 0; i < SYMBOLS && sequence > 0; i++) {
    if (s->symbols[i].length == 0) {
      s->symbols[i].length = length;
      memcpy(s->symbols[i].name, name, length < 32 ? length : 31);
    } else if (s->symbols[i].length != length || memcmp(s->symbols[i].name, name, length) != 0) continue;
    else if (sequence != s->symbols[i].last + 1) s->holes++;
    s->symbols[i].last = sequence;
    return;
  }
}

static void batch(Subscriber *s, uint64_t ticks, uint64_t place) {
  if (s->place > 0 && place != s->place + ticks) s->holes++;
  s->place = place;
  s->ticks += ticks;
  s->batches++;
  last_tick_at = received_at;
}

static void look_at_tick(Subscriber *s, const uint8_t *p, const uint8_t *end) {
  const char *name = "";
  size_t length = 0;
  uint64_t time = 0, sequence = 0;
  while (p < end) {
    int tag = *p++;
    if (tag == 0x0a) {
      length = varint(&p);
      name = (const char *)p;
      p += length;
    } else if (tag == 0x30) time = varint(&p);
    else if (tag == 0x48) sequence = varint(&p);
    else skip(&p, tag);
  }
  seen(s, name, length, sequence, time);
}

/* One symbol's ticks, each column as differences: its number of ticks. Numbers that follow each other differ by 0. */
static uint64_t columns(Subscriber *s, const uint8_t *p, const uint8_t *end) {
  const char *name = "";
  const uint8_t *times = NULL, *numbers = NULL, *times_end = NULL, *numbers_end = NULL;
  size_t length = 0;
  uint64_t count = 0;
  while (p < end) {
    int tag = *p++;
    uint64_t value = varint(&p);
    if (tag == 0x18) count = value;
    if ((tag & 7) != 2) continue;
    if (tag == 0x0a) name = (const char *)p, length = value;
    else if (tag == 0x22) times = p, times_end = p + value;
    else if (tag == 0x5a) numbers = p, numbers_end = p + value;
    p += value;
  }
  if (!s->thorough) return count;
  int64_t time = 0, number = 0;
  for (uint64_t i = 0; i < count; i++) {
    if (times < times_end) time += signed_of(varint(&times));
    if (numbers < numbers_end) number += signed_of(varint(&numbers));
    seen(s, name, length, number + i, time);
  }
  return count;
}

static void proto(Subscriber *s, const uint8_t *p) {
  if (*p == 0x42) s->lost = 1; /* closing */
  if (*p++ != 0x22) return;    /* only batches count */
  uint64_t length = varint(&p), ticks = 0, place = 0;
  for (const uint8_t *end = p + length; p < end;) {
    int tag = *p++;
    const uint8_t *stop = (length = varint(&p), p + length);
    if (tag == 0x1a) ticks += columns(s, p, stop);
    else if (tag == 0x0a) {
      ticks++;
      if (s->thorough) look_at_tick(s, p, stop);
    } else if (tag == 0x12) {
      while (p < stop) {
        if (*p == 0x10) {
          p++;
          place = varint(&p);
        } else skip(&p, *p++);
      }
    }
    p = stop;
  }
  batch(s, ticks, place);
}

static void ws_proto(Subscriber *s, const uint8_t *p, size_t length) {
  for (const uint8_t *end = p + length; p < end;) {
    int tag = *p++;
    if (tag == 0x7a) { /* data */
      varint(&p);
      proto(s, p);
      return;
    }
    skip(&p, tag);
  }
}

static const char *behind(const char *from, const char *end, const char *what) {
  const char *found = from ? memmem(from, end - from, what, strlen(what)) : NULL;
  return found ? found + strlen(what) : NULL;
}

/* A tick is an object, and `others` of the braces are not ticks'. */
static void json(Subscriber *s, const char *p, size_t length, uint64_t others) {
  const char *end = p + length;
  const char *head = length < 256 ? end : p + 256;
  const char *ticks = behind(p, head, "\"batch\":{");
  if (!ticks && behind(p, head, "\"closing\":{")) s->lost = 1;
  if (!ticks) return;
  uint64_t braces = 0, place = 0, scale = 1;
  for (size_t i = 0; i < length; i++) braces += p[i] == '{';
  const char *last = end - 1;
  while (last > p && (*last < '0' || *last > '9')) last--;
  for (; *last >= '0' && *last <= '9'; last--, scale *= 10) place += (*last - '0') * scale;
  batch(s, braces - others, place);
  if (!s->thorough) return;
  for (uint64_t left = braces - others; left > 0; left--) {
    const char *symbol = behind(ticks, end, "\"symbol\":\"");
    const char *stop = symbol ? memchr(symbol, '"', end - symbol) : NULL;
    const char *time = behind(stop, end, "\"timeMs\":\"");
    ticks = behind(time, end, "\"sequence\":\"");
    if (!ticks) {
      s->holes++;
      return;
    }
    seen(s, symbol, stop - symbol, strtoull(ticks, NULL, 10), strtod(time, NULL));
  }
}

/* One tick a message, without a number: what is missing does not show. */
static void simple(Subscriber *s, const char *p, size_t length) {
  const char *end = p + length;
  if (!behind(p, length < 24 ? end : p + 24, "\"tick_data\"")) return;
  s->ticks++;
  s->batches++;
  const char *time = s->thorough ? behind(p, end, "\"time\":\"") : NULL;
  if (!time) return;
  struct tm day = {0};
  const char *fraction = strptime(time, "%Y-%m-%dT%H:%M:%S", &day);
  seen(s, "", 0, 0, timegm(&day) * 1e3 + (fraction ? 1e3 * strtod(fraction, NULL) : 0));
}

static void message(Subscriber *s, const uint8_t *p, size_t length) {
  s->opened = 1;
  switch (content) {
    case PROTO: if (length > 0) proto(s, p); break;
    case WS_PROTO: ws_proto(s, p, length); break;
    case JSON: json(s, (const char *)p, length, 3); break;
    case WS_JSON: json(s, (const char *)p, length, 4); break;
    case SIMPLE: simple(s, (const char *)p, length); break;
  }
}

/* ---- out of what messages are taken; each returns how many bytes it has done with ---- */

static size_t envelopes(Subscriber *s, const uint8_t *p, size_t length) {
  size_t at = 0;
  while (length - at >= 5) {
    size_t size = ((size_t)p[at + 1] << 24) | p[at + 2] << 16 | p[at + 3] << 8 | p[at + 4];
    if (length - at - 5 < size) break;
    if (p[at] != 0) s->lost = 1; /* the end of a stream */
    else message(s, p + at + 5, size);
    at += 5 + size;
  }
  return at;
}

static void body(Subscriber *s, const uint8_t *p, size_t length) {
  if (s->body.used == 0) { /* usually whole messages: nothing has to be kept */
    size_t done = envelopes(s, p, length);
    append(&s->body, p + done, length - done);
    return;
  }
  append(&s->body, p, length);
  drop(&s->body, envelopes(s, s->body.at, s->body.used));
}

static size_t h2(Subscriber *s, const uint8_t *p, size_t length) {
  static const uint8_t settings_ack[] = {0, 0, 0, 4, 1, 0, 0, 0, 0};
  size_t at = 0;
  while (length - at >= 9) {
    const uint8_t *head = p + at;
    size_t size = (size_t)head[0] << 16 | head[1] << 8 | head[2];
    if (length - at - 9 < size) break;
    int type = head[3], flags = head[4];
    if (type == 0) body(s, head + 9, size);
    else if (type == 4 && !(flags & 1)) say(s, settings_ack, sizeof settings_ack);
    else if (type == 6 && !(flags & 1)) {
      uint8_t pong[17];
      memcpy(pong, head, 17);
      pong[4] = 1;
      say(s, pong, sizeof pong);
    } else if (type == 3 || type == 7) s->lost = 1;
    if (type < 2 && (flags & 1)) s->lost = 1;
    at += 9 + size;
  }
  return at;
}

/* The head of an answer over HTTP/1.1; 0 while it has not all come. */
static size_t answer(Subscriber *s, const uint8_t *p, size_t length, const char *wanted) {
  const uint8_t *end = memmem(p, length, "\r\n\r\n", 4);
  if (!end) return 0;
  if (strncmp((const char *)p, wanted, strlen(wanted)) != 0) {
    fprintf(stderr, "answered with %.*s\n", (int)(end - p), (const char *)p);
    s->lost = 1;
  }
  s->answered = 1;
  say(s, request.at, request.used);
  return end + 4 - p;
}

static size_t h1(Subscriber *s, const uint8_t *p, size_t length) {
  size_t at = s->answered ? 0 : answer(s, p, length, "HTTP/1.1 200");
  while (s->answered) {
    const uint8_t *line = memmem(p + at, length - at, "\r\n", 2);
    if (!line) break;
    size_t size = strtoul((const char *)p + at, NULL, 16), head = line + 2 - (p + at);
    if (length - at < head + size + 2) break;
    if (size == 0) s->lost = 1;
    body(s, p + at + head, size);
    at += head + size + 2;
  }
  return at;
}

static size_t websocket(Subscriber *s, const uint8_t *p, size_t length) {
  size_t at = s->answered ? 0 : answer(s, p, length, "HTTP/1.1 101");
  while (s->answered && length - at >= 2) {
    size_t head = 2, size = p[at + 1] & 127;
    if (size == 126) head = 4;
    if (size == 127) head = 10;
    if (length - at < head) break;
    if (head > 2) size = 0;
    for (size_t i = 2; i < head; i++) size = size << 8 | p[at + i];
    if (length - at - head < size) break;
    int kind = p[at] & 15;
    if (kind == 1 || kind == 2) message(s, p + at + head, size);
    else if (kind == 8) s->lost = 1;
    else if (kind == 9 && size < 126) {
      uint8_t pong[6 + 125] = {0x8a, 0x80 | size}; /* a mask of zeros */
      memcpy(pong + 6, p + at + head, size);
      say(s, pong, 6 + size);
    }
    at += head + size;
  }
  return at;
}

static size_t nats(Subscriber *s, const uint8_t *p, size_t length) {
  size_t at = 0;
  for (;;) {
    const char *line = (const char *)p + at;
    const char *end = memmem(line, length - at, "\r\n", 2);
    if (!end) return at;
    size_t head = end + 2 - line, size = 0;
    if (line[0] == 'M') {
      size = strtoul(memrchr(line, ' ', end - line), NULL, 10) + 2;
      if (length - at - head < size) return at;
      message(s, p + at + head, size - 2);
    } else if (line[0] == 'P' && line[1] == 'I') say(s, "PONG\r\n", 6);
    else if (line[0] == '-') s->lost = 1;
    else s->opened = 1;
    at += head + size;
  }
}

/* *3 $7 message $5 ticks $41 …, or, as the answer to SUBSCRIBE, *3 $9 subscribe $5 ticks :1 */
static size_t redis(Subscriber *s, const uint8_t *p, size_t length) {
  size_t done = 0;
  for (;;) {
    size_t at = done, size = 0;
    for (int line = 0; line < 6; line++) {
      const uint8_t *end = memmem(p + at, length - at, "\r\n", 2);
      if (!end) return done;
      size = p[at] == '$' ? strtoul((const char *)p + at + 1, NULL, 10) : 0;
      at = end + 2 - p;
    }
    if (size > 0) {
      if (length - at < size + 2) return done;
      message(s, p + at, size);
      at += size + 2;
    } else s->opened = 1;
    done = at;
  }
}

static size_t raw(Subscriber *s, const uint8_t *p, size_t length) { return envelopes(s, p, length); }

static size_t (*const unwrap[])(Subscriber *, const uint8_t *, size_t) = {h2, h1, websocket, raw, nats, redis};

/* ---- subscribers ---- */

static void receive(Subscriber *s, size_t most) {
  append(&s->raw, NULL, most);
  ssize_t got = recv(s->fd, s->raw.at + s->raw.used, most, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    s->lost = 1;
    return;
  }
  received_at = now_ms(CLOCK_REALTIME);
  s->raw.used += got;
  drop(&s->raw, unwrap[framing](s, s->raw.at, s->raw.used));
}

static Bytes from_hex(const char *text) {
  Bytes bytes = {0};
  for (unsigned byte; text[0] != '-' && sscanf(text, "%2x", &byte) == 1; text += 2) {
    uint8_t one = byte;
    append(&bytes, &one, 1);
  }
  return bytes;
}

static int index_of(const char *name, const char **names, int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(name, names[i]) == 0) return i;
  fprintf(stderr, "there is no %s\n", name);
  exit(1);
}

static double percentile(double share) {
  uint64_t left = latency_count * share + 0.999999;
  if (latency_count == 0) return -1;
  for (size_t step = 0; step < STEPS; step++) {
    if (left <= latencies[step]) return step / 100.0;
    left -= latencies[step];
  }
  return STEPS / 100.0;
}

enum end { OPEN, TIME, QUIET };

/* Reads until everybody is open, the time is over, or ticks have stopped. */
static void run(int poll, Subscriber *all, int count, enum end end, double ms) {
  static struct epoll_event events[256];
  double until = now_ms(CLOCK_MONOTONIC) + ms, next_trickle = 0;
  int open = 0;
  for (;;) {
    double now = now_ms(CLOCK_MONOTONIC);
    if (end == OPEN && open == count) return;
    if (end == QUIET && now_ms(CLOCK_REALTIME) - last_tick_at > 1000) return;
    if (now >= until) {
      if (end != OPEN) return;
      fprintf(stderr, "only %d of %d subscribers were opened\n", open, count);
      exit(1);
    }
    int ready = epoll_wait(poll, events, 256, until - now < 50 ? (int)(until - now) + 1 : 50);
    for (int i = 0; i < ready; i++) {
      Subscriber *s = events[i].data.ptr;
      int was = s->opened;
      receive(s, 256 * 1024);
      open += s->opened - was;
      if (s->lost && end == OPEN) {
        fprintf(stderr, "a stream ended before it was open\n");
        exit(1);
      }
      if (s->lost || (s->opened && (s->stalled || s->trickling))) epoll_ctl(poll, EPOLL_CTL_DEL, s->fd, NULL);
    }
    if (end == OPEN || now < next_trickle) continue;
    next_trickle = now + 100;
    for (int i = 0; i < count; i++)
      if (all[i].trickling && !all[i].lost) receive(&all[i], 1024);
  }
}

static uint64_t ticks_of(Subscriber *all, int from, int to, uint64_t *batches) {
  uint64_t ticks = 0;
  *batches = 0;
  for (int i = from; i < to; i++) {
    ticks += all[i].ticks;
    *batches += all[i].batches;
  }
  return ticks;
}

int main(int argc, char **argv) {
  if (argc != 11) return 2;
  int port = atoi(argv[1]), count = atoi(argv[2]), stalled = atoi(argv[3]), trickling = atoi(argv[4]);
  framing = index_of(argv[5], framings, 6);
  content = index_of(argv[6], contents, 5);
  double warm = atof(argv[7]), measure = atof(argv[8]);
  opening = from_hex(argv[9]);
  request = from_hex(argv[10]);
  latencies = calloc(STEPS, sizeof *latencies);
  Subscriber *all = calloc(count, sizeof *all);
  int poll = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    Subscriber *s = &all[i];
    int little = 4096;
    s->stalled = i < stalled;
    s->trickling = !s->stalled && i < stalled + trickling;
    s->thorough = (count - 1 - i) % 10 == 0;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* Megabytes of the kernel's would hide for minutes that nobody reads. */
    if (i < stalled + trickling) setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    int on = 1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    say(s, opening.at, opening.used);
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(poll, EPOLL_CTL_ADD, s->fd, &event);
  }
  run(poll, all, count, OPEN, 60000);
  if (warm > 0) run(poll, all, count, TIME, warm);
  int from = stalled + trickling;
  uint64_t batches = 0, batches_before = 0, before = warm > 0 ? ticks_of(all, from, count, &batches_before) : 0;
  puts("began");
  fflush(stdout);
  measuring = 1;
  double began = last_tick_at = now_ms(CLOCK_REALTIME);
  run(poll, all, count, measure > 0 ? TIME : QUIET, measure > 0 ? measure : 600000);
  double seconds = ((measure > 0 ? now_ms(CLOCK_REALTIME) : last_tick_at) - began) / 1000;
  uint64_t ticks = ticks_of(all, from, count, &batches), holes = 0, lost = 0;
  for (int i = from; i < count; i++) {
    holes += all[i].holes;
    lost += all[i].lost;
  }
  printf("{\"ticks\":%lu,\"batches\":%lu,\"seconds\":%.4f,\"holes\":%lu,\"lost\":%lu,\"latency\":"
         "{\"count\":%lu,\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}}\n",
         ticks - before, batches - batches_before, seconds, holes, lost, latency_count, percentile(0.5),
         percentile(0.99), percentile(0.999), latency_max);
  return 0;
}

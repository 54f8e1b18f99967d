/*
 * gRPC in C++, over its callback interface.
 *
 *   grpc FEED_PORT SUBSCRIBERS each|once
 *
 * `each`: every tick is a message of its own, encoded for every subscriber, as the generated code does it.
 * `once`: what one read of the feed brought, up to a thousand ticks, is one message, encoded once; subscribers share
 * its bytes. Either way a subscriber that is behind holds up the feed, so that nothing is lost. The feed
 * begins when there are so many subscribers. Prints its port.
 */
#include <arpa/inet.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "ticks.pb.h"

namespace {

struct Record {
  uint32_t symbol, flags;
  double bid, ask, time, sequence;
};

constexpr size_t kMost = 1000;
/** Ticks that a subscriber may be behind before the feed waits for it. */
constexpr size_t kBehind = 8 * kMost;
const char* const kSymbols[] = {"EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "US500", "NAS100", "BTCUSD"};

int feed_port;
size_t wanted;
bool each;

void add(bench::TickBatch* batch, const Record& record) {
  auto* tick = batch->add_ticks();
  tick->set_symbol(kSymbols[record.symbol]);
  tick->set_bid(record.bid);
  tick->set_ask(record.ask);
  tick->set_time_ms(record.time);
  tick->set_broker_time_ms(record.time + 7200000);
  tick->set_flags(record.flags);
  tick->set_sequence(record.sequence);
}

void end(bench::TickBatch* batch, uint64_t place) {
  batch->mutable_cursor()->set_epoch("b7a1c0de-0000-4000-8000-000000000000");
  batch->mutable_cursor()->set_sequence(place);
}

grpc::ByteBuffer encoded(const bench::StreamTicksResponse& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  grpc::SerializationTraits<bench::StreamTicksResponse>::Serialize(message, &bytes, &own);
  return bytes;
}

/** What waits for a subscriber: ticks to be encoded for it, or bytes that all share. */
struct Item {
  Record tick;
  uint64_t place;
  grpc::ByteBuffer bytes;
  size_t ticks;
};

class Subscriber;
std::mutex mutex;
std::condition_variable caught_up;
std::set<Subscriber*> subscribers;
void begin_feed();

class Subscriber : public grpc::ServerGenericBidiReactor {
 public:
  Subscriber() { StartRead(&request_); }

  void OnReadDone(bool) override {
    std::lock_guard<std::mutex> lock(mutex);
    if (asked_) return;
    asked_ = true;
    subscribers.insert(this);
    if (subscribers.size() == wanted) begin_feed();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard<std::mutex> lock(mutex);
    behind_ -= writing_;
    writing_ = 0;
    caught_up.notify_one();
    if (ok) next();
  }

  void OnCancel() override {
    std::lock_guard<std::mutex> lock(mutex);
    subscribers.erase(this);
    caught_up.notify_one();
    Finish(grpc::Status::CANCELLED);
  }

  void OnDone() override { delete this; }

  /** Under the mutex, as is `next`. */
  void add_item(const Item& item) {
    waiting_.push_back(item);
    behind_ += item.ticks;
    if (writing_ == 0) next();
  }

  size_t behind() const { return behind_; }

 private:
  void next() {
    if (waiting_.empty()) return;
    Item item = std::move(waiting_.front());
    waiting_.pop_front();
    writing_ = item.ticks;
    if (each) {
      bench::StreamTicksResponse message;
      add(message.mutable_batch(), item.tick);
      end(message.mutable_batch(), item.place);
      bytes_ = encoded(message);
    } else {
      bytes_ = item.bytes;
    }
    StartWrite(&bytes_);
  }

  grpc::ByteBuffer request_, bytes_;
  std::deque<Item> waiting_;
  size_t behind_ = 0, writing_ = 0;
  bool asked_ = false;
};

void to_all(const Item& item) {
  std::unique_lock<std::mutex> lock(mutex);
  caught_up.wait(lock, [] {
    for (const auto* subscriber : subscribers)
      if (subscriber->behind() >= kBehind) return false;
    return true;
  });
  for (auto* subscriber : subscribers) subscriber->add_item(item);
}

void feed() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(feed_port);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) exit(1);
  static Record ticks[kMost];
  size_t have = 0;
  uint64_t place = 0;
  for (ssize_t got; (got = read(fd, reinterpret_cast<char*>(ticks) + have, sizeof ticks - have)) > 0;) {
    have += got;
    const size_t whole = have / sizeof(Record);
    if (each) {
      for (size_t i = 0; i < whole; i++) to_all({ticks[i], ++place, {}, 1});
    } else if (whole > 0) {
      bench::StreamTicksResponse message;
      for (size_t i = 0; i < whole; i++) add(message.mutable_batch(), ticks[i]);
      place += whole;
      end(message.mutable_batch(), place);
      to_all({{}, place, encoded(message), whole});
    }
    have -= whole * sizeof(Record);
    memmove(ticks, ticks + whole, have);
  }
  exit(0);
}

void begin_feed() {
  static bool begun = false;
  if (!begun) std::thread(feed).detach();
  begun = true;
}

class Service : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Subscriber();
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  feed_port = atoi(argv[1]);
  wanted = atoi(argv[2]);
  each = strcmp(argv[3], "each") == 0;
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  printf("%d\n", port);
  fflush(stdout);
  server->Wait();
}

// What waits for the program: one handler runs at a time, and what the terminal leaves out is left out here.
//
//   - Of OnTick one waits at most, and none that came while a handler ran.
//   - Of OnTimer one waits at most; of OnBookEvent one of each symbol.
//   - Of transactions the youngest 1,024 wait. Those of one request come in any order.
#pragma once
#include <csignal>
#include <random>
#include "book.hpp"

namespace mql::terminal {

/** Ends the process as kill -9 would, when the environment's TERMINAL_DIE is `STEP:N` and this is that step's Nth time. */
inline void step(const char *name) {
  static const std::string wish = broker::env("TERMINAL_DIE", "");
  static std::map<std::string, int> times;
  if (wish.empty()) return;
  if (wish == std::string(name) + ":" + std::to_string(++times[name])) ::raise(9);
}

struct Event {
  enum Kind { tick, timer, book, transaction } kind = tick;
  std::string symbol;
  MqlTradeTransaction transaction_{};
  MqlTradeRequest request{};
  MqlTradeResult result{};
};

class Events {
 public:
  bool handlerRuns = false;
  int timerMs = 0;
  long timerDueMs = 0;

  std::mt19937 &dice() { return dice_; }

  void tick(const std::string &symbol) {
    if (!handlerRuns && symbol == broker::env("TERMINAL_CHART", "EURUSD")) once({.kind = Event::tick, .symbol = ""});
  }
  void book(const std::string &symbol) { once({.kind = Event::book, .symbol = symbol}); }
  void timer(long now) {
    if (timerMs == 0 || now < timerDueMs) return;
    timerDueMs = now + timerMs;
    once({.kind = Event::timer, .symbol = ""});
  }
  /** In any order. */
  void transactions(std::vector<Event> events) {
    std::shuffle(events.begin(), events.end(), dice_);
    for (auto &event : events) {
      transactions_++;
      waiting_.push_back(std::move(event));
    }
    for (auto at = waiting_.begin(); transactions_ > 1024 && at != waiting_.end();) {
      if (at->kind == Event::transaction) at = waiting_.erase(at), transactions_--;
      else ++at;
    }
  }
  bool next(Event &event) {
    if (waiting_.empty()) return false;
    event = std::move(waiting_.front());
    waiting_.pop_front();
    if (event.kind == Event::transaction) transactions_--;
    return true;
  }

 private:
  void once(Event event) {
    for (const auto &waits : waiting_) {
      if (waits.kind == event.kind && waits.symbol == event.symbol) return;
    }
    waiting_.push_back(std::move(event));
  }

  std::deque<Event> waiting_;
  int transactions_ = 0;
  std::mt19937 dice_{static_cast<unsigned>(broker::number("TERMINAL_SEED", 1))};
};

inline Events events;

}  // namespace mql::terminal

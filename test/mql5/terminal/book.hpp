// The broker's book: symbols with their prices, orders, deals, positions, and what terminals have sent and the broker has
// not looked at yet. It is a file of lines, each written at once, so that it outlives a terminal that is killed.
#pragma once
#include <deque>
#include <sstream>
#include <vector>
#include "types.hpp"

namespace mql::broker {

inline std::string env(const char *name, const char *otherwise) {
  const char *text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : text;
}
inline long number(const char *name, long otherwise) { return std::strtol(env(name, std::to_string(otherwise).c_str()).c_str(), nullptr, 10); }

/** ms since 1970 of the broker's clock: UTC and some hours. */
inline long nowMs() {
  using namespace std::chrono;
  static const long offset = number("TERMINAL_OFFSET_HOURS", 3) * 3600000;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count() + offset;
}

struct Symbol {
  std::string name, base, profit;
  int digits = 5;
  double bid = 0, ask = 0;
  int strayed = 0;  // points that its price has wandered
  int depth = 0;
  bool watched = false, book = false;
  std::deque<MqlTick> ticks{};

  double point() const { return digits == 3 ? 0.001 : 0.00001; }
  /** What a move of 1 is worth for one lot, in USD. */
  double worth() const { return profit == "USD" ? 100000 : 100000 / ask; }
};

struct Order {
  ulong ticket = 0;
  std::string symbol;
  int type = 0, state = 0, reason = REASON_EXPERT_ORDER;
  long magic = 0;
  double volumeInitial = 0, volumeCurrent = 0, price = 0, stopLimit = 0, sl = 0, tp = 0;
  int filling = 0, timeType = 0;
  long expiration = 0;
  ulong positionId = 0, positionBy = 0;
  long setupMs = 0, doneMs = 0;
  std::string comment;
  long visibleMs = 0;  // in history, once it is past
};
struct Deal {
  ulong ticket = 0, order = 0, positionId = 0;
  std::string symbol;
  int type = 0, entry = 0, reason = REASON_EXPERT_ORDER;
  long magic = 0;
  double volume = 0, price = 0, sl = 0, tp = 0, profit = 0;
  long timeMs = 0;
  std::string comment;
  long visibleMs = 0;
};
struct Position {
  ulong ticket = 0, identifier = 0;
  std::string symbol;
  int type = 0, reason = REASON_EXPERT_ORDER;
  long magic = 0;
  double volume = 0, price = 0, sl = 0, tp = 0;
  long timeMs = 0, updateMs = 0;
  std::string comment;
};
struct Sent {
  uint id = 0;
  MqlTradeRequest request{};
  long dueMs = 0;
  ulong started = 0;     // the market order that stands in the list until it is executed
  bool answered = true;  // false: of a terminal that has died
};

/** A line's fields; text is written as hexadecimal bytes. */
class Line {
 public:
  explicit Line(const std::string &line) : in_(line) {}
  Line() = default;
  template <typename T>
  Line &operator<<(const T &value) {
    if constexpr (std::is_same_v<T, std::string>) {
      out_ << " x";
      for (const unsigned char byte : value) {
        char hex[3];
        std::snprintf(hex, sizeof hex, "%02x", byte);
        out_ << hex;
      }
    } else {
      out_.precision(17);
      out_ << ' ' << value;
    }
    return *this;
  }
  template <typename T>
  Line &operator>>(T &value) {
    if constexpr (std::is_same_v<T, std::string>) {
      std::string hex;
      in_ >> hex;
      value.clear();
      for (std::size_t at = 1; at + 1 < hex.size(); at += 2) value += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
    } else in_ >> value;
    return *this;
  }
  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
  std::istringstream in_;
};

inline void fields(auto &line, auto &o, const Order *) {
  line(o.ticket)(o.symbol)(o.type)(o.state)(o.reason)(o.magic)(o.volumeInitial)(o.volumeCurrent)(o.price)(o.stopLimit)(o.sl)(o.tp)(
      o.filling)(o.timeType)(o.expiration)(o.positionId)(o.positionBy)(o.setupMs)(o.doneMs)(o.comment)(o.visibleMs);
}
inline void fields(auto &line, auto &d, const Deal *) {
  line(d.ticket)(d.order)(d.positionId)(d.symbol)(d.type)(d.entry)(d.reason)(d.magic)(d.volume)(d.price)(d.sl)(d.tp)(d.profit)(
      d.timeMs)(d.comment)(d.visibleMs);
}
inline void fields(auto &line, auto &p, const Position *) {
  line(p.ticket)(p.identifier)(p.symbol)(p.type)(p.reason)(p.magic)(p.volume)(p.price)(p.sl)(p.tp)(p.timeMs)(p.updateMs)(p.comment);
}

struct Writing {
  Line line;
  template <typename T>
  Writing &operator()(const T &value) { return line << value, *this; }
};
struct Reading {
  Line line;
  template <typename T>
  Reading &operator()(T &value) { return line >> value, *this; }
};

class Book {
 public:
  std::map<std::string, Symbol> symbols;
  std::vector<std::string> watch;  // the market watch, in its order
  std::map<ulong, Order> open;
  std::map<ulong, Order> past;
  std::map<ulong, Deal> deals;
  std::map<ulong, std::vector<ulong>> dealsOf;  // by position
  std::map<ulong, Position> positions;
  std::map<uint, Sent> sent;
  double balance = 10000;
  ulong nextOrder = 1001, nextDeal = 5001;
  uint nextRequest = 1;
  /** Another one after each change. */
  long version = 0;

  Book() {
    add("EUR", "USD", 5, 1.1, 1.1001, 10);
    add("GBP", "USD", 5, 1.25, 1.2501, 0);
    add("USD", "JPY", 3, 150, 150.01, 0);
    std::istringstream names(env("TERMINAL_SYMBOLS", "EURUSD,GBPUSD"));
    for (std::string name; std::getline(names, name, ',');) select(name);
    open_();
  }

  bool select(const std::string &name) {
    const auto found = symbols.find(name);
    if (found == symbols.end()) return false;
    if (!found->second.watched) watch.push_back(name);
    found->second.watched = true;
    return true;
  }

  void write(const Order &order) { put("O", order); }
  void add(const Deal &deal) {
    deals[deal.ticket] = deal;
    dealsOf[deal.positionId].push_back(deal.ticket);
  }
  void write(const Deal &deal) { put("D", deal); }
  void write(const Position &position) { put("P", position); }
  void gone(const Position &position) { append(" X " + std::to_string(position.ticket)); }
  void write(double newBalance) {
    balance = newBalance;
    Line line;
    line << balance;
    append(" B" + line.text());
  }
  void write(const Sent &request) {
    const MqlTradeRequest &r = request.request;
    Line line;
    line << request.id << int(r.action) << r.magic << r.order << r.symbol.bytes() << r.volume << r.price << r.stoplimit << r.sl << r.tp
         << int(r.type) << int(r.type_filling) << int(r.type_time) << r.expiration << r.comment.bytes() << r.position << r.position_by << request.started;
    append(" S" + line.text());
    commit();
  }
  void done(const Sent &request) { append(" F " + std::to_string(request.id)); }
  /** What was written since becomes part of the book, in one piece. */
  void commit() {
    if (batch_.empty() || file_ < 0) return;
    batch_ += '\n';
    if (::write(file_, batch_.data(), batch_.size()) != static_cast<ssize_t>(batch_.size())) critical("the broker's book cannot be written");
    batch_.clear();
  }

 private:
  void add(const std::string &base, const std::string &profit, int digits, double bid, double ask, int depth) {
    Symbol symbol;
    symbol.name = base + profit;
    symbol.base = base;
    symbol.profit = profit;
    symbol.digits = digits;
    symbol.bid = bid;
    symbol.ask = ask;
    symbol.depth = depth;
    symbols.emplace(symbol.name, symbol);
  }
  template <typename T>
  void put(const char *kind, const T &record) {
    Writing writing;
    fields(writing, record, &record);
    append(std::string(" ") + kind + writing.line.text());
  }
  void append(const std::string &text) {
    batch_ += text + " ;";
    version++;
  }

  void open_() {
    const std::string path = env("TERMINAL_BOOK", "");
    if (path.empty()) return;
    std::FILE *file = std::fopen(path.c_str(), "r");
    std::string line;
    for (int c; file != nullptr && (c = std::fgetc(file)) != EOF;) {
      if (c != '\n') line += static_cast<char>(c);
      else read(line), line.clear();
    }
    if (file != nullptr) std::fclose(file);
    file_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (file_ < 0) critical("the broker's book cannot be opened");
  }
  template <typename T>
  T record(const std::string &text) {
    Reading reading{Line(text)};
    T record;
    fields(reading, record, &record);
    return record;
  }
  void read(const std::string &line) {
    for (std::size_t from = 0, to; (to = line.find(" ;", from)) != std::string::npos; from = to + 2) {
      const char kind = line[from + 1];
      const std::string text = line.substr(from + 2, to - from - 2);
      if (kind == 'O') read(record<Order>(text));
      if (kind == 'D') {
        const auto deal = record<Deal>(text);
        add(deal);
        nextDeal = std::max(nextDeal, deal.ticket + 1);
      }
      if (kind == 'P') {
        const auto position = record<Position>(text);
        positions[position.ticket] = position;
      }
      if (kind == 'X') positions.erase(std::stoul(text));
      if (kind == 'B') balance = std::stod(text);
      if (kind == 'F') sent.erase(static_cast<uint>(std::stoul(text)));
      if (kind == 'S') readSent(text);
    }
  }
  void read(const Order &order) {
    nextOrder = std::max(nextOrder, order.ticket + 1);
    if (order.doneMs == 0) open[order.ticket] = order;
    else {
      open.erase(order.ticket);
      past[order.ticket] = order;
    }
  }
  void readSent(const std::string &text) {
    Line line(text);
    Sent request;
    MqlTradeRequest &r = request.request;
    int action, type, filling, timeType;
    std::string symbol, comment;
    line >> request.id >> action >> r.magic >> r.order >> symbol >> r.volume >> r.price >> r.stoplimit >> r.sl >> r.tp >> type >>
        filling >> timeType >> r.expiration >> comment >> r.position >> r.position_by >> request.started;
    r.action = ENUM_TRADE_REQUEST_ACTIONS(action);
    r.type = ENUM_ORDER_TYPE(type);
    r.type_filling = ENUM_ORDER_TYPE_FILLING(filling);
    r.type_time = ENUM_ORDER_TYPE_TIME(timeType);
    r.symbol = String(std::string_view(symbol));
    r.comment = String(std::string_view(comment));
    request.answered = false;
    sent[request.id] = request;
    nextRequest = std::max(nextRequest, request.id + 1);
  }

  int file_ = -1;
  std::string batch_;
};

}  // namespace mql::broker

// The scripted broker: carries out what terminals send, when its latency is over, and tells what happened.
//
// An order's comment may ask for misbehaviour:
//   #retcode=N   answers with it and does nothing          #silent   nothing happens, and no answer
//   #slow=MS     executes and answers after so long        #lost     executes, and never answers
//   #requote     answers 10004 with another price          #partial=LOTS   executes so much of it, 10010
//   #unsent=N    the terminal itself refuses it with N
#pragma once
#include <cmath>
#include "events.hpp"

namespace mql::broker {

inline long spell(const String &comment, const char *name, long otherwise) {
  const std::string text = comment.bytes(), wanted = std::string("#") + name;
  const auto at = text.find(wanted);
  if (at == std::string::npos) return otherwise;
  const auto equals = at + wanted.size();
  return equals < text.size() && text[equals] == '=' ? std::strtol(text.c_str() + equals + 1, nullptr, 10) : 1;
}
inline double spelledLots(const String &comment) {
  const std::string text = comment.bytes();
  const auto at = text.find("#partial=");
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + 9, nullptr);
}

class Broker {
 public:
  Book book;
  bool connected = true;
  bool algoAllowed = true;
  long login = number("TERMINAL_LOGIN", 1000001), tradeMode = number("TERMINAL_TRADE_MODE", 0);
  std::string server = env("TERMINAL_SERVER", "Broker-Demo");
  long latencyMs = number("TERMINAL_LATENCY_MS", 2);
  long historyLagMs = number("TERMINAL_HISTORY_LAG_MS", 20);
  long executionMs = number("TERMINAL_EXECUTION_MS", 0);
  /** Ticks a second of each symbol that is watched, all of them at once. */
  long tickRate = number("TERMINAL_TICK_RATE", 10);
  bool wanders = number("TERMINAL_WANDER", 0) != 0;
  bool hedging = env("TERMINAL_MARGIN_MODE", "2") == "2";

  Broker() {
    const long now = nowMs();
    for (auto &[name, symbol] : book.symbols) {
      for (long ago = 600; ago > 0; ago--) quote(symbol, now - ago * 100);
    }
    for (auto &[id, sent] : book.sent) sent.dueMs = now + latencyMs;
    beganMs_ = now;
  }

  /** What is due now. */
  void advance() {
    const long now = nowMs();
    ticks(now);
    std::vector<uint> due;
    for (const auto &[id, sent] : book.sent) {
      if (sent.dueMs <= now) due.push_back(id);
    }
    for (const uint id : due) {
      const Sent sent = book.sent[id];
      book.sent.erase(id);
      book.done(sent);
      if (spell(sent.request.comment, "silent", 0) == 0) carryOut(sent);
      book.commit();
    }
  }
  /** Prices go on while a handler runs; everything else waits. */
  void ticks(long now) {
    for (; tickRate > 0 && dueMs(rounds_ + 1) <= now; rounds_++) {
      for (const auto &name : book.watch) {
        Symbol &symbol = book.symbols[name];
        if (wanders) wander(symbol);
        price(name, symbol.bid, symbol.ask, dueMs(rounds_ + 1));
      }
    }
  }
  void price(const std::string &name, double bid, double ask, long timeMs) {
    Symbol &symbol = book.symbols[name];
    symbol.bid = bid;
    symbol.ask = ask;
    quote(symbol, timeMs);
    terminal::events.tick(name);
    if (symbol.book) terminal::events.book(name);
    if (!terminal::events.handlerRuns) trigger(symbol);
  }

  uint send(const MqlTradeRequest &request) {
    Sent sent;
    sent.id = book.nextRequest++;
    sent.request = request;
    sent.dueMs = nowMs() + std::max(latencyMs, spell(request.comment, "slow", 0));
    book.write(sent);
    book.sent[sent.id] = sent;
    return sent.id;
  }

  double profitOf(const Position &position) const {
    const Symbol &symbol = book.symbols.at(position.symbol);
    const double moved = position.type == POSITION_TYPE_BUY ? symbol.bid - position.price : position.price - symbol.ask;
    return std::round(moved * symbol.worth() * position.volume * 100) / 100;
  }
  double profit() const {
    double sum = 0;
    for (const auto &[ticket, position] : book.positions) sum += profitOf(position);
    return sum;
  }
  double marginOf(const std::string &name, double volume) const {
    const Symbol &symbol = book.symbols.at(name);
    return std::round(1000 * volume * (symbol.base == "USD" ? 1 : symbol.ask) * 100) / 100;
  }
  double margin() const {
    double sum = 0;
    for (const auto &[ticket, position] : book.positions) sum += marginOf(position.symbol, position.volume);
    return sum;
  }
  /** 0, or why not. */
  uint check(const MqlTradeRequest &r) const {
    const bool places = r.action == TRADE_ACTION_DEAL || r.action == TRADE_ACTION_PENDING;
    if (!places) return 0;
    const auto found = book.symbols.find(r.symbol.bytes());
    if (found == book.symbols.end()) return 10013;
    if (r.volume < 0.01 - 1e-9 || r.volume > 100 + 1e-9 || std::abs(r.volume * 100 - std::round(r.volume * 100)) > 1e-6) return 10014;
    if (r.action == TRADE_ACTION_DEAL && r.type != ORDER_TYPE_BUY && r.type != ORDER_TYPE_SELL) return 10013;
    if (r.action == TRADE_ACTION_DEAL && r.type_filling != ORDER_FILLING_FOK && r.type_filling != ORDER_FILLING_IOC) return 10030;
    const Symbol &symbol = found->second;
    const bool buys = r.type % 2 == 0;
    if (r.action == TRADE_ACTION_PENDING) {
      if (r.type < ORDER_TYPE_BUY_LIMIT || r.type > ORDER_TYPE_SELL_STOP_LIMIT) return 10035;
      const bool limit = r.type <= ORDER_TYPE_SELL_LIMIT;
      const double market = buys ? symbol.ask : symbol.bid;
      if (r.price <= 0 || (buys == limit ? r.price >= market : r.price <= market)) return 10015;
    }
    const double from = r.action == TRADE_ACTION_PENDING ? r.price : buys ? symbol.bid : symbol.ask;
    if (!stopsFit(buys, from, r.sl, r.tp)) return 10016;
    if (r.action == TRADE_ACTION_DEAL && r.position == 0 && marginOf(symbol.name, r.volume) > book.balance + profit() - margin()) return 10019;
    return 0;
  }

 private:
  struct Told {
    std::vector<terminal::Event> events;
    MqlTradeResult result{};
  };
  long beganMs_ = 0, rounds_ = 0;
  std::mt19937 prices_{static_cast<unsigned>(number("TERMINAL_SEED", 1))};

  long dueMs(long round) const { return beganMs_ + round * 1000 / tickRate; }
  /** A point up or down, never further away than a thousand. */
  void wander(Symbol &symbol) {
    int step = prices_() % 2 == 0 ? 1 : -1;
    if (std::abs(symbol.strayed + step) > 1000) step = -step;
    symbol.strayed += step;
    const double scale = std::round(1 / symbol.point());
    symbol.bid = std::round(symbol.bid * scale + step) / scale;
    symbol.ask = std::round(symbol.ask * scale + step) / scale;
  }

  static bool stopsFit(bool buys, double from, double sl, double tp) {
    return (sl == 0 || (buys ? sl < from : sl > from)) && (tp == 0 || (buys ? tp > from : tp < from));
  }
  static void quote(Symbol &symbol, long timeMs) {
    MqlTick tick{};
    tick.time = timeMs / 1000;
    tick.time_msc = timeMs;
    tick.bid = symbol.bid;
    tick.ask = symbol.ask;
    tick.flags = TICK_FLAG_BID | TICK_FLAG_ASK | 128;  // live ticks carry bits that nobody has documented
    symbol.ticks.push_back(tick);
    if (symbol.ticks.size() > 100000) symbol.ticks.pop_front();
  }

  static MqlTradeTransaction about(ENUM_TRADE_TRANSACTION_TYPE type) {
    MqlTradeTransaction transaction{};
    transaction.type = type;
    return transaction;
  }
  static void tell(Told &told, const MqlTradeTransaction &transaction) {
    terminal::Event event{.kind = terminal::Event::transaction, .symbol = ""};
    event.transaction_ = transaction;
    told.events.push_back(event);
  }
  static void tell(Told &told, ENUM_TRADE_TRANSACTION_TYPE type, const Order &order) {
    MqlTradeTransaction transaction = about(type);
    transaction.order = order.ticket;
    transaction.symbol = String(std::string_view(order.symbol));
    transaction.order_type = ENUM_ORDER_TYPE(order.type);
    transaction.order_state = ENUM_ORDER_STATE(order.state);
    transaction.price = order.price;
    transaction.volume = order.volumeCurrent;
    transaction.position = order.positionId;
    transaction.position_by = order.positionBy;
    tell(told, transaction);
  }
  static void tell(Told &told, const Position &position) {
    MqlTradeTransaction transaction = about(TRADE_TRANSACTION_POSITION);
    transaction.symbol = String(std::string_view(position.symbol));
    transaction.position = position.ticket;
    transaction.price_sl = position.sl;
    transaction.price_tp = position.tp;
    transaction.volume = position.volume;
    tell(told, transaction);
  }

  void carryOut(const Sent &sent) {
    const MqlTradeRequest &r = sent.request;
    Told told;
    told.result.request_id = sent.id;
    told.result.comment = String("Request executed");
    const auto found = book.symbols.find(r.symbol.bytes());
    if (found != book.symbols.end()) {
      told.result.bid = found->second.bid;
      told.result.ask = found->second.ask;
    }
    told.result.retcode = 0;
    if (const long asked = spell(r.comment, "retcode", 0); asked != 0) told.result.retcode = static_cast<uint>(asked);
    else if (spell(r.comment, "requote", 0) != 0) {
      told.result.retcode = 10004;
      told.result.bid += 0.001;
      told.result.ask += 0.001;
    } else told.result.retcode = check(r);
    if (told.result.retcode == 0 && executionMs > 0 && r.action == TRADE_ACTION_DEAL && sent.started == 0) {
      begin(sent, told);
      return;
    }
    if (told.result.retcode == 0) told.result.retcode = execute(r, told, sent.started);
    else told.result.comment = String("");
    const auto started = book.open.find(sent.started);
    if (started != book.open.end()) putAway(Order(started->second), ORDER_STATE_REJECTED, told);
    if (sent.answered && spell(r.comment, "lost", 0) == 0) {
      terminal::Event answer{.kind = terminal::Event::transaction, .symbol = ""};
      answer.transaction_ = about(TRADE_TRANSACTION_REQUEST);
      answer.request = r;
      answer.result = told.result;
      told.events.push_back(answer);
    }
    terminal::events.transactions(std::move(told.events));
  }

  /** A market order is in the list of orders until it is executed. */
  void begin(Sent sent, Told &told) {
    Order order = newOrder(sent.request);
    book.open[order.ticket] = order;
    book.write(order);
    tell(told, TRADE_TRANSACTION_ORDER_ADD, order);
    sent.started = order.ticket;
    sent.dueMs = nowMs() + executionMs;
    book.sent[sent.id] = sent;
    book.write(sent);
    terminal::events.transactions(std::move(told.events));
  }

  uint execute(const MqlTradeRequest &r, Told &told, ulong started) {
    switch (r.action) {
      case TRADE_ACTION_DEAL: return deal(r, told, started);
      case TRADE_ACTION_PENDING: return place(r, told);
      case TRADE_ACTION_MODIFY: return modify(r, told);
      case TRADE_ACTION_REMOVE: return remove(r, told);
      case TRADE_ACTION_SLTP: return stops(r, told);
      case TRADE_ACTION_CLOSE_BY: return closeBy(r, told);
    }
    return 10013;
  }

  Order newOrder(const MqlTradeRequest &r) {
    Order order;
    order.ticket = book.nextOrder++;
    order.symbol = r.symbol.bytes();
    order.type = r.type;
    order.magic = static_cast<long>(r.magic);
    order.volumeInitial = order.volumeCurrent = r.volume;
    order.price = r.price;
    order.stopLimit = r.stoplimit;
    order.sl = r.sl;
    order.tp = r.tp;
    order.filling = r.type_filling;
    order.timeType = r.type_time;
    order.expiration = r.expiration;
    order.comment = r.comment.bytes();
    order.setupMs = nowMs();
    return order;
  }
  void putAway(Order order, int state, Told &told) {
    order.state = state;
    order.doneMs = nowMs();
    order.visibleMs = order.doneMs + historyLagMs;
    book.open.erase(order.ticket);
    book.past[order.ticket] = order;
    book.write(order);
    tell(told, TRADE_TRANSACTION_ORDER_DELETE, order);
    tell(told, TRADE_TRANSACTION_HISTORY_ADD, order);
  }
  ulong addDeal(const Order &order, int entry, bool buys, double volume, double price, double profit, ulong position, Told &told, int reason) {
    Deal deal;
    deal.ticket = book.nextDeal++;
    deal.order = order.ticket;
    deal.positionId = position;
    deal.symbol = order.symbol;
    deal.type = buys ? DEAL_TYPE_BUY : DEAL_TYPE_SELL;
    deal.entry = entry;
    deal.reason = reason;
    deal.magic = order.magic;
    deal.volume = volume;
    deal.price = price;
    deal.sl = order.sl;
    deal.tp = order.tp;
    deal.profit = profit;
    deal.comment = order.comment;
    deal.timeMs = nowMs();
    deal.visibleMs = deal.timeMs + historyLagMs;
    book.add(deal);
    book.write(deal);
    if (profit != 0) book.write(std::round((book.balance + profit) * 100) / 100);
    MqlTradeTransaction transaction = about(TRADE_TRANSACTION_DEAL_ADD);
    transaction.deal = deal.ticket;
    transaction.order = order.ticket;
    transaction.symbol = String(std::string_view(order.symbol));
    transaction.deal_type = ENUM_DEAL_TYPE(deal.type);
    transaction.price = price;
    transaction.volume = volume;
    transaction.position = position;
    tell(told, transaction);
    return deal.ticket;
  }

  uint deal(const MqlTradeRequest &r, Told &told, ulong started) {
    const Symbol &symbol = book.symbols[r.symbol.bytes()];
    const bool buys = r.type == ORDER_TYPE_BUY;
    if (r.position != 0) {
      const auto found = book.positions.find(r.position);
      if (found == book.positions.end()) return 10036;
      if (found->second.type == (buys ? POSITION_TYPE_BUY : POSITION_TYPE_SELL)) return 10013;
      if (r.volume > found->second.volume + 1e-9) return 10038;
    }
    Order order = started == 0 ? newOrder(r) : book.open[started];
    order.price = buys ? symbol.ask : symbol.bid;
    order.positionId = r.position;
    if (started == 0) tell(told, TRADE_TRANSACTION_ORDER_ADD, order);
    const double part = spelledLots(r.comment);
    const double volume = part > 0 ? std::min(part, r.volume) : r.volume;
    const auto [ticket, position] = fill(order, volume, order.price, told, order.reason);
    order.positionId = position;
    order.volumeCurrent = std::round((r.volume - volume) * 100) / 100;
    putAway(order, order.volumeCurrent > 0 ? ORDER_STATE_CANCELED : ORDER_STATE_FILLED, told);
    told.result.deal = ticket;
    told.result.order = order.ticket;
    told.result.volume = volume;
    told.result.price = order.price;
    return order.volumeCurrent > 0 ? 10010 : 10009;
  }
  /** The deal's ticket and the position's. */
  std::pair<ulong, ulong> fill(const Order &order, double volume, double price, Told &told, int reason) {
    const bool buys = order.type % 2 == 0;
    Position *against = nullptr;
    if (hedging) {
      if (order.positionId != 0) against = &book.positions[order.positionId];
    } else {
      for (auto &[ticket, position] : book.positions) {
        if (position.symbol == order.symbol) against = &position;
      }
    }
    if (against == nullptr) return opened(order, buys, volume, price, told);
    if ((against->type == POSITION_TYPE_BUY) == buys) return added(*against, order, volume, price, told);
    return reduced(*against, order, volume, price, told, reason);
  }
  std::pair<ulong, ulong> opened(const Order &order, bool buys, double volume, double price, Told &told) {
    Position position;
    position.ticket = position.identifier = order.ticket;
    position.symbol = order.symbol;
    position.type = buys ? POSITION_TYPE_BUY : POSITION_TYPE_SELL;
    position.magic = order.magic;
    position.volume = volume;
    position.price = price;
    position.sl = order.sl;
    position.tp = order.tp;
    position.comment = order.comment;
    position.timeMs = position.updateMs = nowMs();
    book.positions[position.ticket] = position;
    book.write(position);
    return {addDeal(order, DEAL_ENTRY_IN, buys, volume, price, 0, position.identifier, told, order.reason), position.ticket};
  }
  std::pair<ulong, ulong> added(Position &position, const Order &order, double volume, double price, Told &told) {
    position.price = (position.price * position.volume + price * volume) / (position.volume + volume);
    position.volume = std::round((position.volume + volume) * 100) / 100;
    position.sl = order.sl;
    position.tp = order.tp;
    position.magic = order.magic;
    position.updateMs = nowMs();
    book.write(position);
    return {addDeal(order, DEAL_ENTRY_IN, order.type % 2 == 0, volume, price, 0, position.identifier, told, order.reason), position.ticket};
  }
  std::pair<ulong, ulong> reduced(Position &position, const Order &order, double volume, double price, Told &told, int reason) {
    const bool buys = order.type % 2 == 0;
    const double closed = std::min(volume, position.volume);
    const double sign = position.type == POSITION_TYPE_BUY ? 1 : -1;
    const double profit = std::round(sign * (price - position.price) * book.symbols[order.symbol].worth() * closed * 100) / 100;
    const ulong identifier = position.identifier, ticket = position.ticket;
    const double left = std::round((position.volume - volume) * 100) / 100;
    if (left > 0) {
      position.volume = left;
      position.updateMs = nowMs();
      book.write(position);
    } else if (left == 0) {
      book.gone(position);
      book.positions.erase(ticket);
    } else {
      Position turned = position;
      book.gone(position);
      book.positions.erase(ticket);
      turned.ticket = order.ticket;
      turned.type = buys ? POSITION_TYPE_BUY : POSITION_TYPE_SELL;
      turned.volume = -left;
      turned.price = price;
      turned.sl = order.sl;
      turned.tp = order.tp;
      turned.magic = order.magic;
      turned.updateMs = nowMs();
      book.positions[turned.ticket] = turned;
      book.write(turned);
    }
    return {addDeal(order, left < 0 ? DEAL_ENTRY_INOUT : DEAL_ENTRY_OUT, buys, volume, price, profit, identifier, told, reason), identifier};
  }

  uint place(const MqlTradeRequest &r, Told &told) {
    Order order = newOrder(r);
    order.state = ORDER_STATE_PLACED;
    book.open[order.ticket] = order;
    book.write(order);
    tell(told, TRADE_TRANSACTION_ORDER_ADD, order);
    told.result.order = order.ticket;
    told.result.volume = r.volume;
    return 10009;
  }
  uint modify(const MqlTradeRequest &r, Told &told) {
    const auto found = book.open.find(r.order);
    if (found == book.open.end()) return 10013;
    Order &order = found->second;
    if (order.price == r.price && order.sl == r.sl && order.tp == r.tp && order.stopLimit == r.stoplimit &&
        order.timeType == r.type_time && order.expiration == r.expiration) return 10025;
    MqlTradeRequest changed = r;
    changed.action = TRADE_ACTION_PENDING;
    changed.symbol = String(std::string_view(order.symbol));
    changed.type = ENUM_ORDER_TYPE(order.type);
    changed.volume = order.volumeInitial;
    if (const uint why = check(changed); why != 0) return why;
    order.price = r.price;
    order.sl = r.sl;
    order.tp = r.tp;
    order.stopLimit = r.stoplimit;
    order.timeType = r.type_time;
    order.expiration = r.expiration;
    book.write(order);
    tell(told, TRADE_TRANSACTION_ORDER_UPDATE, order);
    told.result.order = order.ticket;
    return 10009;
  }
  uint remove(const MqlTradeRequest &r, Told &told) {
    const auto found = book.open.find(r.order);
    if (found == book.open.end()) return 10013;
    putAway(Order(found->second), ORDER_STATE_CANCELED, told);
    told.result.order = r.order;
    return 10009;
  }
  uint stops(const MqlTradeRequest &r, Told &told) {
    const auto found = book.positions.find(r.position);
    if (found == book.positions.end()) return 10036;
    Position &position = found->second;
    const Symbol &symbol = book.symbols[position.symbol];
    const bool bought = position.type == POSITION_TYPE_BUY;
    if (position.sl == r.sl && position.tp == r.tp) return 10025;
    if (!stopsFit(bought, bought ? symbol.bid : symbol.ask, r.sl, r.tp)) return 10016;
    position.sl = r.sl;
    position.tp = r.tp;
    book.write(position);
    tell(told, position);
    return 10009;
  }
  uint closeBy(const MqlTradeRequest &r, Told &told) {
    const auto first = book.positions.find(r.position), second = book.positions.find(r.position_by);
    if (first == book.positions.end() || second == book.positions.end()) return 10036;
    if (!hedging || first->second.symbol != second->second.symbol || first->second.type == second->second.type) return 10013;
    Position a = first->second, b = second->second;
    MqlTradeRequest asked = r;
    asked.symbol = String(std::string_view(a.symbol));
    asked.type = ORDER_TYPE_CLOSE_BY;
    asked.volume = std::min(a.volume, b.volume);
    Order order = newOrder(asked);
    order.price = b.price;
    order.positionId = a.identifier;
    order.positionBy = b.identifier;
    order.volumeCurrent = 0;
    tell(told, TRADE_TRANSACTION_ORDER_ADD, order);
    const double sign = a.type == POSITION_TYPE_BUY ? 1 : -1;
    const double profit = std::round(sign * (b.price - a.price) * book.symbols[a.symbol].worth() * asked.volume * 100) / 100;
    told.result.deal = addDeal(order, DEAL_ENTRY_OUT_BY, a.type == POSITION_TYPE_SELL, asked.volume, b.price, profit, a.identifier, told, order.reason);
    addDeal(order, DEAL_ENTRY_OUT_BY, b.type == POSITION_TYPE_SELL, asked.volume, a.price, 0, b.identifier, told, order.reason);
    for (Position *position : {&a, &b}) {
      position->volume = std::round((position->volume - asked.volume) * 100) / 100;
      position->updateMs = nowMs();
      if (position->volume > 0) {
        book.positions[position->ticket] = *position;
        book.write(*position);
      } else {
        book.gone(*position);
        book.positions.erase(position->ticket);
      }
    }
    putAway(order, ORDER_STATE_FILLED, told);
    told.result.order = order.ticket;
    told.result.volume = asked.volume;
    told.result.price = b.price;
    return 10009;
  }

  /** What a price sets off: pending orders, stops, and orders whose time is over. */
  void trigger(Symbol &symbol) {
    Told told;
    std::vector<Order> hit;
    const long now = nowMs();
    for (const auto &[ticket, order] : book.open) {
      if (order.symbol != symbol.name) continue;
      const bool over = order.timeType == ORDER_TIME_SPECIFIED && order.expiration > 0 && order.expiration * 1000 <= now;
      if (over || reached(order, symbol)) hit.push_back(order);
    }
    for (Order order : hit) {
      if (!reached(order, symbol)) putAway(order, ORDER_STATE_EXPIRED, told);
      else if (order.type >= ORDER_TYPE_BUY_STOP_LIMIT) {
        Order &changed = book.open[order.ticket];
        changed.type -= 4;
        changed.price = changed.stopLimit;
        changed.stopLimit = 0;
        book.write(changed);
        tell(told, TRADE_TRANSACTION_ORDER_UPDATE, changed);
      } else {
        const double price = order.type % 2 == 0 ? symbol.ask : symbol.bid;
        order.positionId = fill(order, order.volumeCurrent, price, told, order.reason).second;
        order.volumeCurrent = 0;
        putAway(order, ORDER_STATE_FILLED, told);
      }
    }
    std::vector<Position> stopped;
    for (const auto &[ticket, position] : book.positions) {
      if (position.symbol == symbol.name && stopReached(position, symbol) != 0) stopped.push_back(position);
    }
    for (const Position &position : stopped) {
      MqlTradeRequest request{};
      const bool bought = position.type == POSITION_TYPE_BUY;
      request.symbol = String(std::string_view(position.symbol));
      request.type = bought ? ORDER_TYPE_SELL : ORDER_TYPE_BUY;
      request.volume = position.volume;
      request.magic = static_cast<ulong>(position.magic);
      Order order = newOrder(request);
      order.reason = stopReached(position, symbol);
      order.positionId = position.ticket;
      order.comment = order.reason == REASON_SL ? "[sl]" : "[tp]";
      tell(told, TRADE_TRANSACTION_ORDER_ADD, order);
      fill(order, position.volume, bought ? symbol.bid : symbol.ask, told, order.reason);
      order.volumeCurrent = 0;
      putAway(order, ORDER_STATE_FILLED, told);
    }
    book.commit();
    terminal::events.transactions(std::move(told.events));
  }
  static bool reached(const Order &order, const Symbol &symbol) {
    switch (order.type) {
      case ORDER_TYPE_BUY_LIMIT: return symbol.ask <= order.price;
      case ORDER_TYPE_SELL_LIMIT: return symbol.bid >= order.price;
      case ORDER_TYPE_BUY_STOP: case ORDER_TYPE_BUY_STOP_LIMIT: return symbol.ask >= order.price;
      case ORDER_TYPE_SELL_STOP: case ORDER_TYPE_SELL_STOP_LIMIT: return symbol.bid <= order.price;
    }
    return false;
  }
  static int stopReached(const Position &position, const Symbol &symbol) {
    const bool bought = position.type == POSITION_TYPE_BUY;
    const double price = bought ? symbol.bid : symbol.ask;
    if (position.sl != 0 && (bought ? price <= position.sl : price >= position.sl)) return REASON_SL;
    if (position.tp != 0 && (bought ? price >= position.tp : price <= position.tp)) return REASON_TP;
    return 0;
  }
};

/** Made when the program begins, not before: the environment is then complete. */
inline Broker &scripted() {
  static Broker broker;
  return broker;
}

}  // namespace mql::broker

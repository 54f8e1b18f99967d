// The terminal's functions over the scripted broker: account, symbols, ticks, trade, lists and history, timers and books.
#pragma once
#include "broker.hpp"
#include "tls.hpp"

namespace mql {
namespace terminal {

inline broker::Broker &brokers() { return broker::scripted(); }
inline String text(const std::string &bytes) { return String(std::string_view(bytes)); }
inline broker::Symbol *symbolOf(const string &name) {
  auto &symbols = brokers().book.symbols;
  const auto found = symbols.find(name.bytes());
  if (found == symbols.end()) lastError = ERR_MARKET_UNKNOWN_SYMBOL;
  return found == symbols.end() ? nullptr : &found->second;
}
/** What OrderSelect and its like have selected. */
struct Selection {
  const broker::Order *order = nullptr;
  const broker::Position *position = nullptr;
  std::vector<ulong> pastOrders, deals;
};
inline Selection selection;

/** Lists are read from one end to the other: the place of the last look is near that of the next. */
template <typename T>
const T *nth(const std::map<ulong, T> &all, int at) {
  if (at < 0 || at >= static_cast<int>(all.size())) return nullptr;
  static long version = -1;
  static int place = 0;
  static auto found = all.begin();
  if (version != brokers().book.version) version = brokers().book.version, place = 0, found = all.begin();
  std::advance(found, at - place);
  place = at;
  return &found->second;
}
inline bool isPast(long visibleMs) { return brokers().connected && visibleMs <= broker::nowMs(); }

}  // namespace terminal

inline datetime TimeTradeServer() { return broker::nowMs() / 1000; }
inline datetime TimeCurrent() {
  long newest = 0;
  for (const auto &name : terminal::brokers().book.watch) newest = std::max(newest, terminal::brokers().book.symbols[name].ticks.back().time_msc);
  return newest / 1000;
}

inline long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER property) {
  const auto &broker = terminal::brokers();
  switch (property) {
    case ACCOUNT_LOGIN: return broker.login;
    case ACCOUNT_TRADE_MODE: return broker.tradeMode;
    case ACCOUNT_LEVERAGE: return 100;
    case ACCOUNT_LIMIT_ORDERS: return 200;
    case ACCOUNT_MARGIN_SO_MODE: return 0;
    case ACCOUNT_TRADE_ALLOWED: return broker.connected;
    case ACCOUNT_TRADE_EXPERT: return 1;
    case ACCOUNT_MARGIN_MODE: return broker.hedging ? 2 : 0;
    case ACCOUNT_CURRENCY_DIGITS: return 2;
  }
  return 0;
}
inline double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE property) {
  const auto &broker = terminal::brokers();
  const double margin = broker.margin(), equity = broker.book.balance + broker.profit();
  switch (property) {
    case ACCOUNT_BALANCE: return broker.book.balance;
    case ACCOUNT_CREDIT: return 0;
    case ACCOUNT_PROFIT: return broker.profit();
    case ACCOUNT_EQUITY: return equity;
    case ACCOUNT_MARGIN: return margin;
    case ACCOUNT_MARGIN_FREE: return equity - margin;
    case ACCOUNT_MARGIN_LEVEL: return margin == 0 ? 0 : equity / margin * 100;
    case ACCOUNT_MARGIN_SO_CALL: return 50;
    case ACCOUNT_MARGIN_SO_SO: return 30;
  }
  return 0;
}
inline string AccountInfoString(ENUM_ACCOUNT_INFO_STRING property) {
  switch (property) {
    case ACCOUNT_NAME: return terminal::text("Stand-in");
    case ACCOUNT_SERVER: return terminal::text(terminal::brokers().server);
    case ACCOUNT_CURRENCY: return terminal::text("USD");
    case ACCOUNT_COMPANY: return terminal::text("Scripted Broker");
  }
  return string();
}
inline long TerminalInfoInteger(ENUM_TERMINAL_INFO_INTEGER property) {
  switch (property) {
    case TERMINAL_BUILD: return 5430;
    case TERMINAL_CONNECTED: return terminal::brokers().connected;
    case TERMINAL_TRADE_ALLOWED: return terminal::brokers().algoAllowed;
    case TERMINAL_PING_LAST: return 21000;
  }
  return 0;
}
inline long MQLInfoInteger(ENUM_MQL_INFO_INTEGER) { return 1; }

inline bool SymbolExist(const string &name, bool &custom) {
  custom = false;
  return terminal::brokers().book.symbols.contains(name.bytes());
}
inline bool SymbolSelect(const string &name, bool select) { return select && terminal::brokers().book.select(name.bytes()); }
inline int SymbolsTotal(bool watched) {
  return static_cast<int>(watched ? terminal::brokers().book.watch.size() : terminal::brokers().book.symbols.size());
}
inline string SymbolName(int at, bool) {
  const auto &watch = terminal::brokers().book.watch;
  return at >= 0 && at < static_cast<int>(watch.size()) ? terminal::text(watch[static_cast<std::size_t>(at)]) : string();
}
inline long SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property) {
  const broker::Symbol *symbol = terminal::symbolOf(name);
  if (symbol == nullptr) return 0;
  switch (property) {
    case SYMBOL_DIGITS: return symbol->digits;
    case SYMBOL_TRADE_MODE: return 4;
    case SYMBOL_TRADE_EXEMODE: return 2;
    case SYMBOL_ORDER_MODE: return 127;
    case SYMBOL_FILLING_MODE: return SYMBOL_FILLING_FOK | SYMBOL_FILLING_IOC;
    case SYMBOL_EXPIRATION_MODE: return 15;
    case SYMBOL_SWAP_MODE: return 1;
    case SYMBOL_TICKS_BOOKDEPTH: return symbol->depth;
    default: return 0;
  }
}
inline double SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property) {
  const broker::Symbol *symbol = terminal::symbolOf(name);
  if (symbol == nullptr) return 0;
  switch (property) {
    case SYMBOL_BID: return symbol->bid;
    case SYMBOL_ASK: return symbol->ask;
    case SYMBOL_POINT: case SYMBOL_TRADE_TICK_SIZE: return symbol->point();
    case SYMBOL_TRADE_TICK_VALUE: return symbol->point() * symbol->worth();
    case SYMBOL_TRADE_CONTRACT_SIZE: return 100000;
    case SYMBOL_VOLUME_MIN: case SYMBOL_VOLUME_STEP: return 0.01;
    case SYMBOL_VOLUME_MAX: return 100;
    case SYMBOL_SWAP_LONG: return -6.8;
    case SYMBOL_SWAP_SHORT: return 1.2;
    case SYMBOL_SWAP_MONDAY: case SYMBOL_SWAP_TUESDAY: case SYMBOL_SWAP_THURSDAY: case SYMBOL_SWAP_FRIDAY: return 1;
    case SYMBOL_SWAP_WEDNESDAY: return 3;
    case SYMBOL_MARGIN_HEDGED: return 100000;
    default: return 0;
  }
}
inline string SymbolInfoString(const string &name, ENUM_SYMBOL_INFO_STRING property) {
  const broker::Symbol *symbol = terminal::symbolOf(name);
  if (symbol == nullptr) return string();
  switch (property) {
    case SYMBOL_DESCRIPTION: return terminal::text(symbol->base + " against " + symbol->profit);
    case SYMBOL_PATH: return terminal::text("Forex\\" + symbol->name);
    case SYMBOL_CURRENCY_BASE: case SYMBOL_CURRENCY_MARGIN: return terminal::text(symbol->base);
    case SYMBOL_CURRENCY_PROFIT: return terminal::text(symbol->profit);
  }
  return string();
}
inline bool SymbolInfoMarginRate(const string &name, ENUM_ORDER_TYPE, double &initial, double &maintenance) {
  initial = maintenance = 1;
  return terminal::symbolOf(name) != nullptr;
}
/** Around the clock, every day: what is tested with it must not depend on the day of the week. */
inline bool SymbolInfoSessionQuote(const string &name, ENUM_DAY_OF_WEEK, uint index, datetime &from, datetime &to) {
  from = 0;
  to = 86400;
  return index == 0 && terminal::symbolOf(name) != nullptr;
}
inline bool SymbolInfoSessionTrade(const string &name, ENUM_DAY_OF_WEEK day, uint index, datetime &from, datetime &to) {
  return SymbolInfoSessionQuote(name, day, index, from, to);
}
inline bool SymbolInfoTick(const string &name, MqlTick &tick) {
  terminal::brokers().ticks(broker::nowMs());
  const broker::Symbol *symbol = terminal::symbolOf(name);
  if (symbol == nullptr || symbol->ticks.empty()) return false;
  tick = symbol->ticks.back();
  return true;
}
/** From 0 on: the newest; otherwise the oldest from that millisecond on, itself included. */
inline int CopyTicks(const string &name, Array<MqlTick> &to, uint = COPY_TICKS_ALL, ulong from = 0, uint count = 0) {
  terminal::brokers().ticks(broker::nowMs());
  const broker::Symbol *symbol = terminal::symbolOf(name);
  if (symbol == nullptr) return -1;
  if (count == 0) count = 2000;
  const auto &ticks = symbol->ticks;
  auto first = std::lower_bound(ticks.begin(), ticks.end(), static_cast<long>(from), [](const MqlTick &tick, long time) { return tick.time_msc < time; });
  if (from == 0) first = ticks.end() - std::min<long>(static_cast<long>(ticks.size()), count);
  const long copied = std::min<long>(ticks.end() - first, count);
  to.resize(copied);
  std::copy_n(first, copied, to.data());
  return static_cast<int>(copied);
}
/** Prices stand still but for what a test says: a bar is made of the price there is now. */
inline int CopyRates(const string &name, ENUM_TIMEFRAMES frame, datetime from, datetime until, Array<MqlRates> &to) {
  const broker::Symbol *symbol = terminal::symbolOf(name);
  const int number = frame;
  const long unit = number >= 49153 ? 2592000 : number >= 32769 ? 604800 : number >= 16385 ? (number - 16384) * 3600L : number * 60L;
  if (symbol == nullptr || number < 1 || until < from) return failed(ERR_INVALID_PARAMETER), -1;
  const long end = std::min<long>(until, TimeTradeServer());
  std::vector<MqlRates> bars;
  for (long time = (from + unit - 1) / unit * unit; time <= end && bars.size() < 200000; time += unit) {
    MqlRates bar{};
    bar.time = time;
    bar.open = bar.high = bar.low = bar.close = symbol->bid;
    bar.tick_volume = unit * 10;
    bar.spread = static_cast<int>(std::lround((symbol->ask - symbol->bid) / symbol->point()));
    bars.push_back(bar);
  }
  to.resize(static_cast<long>(bars.size()));
  std::copy(bars.begin(), bars.end(), to.data());
  return static_cast<int>(bars.size());
}
inline bool MarketBookAdd(const string &name) {
  broker::Symbol *symbol = terminal::symbolOf(name);
  if (symbol == nullptr || symbol->depth == 0) return failed(ERR_BOOKS_CANNOT_ADD);
  return symbol->book = true;
}
inline bool MarketBookRelease(const string &name) {
  broker::Symbol *symbol = terminal::symbolOf(name);
  if (symbol == nullptr) return false;
  symbol->book = false;
  return true;
}

inline bool OrderSendAsync(const MqlTradeRequest &request, MqlTradeResult &result) {
  auto &broker = terminal::brokers();
  result = MqlTradeResult{};
  terminal::step("before-order");
  result.retcode = static_cast<uint>(broker::spell(request.comment, "unsent", 0));
  if (!broker.connected) result.retcode = 10031;
  else if (!broker.algoAllowed) result.retcode = 10027;
  else if (request.comment.size() > 31) result.retcode = 10013;
  else if (request.symbol.size() > 0 && terminal::symbolOf(request.symbol) == nullptr) result.retcode = 10013;
  if (result.retcode != 0) return failed(ERR_TRADE_SEND_FAILED);
  result.request_id = broker.send(request);
  result.retcode = 10008;
  terminal::step("after-order");
  return true;
}
inline bool OrderCheck(const MqlTradeRequest &request, MqlTradeCheckResult &result) {
  const auto &broker = terminal::brokers();
  result = MqlTradeCheckResult{};
  result.retcode = broker.check(request);
  const bool known = terminal::symbolOf(request.symbol) != nullptr;
  result.balance = broker.book.balance;
  result.profit = broker.profit();
  result.equity = result.balance + result.profit;
  result.margin = broker.margin() + (known ? broker.marginOf(request.symbol.bytes(), request.volume) : 0);
  result.margin_free = result.equity - result.margin;
  result.margin_level = result.margin == 0 ? 0 : result.equity / result.margin * 100;
  result.comment = terminal::text(result.retcode == 0 ? "Done" : "Invalid request");
  return result.retcode == 0 || failed(ERR_TRADE_SEND_FAILED);
}
inline bool OrderCalcMargin(ENUM_ORDER_TYPE, const string &name, double volume, double, double &margin) {
  if (terminal::symbolOf(name) == nullptr) return false;
  margin = terminal::brokers().marginOf(name.bytes(), volume);
  return true;
}

inline int OrdersTotal() { return static_cast<int>(terminal::brokers().book.open.size()); }
inline ulong OrderGetTicket(int at) {
  terminal::selection.order = terminal::nth(terminal::brokers().book.open, at);
  return terminal::selection.order == nullptr ? 0 : terminal::selection.order->ticket;
}
inline bool OrderSelect(ulong ticket) {
  const auto &open = terminal::brokers().book.open;
  const auto found = open.find(ticket);
  if (found == open.end()) return failed(4754);
  terminal::selection.order = &found->second;
  return true;
}
namespace terminal {
inline long integerOf(const broker::Order &order, ENUM_ORDER_PROPERTY_INTEGER property) {
  switch (property) {
    case ORDER_TICKET: return static_cast<long>(order.ticket);
    case ORDER_TYPE: return order.type;
    case ORDER_STATE: return order.state;
    case ORDER_REASON: return order.reason;
    case ORDER_MAGIC: return order.magic;
    case ORDER_TYPE_FILLING: return order.filling;
    case ORDER_TYPE_TIME: return order.timeType;
    case ORDER_TIME_EXPIRATION: return order.expiration;
    case ORDER_POSITION_ID: return static_cast<long>(order.positionId);
    case ORDER_POSITION_BY_ID: return static_cast<long>(order.positionBy);
    case ORDER_TIME_SETUP_MSC: return order.setupMs;
    case ORDER_TIME_DONE_MSC: return order.doneMs;
  }
  return 0;
}
inline double doubleOf(const broker::Order &order, ENUM_ORDER_PROPERTY_DOUBLE property) {
  switch (property) {
    case ORDER_VOLUME_INITIAL: return order.volumeInitial;
    case ORDER_VOLUME_CURRENT: return order.volumeCurrent;
    case ORDER_PRICE_OPEN: return order.price;
    case ORDER_PRICE_STOPLIMIT: return order.stopLimit;
    case ORDER_SL: return order.sl;
    case ORDER_TP: return order.tp;
  }
  return 0;
}
inline string stringOf(const broker::Order &order, ENUM_ORDER_PROPERTY_STRING property) {
  return text(property == ORDER_SYMBOL ? order.symbol : order.comment);
}
/** A record of the selected history. */
template <typename T>
const T *selected(const std::vector<ulong> &tickets, const std::map<ulong, T> &all, ulong ticket) {
  if (std::find(tickets.begin(), tickets.end(), ticket) == tickets.end()) return nullptr;
  return &all.at(ticket);
}
}  // namespace terminal
inline long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property) {
  return terminal::selection.order == nullptr ? 0 : terminal::integerOf(*terminal::selection.order, property);
}
inline double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property) {
  return terminal::selection.order == nullptr ? 0 : terminal::doubleOf(*terminal::selection.order, property);
}
inline string OrderGetString(ENUM_ORDER_PROPERTY_STRING property) {
  return terminal::selection.order == nullptr ? string() : terminal::stringOf(*terminal::selection.order, property);
}

inline int PositionsTotal() { return static_cast<int>(terminal::brokers().book.positions.size()); }
inline ulong PositionGetTicket(int at) {
  terminal::selection.position = terminal::nth(terminal::brokers().book.positions, at);
  return terminal::selection.position == nullptr ? 0 : terminal::selection.position->ticket;
}
inline bool PositionSelectByTicket(ulong ticket) {
  const auto &positions = terminal::brokers().book.positions;
  const auto found = positions.find(ticket);
  if (found == positions.end()) return failed(4753);
  terminal::selection.position = &found->second;
  return true;
}
inline long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property) {
  const broker::Position *position = terminal::selection.position;
  if (position == nullptr) return 0;
  switch (property) {
    case POSITION_TICKET: return static_cast<long>(position->ticket);
    case POSITION_IDENTIFIER: return static_cast<long>(position->identifier);
    case POSITION_TYPE: return position->type;
    case POSITION_REASON: return position->reason;
    case POSITION_MAGIC: return position->magic;
    case POSITION_TIME_MSC: return position->timeMs;
    case POSITION_TIME_UPDATE_MSC: return position->updateMs;
  }
  return 0;
}
inline double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property) {
  const broker::Position *position = terminal::selection.position;
  if (position == nullptr) return 0;
  const broker::Symbol &symbol = terminal::brokers().book.symbols.at(position->symbol);
  switch (property) {
    case POSITION_VOLUME: return position->volume;
    case POSITION_PRICE_OPEN: return position->price;
    case POSITION_PRICE_CURRENT: return position->type == POSITION_TYPE_BUY ? symbol.bid : symbol.ask;
    case POSITION_SL: return position->sl;
    case POSITION_TP: return position->tp;
    case POSITION_SWAP: return 0;
    case POSITION_PROFIT: return terminal::brokers().profitOf(*position);
  }
  return 0;
}
inline string PositionGetString(ENUM_POSITION_PROPERTY_STRING property) {
  const broker::Position *position = terminal::selection.position;
  return position == nullptr ? string() : terminal::text(property == POSITION_SYMBOL ? position->symbol : position->comment);
}

/** Orders by when they were done, deals by when they were made; both ends included. */
inline bool HistorySelect(datetime from, datetime to) {
  auto &selected = terminal::selection;
  selected.pastOrders.clear();
  selected.deals.clear();
  for (const auto &[ticket, order] : terminal::brokers().book.past) {
    if (order.doneMs / 1000 >= from && order.doneMs / 1000 <= to && terminal::isPast(order.visibleMs)) selected.pastOrders.push_back(ticket);
  }
  for (const auto &[ticket, deal] : terminal::brokers().book.deals) {
    if (deal.timeMs / 1000 >= from && deal.timeMs / 1000 <= to && terminal::isPast(deal.visibleMs)) selected.deals.push_back(ticket);
  }
  return true;
}
/** A position's deals, and the orders that made them. */
inline bool HistorySelectByPosition(long position) {
  auto &selected = terminal::selection;
  const auto &book = terminal::brokers().book;
  selected.pastOrders.clear();
  selected.deals.clear();
  const auto found = book.dealsOf.find(static_cast<ulong>(position));
  if (found == book.dealsOf.end()) return true;
  for (const ulong ticket : found->second) {
    const broker::Deal &deal = book.deals.at(ticket);
    if (!terminal::isPast(deal.visibleMs)) continue;
    selected.deals.push_back(ticket);
    const auto order = book.past.find(deal.order);
    const bool shown = order != book.past.end() && terminal::isPast(order->second.visibleMs);
    if (shown && std::ranges::find(selected.pastOrders, deal.order) == selected.pastOrders.end()) selected.pastOrders.push_back(deal.order);
  }
  return true;
}
inline bool HistoryOrderSelect(ulong ticket) {
  const auto &past = terminal::brokers().book.past;
  const auto found = past.find(ticket);
  if (found == past.end() || !terminal::isPast(found->second.visibleMs)) return failed(4754);
  terminal::selection.pastOrders = {ticket};
  return true;
}
inline bool HistoryDealSelect(ulong ticket) {
  const auto &deals = terminal::brokers().book.deals;
  const auto found = deals.find(ticket);
  if (found == deals.end() || !terminal::isPast(found->second.visibleMs)) return failed(4755);
  terminal::selection.deals = {ticket};
  return true;
}
inline int HistoryOrdersTotal() { return static_cast<int>(terminal::selection.pastOrders.size()); }
inline int HistoryDealsTotal() { return static_cast<int>(terminal::selection.deals.size()); }
inline ulong HistoryOrderGetTicket(int at) { return at < HistoryOrdersTotal() ? terminal::selection.pastOrders[static_cast<std::size_t>(at)] : 0; }
inline ulong HistoryDealGetTicket(int at) { return at < HistoryDealsTotal() ? terminal::selection.deals[static_cast<std::size_t>(at)] : 0; }
inline long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property) {
  const auto *order = terminal::selected(terminal::selection.pastOrders, terminal::brokers().book.past, ticket);
  return order == nullptr ? 0 : terminal::integerOf(*order, property);
}
inline double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property) {
  const auto *order = terminal::selected(terminal::selection.pastOrders, terminal::brokers().book.past, ticket);
  return order == nullptr ? 0 : terminal::doubleOf(*order, property);
}
inline string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING property) {
  const auto *order = terminal::selected(terminal::selection.pastOrders, terminal::brokers().book.past, ticket);
  return order == nullptr ? string() : terminal::stringOf(*order, property);
}
inline long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property) {
  const auto *deal = terminal::selected(terminal::selection.deals, terminal::brokers().book.deals, ticket);
  if (deal == nullptr) return 0;
  switch (property) {
    case DEAL_ORDER: return static_cast<long>(deal->order);
    case DEAL_POSITION_ID: return static_cast<long>(deal->positionId);
    case DEAL_TYPE: return deal->type;
    case DEAL_ENTRY: return deal->entry;
    case DEAL_REASON: return deal->reason;
    case DEAL_MAGIC: return deal->magic;
    case DEAL_TIME_MSC: return deal->timeMs;
  }
  return 0;
}
inline double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property) {
  const auto *deal = terminal::selected(terminal::selection.deals, terminal::brokers().book.deals, ticket);
  if (deal == nullptr) return 0;
  switch (property) {
    case DEAL_VOLUME: return deal->volume;
    case DEAL_PRICE: return deal->price;
    case DEAL_SL: return deal->sl;
    case DEAL_TP: return deal->tp;
    case DEAL_PROFIT: return deal->profit;
    case DEAL_SWAP: case DEAL_COMMISSION: case DEAL_FEE: return 0;
  }
  return 0;
}
inline string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property) {
  const auto *deal = terminal::selected(terminal::selection.deals, terminal::brokers().book.deals, ticket);
  return deal == nullptr ? string() : terminal::text(property == DEAL_SYMBOL ? deal->symbol : deal->comment);
}

inline bool EventSetMillisecondTimer(int milliseconds) {
  terminal::events.timerMs = milliseconds;
  terminal::events.timerDueMs = broker::nowMs() + milliseconds;
  return true;
}
inline void EventKillTimer() { terminal::events.timerMs = 0; }
inline bool FolderCreate(const string &name, int flags = 0) {
  std::error_code error;
  std::filesystem::create_directories(pathOf(name, flags), error);
  return !error;
}

// Where a program may be killed while it writes its files.
namespace stepped {
inline void FileFlush(int handle) {
  terminal::step("before-flush");
  mql::FileFlush(handle);
  terminal::step("after-flush");
}
}  // namespace stepped

}  // namespace mql

#define FileFlush stepped::FileFlush

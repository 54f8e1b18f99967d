// Specifications of symbols, as SymbolInfo* tells them.
#ifndef MT5BRIDGE_SYMBOLS_MQH
#define MT5BRIDGE_SYMBOLS_MQH

void readSymbol(const string name, LinkSymbol &symbol)
  {
   symbol.name = name;
   symbol.description = SymbolInfoString(name, SYMBOL_DESCRIPTION);
   symbol.path = SymbolInfoString(name, SYMBOL_PATH);
   symbol.digits = (uint)SymbolInfoInteger(name, SYMBOL_DIGITS);
   symbol.point = SymbolInfoDouble(name, SYMBOL_POINT);
   symbol.trade_tick_size = SymbolInfoDouble(name, SYMBOL_TRADE_TICK_SIZE);
   symbol.trade_tick_value = SymbolInfoDouble(name, SYMBOL_TRADE_TICK_VALUE);
   symbol.trade_contract_size = SymbolInfoDouble(name, SYMBOL_TRADE_CONTRACT_SIZE);
   symbol.currency_base = SymbolInfoString(name, SYMBOL_CURRENCY_BASE);
   symbol.currency_profit = SymbolInfoString(name, SYMBOL_CURRENCY_PROFIT);
   symbol.currency_margin = SymbolInfoString(name, SYMBOL_CURRENCY_MARGIN);
   symbol.trade_calc_mode = (int)SymbolInfoInteger(name, SYMBOL_TRADE_CALC_MODE);
   symbol.trade_mode = (int)SymbolInfoInteger(name, SYMBOL_TRADE_MODE);
   symbol.trade_execution = (int)SymbolInfoInteger(name, SYMBOL_TRADE_EXEMODE);
   symbol.order_gtc_mode = (int)SymbolInfoInteger(name, SYMBOL_ORDER_GTC_MODE);
   symbol.chart_mode = (int)SymbolInfoInteger(name, SYMBOL_CHART_MODE);
   symbol.order_mode = (uint)SymbolInfoInteger(name, SYMBOL_ORDER_MODE);
   symbol.filling_mode = (uint)SymbolInfoInteger(name, SYMBOL_FILLING_MODE);
   symbol.expiration_mode = (uint)SymbolInfoInteger(name, SYMBOL_EXPIRATION_MODE);
   symbol.volume_min = SymbolInfoDouble(name, SYMBOL_VOLUME_MIN);
   symbol.volume_max = SymbolInfoDouble(name, SYMBOL_VOLUME_MAX);
   symbol.volume_step = SymbolInfoDouble(name, SYMBOL_VOLUME_STEP);
   symbol.volume_limit = SymbolInfoDouble(name, SYMBOL_VOLUME_LIMIT);
   symbol.trade_stops_level = (int)SymbolInfoInteger(name, SYMBOL_TRADE_STOPS_LEVEL);
   symbol.trade_freeze_level = (int)SymbolInfoInteger(name, SYMBOL_TRADE_FREEZE_LEVEL);
   readSwap(name, symbol);
   readMargin(name, symbol);
   readSessions(name, symbol);
   symbol.book_depth = (uint)SymbolInfoInteger(name, SYMBOL_TICKS_BOOKDEPTH);
   symbol.face_value = SymbolInfoDouble(name, SYMBOL_TRADE_FACE_VALUE);
   symbol.accrued_interest = SymbolInfoDouble(name, SYMBOL_TRADE_ACCRUED_INTEREST);
   symbol.liquidity_rate = SymbolInfoDouble(name, SYMBOL_TRADE_LIQUIDITY_RATE);
   symbol.start_time = SymbolInfoInteger(name, SYMBOL_START_TIME);
   symbol.expiration_time = SymbolInfoInteger(name, SYMBOL_EXPIRATION_TIME);
  }

void readSwap(const string name, LinkSymbol &symbol)
  {
   symbol.swap_mode = (int)SymbolInfoInteger(name, SYMBOL_SWAP_MODE);
   symbol.swap_long = SymbolInfoDouble(name, SYMBOL_SWAP_LONG);
   symbol.swap_short = SymbolInfoDouble(name, SYMBOL_SWAP_SHORT);
   ArrayResize(symbol.swap_rates, 7);
   symbol.swap_rates[0] = SymbolInfoDouble(name, SYMBOL_SWAP_SUNDAY);
   symbol.swap_rates[1] = SymbolInfoDouble(name, SYMBOL_SWAP_MONDAY);
   symbol.swap_rates[2] = SymbolInfoDouble(name, SYMBOL_SWAP_TUESDAY);
   symbol.swap_rates[3] = SymbolInfoDouble(name, SYMBOL_SWAP_WEDNESDAY);
   symbol.swap_rates[4] = SymbolInfoDouble(name, SYMBOL_SWAP_THURSDAY);
   symbol.swap_rates[5] = SymbolInfoDouble(name, SYMBOL_SWAP_FRIDAY);
   symbol.swap_rates[6] = SymbolInfoDouble(name, SYMBOL_SWAP_SATURDAY);
  }

void readMargin(const string name, LinkSymbol &symbol)
  {
   symbol.margin_initial = SymbolInfoDouble(name, SYMBOL_MARGIN_INITIAL);
   symbol.margin_maintenance = SymbolInfoDouble(name, SYMBOL_MARGIN_MAINTENANCE);
   symbol.margin_hedged = SymbolInfoDouble(name, SYMBOL_MARGIN_HEDGED);
   symbol.margin_hedged_use_leg = SymbolInfoInteger(name, SYMBOL_MARGIN_HEDGED_USE_LEG) != 0;
   double rates[6];
   ArrayInitialize(rates, 0.0);
   bool known = SymbolInfoMarginRate(name, ORDER_TYPE_BUY, rates[0], rates[1]) &&
                SymbolInfoMarginRate(name, ORDER_TYPE_SELL, rates[2], rates[3]) &&
                SymbolInfoMarginRate(name, ORDER_TYPE_BUY_LIMIT, rates[4], rates[5]);
   ArrayResize(symbol.margin_rates, known ? 6 : 0);
   for(int i = 0; i < ArraySize(symbol.margin_rates); i++) symbol.margin_rates[i] = rates[i];
  }

void readSessions(const string name, LinkSymbol &symbol)
  {
   ArrayResize(symbol.quote_sessions, 0);
   ArrayResize(symbol.trade_sessions, 0);
   datetime from = 0;
   datetime to = 0;
   for(int day = 0; day < 7; day++)
     {
      for(uint i = 0; i < 32 && SymbolInfoSessionQuote(name, (ENUM_DAY_OF_WEEK)day, i, from, to); i++) addSession(symbol.quote_sessions, day, from, to);
      for(uint i = 0; i < 32 && SymbolInfoSessionTrade(name, (ENUM_DAY_OF_WEEK)day, i, from, to); i++) addSession(symbol.trade_sessions, day, from, to);
     }
  }

void addSession(LinkSymbolSession &sessions[], const int day, const datetime from, const datetime to)
  {
   int at = ArraySize(sessions);
   ArrayResize(sessions, at + 1);
   sessions[at].day = (uint)day;
   sessions[at].from = (uint)from;
   sessions[at].to = (uint)to;
  }

// In the market watch, which it enters when it is not: prices and history exist only there.
bool isThere(const string name)
  {
   bool custom = false;
   return name != "" && SymbolExist(name, custom) && SymbolSelect(name, true);
  }

void marketWatch(string &names[])
  {
   int total = SymbolsTotal(true);
   ArrayResize(names, total);
   for(int i = 0; i < total; i++) names[i] = SymbolName(i, true);
  }

#endif

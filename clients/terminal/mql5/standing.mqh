// What is told of the account unasked, when it has changed: whether it may trade, what it is worth, and its symbols.
#ifndef MT5BRIDGE_STANDING_MQH
#define MT5BRIDGE_STANDING_MQH

#define SPECIFICATIONS_MS 30000

class Standing
  {
private:
   LinkTradeState    m_trade;
   ulong             m_toldTrade;    // the number of the report of it
   LinkAccountState  m_worth;
   long              m_worth_us;
   long              m_specified_us;
   ulong             m_sums[];       // of the subscribed symbols' specifications
   string            m_names[];

   void              tellTrade()
     {
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_TRADE;
      request.report.trade = m_trade;
      ring.add(request, REPORT_OTHER, "");
      m_toldTrade = ring.last();
     }

   ulong             sumOf(LinkSymbol &symbol)
     {
      double value = symbol.trade_tick_value;
      symbol.trade_tick_value = 0;
      uchar bytes[];
      encodeSymbol(symbol, bytes);
      symbol.trade_tick_value = value;
      ulong sum = 1469598103934665603;
      for(int i = 0; i < ArraySize(bytes); i++) sum = (sum ^ bytes[i]) * 1099511628211;
      return sum;
     }

public:
                     Standing() : m_toldTrade(0), m_worth_us(0), m_specified_us(0) {}

   // As it is now, for an account that was just logged in.
   void              begin() { readTradeState(m_trade); }

   // Told on each link, but not once more for each that is refused.
   void              tellTradeAnew()
     {
      readTradeState(m_trade);
      if(ring.last() == 0 || ring.last() != m_toldTrade) tellTrade();
     }

   // What it is worth is worth telling only to somebody who is `linked`.
   void              tell(const bool linked)
     {
      long now = monotonicUs();
      if(now - m_worth_us < (long)AccountStateMilliseconds * 1000) return;
      m_worth_us = now;
      LinkTradeState trade;
      readTradeState(trade);
      bool changed = !isSameTradeState(trade, m_trade);
      m_trade = trade;
      if(changed) tellTrade();
      if(!linked) return;
      LinkAccountState worth;
      readAccountState(worth);
      if(isSameWorth(worth, m_worth)) return;
      m_worth = worth;
      LinkConnectRequest state;
      state.report.event_case = LINK_REPORT_ACCOUNT_STATE;
      state.report.account_state = worth;
      ring.add(state, REPORT_OTHER, "");
     }

   // The value of a tick moves with prices and is no change.
   void              tellSpecifications()
     {
      long now = monotonicUs();
      if(now - m_specified_us < (long)SPECIFICATIONS_MS * 1000) return;
      m_specified_us = now;
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_SYMBOLS;
      int total = (int)MathMin(tickStream.subscribed(), SUBSCRIBED_MAX);
      int known = ArraySize(m_sums);
      ArrayResize(m_sums, total);
      ArrayResize(m_names, total);
      for(int i = 0; i < total; i++)
        {
         string name = tickStream.symbolAt(i);
         LinkSymbol symbol;
         readSymbol(name, symbol);
         ulong sum = sumOf(symbol);
         bool before = i < known && m_names[i] == name;
         if(before && m_sums[i] != sum && ArraySize(request.report.symbols.symbols) < SYMBOLS_A_PART)
           {
            int at = ArraySize(request.report.symbols.symbols);
            ArrayResize(request.report.symbols.symbols, at + 1);
            request.report.symbols.symbols[at] = symbol;
           }
         m_names[i] = name;
         m_sums[i] = sum;
        }
      if(ArraySize(request.report.symbols.symbols) > 0) ring.add(request, REPORT_OTHER, "");
     }
  };

Standing standing;

#endif

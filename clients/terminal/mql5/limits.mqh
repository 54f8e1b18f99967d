// What this terminal trades at most, whatever it is told: the stricter of its own settings and what the bridge said.
#ifndef MT5BRIDGE_LIMITS_MQH
#define MT5BRIDGE_LIMITS_MQH

class Limits
  {
private:
   double            m_volume;
   int               m_aMinute;
   string            m_ownSymbols[];
   string            m_bridgeSymbols[];
   long              m_begun_us[];   // of the youngest orders, as a ring
   int               m_at;

   double            stricter(const double own, const double other)
     {
      if(own <= 0) return other;
      if(other <= 0) return own;
      return MathMin(own, other);
     }

   bool              lists(const string &symbols[], const string symbol)
     {
      for(int i = 0; i < ArraySize(symbols); i++)
        {
         if(symbols[i] == symbol) return true;
        }
      return ArraySize(symbols) == 0;
     }

public:
                     Limits() : m_volume(0), m_aMinute(0), m_at(0) {}

   void              begin()
     {
      string parts[];
      int count = StringSplit(AllowedSymbols, (ushort)',', parts);
      ArrayResize(m_ownSymbols, 0);
      for(int i = 0; i < count; i++)
        {
         StringTrimLeft(parts[i]);
         StringTrimRight(parts[i]);
         if(parts[i] == "") continue;
         ArrayResize(m_ownSymbols, ArraySize(m_ownSymbols) + 1);
         m_ownSymbols[ArraySize(m_ownSymbols) - 1] = parts[i];
        }
      LinkTerminalLimits none;
      adopt(none);
     }

   // What was begun in the last minute counts on.
   void              adopt(const LinkTerminalLimits &bridge)
     {
      m_volume = stricter(MaxVolume, bridge.max_volume);
      int aMinute = (int)stricter(MaxOrdersPerMinute, (bridge.max_orders_per_minute > 100000) ? 100000 : bridge.max_orders_per_minute);
      ArrayResize(m_bridgeSymbols, ArraySize(bridge.allowed_symbols));
      for(int i = 0; i < ArraySize(bridge.allowed_symbols); i++) m_bridgeSymbols[i] = bridge.allowed_symbols[i];
      if(aMinute == m_aMinute) return;
      m_aMinute = aMinute;
      long before[];
      int size = ArraySize(m_begun_us);
      ArrayResize(before, aMinute);
      ArrayInitialize(before, LONG_MIN);
      for(int i = 1; i <= MathMin(size, aMinute); i++) before[aMinute - i] = m_begun_us[(m_at + size - i) % size];
      ArraySwap(m_begun_us, before);
      m_at = 0;
     }

   // Empty when it may begin, and then it counts; otherwise which limit forbids it.
   string            refusal(const LinkTradeRequest &request)
     {
      if(m_volume > 0 && request.volume > m_volume + 1e-9) return "This terminal trades at most " + DoubleToString(m_volume, 2) + " lots at a time.";
      if(!lists(m_ownSymbols, request.symbol) || !lists(m_bridgeSymbols, request.symbol)) return "This terminal may not trade " + request.symbol + ".";
      if(m_aMinute == 0) return "";
      long now = monotonicUs();
      if(m_begun_us[m_at] > now - 60000000) return "This terminal begins at most " + IntegerToString(m_aMinute) + " orders in any 60 seconds.";
      m_begun_us[m_at] = now;
      m_at = (m_at + 1) % m_aMinute;
      return "";
     }
  };

Limits limits;

#endif

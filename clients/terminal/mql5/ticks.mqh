// Every tick of the subscribed symbols, none left out and none twice.
//
// Several ticks can have the same millisecond, and more of it can come later. So each symbol's cursor is the millisecond
// last read and how many of it were read: from there the terminal is asked again, and that many are dropped. OnTick,
// OnBookEvent and the timer only say when to look; an event that the terminal leaves out loses nothing.
//
// Ticks are read only while the ring has room: until then they rest in the terminal, which keeps them.
#ifndef MT5BRIDGE_TICKS_MQH
#define MT5BRIDGE_TICKS_MQH

#define SUBSCRIBED_MAX 1000
#define TICKS_AT_ONCE 2000
#define TICKS_A_REPORT 5000

struct TickCursor
  {
   string            symbol;
   long              time_ms;
   int               read;      // how many of that millisecond
   bool              book;
  };

struct SymbolTick
  {
   uint              symbol;
   MqlTick           tick;
  };

void appendTick(LinkTicks &ticks, const int at, const uint symbol, const long laterMs, const MqlTick &tick)
  {
   ticks.symbol[at] = symbol;
   ticks.time_ms[at] = laterMs;
   ticks.bid[at] = tick.bid;
   ticks.ask[at] = tick.ask;
   ticks.last[at] = tick.last;
   ticks.volume[at] = (tick.volume_real != 0) ? tick.volume_real : (double)tick.volume;
   ticks.flags[at] = tick.flags;
  }

void resizeTicks(LinkTicks &ticks, const int size)
  {
   ArrayResize(ticks.symbol, size);
   ArrayResize(ticks.time_ms, size);
   ArrayResize(ticks.bid, size);
   ArrayResize(ticks.ask, size);
   ArrayResize(ticks.last, size);
   ArrayResize(ticks.volume, size);
   ArrayResize(ticks.flags, size);
  }

// Columns of nothing but zeros may be left out.
void dropZeroColumns(LinkTicks &ticks)
  {
   bool lasts = false;
   bool volumes = false;
   for(int i = 0; i < ArraySize(ticks.last); i++)
     {
      lasts = lasts || ticks.last[i] != 0;
      volumes = volumes || ticks.volume[i] != 0;
     }
   if(!lasts) ArrayResize(ticks.last, 0);
   if(!volumes) ArrayResize(ticks.volume, 0);
  }

class TickStream
  {
private:
   TickCursor        m_cursors[];
   int               m_turn;    // where the next look begins: a busy symbol must not starve the others
   SymbolTick        m_read[];
   int               m_count;

   void              letGo(const int at)
     {
      if(m_cursors[at].book) MarketBookRelease(m_cursors[at].symbol);
     }

   // From now on: behind the newest tick there is, or from the broker's clock when there is none.
   void              beginNow(TickCursor &cursor)
     {
      cursor.time_ms = (long)TimeTradeServer() * 1000;
      cursor.read = 0;
      MqlTick newest;
      if(!SymbolInfoTick(cursor.symbol, newest) || newest.time_msc == 0) return;
      cursor.time_ms = newest.time_msc;
      MqlTick ticks[];
      int count = CopyTicks(cursor.symbol, ticks, COPY_TICKS_ALL, (ulong)newest.time_msc, TICKS_AT_ONCE);
      for(int i = 0; i < count; i++)
        {
         if(ticks[i].time_msc == cursor.time_ms) cursor.read++;
        }
      if(cursor.read == 0) cursor.read = 1;
     }

   // Reads on from a cursor; true: there may be more.
   bool              read(TickCursor &cursor, const uint symbol)
     {
      MqlTick ticks[];
      int wanted = cursor.read + TICKS_AT_ONCE;
      int count = CopyTicks(cursor.symbol, ticks, COPY_TICKS_ALL, (ulong)cursor.time_ms, (uint)wanted);
      if(count <= 0) return false;
      int skip = cursor.read;
      for(int i = 0; i < count; i++)
        {
         if(ticks[i].time_msc == cursor.time_ms && skip > 0)
           {
            skip--;
            continue;
           }
         if(ticks[i].time_msc < cursor.time_ms) continue;
         if(ticks[i].time_msc > cursor.time_ms)
           {
            cursor.time_ms = ticks[i].time_msc;
            cursor.read = 0;
            skip = 0;
           }
         cursor.read++;
         if(m_count == ArraySize(m_read)) ArrayResize(m_read, 2 * m_count + 1024);
         m_read[m_count].symbol = symbol;
         m_read[m_count].tick = ticks[i];
         m_count++;
        }
      return count == wanted;
     }

   // Of several symbols the earlier ones first; of one symbol as they came.
   void              report()
     {
      long order[];
      ArrayResize(order, m_count);
      for(int i = 0; i < m_count; i++) order[i] = (m_read[i].tick.time_msc << 20) | i;
      ArraySort(order);
      int from = 0;
      while(from < m_count)
        {
         int count = (int)MathMin(m_count - from, TICKS_A_REPORT);
         reportPart(order, from, count);
         from += count;
        }
     }

   void              reportPart(const long &order[], const int from, const int count)
     {
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_TICKS;
      resizeTicks(request.report.ticks, count);
      int places[];
      ArrayResize(places, ArraySize(m_cursors));
      ArrayInitialize(places, -1);
      long before = 0;
      for(int i = 0; i < count; i++)
        {
         int at = (int)(order[from + i] & 0xFFFFF);
         int symbol = (int)m_read[at].symbol;
         if(places[symbol] < 0)
           {
            places[symbol] = ArraySize(request.report.ticks.symbols);
            ArrayResize(request.report.ticks.symbols, places[symbol] + 1);
            request.report.ticks.symbols[places[symbol]] = m_cursors[symbol].symbol;
           }
         long time = m_read[at].tick.time_msc;
         appendTick(request.report.ticks, i, (uint)places[symbol], time - before, m_read[at].tick);
         before = time;
        }
      dropZeroColumns(request.report.ticks);
      ring.add(request, REPORT_TICKS, "");
     }

public:
                     TickStream() : m_turn(0), m_count(0) {}

   void              subscribe(const LinkSubscribeSymbols &wanted, LinkRefusedSymbols &refused)
     {
      release();
      int total = ArraySize(wanted.symbols);
      for(int i = 0; i < total; i++)
        {
         string name = wanted.symbols[i];
         if(!isThere(name))
           {
            int at = ArraySize(refused.symbols);
            ArrayResize(refused.symbols, at + 1);
            ArrayResize(refused.messages, at + 1);
            refused.symbols[at] = name;
            refused.messages[at] = "The broker has no such symbol, or the market watch is full.";
            continue;
           }
         if(isSubscribed(name)) continue;
         int place = ArraySize(m_cursors);
         ArrayResize(m_cursors, place + 1);
         m_cursors[place].symbol = name;
         long after = (ArraySize(wanted.after_ms) > 0) ? wanted.after_ms[i] : 0;
         m_cursors[place].time_ms = after + 1;
         m_cursors[place].read = 0;
         m_cursors[place].book = SymbolInfoInteger(name, SYMBOL_TICKS_BOOKDEPTH) > 0 && MarketBookAdd(name);
         if(after == 0) beginNow(m_cursors[place]);
        }
     }

   bool              isSubscribed(const string name)
     {
      for(int i = 0; i < ArraySize(m_cursors); i++)
        {
         if(m_cursors[i].symbol == name) return true;
        }
      return false;
     }

   int               subscribed() { return ArraySize(m_cursors); }
   string            symbolAt(const int at) { return m_cursors[at].symbol; }

   void              release()
     {
      for(int i = 0; i < ArraySize(m_cursors); i++) letGo(i);
      ArrayResize(m_cursors, 0);
      m_turn = 0;
     }

   // True: there is more than was read.
   bool              look()
     {
      int total = ArraySize(m_cursors);
      bool more = false;
      m_count = 0;
      for(int i = 0; i < total; i++)
        {
         if(!ring.roomForTicks() || m_count >= 10 * TICKS_AT_ONCE) return reported(true);
         int at = (m_turn + i) % total;
         if(read(m_cursors[at], (uint)at)) more = true;
        }
      if(total > 0) m_turn = (m_turn + 1) % total;
      return reported(more);
     }

private:
   bool              reported(const bool more)
     {
      if(m_count > 0) report();
      m_count = 0;
      return more;
     }
  };

TickStream tickStream;

#endif

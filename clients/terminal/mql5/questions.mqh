// What the bridge asks and cannot be answered at once: a snapshot, ticks and bars of the past.
//
// They take time: the terminal reads them from the broker when they are first asked for. Such a question waits here and is
// tried again, and other commands go on meanwhile.
#ifndef MT5BRIDGE_QUESTIONS_MQH
#define MT5BRIDGE_QUESTIONS_MQH

#define QUESTIONS_MAX 64
#define AGAIN_MS 200
#define SNAPSHOT_PATIENCE_MS 5000
#define HISTORY_PATIENCE_MS 3000
#define RECORDS_A_PART 1000
#define TICKS_A_PART 5000
#define BARS_A_PART 5000
#define ASKED_MOST 100000

struct Question
  {
   LinkCommand       command;
   LinkStamps        stamps;
   long              asked_us;   // commands before this one have been sent
   long              next_us;
   long              until_us;
   ulong             seen;       // what the history came to when it was last read, 0: not yet
  };

class Questions
  {
private:
   Question          m_waiting[];

   bool              tryOne(Question &question)
     {
      if(question.command.action_case == LINK_COMMAND_SNAPSHOT) return trySnapshot(question);
      if(question.command.action_case == LINK_COMMAND_TICKS) return tryTicks(question);
      return tryBars(question);
     }

   // Read twice, AGAIN_MS apart, it must come to the same.
   bool              trySnapshot(Question &question)
     {
      changes.sweep();
      long since = question.command.snapshot.since_ms;
      bool late = monotonicUs() >= question.until_us;
      if(!HistorySelect((datetime)(since / 1000), TimeTradeServer() + 86400))
        {
         if(late) refuse(question.command.id, question.stamps, LINK_COMMAND_STATUS_NOT_SENT, GetLastError(), "The terminal could not read its history.");
         return late;
        }
      ulong seen = historySum();
      bool settled = isConnected() && orders.settledBefore(question.asked_us);
      bool complete = settled && seen == question.seen;
      question.seen = settled ? seen : 0;
      if(!complete && !late) return false;
      tellSnapshot(question, since, complete);
      return true;
     }

   // Never 0.
   ulong             historySum()
     {
      ulong sum = 1469598103934665603;
      int deals = HistoryDealsTotal();
      int past = HistoryOrdersTotal();
      for(int i = 0; i < deals; i++) sum = (sum ^ HistoryDealGetTicket(i)) * 1099511628211;
      for(int i = 0; i < past; i++) sum = (sum ^ HistoryOrderGetTicket(i)) * 1099511628211;
      for(int i = 0; i < OrdersTotal(); i++) sum = (sum ^ OrderGetTicket(i)) * 1099511628211;
      for(int i = 0; i < PositionsTotal(); i++) sum = (sum ^ PositionGetTicket(i)) * 1099511628211;
      return sum | 1;
     }

   void              tellSnapshot(Question &question, const long since, const bool complete)
     {
      ulong through = ring.last();
      LinkCommandResult part;
      beginResult(part, question.command.id, question.stamps);
      part.answer_case = LINK_COMMAND_RESULT_SNAPSHOT;
      part.more = true;
      part.snapshot.includes_reports_through = through;
      readAccountState(part.snapshot.account);
      part.snapshot.has_account = true;
      int held = 0;
      for(int i = 0; i < OrdersTotal(); i++)
        {
         if(OrderGetTicket(i) == 0) continue;
         ArrayResize(part.snapshot.orders, ArraySize(part.snapshot.orders) + 1, 64);
         readOpenOrder(part.snapshot.orders[ArraySize(part.snapshot.orders) - 1]);
         held = endPart(part, held + 1);
        }
      for(int i = 0; i < PositionsTotal(); i++)
        {
         if(PositionGetTicket(i) == 0) continue;
         ArrayResize(part.snapshot.positions, ArraySize(part.snapshot.positions) + 1, 64);
         readPosition(part.snapshot.positions[ArraySize(part.snapshot.positions) - 1]);
         held = endPart(part, held + 1);
        }
      int past = HistoryOrdersTotal();
      for(int i = 0; i < past; i++)
        {
         ulong ticket = HistoryOrderGetTicket(i);
         if(ticket == 0 || HistoryOrderGetInteger(ticket, ORDER_TIME_DONE_MSC) < since) continue;
         ArrayResize(part.snapshot.past_orders, ArraySize(part.snapshot.past_orders) + 1, 64);
         readPastOrder(ticket, part.snapshot.past_orders[ArraySize(part.snapshot.past_orders) - 1]);
         held = endPart(part, held + 1);
        }
      int deals = HistoryDealsTotal();
      for(int i = 0; i < deals; i++)
        {
         ulong ticket = HistoryDealGetTicket(i);
         if(ticket == 0 || HistoryDealGetInteger(ticket, DEAL_TIME_MSC) < since) continue;
         ArrayResize(part.snapshot.deals, ArraySize(part.snapshot.deals) + 1, 64);
         readDeal(ticket, part.snapshot.deals[ArraySize(part.snapshot.deals) - 1]);
         held = endPart(part, held + 1);
        }
      part.more = false;
      part.snapshot.complete = complete && isConnected();
      settleQuestion(part);
     }

   int               endPart(LinkCommandResult &part, const int held)
     {
      if(held < RECORDS_A_PART) return held;
      tellResult(part);
      part.snapshot.has_account = false;
      ArrayResize(part.snapshot.orders, 0);
      ArrayResize(part.snapshot.positions, 0);
      ArrayResize(part.snapshot.past_orders, 0);
      ArrayResize(part.snapshot.deals, 0);
      return 0;
     }

   bool              tryTicks(Question &question)
     {
      LinkTickHistoryRequest asked = question.command.ticks;
      MqlTick ticks[];
      ResetLastError();
      // From 0 on would mean the newest.
      ulong from = (asked.from_ms < 1) ? 1 : (ulong)asked.from_ms;
      int count = CopyTicks(asked.symbol, ticks, COPY_TICKS_ALL, from, asked.max_count);
      if(count < 0)
        {
         bool late = monotonicUs() >= question.until_us;
         if(late) refuse(question.command.id, question.stamps, LINK_COMMAND_STATUS_NOT_SENT, GetLastError(), "The terminal has no such ticks.");
         return late;
        }
      while(count > 0 && ticks[count - 1].time_msc > asked.to_ms) count--;
      int at = 0;
      do
        {
         int size = (int)MathMin(count - at, TICKS_A_PART);
         LinkCommandResult part;
         beginResult(part, question.command.id, question.stamps);
         part.answer_case = LINK_COMMAND_RESULT_TICKS;
         ArrayResize(part.ticks.symbols, 1);
         part.ticks.symbols[0] = asked.symbol;
         resizeTicks(part.ticks, size);
         for(int i = 0; i < size; i++)
           {
            long before = (i == 0) ? 0 : ticks[at + i - 1].time_msc;
            appendTick(part.ticks, i, 0, ticks[at + i].time_msc - before, ticks[at + i]);
           }
         dropZeroColumns(part.ticks);
         at += size;
         part.more = at < count;
         if(part.more) tellResult(part);
         else settleQuestion(part);
        }
      while(at < count);
      return true;
     }

   bool              tryBars(Question &question)
     {
      LinkBarHistoryRequest asked = question.command.bars;
      MqlRates rates[];
      ResetLastError();
      datetime from = (datetime)((asked.from_ms + 999) / 1000);
      int count = CopyRates(asked.symbol, (ENUM_TIMEFRAMES)asked.timeframe, from, (datetime)(asked.to_ms / 1000), rates);
      if(count < 0)
        {
         bool late = monotonicUs() >= question.until_us;
         if(late) refuse(question.command.id, question.stamps, LINK_COMMAND_STATUS_NOT_SENT, GetLastError(), "The terminal has no such bars.");
         return late;
        }
      if(count > (int)asked.max_count) count = (int)asked.max_count;
      int at = 0;
      do
        {
         int size = (int)MathMin(count - at, BARS_A_PART);
         LinkCommandResult part;
         beginResult(part, question.command.id, question.stamps);
         part.answer_case = LINK_COMMAND_RESULT_BARS;
         part.bars.symbol = asked.symbol;
         part.bars.timeframe = asked.timeframe;
         putBars(part.bars, rates, at, size);
         at += size;
         part.more = at < count;
         if(part.more) tellResult(part);
         else settleQuestion(part);
        }
      while(at < count);
      return true;
     }

   void              putBars(LinkBars &bars, const MqlRates &rates[], const int from, const int size)
     {
      ArrayResize(bars.time_ms, size);
      ArrayResize(bars.open, size);
      ArrayResize(bars.high, size);
      ArrayResize(bars.low, size);
      ArrayResize(bars.close, size);
      ArrayResize(bars.tick_volume, size);
      ArrayResize(bars.real_volume, size);
      ArrayResize(bars.spread, size);
      for(int i = 0; i < size; i++)
        {
         bars.time_ms[i] = (long)rates[from + i].time * 1000;
         bars.open[i] = rates[from + i].open;
         bars.high[i] = rates[from + i].high;
         bars.low[i] = rates[from + i].low;
         bars.close[i] = rates[from + i].close;
         bars.tick_volume[i] = (ulong)rates[from + i].tick_volume;
         bars.real_volume[i] = (double)rates[from + i].real_volume;
         bars.spread[i] = (uint)rates[from + i].spread;
        }
     }

public:
   // A question that may take time.
   void              ask(const LinkCommand &command, const LinkStamps &stamps)
     {
      int count = ArraySize(m_waiting);
      string fault = "";
      if(count == QUESTIONS_MAX) fault = "More than " + IntegerToString(QUESTIONS_MAX) + " questions wait for the terminal.";
      uint most = (command.action_case == LINK_COMMAND_TICKS) ? command.ticks.max_count : command.bars.max_count;
      if(command.action_case != LINK_COMMAND_SNAPSHOT && (most < 1 || most > ASKED_MOST)) fault = "max_count must be 1 to 100000.";
      if(fault != "")
        {
         refuse(command.id, stamps, (count == QUESTIONS_MAX) ? LINK_COMMAND_STATUS_OVER_LIMIT : LINK_COMMAND_STATUS_UNSUPPORTED, 0, fault);
         return;
        }
      ArrayResize(m_waiting, count + 1);
      m_waiting[count].command = command;
      m_waiting[count].stamps = stamps;
      m_waiting[count].asked_us = monotonicUs();
      m_waiting[count].next_us = 0;
      m_waiting[count].seen = 0;
      bool snapshot = command.action_case == LINK_COMMAND_SNAPSHOT;
      m_waiting[count].until_us = monotonicUs() + (snapshot ? SNAPSHOT_PATIENCE_MS : HISTORY_PATIENCE_MS) * 1000;
     }

   void              look()
     {
      long now = monotonicUs();
      int kept = 0;
      for(int i = 0; i < ArraySize(m_waiting); i++)
        {
         if(now >= m_waiting[i].next_us)
           {
            if(tryOne(m_waiting[i])) continue;
            m_waiting[i].next_us = now + AGAIN_MS * 1000;
           }
         if(kept != i) m_waiting[kept] = m_waiting[i];
         kept++;
        }
      ArrayResize(m_waiting, kept);
     }

   void              clear() { ArrayResize(m_waiting, 0); }
  };

Questions questions;

#endif

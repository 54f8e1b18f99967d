// Changes of orders, deals and positions.
//
// A transaction is a hint: transactions come in any order, and some not at all. What is told is read from the lists of
// orders and positions and from history, each thing when it differs from what was told before. Who waits for an order
// waits for its deal: a hint is followed at once. History may lag behind it, so what a hint has named and is not there yet
// is looked for again; and every SWEEP_MS everything is compared, hint or not. A hint costs a look at what it names,
// however much stands beside it.
//
// An order that was filled is told of behind its deals, whichever the hints name first: an order that is known to be over
// without what it came to would be taken for one that still works.
#ifndef MT5BRIDGE_CHANGES_MQH
#define MT5BRIDGE_CHANGES_MQH

#define SWEPT_SECONDS 120
#define NO_LOTS 0.000000005

class Changes
  {
private:
   LinkOrder         m_orders[];      // open, as they were told
   LinkPosition      m_positions[];   // likewise
   Tickets           m_pastOrders;
   Tickets           m_deals;
   Hints             m_hints;
   long              m_swept_us;
   datetime          m_sweptUntil;    // history was compared up to here while the terminal was connected
   bool              m_telling;

   void              tellOrder(const LinkOrder &order)
     {
      if(!m_telling) return;
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_ORDER;
      request.report.order = order;
      ring.add(request, REPORT_TRADES, "");
     }

   void              tellPosition(const LinkPosition &position, const bool closed)
     {
      if(!m_telling) return;
      LinkConnectRequest request;
      request.report.event_case = closed ? LINK_REPORT_POSITION_CLOSED : LINK_REPORT_POSITION;
      if(closed) request.report.position_closed = position;
      else request.report.position = position;
      ring.add(request, REPORT_TRADES, "");
     }

   void              tellPastOrder(const LinkOrder &order)
     {
      m_pastOrders.add(order.ticket);
      tellOrder(order);
     }

   void              tellDeal(const ulong ticket)
     {
      m_deals.add(ticket);
      if(!m_telling) return;
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_DEAL;
      readDeal(ticket, request.report.deal);
      ring.add(request, REPORT_TRADES, "");
     }

   // What is there is told now; a position when nothing is awaited that may have made it so.
   void              follow(const ulong ticket, const int kind, const bool again)
     {
      if(ticket == 0) return;
      if(kind == DEAL_HINT && dealFound(ticket, again)) return;
      ulong position = 0;
      if(kind == ORDER_HINT && orderFound(ticket, again, position))
        {
         follow(position, POSITION_HINT, false);
         return;
        }
      int at = m_hints.add(ticket, kind, again);
      if(kind == POSITION_HINT && at >= 0 && !m_hints.awaitsHistory() && positionFound(m_hints.held[at])) m_hints.forget(at);
     }

   // True: it needs not be looked for again.
   bool              found(const LookedFor &looked)
     {
      if(looked.kind == DEAL_HINT) return dealFound(looked.ticket, looked.again);
      ulong position = 0;
      return (looked.kind == ORDER_HINT) ? orderFound(looked.ticket, looked.again, position) : positionFound(looked);
     }

   bool              dealFound(const ulong ticket, const bool again)
     {
      if(!again && m_deals.has(ticket)) return true;
      if(!HistoryDealSelect(ticket)) return false;
      tellDeal(ticket);
      return true;
     }

   // `position`: what an order that is over has opened, changed or closed.
   bool              orderFound(const ulong ticket, const bool again, ulong &position)
     {
      int told = orderPlace(ticket, ArraySize(m_orders) - 1);
      LinkOrder order;
      if(OrderSelect(ticket))
        {
         readOpenOrder(order);
         if(told >= 0 && isSameOrder(order, m_orders[told])) return true;
         tellOrder(order);
         if(told < 0)
           {
            told = ArraySize(m_orders);
            ArrayResize(m_orders, told + 1, 64);
           }
         m_orders[told] = order;
         return true;
        }
      if(!again && m_pastOrders.has(ticket)) return true;
      if(!HistoryOrderSelect(ticket)) return false;
      readPastOrder(ticket, order);
      if(!dealsTold(order)) return false;
      tellPastOrder(order);
      position = order.position_id;
      return true;
     }

   // Tells the deals of a past order that were not told yet. False: not all of them are in history.
   bool              dealsTold(const LinkOrder &order)
     {
      double missing = order.volume_initial - order.volume_current;
      if(missing < NO_LOTS || order.position_id == 0 || !HistorySelectByPosition((long)order.position_id)) return true;
      int deals = HistoryDealsTotal();
      int first = deals; // its own are among the youngest of the position
      while(first > 0 && missing >= NO_LOTS)
        {
         first--;
         ulong ticket = HistoryDealGetTicket(first);
         if((ulong)HistoryDealGetInteger(ticket, DEAL_ORDER) == order.ticket) missing -= HistoryDealGetDouble(ticket, DEAL_VOLUME);
        }
      for(int i = first; i < deals; i++)
        {
         ulong ticket = HistoryDealGetTicket(i);
         if((ulong)HistoryDealGetInteger(ticket, DEAL_ORDER) == order.ticket && !m_deals.has(ticket)) tellDeal(ticket);
        }
      return missing < NO_LOTS;
     }

   bool              positionFound(const LookedFor &looked)
     {
      ulong ticket = looked.ticket;
      int told = positionPlace(ticket, ArraySize(m_positions) - 1);
      if(PositionSelectByTicket(ticket))
        {
         LinkPosition position;
         readPosition(position);
         if(told >= 0 && isSamePosition(position, m_positions[told])) return true;
         tellPosition(position, false);
         if(told < 0)
           {
            told = ArraySize(m_positions);
            ArrayResize(m_positions, told + 1, 64);
           }
         m_positions[told] = position;
         return true;
        }
      if(told < 0)
        {
         if(!looked.seen) return false;
         tellPosition(looked.position, false);
         tellPosition(looked.position, true);
         return true;
        }
      tellPosition(m_positions[told], true);
      for(int i = told; i < ArraySize(m_positions) - 1; i++) m_positions[i] = m_positions[i + 1];
      ArrayResize(m_positions, ArraySize(m_positions) - 1, 64);
      return true;
     }

   // Deals first, then orders, then positions: who reads of a position has read of what made it so.
   void              lookAgain()
     {
      lookAgain(DEAL_HINT);
      lookAgain(ORDER_HINT);
      if(!m_hints.awaitsHistory()) lookAgain(POSITION_HINT);
     }

   void              lookAgain(const int kind)
     {
      long now = monotonicUs();
      int kept = 0;
      for(int i = 0; i < ArraySize(m_hints.held); i++)
        {
         if(m_hints.held[i].kind == kind && (found(m_hints.held[i]) || now > m_hints.held[i].until_us)) continue;
         if(kept != i) m_hints.held[kept] = m_hints.held[i];
         kept++;
        }
      ArrayResize(m_hints.held, kept, 256);
     }

   void              compareOrders()
     {
      LinkOrder now[];
      int total = OrdersTotal();
      ArrayResize(now, total);
      int count = 0;
      for(int i = 0; i < total; i++)
        {
         if(OrderGetTicket(i) == 0) continue;
         readOpenOrder(now[count]);
         int told = orderPlace(now[count].ticket, count);
         if(told < 0 || !isSameOrder(now[count], m_orders[told])) tellOrder(now[count]);
         count++;
        }
      ArrayResize(now, count);
      for(int i = 0; i < ArraySize(m_orders); i++)
        {
         bool open = false;
         for(int j = 0; j < count && !open; j++) open = now[(i + j) % count].ticket == m_orders[i].ticket;
         if(!open && !m_pastOrders.has(m_orders[i].ticket)) m_hints.add(m_orders[i].ticket, ORDER_HINT, false);
        }
      ArraySwap(m_orders, now);
     }

   // Lists change little: what was at a place before is looked for there first.
   int               orderPlace(const ulong ticket, const int near)
     {
      int count = ArraySize(m_orders);
      for(int i = 0; i < count; i++)
        {
         int at = (near + i) % count;
         if(m_orders[at].ticket == ticket) return at;
        }
      return -1;
     }

   int               positionPlace(const ulong ticket, const int near)
     {
      int count = ArraySize(m_positions);
      for(int i = 0; i < count; i++)
        {
         int at = (near + i) % count;
         if(m_positions[at].ticket == ticket) return at;
        }
      return -1;
     }

   void              comparePositions()
     {
      LinkPosition now[];
      int total = PositionsTotal();
      ArrayResize(now, total);
      int count = 0;
      for(int i = 0; i < total; i++)
        {
         if(PositionGetTicket(i) == 0) continue;
         readPosition(now[count]);
         int told = positionPlace(now[count].ticket, count);
         if(told < 0 || !isSamePosition(now[count], m_positions[told])) tellPosition(now[count], false);
         count++;
        }
      ArrayResize(now, count);
      for(int i = 0; i < ArraySize(m_positions); i++)
        {
         bool open = false;
         for(int j = 0; j < count && !open; j++) open = now[(i + j) % count].ticket == m_positions[i].ticket;
         if(!open) tellPosition(m_positions[i], true);
        }
      ArraySwap(m_positions, now);
     }

   // The broker's clock may be ahead of what the terminal computes: the end is in the future.
   void              compareHistory()
     {
      datetime until = TimeTradeServer();
      if(!HistorySelect(m_sweptUntil - SWEPT_SECONDS, until + 86400)) return;
      int deals = HistoryDealsTotal();
      for(int i = 0; i < deals; i++)
        {
         ulong ticket = HistoryDealGetTicket(i);
         if(ticket != 0 && !m_deals.has(ticket)) tellDeal(ticket);
        }
      int orders = HistoryOrdersTotal();
      for(int i = 0; i < orders; i++)
        {
         ulong ticket = HistoryOrderGetTicket(i);
         if(ticket == 0 || m_pastOrders.has(ticket)) continue;
         LinkOrder order;
         readPastOrder(ticket, order);
         tellPastOrder(order);
        }
      if(isConnected()) m_sweptUntil = until;
     }

public:
                     Changes() : m_swept_us(0), m_sweptUntil(0), m_telling(false) {}

   // What stands now is known to the bridge from a snapshot; changes are told from here on.
   void              begin()
     {
      ArrayResize(m_orders, 0);
      ArrayResize(m_positions, 0);
      m_hints.clear();
      m_pastOrders.clear();
      m_deals.clear();
      m_sweptUntil = TimeTradeServer();
      m_telling = false;
      sweep();
      m_telling = true;
     }

   void              sweep()
     {
      m_swept_us = monotonicUs();
      compareHistory();
      compareOrders();
      lookAgain();
      if(!m_hints.awaitsHistory()) comparePositions();
     }

   void              hint(const MqlTradeTransaction &transaction)
     {
      int type = (int)transaction.type;
      if(type == TRADE_TRANSACTION_REQUEST) return;
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_TRANSACTION;
      request.report.transaction.type = type;
      request.report.transaction.deal = transaction.deal;
      request.report.transaction.order = transaction.order;
      request.report.transaction.symbol = transaction.symbol;
      request.report.transaction.order_type = (int)transaction.order_type;
      request.report.transaction.order_state = (int)transaction.order_state;
      request.report.transaction.deal_type = (int)transaction.deal_type;
      request.report.transaction.position = transaction.position;
      request.report.transaction.position_by = transaction.position_by;
      ring.add(request, REPORT_TRADES, "");
      bool changed = type == TRADE_TRANSACTION_HISTORY_UPDATE || type == TRADE_TRANSACTION_DEAL_UPDATE;
      follow(transaction.deal, DEAL_HINT, changed);
      follow(transaction.order, ORDER_HINT, changed);
      follow(transaction.position, POSITION_HINT, false);
      follow(transaction.position_by, POSITION_HINT, false);
     }

   // What hints have named and was not there yet; everything, from time to time.
   void              look()
     {
      if(monotonicUs() - m_swept_us >= SWEEP_MS * 1000) sweep();
      else if(ArraySize(m_hints.held) > 0) lookAgain();
     }
  };

Changes changes;

#endif

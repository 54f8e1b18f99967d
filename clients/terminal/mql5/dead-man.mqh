// What is done when the bridge stays away for too long: nothing, or its pending orders are removed, or its positions closed
// as well. Only what the bridge has traded, by its magic, is touched; what a person has traded by hand stays.
#ifndef MT5BRIDGE_DEAD_MAN_MQH
#define MT5BRIDGE_DEAD_MAN_MQH

#define DEAD_MAN_AGAIN_MS 1000

class DeadManSwitch
  {
private:
   long              m_away_us;   // since when
   long              m_next_us;
   bool              m_acting;

   // The bridge's magics are strategy id × 2^32 + order number.
   bool              isOurs(const long magic) { return magic >= 4294967296; }

   void              cancelAll()
     {
      for(int i = OrdersTotal() - 1; i >= 0; i--)
        {
         ulong ticket = OrderGetTicket(i);
         if(ticket == 0 || !isOurs(OrderGetInteger(ORDER_MAGIC)) || OrderGetInteger(ORDER_TYPE) < ORDER_TYPE_BUY_LIMIT) continue;
         if(orders.full() || orders.touches(ticket, 0)) continue;
         MqlTradeRequest request;
         ZeroMemory(request);
         request.action = TRADE_ACTION_REMOVE;
         request.order = ticket;
         send(request);
        }
     }

   void              closeAll()
     {
      for(int i = PositionsTotal() - 1; i >= 0; i--)
        {
         ulong ticket = PositionGetTicket(i);
         if(ticket == 0 || !isOurs(PositionGetInteger(POSITION_MAGIC))) continue;
         if(orders.full() || orders.touches(0, ticket)) continue;
         MqlTradeRequest request;
         ZeroMemory(request);
         bool bought = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY;
         request.action = TRADE_ACTION_DEAL;
         request.position = ticket;
         request.symbol = PositionGetString(POSITION_SYMBOL);
         request.volume = PositionGetDouble(POSITION_VOLUME);
         request.magic = (ulong)PositionGetInteger(POSITION_MAGIC);
         request.type = bought ? ORDER_TYPE_SELL : ORDER_TYPE_BUY;
         request.price = SymbolInfoDouble(request.symbol, bought ? SYMBOL_BID : SYMBOL_ASK);
         request.deviation = 1000;
         request.type_filling = fillingOf(request.symbol);
         request.comment = "bridge away";
         send(request);
        }
     }

   // The mask's bits are not the enumeration's numbers.
   ENUM_ORDER_TYPE_FILLING fillingOf(const string symbol)
     {
      long mask = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
      if((mask & SYMBOL_FILLING_FOK) != 0) return ORDER_FILLING_FOK;
      return ((mask & SYMBOL_FILLING_IOC) != 0) ? ORDER_FILLING_IOC : ORDER_FILLING_RETURN;
     }

   void              send(const MqlTradeRequest &request)
     {
      LinkStamps none;
      orders.send(request, "", none);
     }

public:
                     DeadManSwitch() : m_away_us(0), m_next_us(0), m_acting(false) {}

   void              begin() { back(); }

   void              back()
     {
      m_away_us = monotonicUs();
      m_acting = false;
     }

   // While the bridge is away.
   void              look()
     {
      long now = monotonicUs();
      if(DeadManPolicy == DEAD_MAN_NONE || now - m_away_us < (long)DeadManSeconds * 1000000) return;
      if(m_acting && now < m_next_us) return;
      if(!m_acting) Print("mt5-bridge: the bridge has been away for ", DeadManSeconds, " s: the dead man's switch acts");
      m_acting = true;
      m_next_us = now + DEAD_MAN_AGAIN_MS * 1000;
      cancelAll();
      if(DeadManPolicy == DEAD_MAN_FLATTEN) closeAll();
     }
  };

DeadManSwitch deadMan;

#endif

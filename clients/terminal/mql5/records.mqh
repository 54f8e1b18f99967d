// Orders, deals and positions as the terminal has them. Open orders and positions must have been selected, past orders and
// deals be in the selected history.
#ifndef MT5BRIDGE_RECORDS_MQH
#define MT5BRIDGE_RECORDS_MQH

void readOpenOrder(LinkOrder &order)
  {
   order.ticket = (ulong)OrderGetInteger(ORDER_TICKET);
   order.symbol = OrderGetString(ORDER_SYMBOL);
   order.type = (int)OrderGetInteger(ORDER_TYPE);
   order.state = (int)OrderGetInteger(ORDER_STATE);
   order.reason = (int)OrderGetInteger(ORDER_REASON);
   order.magic = OrderGetInteger(ORDER_MAGIC);
   order.volume_initial = OrderGetDouble(ORDER_VOLUME_INITIAL);
   order.volume_current = OrderGetDouble(ORDER_VOLUME_CURRENT);
   order.price_open = OrderGetDouble(ORDER_PRICE_OPEN);
   order.price_stop_limit = OrderGetDouble(ORDER_PRICE_STOPLIMIT);
   order.stop_loss = OrderGetDouble(ORDER_SL);
   order.take_profit = OrderGetDouble(ORDER_TP);
   order.type_filling = (int)OrderGetInteger(ORDER_TYPE_FILLING);
   order.type_time = (int)OrderGetInteger(ORDER_TYPE_TIME);
   order.time_expiration = OrderGetInteger(ORDER_TIME_EXPIRATION);
   order.position_id = (ulong)OrderGetInteger(ORDER_POSITION_ID);
   order.position_by_id = (ulong)OrderGetInteger(ORDER_POSITION_BY_ID);
   order.time_setup_ms = OrderGetInteger(ORDER_TIME_SETUP_MSC);
   order.time_done_ms = 0;
   order.comment = OrderGetString(ORDER_COMMENT);
   order.past = false;
  }

void readPastOrder(const ulong ticket, LinkOrder &order)
  {
   order.ticket = ticket;
   order.symbol = HistoryOrderGetString(ticket, ORDER_SYMBOL);
   order.type = (int)HistoryOrderGetInteger(ticket, ORDER_TYPE);
   order.state = (int)HistoryOrderGetInteger(ticket, ORDER_STATE);
   order.reason = (int)HistoryOrderGetInteger(ticket, ORDER_REASON);
   order.magic = HistoryOrderGetInteger(ticket, ORDER_MAGIC);
   order.volume_initial = HistoryOrderGetDouble(ticket, ORDER_VOLUME_INITIAL);
   order.volume_current = HistoryOrderGetDouble(ticket, ORDER_VOLUME_CURRENT);
   order.price_open = HistoryOrderGetDouble(ticket, ORDER_PRICE_OPEN);
   order.price_stop_limit = HistoryOrderGetDouble(ticket, ORDER_PRICE_STOPLIMIT);
   order.stop_loss = HistoryOrderGetDouble(ticket, ORDER_SL);
   order.take_profit = HistoryOrderGetDouble(ticket, ORDER_TP);
   order.type_filling = (int)HistoryOrderGetInteger(ticket, ORDER_TYPE_FILLING);
   order.type_time = (int)HistoryOrderGetInteger(ticket, ORDER_TYPE_TIME);
   order.time_expiration = HistoryOrderGetInteger(ticket, ORDER_TIME_EXPIRATION);
   order.position_id = (ulong)HistoryOrderGetInteger(ticket, ORDER_POSITION_ID);
   order.position_by_id = (ulong)HistoryOrderGetInteger(ticket, ORDER_POSITION_BY_ID);
   order.time_setup_ms = HistoryOrderGetInteger(ticket, ORDER_TIME_SETUP_MSC);
   order.time_done_ms = HistoryOrderGetInteger(ticket, ORDER_TIME_DONE_MSC);
   order.comment = HistoryOrderGetString(ticket, ORDER_COMMENT);
   order.past = true;
  }

void readDeal(const ulong ticket, LinkDeal &deal)
  {
   deal.ticket = ticket;
   deal.order = (ulong)HistoryDealGetInteger(ticket, DEAL_ORDER);
   deal.position_id = (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID);
   deal.symbol = HistoryDealGetString(ticket, DEAL_SYMBOL);
   deal.type = (int)HistoryDealGetInteger(ticket, DEAL_TYPE);
   deal.entry = (int)HistoryDealGetInteger(ticket, DEAL_ENTRY);
   deal.reason = (int)HistoryDealGetInteger(ticket, DEAL_REASON);
   deal.magic = HistoryDealGetInteger(ticket, DEAL_MAGIC);
   deal.volume = HistoryDealGetDouble(ticket, DEAL_VOLUME);
   deal.price = HistoryDealGetDouble(ticket, DEAL_PRICE);
   deal.stop_loss = HistoryDealGetDouble(ticket, DEAL_SL);
   deal.take_profit = HistoryDealGetDouble(ticket, DEAL_TP);
   deal.profit = HistoryDealGetDouble(ticket, DEAL_PROFIT);
   deal.swap = HistoryDealGetDouble(ticket, DEAL_SWAP);
   deal.commission = HistoryDealGetDouble(ticket, DEAL_COMMISSION);
   deal.fee = HistoryDealGetDouble(ticket, DEAL_FEE);
   deal.time_ms = HistoryDealGetInteger(ticket, DEAL_TIME_MSC);
   deal.comment = HistoryDealGetString(ticket, DEAL_COMMENT);
  }

void readPosition(LinkPosition &position)
  {
   position.ticket = (ulong)PositionGetInteger(POSITION_TICKET);
   position.identifier = (ulong)PositionGetInteger(POSITION_IDENTIFIER);
   position.symbol = PositionGetString(POSITION_SYMBOL);
   position.type = (int)PositionGetInteger(POSITION_TYPE);
   position.reason = (int)PositionGetInteger(POSITION_REASON);
   position.magic = PositionGetInteger(POSITION_MAGIC);
   position.volume = PositionGetDouble(POSITION_VOLUME);
   position.price_open = PositionGetDouble(POSITION_PRICE_OPEN);
   position.price_current = PositionGetDouble(POSITION_PRICE_CURRENT);
   position.stop_loss = PositionGetDouble(POSITION_SL);
   position.take_profit = PositionGetDouble(POSITION_TP);
   position.swap = PositionGetDouble(POSITION_SWAP);
   position.profit = PositionGetDouble(POSITION_PROFIT);
   position.time_ms = PositionGetInteger(POSITION_TIME_MSC);
   position.time_update_ms = PositionGetInteger(POSITION_TIME_UPDATE_MSC);
   position.comment = PositionGetString(POSITION_COMMENT);
  }

bool isSameOrder(const LinkOrder &one, const LinkOrder &other)
  {
   return one.state == other.state && one.type == other.type && one.volume_current == other.volume_current &&
          one.price_open == other.price_open && one.price_stop_limit == other.price_stop_limit &&
          one.stop_loss == other.stop_loss && one.take_profit == other.take_profit &&
          one.type_time == other.type_time && one.time_expiration == other.time_expiration &&
          one.position_id == other.position_id && one.comment == other.comment;
  }

// What it is worth changes with every tick and is told with the account.
bool isSamePosition(const LinkPosition &one, const LinkPosition &other)
  {
   return one.type == other.type && one.volume == other.volume && one.price_open == other.price_open &&
          one.stop_loss == other.stop_loss && one.take_profit == other.take_profit && one.swap == other.swap &&
          one.identifier == other.identifier && one.magic == other.magic && one.time_update_ms == other.time_update_ms &&
          one.comment == other.comment;
  }

#endif

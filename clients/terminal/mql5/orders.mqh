// Requests to the broker, from when they are sent until it is known what became of them.
//
// OrderSendAsync only says that a request has gone out, and gives it a number; the answer comes later with
// OnTradeTransaction. A request that is not answered within the terminal's patience is reported as UNANSWERED and kept
// until the broker can no longer answer it: so long no snapshot is complete, and the dead man's switch does not touch the
// same position again.
#ifndef MT5BRIDGE_ORDERS_MQH
#define MT5BRIDGE_ORDERS_MQH

#define UNDER_WAY_MAX 1024

struct UnderWay
  {
   string            id;          // of the command, empty when the dead man's switch asked
   uint              request_id;
   ulong             order;
   ulong             position;
   bool              told;        // it was given up
   long              sent_us;
   LinkStamps        stamps;
  };

// Where results of commands go.
void tellResult(LinkCommandResult &result)
  {
   LinkConnectRequest request;
   result.stamps.reported_us = monotonicUs();
   result.has_stamps = true;
   request.report.event_case = LINK_REPORT_RESULT;
   request.report.result = result;
   ring.add(request, REPORT_RESULTS, result.more ? "" : result.id);
  }

// The last result of a command that trades: on disk first, so that it can be told after a restart.
void settle(LinkCommandResult &result)
  {
   uchar bytes[];
   result.has_stamps = true;
   encodeResult(result, bytes);
   inbox.answered(result.id, bytes);
   tellResult(result);
  }

void toMqlRequest(const LinkTradeRequest &from, MqlTradeRequest &to)
  {
   ZeroMemory(to);
   to.action = (ENUM_TRADE_REQUEST_ACTIONS)from.action;
   to.magic = (ulong)from.magic;
   to.order = from.order;
   to.symbol = from.symbol;
   to.volume = from.volume;
   to.price = from.price;
   to.stoplimit = from.stop_limit;
   to.sl = from.stop_loss;
   to.tp = from.take_profit;
   to.deviation = from.deviation;
   to.type = (ENUM_ORDER_TYPE)from.type;
   to.type_filling = (ENUM_ORDER_TYPE_FILLING)from.type_filling;
   to.type_time = (ENUM_ORDER_TYPE_TIME)from.type_time;
   to.expiration = (datetime)from.expiration;
   to.comment = StringSubstr(from.comment, 0, 31);
   to.position = from.position;
   to.position_by = from.position_by;
   if(to.action == TRADE_ACTION_DEAL && to.price == 0)
     {
      to.price = SymbolInfoDouble(to.symbol, (to.type == ORDER_TYPE_BUY) ? SYMBOL_ASK : SYMBOL_BID);
     }
  }

class Orders
  {
private:
   UnderWay          m_underWay[];
   long              m_doubtUntil_us; // until then what a former life of this program has sent may still arrive

   void              forget(const int at)
     {
      int last = ArraySize(m_underWay) - 1;
      for(int i = at; i < last; i++) m_underWay[i] = m_underWay[i + 1];
      ArrayResize(m_underWay, last, 64);
     }

public:
                     Orders() : m_doubtUntil_us(0) {}

   bool              full() { return ArraySize(m_underWay) >= UNDER_WAY_MAX; }

   void              clear()
     {
      ArrayResize(m_underWay, 0);
      m_doubtUntil_us = 0;
     }

   void              doubtFormerLife() { m_doubtUntil_us = monotonicUs() + (long)BrokerDropsAfterMilliseconds * 1000; }

   // Whether nothing that was sent before then can arrive any more without having been answered.
   bool              settledBefore(const long moment_us)
     {
      if(monotonicUs() < m_doubtUntil_us) return false;
      for(int i = 0; i < ArraySize(m_underWay); i++)
        {
         if(m_underWay[i].sent_us <= moment_us) return false;
        }
      return true;
     }

   // Sends; what is not sent is settled at once.
   void              send(const MqlTradeRequest &request, const string id, const LinkStamps &stamps)
     {
      MqlTradeResult result;
      ZeroMemory(result);
      UnderWay sent;
      sent.id = id;
      sent.order = request.order;
      sent.position = request.position;
      sent.told = false;
      sent.stamps = stamps;
      ResetLastError();
      sent.stamps.before_send_us = monotonicUs();
      bool out = OrderSendAsync(request, result);
      sent.stamps.after_send_us = monotonicUs();
      int error = GetLastError();
      if(!out)
        {
         if(id != "") tellNotSent(sent, result, error);
         else Print("mt5-bridge: the dead man's switch could not send, error ", error, ", retcode ", result.retcode);
         return;
        }
      sent.sent_us = sent.stamps.before_send_us;
      sent.request_id = result.request_id;
      int at = ArraySize(m_underWay);
      ArrayResize(m_underWay, at + 1, 64);
      m_underWay[at] = sent;
     }

   void              answered(const MqlTradeResult &answer)
     {
      for(int i = ArraySize(m_underWay) - 1; i >= 0; i--)
        {
         if(m_underWay[i].request_id != answer.request_id) continue;
         if(m_underWay[i].id != "" && !m_underWay[i].told) tellAnswer(m_underWay[i], answer);
         forget(i);
         return;
        }
     }

   void              look()
     {
      long now = monotonicUs();
      for(int i = ArraySize(m_underWay) - 1; i >= 0; i--)
        {
         long age_ms = (now - m_underWay[i].sent_us) / 1000;
         if(!m_underWay[i].told && age_ms >= AnswerPatienceMilliseconds)
           {
            if(m_underWay[i].id != "") tellUnanswered(m_underWay[i]);
            m_underWay[i].told = true;
           }
         if(m_underWay[i].told && age_ms >= BrokerDropsAfterMilliseconds) forget(i);
        }
     }

   bool              touches(const ulong order, const ulong position)
     {
      for(int i = 0; i < ArraySize(m_underWay); i++)
        {
         if((order != 0 && m_underWay[i].order == order) || (position != 0 && m_underWay[i].position == position)) return true;
        }
      return false;
     }

private:
   void              tellAnswer(UnderWay &sent, const MqlTradeResult &answer)
     {
      LinkCommandResult result;
      result.id = sent.id;
      result.status = LINK_COMMAND_STATUS_ANSWERED;
      result.retcode = answer.retcode;
      result.deal = answer.deal;
      result.order = answer.order;
      result.volume = answer.volume;
      result.price = answer.price;
      result.bid = answer.bid;
      result.ask = answer.ask;
      result.comment = answer.comment;
      result.request_id = answer.request_id;
      result.retcode_external = answer.retcode_external;
      result.stamps = sent.stamps;
      result.stamps.answered_us = monotonicUs();
      settle(result);
     }

   void              tellUnanswered(UnderWay &sent)
     {
      LinkCommandResult result;
      result.id = sent.id;
      result.status = LINK_COMMAND_STATUS_UNANSWERED;
      result.request_id = sent.request_id;
      result.stamps = sent.stamps;
      result.message = "The broker has not answered within " + IntegerToString(AnswerPatienceMilliseconds) + " ms.";
      settle(result);
     }

   // What the terminal itself refuses has a retcode or an error, and has not gone out.
   void              tellNotSent(UnderWay &sent, const MqlTradeResult &answer, const int error)
     {
      LinkCommandResult result;
      result.id = sent.id;
      result.status = LINK_COMMAND_STATUS_NOT_SENT;
      result.retcode = answer.retcode;
      result.comment = answer.comment;
      result.last_error = error;
      result.stamps = sent.stamps;
      result.message = "The terminal did not send it: retcode " + IntegerToString(answer.retcode) + ", error " + IntegerToString(error) + ".";
      settle(result);
     }
  };

Orders orders;

#endif

// The link: dialled, welcomed, kept alive, lost and dialled again; and what comes over it.
#ifndef MT5BRIDGE_SESSION_MQH
#define MT5BRIDGE_SESSION_MQH

#define PROTOCOL 1
#define SILENCE_MS 10000
#define NO_RETRY_MENDS_MS 60000
#define STEADY_MS 10000
#define FLAPPING_MS 2000
#define OUT_ENOUGH 262144
#define COMMANDS_AT_ONCE 256
#define SPECIFICATIONS_MS 30000
#define LAST_WORDS_MS 2000

enum SessionState
  {
   SESSION_DOWN,     // until the next dialling
   SESSION_GREETING, // hello is sent
   SESSION_UP,       // welcomed
   SESSION_LEAVING,  // another account: its last report is under way
  };

struct TakenCommand
  {
   LinkCommand       command;
   bool              fresh;      // an id that was not known before
   long              received_us;
  };

class Session
  {
private:
   Carrier           m_carrier;
   SessionState      m_state;
   long              m_next_us;      // when to dial
   int               m_pause_ms;
   long              m_since_us;     // in this state
   long              m_heard_us;
   LinkFingerprint   m_account;      // whose inbox is open
   LinkTradeState    m_trade;
   ulong             m_toldTrade;    // the number of the report of it
   LinkAccountState  m_worth;
   long              m_worth_us;
   long              m_specified_us;
   ulong             m_sums[];       // of the subscribed symbols' specifications
   string            m_names[];
   TakenCommand      m_taken[];
   string            m_said;

   // The same trouble is told once.
   void              say(const string what)
     {
      if(what != m_said) Print("mt5-bridge: ", what);
      m_said = what;
     }

   void              enter(const SessionState state)
     {
      if(m_state == SESSION_UP) deadMan.back();
      m_state = state;
      m_since_us = monotonicUs();
     }

   void              end(const string why, const int atLeast_ms)
     {
      say(why);
      bool wasUp = m_state == SESSION_UP;
      bool wasSteady = wasUp && monotonicUs() - m_since_us > (long)STEADY_MS * 1000;
      m_carrier.close();
      enter(SESSION_DOWN);
      // Who was let in and cut off at once comes back soon: a line that works now and then is not left alone for long.
      if(wasUp) m_pause_ms = (int)MathMin(m_pause_ms, MathMax(FLAPPING_MS, FirstPauseMilliseconds));
      if(wasSteady) m_pause_ms = FirstPauseMilliseconds;
      // A part of chance keeps many terminals from dialling at one moment.
      int pause_ms = m_pause_ms + (int)((long)m_pause_ms * MathRand() / 131072);
      m_next_us = m_since_us + (long)MathMax(pause_ms, atLeast_ms) * 1000;
      m_pause_ms = (int)MathMin(2 * m_pause_ms, LongestPauseMilliseconds);
     }

   void              dial()
     {
      if(!m_carrier.dial())
        {
         end(m_carrier.fault(), 0);
         return;
        }
      clocks.forget();
      // Told on each link, but not once more for each that is refused.
      readTradeState(m_trade);
      if(ring.last() == 0 || ring.last() != m_toldTrade) tellTrade();
      LinkConnectRequest request;
      request.frame_case = LINK_CONNECT_REQUEST_HELLO;
      request.hello.protocol_min = PROTOCOL;
      request.hello.protocol_max = PROTOCOL;
      request.hello.software = SOFTWARE;
      request.hello.terminal_build = (uint)TerminalInfoInteger(TERMINAL_BUILD);
      request.hello.token = BridgeToken;
      readAccount(request.hello.account);
      request.hello.has_account = true;
      request.hello.reports_epoch = inbox.reportsEpoch();
      request.hello.oldest_report = ring.oldest();
      request.hello.bridge_epoch = inbox.bridgeEpoch();
      request.hello.last_seen = inbox.lastSeen();
      clocks.read(request.hello.clocks);
      request.hello.has_clocks = true;
      readTradeState(request.hello.trade);
      request.hello.has_trade = true;
      send(request);
      m_heard_us = monotonicUs();
      enter(SESSION_GREETING);
     }

   void              send(const LinkConnectRequest &request)
     {
      uchar frame[];
      encodeRequest(request, frame);
      m_carrier.send(frame);
     }

   // Everything that has come; commands are taken together, so that the disk is waited for once.
   void              hear()
     {
      m_carrier.fill();
      uchar frame[];
      ArrayResize(m_taken, 0, COMMANDS_AT_ONCE);
      bool heardCommands = false;
      while(m_state != SESSION_DOWN && ArraySize(m_taken) < COMMANDS_AT_ONCE && m_carrier.next(frame))
        {
         m_heard_us = monotonicUs();
         LinkConnectResponse response;
         if(!decodeResponse(frame, response))
           {
            end("the bridge sent a frame that cannot be read", 0);
            break;
           }
         if(m_state == SESSION_GREETING) greeted(response);
         else if(m_state == SESSION_UP) heardCommands = heard(response) || heardCommands;
        }
      // What was taken is carried out, even if the link ended behind it: it will not be sent again.
      if(ArraySize(m_taken) > 0) inbox.sync();
      for(int i = 0; i < ArraySize(m_taken); i++) carryOut(m_taken[i]);
      if(m_state != SESSION_UP || !heardCommands) return;
      LinkConnectRequest request;
      request.frame_case = LINK_CONNECT_REQUEST_ACK;
      request.ack.sequence = inbox.lastSeen();
      send(request);
     }

   void              greeted(const LinkConnectResponse &response)
     {
      if(response.frame_case == LINK_CONNECT_RESPONSE_REFUSAL)
        {
         refused(response.refusal);
         return;
        }
      if(response.frame_case != LINK_CONNECT_RESPONSE_WELCOME)
        {
         end("the bridge's first frame is neither a welcome nor a refusal", 0);
         return;
        }
      if(response.welcome.protocol != PROTOCOL)
        {
         end("the bridge speaks version " + IntegerToString(response.welcome.protocol) + " of the link, this program version 1", NO_RETRY_MENDS_MS);
         return;
        }
      if(response.welcome.bridge_epoch < inbox.bridgeEpoch())
        {
         end("the bridge that answers is an older life of the one that was served before", 0);
         return;
        }
      if(!inbox.bridgeLives(response.welcome.bridge_epoch))
        {
         end("the inbox in MQL5\\Files\\mt5-bridge cannot be written", 0);
         return;
        }
      if(!reportsTaken(response.welcome.last_seen))
        {
         inbox.newReports();
         ring.reset();
         end("the bridge has seen reports that were never sent", 0);
         return;
        }
      clocks.heardBridge(response.welcome.bridge_time_ms * 1000);
      limits.adopt(response.welcome.limits);
      ring.resendAfter(response.welcome.last_seen);
      enter(SESSION_UP);
      string by = BridgeTls ? ", certificate " + m_carrier.thumbprint() : "";
      say("linked to " + response.welcome.software + " at " + BridgeAddress + by);
     }

   void              refused(const LinkRefusal &refusal)
     {
      int reason = refusal.reason;
      bool lasting = reason == LINK_REFUSAL_REASON_VERSION || reason == LINK_REFUSAL_REASON_UNAUTHENTICATED ||
                     reason == LINK_REFUSAL_REASON_ACCOUNT || reason == LINK_REFUSAL_REASON_SUPERSEDED;
      int atLeast = (int)MathMin(refusal.retry_after_ms, 3600000);
      if(lasting) atLeast = (int)MathMax(atLeast, NO_RETRY_MENDS_MS);
      end("refused by the bridge: " + refusal.message, atLeast);
     }

   bool              reportsTaken(const ulong number)
     {
      string settled[];
      if(!ring.taken(number, settled)) return false;
      for(int i = 0; i < ArraySize(settled); i++) inbox.told(settled[i]);
      return true;
     }

   // True: commands came, new or not, that are to be acknowledged.
   bool              heard(const LinkConnectResponse &response)
     {
      switch(response.frame_case)
        {
         case LINK_CONNECT_RESPONSE_PING:
            pong(response.ping);
            return false;
         case LINK_CONNECT_RESPONSE_ACK:
            if(!reportsTaken(response.ack.sequence)) end("the bridge acknowledges reports that were never sent", 0);
            return false;
         case LINK_CONNECT_RESPONSE_REFUSAL:
            refused(response.refusal);
            return false;
         case LINK_CONNECT_RESPONSE_COMMAND:
            return commanded(response.command);
         default:
            return false;
        }
     }

   void              pong(const LinkPing &ping)
     {
      clocks.heardBridge(ping.bridge_time_us);
      LinkConnectRequest request;
      request.frame_case = LINK_CONNECT_REQUEST_PONG;
      request.pong.id = ping.id;
      clocks.read(request.pong.clocks);
      request.pong.has_clocks = true;
      request.pong.sent_us = monotonicUs();
      send(request);
     }

   bool              commanded(const LinkCommand &command)
     {
      if(command.sequence <= inbox.lastSeen()) return true;
      if(command.sequence != inbox.lastSeen() + 1)
        {
         end("the bridge has left out a command", 0);
         return false;
        }
      bool named = isName(command.id);
      bool known = named && inbox.stateOf(command.id) != COMMAND_UNKNOWN;
      if(!inbox.take(command.sequence, named ? command.id : "", known))
        {
         end("the inbox in MQL5\\Files\\mt5-bridge cannot be written", 0);
         return false;
        }
      int at = ArraySize(m_taken);
      ArrayResize(m_taken, at + 1, COMMANDS_AT_ONCE);
      m_taken[at].command = command;
      m_taken[at].fresh = !known;
      m_taken[at].received_us = monotonicUs();
      return true;
     }

   bool              isName(const string id)
     {
      int length = StringLen(id);
      for(int i = 0; i < length; i++)
        {
         ushort c = StringGetCharacter(id, i);
         bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
         if(!good) return false;
        }
      return length > 0 && length <= 32;
     }

   void              carryOut(const TakenCommand &taken)
     {
      LinkStamps stamps;
      stamps.received_us = taken.received_us;
      string id = taken.command.id;
      if(!taken.fresh)
        {
         answerAgain(id, stamps);
         return;
        }
      if(!isName(id))
        {
         refuse(id, stamps, LINK_COMMAND_STATUS_UNSUPPORTED, 0, "A command's id is 1 to 32 characters of A-Za-z0-9_-.");
         return;
        }
      LinkFingerprint now;
      readFingerprint(now);
      bool ours = isSameAccount(taken.command.account, now);
      if(!ours && taken.command.action_case == LINK_COMMAND_LOG_IN)
        {
         refuse(id, stamps, LINK_COMMAND_STATUS_UNSUPPORTED, 0, "An Expert Advisor cannot log in: do it in the terminal.");
        }
      else if(!ours)
        {
         refuse(id, stamps, LINK_COMMAND_STATUS_WRONG_ACCOUNT, 0, "Logged in is account " + IntegerToString((long)now.login) + " at " + now.server + ".");
        }
      else if(clocks.bridgeMs() > taken.command.deadline_ms)
        {
         refuse(id, stamps, LINK_COMMAND_STATUS_EXPIRED, 0, "It came after its deadline.");
        }
      else act(taken.command, stamps);
     }

   // An id that is known and under way is answered when it is done; a question's answer was not kept.
   void              answerAgain(const string id, const LinkStamps &stamps)
     {
      uchar bytes[];
      int state = inbox.stateOf(id);
      if(state == COMMAND_UNDER_WAY) return;
      LinkCommandResult result;
      if(inbox.resultOf(id, bytes) && decodeResult(bytes, result))
        {
         result.stamps = stamps; // its own may be of a clock of a former life
         tellResult(result);
        }
      else interrupted(id);
     }

   void              interrupted(const string id)
     {
      LinkStamps none;
      refuse(id, none, LINK_COMMAND_STATUS_INTERRUPTED, 0, "The terminal's program ended while this was under way.");
     }

   void              act(const LinkCommand &command, const LinkStamps &stamps)
     {
      switch(command.action_case)
        {
         case LINK_COMMAND_SUBMIT:
            trade(command, command.submit, stamps);
            break;
         case LINK_COMMAND_MODIFY:
            trade(command, command.modify, stamps);
            break;
         case LINK_COMMAND_CANCEL:
            trade(command, command.cancel, stamps);
            break;
         case LINK_COMMAND_STOPS:
            trade(command, command.stops, stamps);
            break;
         case LINK_COMMAND_CHECK:
            answerCheck(command, stamps);
            break;
         case LINK_COMMAND_SUBSCRIBE:
            answerSubscribe(command, stamps);
            break;
         case LINK_COMMAND_SYMBOLS:
            answerSymbols(command, stamps);
            break;
         case LINK_COMMAND_SNAPSHOT:
         case LINK_COMMAND_TICKS:
         case LINK_COMMAND_BARS:
            questions.ask(command, stamps);
            break;
         case LINK_COMMAND_LOG_IN:
            refuse(command.id, stamps, LINK_COMMAND_STATUS_ANSWERED, 0, "The account is logged in.");
            break;
         default:
            refuse(command.id, stamps, LINK_COMMAND_STATUS_UNSUPPORTED, 0, "This program does not know what is asked for.");
        }
     }

   // Which of MetaTrader's actions belong to which command.
   bool              fits(const int action, const int command)
     {
      switch(command)
        {
         case LINK_COMMAND_SUBMIT:
            return action == TRADE_ACTION_DEAL || action == TRADE_ACTION_PENDING || action == TRADE_ACTION_CLOSE_BY;
         case LINK_COMMAND_MODIFY:
            return action == TRADE_ACTION_MODIFY;
         case LINK_COMMAND_CANCEL:
            return action == TRADE_ACTION_REMOVE;
         default:
            return action == TRADE_ACTION_SLTP;
        }
     }

   void              trade(const LinkCommand &command, const LinkTradeRequest &asked, const LinkStamps &stamps)
     {
      if(!fits(asked.action, command.action_case))
        {
         refuse(command.id, stamps, LINK_COMMAND_STATUS_UNSUPPORTED, 0, "action " + IntegerToString(asked.action) + " does not belong to this command.");
         return;
        }
      string over = "";
      if(orders.full()) over = "More than " + IntegerToString(UNDER_WAY_MAX) + " requests wait for the broker's answer.";
      else if(command.action_case == LINK_COMMAND_SUBMIT) over = limits.refusal(asked);
      if(over != "")
        {
         refuse(command.id, stamps, LINK_COMMAND_STATUS_OVER_LIMIT, 0, over);
         return;
        }
      MqlTradeRequest request;
      toMqlRequest(asked, request);
      orders.send(request, command.id, stamps);
     }

   // The inbox of the account that is logged in, and what a former life has left in it.
   void              beginAccount()
     {
      readFingerprint(m_account);
      inbox.close();
      ring.reset();
      questions.clear();
      orders.clear();
      tickStream.release();
      m_next_us = 0;
      if(m_account.login == 0) return;
      if(!inbox.open((long)m_account.login, m_account.server))
        {
         say("the inbox in MQL5\\Files\\mt5-bridge cannot be opened, error " + IntegerToString(GetLastError()));
         m_next_us = monotonicUs() + 1000000;
         return;
        }
      changes.begin();
      readTradeState(m_trade);
      string ids[];
      inbox.untold(ids);
      for(int i = 0; i < ArraySize(ids); i++)
        {
         LinkStamps none;
         if(inbox.stateOf(ids[i]) == COMMAND_UNDER_WAY) orders.doubtFormerLife();
         if(inbox.stateOf(ids[i]) == COMMAND_UNDER_WAY) interrupted(ids[i]);
         else answerAgain(ids[i], none);
        }
     }

   // From here on nothing is traded: every command names the account, and the old one's link ends with this report.
   void              watchAccount()
     {
      LinkFingerprint now;
      readFingerprint(now);
      if(m_state == SESSION_LEAVING)
        {
         if(!lastWordsTaken() && m_carrier.fault() == "" && monotonicUs() - m_since_us < (long)LAST_WORDS_MS * 1000) return;
         end("another account was logged in", 0);
         beginAccount();
         return;
        }
      if(isSameAccount(now, m_account) && inbox.isOpen()) return;
      if(m_state != SESSION_UP)
        {
         if(m_state == SESSION_GREETING) end("another account was logged in", 0);
         if(now.login != 0 && (inbox.isOpen() || monotonicUs() >= m_next_us)) beginAccount();
         return;
        }
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_ACCOUNT_CHANGED;
      request.report.account_changed = now;
      ring.add(request, REPORT_OTHER, "");
      enter(SESSION_LEAVING);
     }

   // Nothing is taken any more but acknowledgements: a connection that is closed too early may lose what was sent last.
   bool              lastWordsTaken()
     {
      pour(OUT_ENOUGH);
      m_carrier.fill();
      uchar frame[];
      while(m_carrier.next(frame))
        {
         LinkConnectResponse response;
         if(decodeResponse(frame, response) && response.frame_case == LINK_CONNECT_RESPONSE_ACK) reportsTaken(response.ack.sequence);
        }
      return ring.oldest() > ring.last();
     }

   void              tellTrade()
     {
      LinkConnectRequest request;
      request.report.event_case = LINK_REPORT_TRADE;
      request.report.trade = m_trade;
      ring.add(request, REPORT_OTHER, "");
      m_toldTrade = ring.last();
     }

   void              tellWorth()
     {
      long now = monotonicUs();
      if(now - m_worth_us < (long)AccountStateMilliseconds * 1000) return;
      m_worth_us = now;
      LinkTradeState trade;
      readTradeState(trade);
      bool changed = !isSameTradeState(trade, m_trade);
      m_trade = trade;
      if(changed) tellTrade();
      // What the account is worth is worth telling only to somebody.
      if(m_state != SESSION_UP) return;
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

   // Reports go out as fast as the connection takes them; the rest waits in the ring.
   void              pour(const int most)
     {
      uchar frame[];
      while(m_carrier.waiting() < most && ring.next(frame)) m_carrier.send(frame);
      m_carrier.flush();
     }

public:
                     Session() : m_state(SESSION_DOWN), m_next_us(0), m_pause_ms(500), m_since_us(0), m_heard_us(0), m_toldTrade(0), m_worth_us(0), m_specified_us(0), m_said("") {}

   void              begin()
     {
      m_pause_ms = FirstPauseMilliseconds;
      m_next_us = 0;
      limits.begin();
      deadMan.begin();
      beginAccount();
     }

   // One look at everything. True: there is more to do at once.
   bool              look()
     {
      watchAccount();
      if(m_state == SESSION_LEAVING || !inbox.isOpen()) return false;
      bool more = false;
      if(m_state == SESSION_DOWN && monotonicUs() >= m_next_us) dial();
      if(m_state != SESSION_DOWN) hear();
      changes.look();
      orders.look();
      questions.look();
      tellWorth();
      if(m_state == SESSION_UP)
        {
         more = tickStream.look();
         tellSpecifications();
         pour(OUT_ENOUGH);
        }
      else if(m_state == SESSION_GREETING) m_carrier.flush();
      if(m_state != SESSION_UP) deadMan.look();
      if(m_state == SESSION_DOWN) return false;
      if(m_carrier.fault() != "") end(m_carrier.fault(), 0);
      else if(monotonicUs() - m_heard_us > (long)SILENCE_MS * 1000) end("nothing was heard of the bridge for 10 s", 0);
      return more && m_state == SESSION_UP;
     }

   // Something has happened at the broker; of an account that was left nothing more is told.
   void              hint(const MqlTradeTransaction &transaction, const MqlTradeResult &result)
     {
      if(m_state == SESSION_LEAVING || !inbox.isOpen()) return;
      changes.hint(transaction);
      if(transaction.type == TRADE_TRANSACTION_REQUEST) orders.answered(result);
      if(m_state == SESSION_UP) pour(OUT_ENOUGH); // who asked waits for it
     }

   // The terminal gives 2.5 s for everything.
   void              finish()
     {
      if(m_state == SESSION_UP) pour(OUT_ENOUGH);
      m_carrier.close();
      m_state = SESSION_DOWN;
      tickStream.release();
      inbox.close();
     }
  };

#endif

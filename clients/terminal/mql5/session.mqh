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
#define LAST_WORDS_MS 2000

enum SessionState
  {
   SESSION_DOWN,     // until the next dialling
   SESSION_GREETING, // hello is sent
   SESSION_UP,       // welcomed
   SESSION_LEAVING,  // another account: its last report is under way
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
      standing.tellTradeAnew();
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
      for(int i = 0; i < ArraySize(m_taken); i++) commands.carryOut(m_taken[i]);
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
      bool named = commands.isName(command.id);
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
      standing.begin();
      string ids[];
      inbox.untold(ids);
      for(int i = 0; i < ArraySize(ids); i++)
        {
         LinkStamps none;
         if(inbox.stateOf(ids[i]) == COMMAND_UNDER_WAY) orders.doubtFormerLife();
         if(inbox.stateOf(ids[i]) == COMMAND_UNDER_WAY) commands.interrupted(ids[i]);
         else commands.answerAgain(ids[i], none);
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

   // Reports go out as fast as the connection takes them; the rest waits in the ring.
   void              pour(const int most)
     {
      uchar frame[];
      while(m_carrier.waiting() < most && ring.next(frame)) m_carrier.send(frame);
      m_carrier.flush();
     }

public:
                     Session() : m_state(SESSION_DOWN), m_next_us(0), m_pause_ms(500), m_since_us(0), m_heard_us(0), m_said("") {}

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
      standing.tell(m_state == SESSION_UP);
      if(m_state == SESSION_UP)
        {
         more = tickStream.look();
         standing.tellSpecifications();
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

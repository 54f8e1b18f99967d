// Commands that were taken, carried out: whose they are, whether they are late, and who does what they ask for.
#ifndef MT5BRIDGE_COMMANDS_MQH
#define MT5BRIDGE_COMMANDS_MQH

struct TakenCommand
  {
   LinkCommand       command;
   bool              fresh;      // an id that was not known before
   long              received_us;
  };

class Commands
  {
public:
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

private:
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
  };

Commands commands;

#endif

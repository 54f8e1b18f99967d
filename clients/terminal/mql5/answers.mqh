// Answers to commands that do not trade; and at once to those that need no reading of history: specifications, a dry run,
// whose ticks are streamed.
#ifndef MT5BRIDGE_ANSWERS_MQH
#define MT5BRIDGE_ANSWERS_MQH

#define SYMBOLS_A_PART 100

void beginResult(LinkCommandResult &result, const string id, const LinkStamps &stamps)
  {
   result.id = id;
   result.status = LINK_COMMAND_STATUS_ANSWERED;
   result.stamps = stamps;
   result.stamps.answered_us = monotonicUs();
  }

// The answer itself is not kept: asked again after a restart, the question is answered anew or was interrupted.
void settleQuestion(LinkCommandResult &result)
  {
   uchar nothing[];
   inbox.answered(result.id, nothing);
   tellResult(result);
  }

void refuse(const string id, const LinkStamps &stamps, const int status, const int error, const string message)
  {
   LinkCommandResult result;
   result.id = id;
   result.status = status;
   result.last_error = error;
   result.message = message;
   result.stamps = stamps;
   settle(result);
  }

void answerSymbols(const LinkCommand &command, const LinkStamps &stamps)
  {
   string names[];
   int count = ArraySize(command.symbols.symbols);
   ArrayResize(names, count);
   for(int i = 0; i < count; i++) names[i] = command.symbols.symbols[i];
   if(count == 0) marketWatch(names);
   LinkCommandResult part;
   beginResult(part, command.id, stamps);
   part.answer_case = LINK_COMMAND_RESULT_SYMBOLS;
   for(int i = 0; i < ArraySize(names); i++)
     {
      if(!isThere(names[i]))
        {
         ArrayResize(part.symbols.unknown, ArraySize(part.symbols.unknown) + 1);
         part.symbols.unknown[ArraySize(part.symbols.unknown) - 1] = names[i];
         continue;
        }
      int at = ArraySize(part.symbols.symbols);
      if(at == SYMBOLS_A_PART)
        {
         part.more = true;
         tellResult(part);
         part.more = false;
         ArrayResize(part.symbols.unknown, 0);
         at = 0;
        }
      ArrayResize(part.symbols.symbols, at + 1);
      readSymbol(names[i], part.symbols.symbols[at]);
     }
   settleQuestion(part);
  }

void answerCheck(const LinkCommand &command, const LinkStamps &stamps)
  {
   MqlTradeRequest request;
   toMqlRequest(command.check, request);
   MqlTradeCheckResult check;
   ZeroMemory(check);
   ResetLastError();
   bool passed = OrderCheck(request, check);
   LinkCommandResult result;
   beginResult(result, command.id, stamps);
   result.last_error = passed ? 0 : GetLastError();
   result.retcode = check.retcode;
   result.answer_case = LINK_COMMAND_RESULT_CHECK;
   result.check.retcode = check.retcode;
   result.check.balance = check.balance;
   result.check.equity = check.equity;
   result.check.profit = check.profit;
   result.check.margin = check.margin;
   result.check.margin_free = check.margin_free;
   result.check.margin_level = check.margin_level;
   result.check.comment = check.comment;
   double margin = 0;
   ENUM_ORDER_TYPE side = ((int)request.type % 2 == 0) ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
   if(OrderCalcMargin(side, request.symbol, request.volume, request.price, margin)) result.check.margin_needed = margin;
   settleQuestion(result);
  }

void answerSubscribe(const LinkCommand &command, const LinkStamps &stamps)
  {
   int wanted = ArraySize(command.subscribe.symbols);
   int moments = ArraySize(command.subscribe.after_ms);
   if(wanted > SUBSCRIBED_MAX || (moments != 0 && moments != wanted))
     {
      refuse(command.id, stamps, LINK_COMMAND_STATUS_UNSUPPORTED, 0, "symbols must be at most 1,000, and after_ms as many or none.");
      return;
     }
   LinkCommandResult result;
   beginResult(result, command.id, stamps);
   result.answer_case = LINK_COMMAND_RESULT_REFUSED;
   tickStream.subscribe(command.subscribe, result.refused);
   settleQuestion(result);
  }

#endif

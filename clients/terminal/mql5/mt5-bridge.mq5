//+------------------------------------------------------------------+
//| mt5-bridge: the terminal's side of the link.                     |
//|                                                                  |
//| To install:                                                      |
//| 1. In the terminal: File, Open Data Folder. Make the folder      |
//|    MQL5\Experts\mt5-bridge and copy this file there, all *.mqh  |
//|    beside it, and the two of gen/mql5.                           |
//| 2. In MetaEditor open mt5-bridge.mq5 and compile it (F7).        |
//| 3. Tools, Options, Expert Advisors: allow algorithmic trading,   |
//|    and add the bridge's host to the list of allowed addresses.   |
//| 4. Drag mt5-bridge onto any one chart, allow algorithmic trading |
//|    for it, and set the bridge's address and token.               |
//| 5. The tab Experts says `linked to mt5-bridge …`.                |
//|                                                                  |
//| One chart a terminal: a second one would be refused as TAKEN.    |
//| What it keeps is in MQL5\Files\mt5-bridge: do not delete it      |
//| while orders are under way.                                      |
//|                                                                  |
//| It has been run against a stand-in of the terminal's functions,  |
//| translated to C++; it has not been run inside MetaTrader.        |
//+------------------------------------------------------------------+
#property copyright "mt5-bridge"
#property version   "0.10"
#property description "Links this terminal with an mt5-bridge, which it dials."

#include "settings.mqh"
#include "link.mqh"
#include "wire.mqh"
#include "clocks.mqh"
#include "carrier.mqh"
#include "ring.mqh"
#include "inbox.mqh"
#include "account.mqh"
#include "records.mqh"
#include "symbols.mqh"
#include "ticks.mqh"
#include "tickets.mqh"
#include "hints.mqh"
#include "changes.mqh"
#include "limits.mqh"
#include "orders.mqh"
#include "dead-man.mqh"
#include "answers.mqh"
#include "questions.mqh"
#include "commands.mqh"
#include "standing.mqh"
#include "session.mqh"

Session session;

// Looks until nothing is left to do at once, but not for long: answers of the broker are events, and wait meanwhile.
void lookAtAll()
  {
   for(int i = 0; i < 4; i++)
     {
      if(!session.look()) return;
     }
  }

int OnInit()
  {
   string fault = settingsFault();
   if(fault != "")
     {
      Print("mt5-bridge: ", fault);
      return INIT_PARAMETERS_INCORRECT;
     }
   MathSrand((uint)GetTickCount());
   session.begin();
   if(!EventSetMillisecondTimer(TimerMilliseconds))
     {
      Print("mt5-bridge: no timer, error ", GetLastError());
      return INIT_FAILED;
     }
   return INIT_SUCCEEDED;
  }

void OnDeinit(const int reason)
  {
   EventKillTimer();
   session.finish();
  }

void OnTimer()
  {
   lookAtAll();
  }

void OnTick()
  {
   lookAtAll();
  }

void OnBookEvent(const string &symbol)
  {
   lookAtAll();
  }

void OnTradeTransaction(const MqlTradeTransaction &transaction, const MqlTradeRequest &request, const MqlTradeResult &result)
  {
   session.hint(transaction, result);
  }

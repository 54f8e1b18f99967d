// The account that is logged in, whether it can trade, and what it is worth.
#ifndef MT5BRIDGE_ACCOUNT_MQH
#define MT5BRIDGE_ACCOUNT_MQH

void readFingerprint(LinkFingerprint &fingerprint)
  {
   fingerprint.login = (ulong)AccountInfoInteger(ACCOUNT_LOGIN);
   fingerprint.server = AccountInfoString(ACCOUNT_SERVER);
   fingerprint.trade_mode = (int)AccountInfoInteger(ACCOUNT_TRADE_MODE);
  }

bool isSameAccount(const LinkFingerprint &one, const LinkFingerprint &other)
  {
   return one.login == other.login && one.server == other.server && one.trade_mode == other.trade_mode;
  }

void readAccount(LinkAccount &account)
  {
   readFingerprint(account.fingerprint);
   account.has_fingerprint = true;
   account.name = AccountInfoString(ACCOUNT_NAME);
   account.company = AccountInfoString(ACCOUNT_COMPANY);
   account.currency = AccountInfoString(ACCOUNT_CURRENCY);
   account.currency_digits = (uint)AccountInfoInteger(ACCOUNT_CURRENCY_DIGITS);
   account.leverage = AccountInfoInteger(ACCOUNT_LEVERAGE);
   account.margin_mode = (int)AccountInfoInteger(ACCOUNT_MARGIN_MODE);
   account.stopout_mode = (int)AccountInfoInteger(ACCOUNT_MARGIN_SO_MODE);
   account.margin_call_level = AccountInfoDouble(ACCOUNT_MARGIN_SO_CALL);
   account.stopout_level = AccountInfoDouble(ACCOUNT_MARGIN_SO_SO);
   account.limit_orders = (int)AccountInfoInteger(ACCOUNT_LIMIT_ORDERS);
  }

bool isConnected() { return TerminalInfoInteger(TERMINAL_CONNECTED) != 0; }

void readTradeState(LinkTradeState &trade)
  {
   trade.connected = isConnected();
   trade.algo_allowed = TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) != 0 && MQLInfoInteger(MQL_TRADE_ALLOWED) != 0;
   trade.expert_allowed = AccountInfoInteger(ACCOUNT_TRADE_EXPERT) != 0;
   trade.account_allowed = AccountInfoInteger(ACCOUNT_TRADE_ALLOWED) != 0 && trade.expert_allowed;
   trade.ping_last_us = TerminalInfoInteger(TERMINAL_PING_LAST);
  }

// The ping changes with every measurement and is no news.
bool isSameTradeState(const LinkTradeState &one, const LinkTradeState &other)
  {
   return one.connected == other.connected && one.algo_allowed == other.algo_allowed &&
          one.account_allowed == other.account_allowed && one.expert_allowed == other.expert_allowed;
  }

void readAccountState(LinkAccountState &state)
  {
   state.time_ms = (long)TimeTradeServer() * 1000;
   state.balance = AccountInfoDouble(ACCOUNT_BALANCE);
   state.credit = AccountInfoDouble(ACCOUNT_CREDIT);
   state.profit = AccountInfoDouble(ACCOUNT_PROFIT);
   state.equity = AccountInfoDouble(ACCOUNT_EQUITY);
   state.margin = AccountInfoDouble(ACCOUNT_MARGIN);
   state.margin_free = AccountInfoDouble(ACCOUNT_MARGIN_FREE);
   state.margin_level = AccountInfoDouble(ACCOUNT_MARGIN_LEVEL);
   int total = PositionsTotal();
   ArrayResize(state.positions, total);
   int count = 0;
   for(int i = 0; i < total; i++)
     {
      ulong ticket = PositionGetTicket(i);
      if(ticket == 0) continue;
      state.positions[count].ticket = ticket;
      state.positions[count].price_current = PositionGetDouble(POSITION_PRICE_CURRENT);
      state.positions[count].profit = PositionGetDouble(POSITION_PROFIT);
      state.positions[count].swap = PositionGetDouble(POSITION_SWAP);
      count++;
     }
   ArrayResize(state.positions, count);
  }

// Whether anything but the time differs.
bool isSameWorth(const LinkAccountState &one, const LinkAccountState &other)
  {
   if(one.balance != other.balance || one.credit != other.credit || one.equity != other.equity || one.margin != other.margin) return false;
   if(ArraySize(one.positions) != ArraySize(other.positions)) return false;
   for(int i = 0; i < ArraySize(one.positions); i++)
     {
      if(one.positions[i].ticket != other.positions[i].ticket || one.positions[i].profit != other.positions[i].profit ||
         one.positions[i].price_current != other.positions[i].price_current || one.positions[i].swap != other.positions[i].swap) return false;
     }
   return true;
  }

#endif

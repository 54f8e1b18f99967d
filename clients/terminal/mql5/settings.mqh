// What the trader may set. An Expert Advisor's inputs stand in the dialog of the terminal under the texts behind them.
#ifndef MT5BRIDGE_SETTINGS_MQH
#define MT5BRIDGE_SETTINGS_MQH

#define SOFTWARE "mt5-bridge-ea 0.1.0"

enum DeadMan
  {
   DEAD_MAN_NONE,    // leave everything as it is
   DEAD_MAN_CANCEL,  // remove the bridge's pending orders
   DEAD_MAN_FLATTEN, // remove them, and close the bridge's positions
  };

input group "The bridge"
input string  BridgeAddress = "127.0.0.1:50052";       // host:port of the bridge's TERMINAL_LINK_PORT
input string  BridgeToken = "";                        // token or key with the scope terminal; empty: none is needed
input bool    BridgeTls = false;                       // the bridge's port speaks TLS
input string  BridgeThumbprint = "";                   // thumbprint of its certificate, as the journal tells it; empty: any that the terminal takes
input int     FirstPauseMilliseconds = 500;            // before dialling again, 10..60000; doubles with each failure
input int     LongestPauseMilliseconds = 30000;        // the longest such pause, 100..600000
input int     TimerMilliseconds = 10;                  // how often the link is looked at, 1..1000

input group "Limits of this terminal (the stricter of these and the bridge's holds)"
input double  MaxVolume = 0;                           // lots of one order; 0: no limit of this terminal's
input int     MaxOrdersPerMinute = 0;                  // orders in any 60 seconds, 0..10000; 0: no limit of this terminal's
input string  AllowedSymbols = "";                     // symbols that may be traded, comma separated; empty: all

input group "When the bridge stays away"
input DeadMan DeadManPolicy = DEAD_MAN_NONE;           // what to do then
input int     DeadManSeconds = 60;                     // after how many seconds without the bridge, 1..86400

input group "Patience"
input int     AnswerPatienceMilliseconds = 20000;      // for the broker's answer to an order, 100..180000
input int     BrokerDropsAfterMilliseconds = 180000;   // an order not answered until then cannot arrive any more, 100..600000
input int     AccountStateMilliseconds = 1000;         // between two reports of what the account is worth, 100..60000

input group "Memory"
input int     RingReports = 20000;                     // reports kept until the bridge has taken them, 10..1000000
input int     RingMegabytes = 64;                      // and their size, 1..1024

// Empty when every setting is within its range, otherwise what is wrong.
string settingsFault()
  {
   string fault = rangeFault("FirstPauseMilliseconds", FirstPauseMilliseconds, 10, 60000);
   if(fault == "") fault = rangeFault("LongestPauseMilliseconds", LongestPauseMilliseconds, 100, 600000);
   if(fault == "") fault = rangeFault("TimerMilliseconds", TimerMilliseconds, 1, 1000);
   if(fault == "") fault = rangeFault("MaxOrdersPerMinute", MaxOrdersPerMinute, 0, 10000);
   if(fault == "") fault = rangeFault("DeadManSeconds", DeadManSeconds, 1, 86400);
   if(fault == "") fault = rangeFault("AnswerPatienceMilliseconds", AnswerPatienceMilliseconds, 100, 180000);
   if(fault == "") fault = rangeFault("BrokerDropsAfterMilliseconds", BrokerDropsAfterMilliseconds, 100, 600000);
   if(fault == "") fault = rangeFault("AccountStateMilliseconds", AccountStateMilliseconds, 100, 60000);
   if(fault == "") fault = rangeFault("RingReports", RingReports, 10, 1000000);
   if(fault == "") fault = rangeFault("RingMegabytes", RingMegabytes, 1, 1024);
   if(fault == "" && BridgeThumbprint != "" && !BridgeTls) fault = "BridgeThumbprint is of no use without BridgeTls";
   if(fault == "" && MaxVolume < 0) fault = "MaxVolume must not be negative";
   int colon = StringFind(BridgeAddress, ":");
   int port = (colon > 0) ? (int)StringToInteger(StringSubstr(BridgeAddress, colon + 1)) : 0;
   if(fault == "" && (port < 1 || port > 65535)) fault = "BridgeAddress must be host:port with a port of 1 to 65535";
   return fault;
  }

string rangeFault(const string name, const int value, const int least, const int most)
  {
   if(value >= least && value <= most) return "";
   return name + " must be " + IntegerToString(least) + " to " + IntegerToString(most) + ", and is " + IntegerToString(value);
  }

#endif

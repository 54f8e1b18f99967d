// Every clock there is. The bridge's is known as the monotonic one plus the largest difference that the connection has
// shown: what a frame shows is too little by its way here, never too much.
#ifndef MT5BRIDGE_CLOCKS_MQH
#define MT5BRIDGE_CLOCKS_MQH

long monotonicUs() { return (long)GetMicrosecondCount(); }

class Clocks
  {
private:
   long              m_ahead;
   bool              m_heard;

public:
                     Clocks() { forget(); }

   void              forget()
     {
      m_ahead = 0;
      m_heard = false;
     }

   void              heardBridge(const long bridgeUs)
     {
      long ahead = bridgeUs - monotonicUs();
      if(m_heard && ahead <= m_ahead) return;
      m_ahead = ahead;
      m_heard = true;
     }

   long              bridgeMs() { return (monotonicUs() + m_ahead) / 1000; }

   void              read(LinkClocks &clocks)
     {
      clocks.monotonic_us = monotonicUs();
      clocks.server_ms = (long)TimeTradeServer() * 1000;
      clocks.server_last_ms = (long)TimeCurrent() * 1000;
      clocks.utc_ms = (long)TimeGMT() * 1000;
     }
  };

Clocks clocks;

#endif

// Reports, numbered, from when they are written until the bridge has taken them.
//
// When there are too many or they are too large, the oldest are forgotten, and a gap stands in their place: one frame
// under the number of the last of them, which says what was among them.
#ifndef MT5BRIDGE_RING_MQH
#define MT5BRIDGE_RING_MQH

#define REPORT_OTHER 0
#define REPORT_TICKS 1
#define REPORT_TRADES 2
#define REPORT_RESULTS 4

struct HeldReport
  {
   uchar             frame[];
   int               kind;
   string            settles;   // the id of the command whose last result this is
  };

class Ring
  {
private:
   HeldReport        m_held[];
   ulong             m_first;   // the number of the oldest that is held
   int               m_count;
   long              m_bytes;
   ulong             m_next;    // the next to be sent on this connection
   ulong             m_gapThrough;
   int               m_gapKinds;

   int               place(const ulong number) { return (int)(number % (ulong)ArraySize(m_held)); }

   void              forgetOldest()
     {
      int at = place(m_first);
      if(m_gapThrough == 0) m_gapKinds = 0;
      m_gapThrough = m_first;
      m_gapKinds |= m_held[at].kind;
      drop(at);
     }

   void              drop(const int at)
     {
      m_bytes -= ArraySize(m_held[at].frame);
      ArrayFree(m_held[at].frame);
      m_held[at].settles = "";
      m_first++;
      m_count--;
     }

   void              gapFrame(uchar &frame[])
     {
      LinkConnectRequest request;
      request.frame_case = LINK_CONNECT_REQUEST_REPORT;
      request.report.sequence = m_gapThrough;
      request.report.event_case = LINK_REPORT_GAP;
      request.report.gap.from = m_next;
      request.report.gap.through = m_gapThrough;
      request.report.gap.ticks = (m_gapKinds & REPORT_TICKS) != 0;
      request.report.gap.trades = (m_gapKinds & REPORT_TRADES) != 0;
      request.report.gap.results = (m_gapKinds & REPORT_RESULTS) != 0;
      encodeRequest(request, frame);
     }

public:
                     Ring() { m_first = 1; reset(); }

   // A new life: nothing was ever reported.
   void              reset()
     {
      for(int i = 0; i < ArraySize(m_held); i++)
        {
         ArrayFree(m_held[i].frame);
         m_held[i].settles = "";
        }
      m_first = 1;
      m_count = 0;
      m_bytes = 0;
      m_next = 1;
      m_gapThrough = 0;
      m_gapKinds = 0;
     }

   ulong             last() { return m_first + (ulong)m_count - 1; }
   ulong             oldest() { return m_first; }

   // Ticks rest in the terminal while this is false: they can be read again, and must not push out what cannot.
   bool              roomForTicks()
     {
      return m_count < ArraySize(m_held) / 2 + 1 && m_bytes < (long)RingMegabytes * 524288;
     }

   // Gives `request.report` its number and holds it.
   void              add(LinkConnectRequest &request, const int kind, const string settles)
     {
      if(ArraySize(m_held) == 0) ArrayResize(m_held, RingReports);
      if(m_count == ArraySize(m_held)) forgetOldest();
      ulong number = m_first + (ulong)m_count;
      request.frame_case = LINK_CONNECT_REQUEST_REPORT;
      request.report.sequence = number;
      int at = place(number);
      encodeRequest(request, m_held[at].frame);
      m_held[at].kind = kind;
      m_held[at].settles = settles;
      m_bytes += ArraySize(m_held[at].frame);
      m_count++;
      while(m_bytes > (long)RingMegabytes * 1048576 && m_count > 1) forgetOldest();
     }

   // The bridge has taken all up to `number`. False: a number that was never given.
   bool              taken(const ulong number, string &settled[])
     {
      ArrayResize(settled, 0);
      if(number > last()) return false;
      while(m_count > 0 && m_first <= number)
        {
         int at = place(m_first);
         if(m_held[at].settles != "")
           {
            ArrayResize(settled, ArraySize(settled) + 1, 64);
            settled[ArraySize(settled) - 1] = m_held[at].settles;
           }
         drop(at);
        }
      if(number >= m_gapThrough) m_gapThrough = 0;
      return true;
     }

   // On a new connection everything behind `seen` is sent again. A bridge that was started anew has seen nothing of what the
   // one before it acknowledged: that is a gap, too.
   void              resendAfter(const ulong seen)
     {
      m_next = seen + 1;
      if(m_next >= m_first) return;
      m_gapThrough = m_first - 1;
      m_gapKinds = REPORT_TICKS | REPORT_TRADES | REPORT_RESULTS;
     }

   // The next frame to send, if there is one.
   bool              next(uchar &frame[])
     {
      if(m_next > last()) return false;
      if(m_next <= m_gapThrough)
        {
         gapFrame(frame);
         m_next = m_gapThrough + 1;
         return true;
        }
      if(m_next < m_first) m_next = m_first;
      int at = place(m_next);
      ArrayResize(frame, ArraySize(m_held[at].frame));
      ArrayCopy(frame, m_held[at].frame);
      m_next++;
      return true;
     }
  };

Ring ring;

#endif

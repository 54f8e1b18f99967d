// What hints have named and is not there yet, to be looked for again.
#ifndef MT5BRIDGE_HINTS_MQH
#define MT5BRIDGE_HINTS_MQH

#define SWEEP_MS 1000
#define LOOK_FOR_MS 10000
#define ORDER_HINT 0
#define DEAL_HINT 1
#define POSITION_HINT 2
#define LOOK_FOR_MAX 4096

struct LookedFor
  {
   ulong             ticket;
   int               kind;
   bool              again;     // also when it was told before
   long              until_us;
   bool              seen;      // a position that was there when the hint came: it may be closed before its turn
   LinkPosition      position;
  };

class Hints
  {
public:
   LookedFor         held[];

   void              clear() { ArrayResize(held, 0); }

   // Its place among what is looked for; -1 when there is no more room, and the sweep finds it.
   int               add(const ulong ticket, const int kind, const bool again)
     {
      // A position that is not there within the time of two sweeps was closed, or the sweep finds it.
      long until = monotonicUs() + ((kind == POSITION_HINT) ? 2 * SWEEP_MS : LOOK_FOR_MS) * 1000;
      int count = ArraySize(held);
      for(int i = 0; i < count; i++)
        {
         if(held[i].ticket == ticket && held[i].kind == kind)
           {
            held[i].again = held[i].again || again;
            held[i].until_us = until;
            see(held[i]);
            return i;
           }
        }
      if(count == LOOK_FOR_MAX) return -1;
      ArrayResize(held, count + 1, 256);
      held[count].ticket = ticket;
      held[count].kind = kind;
      held[count].again = again;
      held[count].until_us = until;
      held[count].seen = false;
      see(held[count]);
      return count;
     }

   void              forget(const int at)
     {
      int last = ArraySize(held) - 1;
      for(int i = at; i < last; i++) held[i] = held[i + 1];
      ArrayResize(held, last, 256);
     }

   // Whether a deal or an order that a hint has named is not there yet; for longer than a sweep's time nobody waits.
   bool              awaitsHistory()
     {
      long patient = monotonicUs() + (LOOK_FOR_MS - SWEEP_MS) * 1000;
      for(int i = 0; i < ArraySize(held); i++)
        {
         if(held[i].kind != POSITION_HINT && held[i].until_us > patient) return true;
        }
      return false;
     }

private:
   void              see(LookedFor &looked)
     {
      if(looked.kind != POSITION_HINT || !PositionSelectByTicket(looked.ticket)) return;
      readPosition(looked.position);
      looked.seen = true;
     }
  };

#endif

// Tickets that were told of: of the youngest TOLD_MAX to twice as many.
#ifndef MT5BRIDGE_TICKETS_MQH
#define MT5BRIDGE_TICKETS_MQH

#define TOLD_MAX 65536

class Tickets
  {
private:
   ulong             m_young[];
   ulong             m_old[];
   int               m_count;

   bool              holds(const ulong &table[], const ulong ticket)
     {
      int size = ArraySize(table);
      if(size == 0) return false;
      int at = (int)(ticket % (ulong)size);
      while(table[at] != 0 && table[at] != ticket) at = (at + 1) % size;
      return table[at] == ticket;
     }

public:
                     Tickets() : m_count(0) {}

   void              clear()
     {
      ArrayFree(m_young);
      ArrayFree(m_old);
      m_count = 0;
     }

   bool              has(const ulong ticket) { return holds(m_young, ticket) || holds(m_old, ticket); }

   void              add(const ulong ticket)
     {
      if(ArraySize(m_young) == 0 || m_count == TOLD_MAX)
        {
         ArraySwap(m_young, m_old);
         ArrayResize(m_young, 2 * TOLD_MAX + 1);
         ArrayInitialize(m_young, 0);
         m_count = 0;
        }
      int size = ArraySize(m_young);
      int at = (int)(ticket % (ulong)size);
      while(m_young[at] != 0 && m_young[at] != ticket) at = (at + 1) % size;
      if(m_young[at] == ticket) return;
      m_young[at] = ticket;
      m_count++;
     }
  };

#endif

// The ids of commands, on disk before anything is sent to the broker, so that none runs twice whatever dies.
//
// A file of records, each its length (four bytes), its kind (one), its content, and a checksum (four): a record that was
// torn when the terminal died ends what is read. The file is written anew when it is opened and when it has grown, with
// the youngest KEPT commands; older ids are forgotten, and so are their names.
#ifndef MT5BRIDGE_INBOX_MQH
#define MT5BRIDGE_INBOX_MQH

#define KEPT 8192
#define INDEX 32768
#define FILE_LIMIT 16777216

#define RECORD_TAKEN 1
#define RECORD_ANSWERED 2
#define RECORD_TOLD 3
#define RECORD_BRIDGE 4
#define RECORD_REPORTS 5

#define COMMAND_UNKNOWN 0
#define COMMAND_UNDER_WAY 1
#define COMMAND_ANSWERED 2
#define COMMAND_TOLD 3

struct InboxEntry
  {
   string            id;
   int               state;
   uchar             result[];  // as it was reported, encoded
  };

class Inbox
  {
private:
   string            m_name;
   int               m_file;
   long              m_size;
   InboxEntry        m_entries[];
   int               m_count;
   int               m_index[];  // of an id's hash: its place in m_entries and one, 0 when free
   ulong             m_bridgeEpoch;
   ulong             m_lastSeen;
   ulong             m_reportsEpoch;

   uint              hashOf(const uchar &bytes[], const int size)
     {
      uint hash = 2166136261;
      for(int i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 16777619;
      return hash;
     }

   uint              hashOf(const string id)
     {
      uchar bytes[];
      int size = StringToCharArray(id, bytes, 0, WHOLE_ARRAY, CP_UTF8);
      return hashOf(bytes, size);
     }

   int               find(const string id)
     {
      for(int at = (int)(hashOf(id) % INDEX); m_index[at] != 0; at = (at + 1) % INDEX)
        {
         if(m_entries[m_index[at] - 1].id == id) return m_index[at] - 1;
        }
      return -1;
     }

   int               remember(const string id, const int state)
     {
      int place = m_count++;
      m_entries[place].id = id;
      m_entries[place].state = state;
      ArrayResize(m_entries[place].result, 0);
      index(place);
      return place;
     }

   void              index(const int place)
     {
      int at = (int)(hashOf(m_entries[place].id) % INDEX);
      while(m_index[at] != 0) at = (at + 1) % INDEX;
      m_index[at] = place + 1;
     }

   void              forgetAll()
     {
      ArrayResize(m_entries, 2 * KEPT);
      ArrayResize(m_index, INDEX);
      ArrayInitialize(m_index, 0);
      m_count = 0;
     }

   // Of what is over KEPT the oldest go.
   void              forgetOld()
     {
      int gone = m_count - KEPT;
      if(gone <= 0) return;
      for(int i = 0; i < KEPT; i++) m_entries[i] = m_entries[i + gone];
      m_count = KEPT;
      ArrayInitialize(m_index, 0);
      for(int i = 0; i < m_count; i++) index(i);
     }

   void              putLong(uchar &bytes[], const int at, const ulong value)
     {
      for(int i = 0; i < 8; i++) bytes[at + i] = (uchar)(value >> (8 * i));
     }

   ulong             getLong(const uchar &bytes[], const int at)
     {
      ulong value = 0;
      for(int i = 7; i >= 0; i--) value = (value << 8) | bytes[at + i];
      return value;
     }

   // Two numbers, an id with its length before it, and the rest.
   bool              write(const int kind, const ulong first, const ulong second, const string id, const uchar &rest[])
     {
      uchar name[];
      int nameSize = (id == "") ? 0 : StringToCharArray(id, name, 0, WHOLE_ARRAY, CP_UTF8) - 1;
      int restSize = ArraySize(rest);
      int size = 18 + nameSize + restSize;
      uchar record[];
      ArrayResize(record, size + 8);
      for(int i = 0; i < 4; i++) record[i] = (uchar)(size >> (8 * i));
      record[4] = (uchar)kind;
      putLong(record, 5, first);
      putLong(record, 13, second);
      record[21] = (uchar)nameSize;
      if(nameSize > 0) ArrayCopy(record, name, 22, 0, nameSize);
      if(restSize > 0) ArrayCopy(record, rest, 22 + nameSize, 0, restSize);
      uint sum = hashOf(record, size + 4);
      for(int i = 0; i < 4; i++) record[size + 4 + i] = (uchar)(sum >> (8 * i));
      m_size += size + 8;
      if(FileWriteArray(m_file, record, 0, size + 8) == (uint)(size + 8)) return true;
      m_size = FILE_LIMIT + 1; // it may be torn: nothing behind it could be read
      return false;
     }

   bool              write(const int kind, const ulong first, const ulong second, const string id)
     {
      uchar nothing[];
      return write(kind, first, second, id, nothing);
     }

   void              readAll(const int file)
     {
      uchar bytes[];
      int size = (int)FileReadArray(file, bytes, 0, WHOLE_ARRAY);
      int at = 0;
      while(at + 8 <= size)
        {
         long length = (long)bytes[at] | ((long)bytes[at + 1] << 8) | ((long)bytes[at + 2] << 16) | ((long)bytes[at + 3] << 24);
         if(length < 18 || at + length + 8 > size) return;
         uchar record[];
         ArrayResize(record, (int)length + 4);
         ArrayCopy(record, bytes, 0, at, (int)length + 4);
         uint sum = hashOf(record, (int)length + 4);
         int sumAt = at + (int)length + 4;
         for(int i = 0; i < 4; i++)
           {
            if(bytes[sumAt + i] != (uchar)(sum >> (8 * i))) return;
           }
         readRecord(record, (int)length + 4);
         at += (int)length + 8;
        }
     }

   void              readRecord(const uchar &record[], const int size)
     {
      int kind = record[4];
      ulong first = getLong(record, 5);
      ulong second = getLong(record, 13);
      int nameSize = record[21];
      string id = (nameSize > 0) ? CharArrayToString(record, 22, nameSize, CP_UTF8) : "";
      if(kind == RECORD_BRIDGE || kind == RECORD_TAKEN) seen(first, second);
      if(kind == RECORD_REPORTS && first > m_reportsEpoch) m_reportsEpoch = first;
      if(id == "") return;
      int place = find(id);
      if(kind == RECORD_TAKEN && place < 0)
        {
         if(m_count == 2 * KEPT) forgetOld();
         remember(id, COMMAND_UNDER_WAY);
        }
      if(place < 0) return;
      if(kind == RECORD_TOLD) m_entries[place].state = COMMAND_TOLD;
      if(kind == RECORD_ANSWERED)
        {
         m_entries[place].state = COMMAND_ANSWERED;
         int rest = size - 22 - nameSize;
         ArrayResize(m_entries[place].result, rest);
         if(rest > 0) ArrayCopy(m_entries[place].result, record, 0, 22 + nameSize, rest);
        }
     }

   void              seen(const ulong epoch, const ulong sequence)
     {
      if(epoch > m_bridgeEpoch)
        {
         m_bridgeEpoch = epoch;
         m_lastSeen = sequence;
        }
      else if(epoch == m_bridgeEpoch && sequence > m_lastSeen) m_lastSeen = sequence;
     }

   // The file anew, beside the old one until it is whole.
   bool              rewrite()
     {
      forgetOld();
      if(m_file != INVALID_HANDLE) FileClose(m_file);
      string fresh = m_name + ".new";
      m_file = FileOpen(fresh, FILE_WRITE | FILE_BIN);
      if(m_file == INVALID_HANDLE) return false;
      m_size = 0;
      bool good = write(RECORD_REPORTS, m_reportsEpoch, 0, "") && write(RECORD_BRIDGE, m_bridgeEpoch, m_lastSeen, "");
      for(int i = 0; i < m_count && good; i++)
        {
         good = write(RECORD_TAKEN, 0, 0, m_entries[i].id);
         // What was told keeps its result: an id that comes again is answered from it.
         if(good && ArraySize(m_entries[i].result) > 0) good = write(RECORD_ANSWERED, 0, 0, m_entries[i].id, m_entries[i].result);
         if(good && m_entries[i].state == COMMAND_TOLD) good = write(RECORD_TOLD, 0, 0, m_entries[i].id);
        }
      if(good) FileFlush(m_file);
      FileClose(m_file);
      m_file = INVALID_HANDLE;
      if(!good || !FileMove(fresh, 0, m_name, FILE_REWRITE)) return false;
      m_file = FileOpen(m_name, FILE_READ | FILE_WRITE | FILE_BIN | FILE_SHARE_READ);
      if(m_file == INVALID_HANDLE) return false;
      return FileSeek(m_file, 0, SEEK_END);
     }

public:
                     Inbox() : m_name(""), m_file(INVALID_HANDLE), m_size(0), m_count(0), m_bridgeEpoch(0), m_lastSeen(0), m_reportsEpoch(0) {}

   ulong             bridgeEpoch() { return m_bridgeEpoch; }
   ulong             lastSeen() { return m_lastSeen; }
   ulong             reportsEpoch() { return m_reportsEpoch; }
   bool              isOpen() { return m_file != INVALID_HANDLE; }

   // The inbox of one account. What was reported in former lives is forgotten: the reports have a new life.
   bool              open(const long login, const string server)
     {
      close();
      m_name = "mt5-bridge\\" + IntegerToString(login) + "-" + IntegerToString((long)hashOf(server)) + ".inbox";
      FolderCreate("mt5-bridge");
      forgetAll();
      m_bridgeEpoch = 0;
      m_lastSeen = 0;
      m_reportsEpoch = 0;
      int file = FileOpen(m_name, FILE_READ | FILE_BIN);
      if(file != INVALID_HANDLE)
        {
         readAll(file);
         FileClose(file);
        }
      // The clock, so that it grows even when the file was lost.
      m_reportsEpoch = (ulong)MathMax((long)m_reportsEpoch + 1, (long)TimeGMT());
      return rewrite();
     }

   void              close()
     {
      if(m_file != INVALID_HANDLE) FileClose(m_file);
      m_file = INVALID_HANDLE;
     }

   // Reports were forgotten: their numbers begin anew.
   bool              newReports()
     {
      m_reportsEpoch++;
      if(!write(RECORD_REPORTS, m_reportsEpoch, 0, "")) return false;
      FileFlush(m_file);
      return true;
     }

   bool              bridgeLives(const ulong epoch)
     {
      if(epoch <= m_bridgeEpoch) return true;
      seen(epoch, 0);
      if(!write(RECORD_BRIDGE, epoch, 0, "")) return false;
      FileFlush(m_file);
      return true;
     }

   int               stateOf(const string id)
     {
      int place = find(id);
      return (place < 0) ? COMMAND_UNKNOWN : m_entries[place].state;
     }

   bool              resultOf(const string id, uchar &result[])
     {
      int place = find(id);
      if(place < 0 || ArraySize(m_entries[place].result) == 0) return false;
      ArrayResize(result, ArraySize(m_entries[place].result));
      ArrayCopy(result, m_entries[place].result);
      return true;
     }

   // Takes a command; it is on disk only after `sync`. A name that cannot be kept counts as seen and is not remembered.
   bool              take(const ulong sequence, const string id, const bool known)
     {
      if(m_count == 2 * KEPT || m_size > FILE_LIMIT)
        {
         if(!rewrite()) return false;
        }
      if(!write(RECORD_TAKEN, m_bridgeEpoch, sequence, id)) return false;
      seen(m_bridgeEpoch, sequence);
      if(id != "" && !known) remember(id, COMMAND_UNDER_WAY);
      return true;
     }

   void              sync() { FileFlush(m_file); }

   void              answered(const string id, const uchar &result[])
     {
      int place = find(id);
      if(place < 0 || m_file == INVALID_HANDLE) return;
      m_entries[place].state = COMMAND_ANSWERED;
      ArrayResize(m_entries[place].result, ArraySize(result));
      ArrayCopy(m_entries[place].result, result);
      write(RECORD_ANSWERED, 0, 0, id, result);
      FileFlush(m_file);
     }

   // The bridge has taken the result. Lost with the computer, it is only told again.
   void              told(const string id)
     {
      int place = find(id);
      if(place < 0 || m_file == INVALID_HANDLE) return;
      m_entries[place].state = COMMAND_TOLD;
      write(RECORD_TOLD, 0, 0, id);
     }

   // The commands of which the bridge may not know what became.
   void              untold(string &ids[])
     {
      ArrayResize(ids, 0, 64);
      for(int i = 0; i < m_count; i++)
        {
         if(m_entries[i].state == COMMAND_TOLD) continue;
         ArrayResize(ids, ArraySize(ids) + 1, 64);
         ids[ArraySize(ids) - 1] = m_entries[i].id;
        }
     }
  };

Inbox inbox;

#endif

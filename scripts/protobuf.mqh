//+------------------------------------------------------------------+
//| Protobuf's wire format, for the messages that are generated.      |
//|                                                                    |
//| What is read comes from outside: no byte behind the given end is   |
//| looked at, and what is malformed is refused with a reason.         |
//+------------------------------------------------------------------+

// The most elements of one list, and the most groups in one another: more is malformed.
#define PROTO_MOST_ELEMENTS 131072
#define PROTO_MOST_GROUPS   32

union ProtoDouble
  {
   double            number;
   ulong             bits;
  };

union ProtoFloat
  {
   float             number;
   uint              bits;
  };

// Whether a number is another one than +0, as its bits tell.
bool ProtoIsSet(const double value)
  {
   ProtoDouble as;
   as.number = value;
   return as.bits != 0;
  }

//+------------------------------------------------------------------+
//| Bytes that grow; the first `size` of them count.                   |
//+------------------------------------------------------------------+
struct ProtoWriter
  {
   uchar             bytes[];
   int               size;

                     ProtoWriter() { size = 0; }
   // Begins anew, in the memory it has.
   void              Reset() { size = 0; }

   void              Room(const int more)
     {
      if(size + more > ArraySize(bytes))
         ArrayResize(bytes, size + more + size / 2 + 256);
     }
   void              Varint(ulong value)
     {
      Room(10);
      while(value > 127)
        {
         bytes[size++] = (uchar)((value & 127) | 128);
         value >>= 7;
        }
      bytes[size++] = (uchar)value;
     }
   void              Tag(const int field, const int wire) { Varint(((ulong)field << 3) | (ulong)wire); }

   void              Int32(const int value)   { Varint((ulong)(long)value); }
   void              Int64(const long value)  { Varint((ulong)value); }
   void              UInt32(const uint value) { Varint((ulong)value); }
   void              UInt64(const ulong value) { Varint(value); }
   void              SInt32(const int value)  { SInt64((long)value); }
   void              SInt64(const long value)
     {
      const ulong doubled = (ulong)value << 1;
      Varint(value < 0 ? ~doubled : doubled);
     }
   void              Bool(const bool value)   { Varint(value ? 1 : 0); }
   void              Fixed32(uint value)
     {
      Room(4);
      for(int i = 0; i < 4; i++)
        {
         bytes[size++] = (uchar)(value & 255);
         value >>= 8;
        }
     }
   void              Fixed64(ulong value)
     {
      Room(8);
      for(int i = 0; i < 8; i++)
        {
         bytes[size++] = (uchar)(value & 255);
         value >>= 8;
        }
     }
   void              SFixed32(const int value)  { Fixed32((uint)value); }
   void              SFixed64(const long value) { Fixed64((ulong)value); }
   void              Double(const double value)
     {
      ProtoDouble as;
      as.number = value;
      Fixed64(as.bits);
     }
   void              Float(const float value)
     {
      ProtoFloat as;
      as.number = value;
      Fixed32(as.bits);
     }
   // Half of a pair of surrogates without the other becomes U+FFFD, as everywhere.
   void              String(const string &text)
     {
      const int length = StringLen(text);
      const int start = Open();
      Room(length * 3);
      for(int i = 0; i < length; i++)
        {
         uint code = StringGetCharacter(text, i);
         if(code >= 0xD800 && code <= 0xDFFF)
           {
            const uint next = i + 1 < length ? StringGetCharacter(text, i + 1) : 0;
            if(code <= 0xDBFF && next >= 0xDC00 && next <= 0xDFFF)
              {
               code = 0x10000 + ((code - 0xD800) << 10) + (next - 0xDC00);
               i++;
              }
            else
               code = 0xFFFD;
           }
         if(code < 0x80)
           {
            bytes[size++] = (uchar)code;
            continue;
           }
         if(code < 0x800)
            bytes[size++] = (uchar)(0xC0 | (code >> 6));
         else
           {
            if(code < 0x10000)
               bytes[size++] = (uchar)(0xE0 | (code >> 12));
            else
              {
               bytes[size++] = (uchar)(0xF0 | (code >> 18));
               bytes[size++] = (uchar)(0x80 | ((code >> 12) & 63));
              }
            bytes[size++] = (uchar)(0x80 | ((code >> 6) & 63));
           }
         bytes[size++] = (uchar)(0x80 | (code & 63));
        }
      Close(start);
     }
   void              Bytes(const uchar &value[])
     {
      const int count = ArraySize(value);
      Varint((ulong)count);
      Room(count);
      for(int i = 0; i < count; i++)
         bytes[size++] = value[i];
     }

   // Around what has a length before it: Open, what it holds, Close with what Open gave.
   int               Open()
     {
      Room(1);
      size++;
      return size;
     }
   void              Close(const int start)
     {
      const int length = size - start;
      int more = 0;
      for(int rest = length >> 7; rest > 0; rest >>= 7)
         more++;
      if(more > 0)
        {
         Room(more);
         for(int i = size - 1; i >= start; i--)
            bytes[i + more] = bytes[i];
        }
      size = start - 1;
      Varint((ulong)length);
      size += length;
     }
  };

//+------------------------------------------------------------------+
//| A place within bytes. Each function reads one thing in front of    |
//| `end`, or answers false and says why.                              |
//+------------------------------------------------------------------+
struct ProtoReader
  {
   int               at;
   string            why;
   ushort            units[];

                     ProtoReader() { Reset(0); }
   void              Reset(const int from)
     {
      at = from;
      why = "";
     }
   bool              Fail(const string reason)
     {
      why = reason + " at byte " + IntegerToString(at);
      return false;
     }

   bool              Varint(const uchar &bytes[], const int end, ulong &value)
     {
      value = 0;
      for(int shift = 0; shift < 70; shift += 7)
        {
         if(at >= end)
            return Fail("a number without its end");
         const uchar part = bytes[at++];
         value |= (ulong)(part & 127) << shift;
         if(part < 128)
            return true;
        }
      return Fail("a number of more than 10 bytes");
     }
   bool              Tag(const uchar &bytes[], const int end, int &field, int &wire)
     {
      ulong tag;
      if(!Varint(bytes, end, tag))
         return false;
      field = (int)((tag & 0xFFFFFFFF) >> 3);
      wire = (int)(tag & 7);
      return (tag <= 0xFFFFFFFF && field > 0 && wire <= 5) || Fail("no field");
     }
   // Where what follows ends.
   bool              Length(const uchar &bytes[], const int end, int &stop)
     {
      ulong length;
      if(!Varint(bytes, end, length))
         return false;
      if(length > (ulong)(end - at))
         return Fail("a length beyond the end");
      stop = at + (int)length;
      return true;
     }
   // What is not known, so that what is behind it can be read.
   bool              Skip(const uchar &bytes[], const int end, const int field, const int wire, const int groups = 0)
     {
      ulong number;
      int stop;
      switch(wire)
        {
         case 0:
            return Varint(bytes, end, number);
         case 1:
            return Forward(end, 8);
         case 2:
            if(!Length(bytes, end, stop))
               return false;
            at = stop;
            return true;
         case 5:
            return Forward(end, 4);
         case 3:
            break;
         default:
            return Fail("the end of a group that has not begun");
        }
      if(groups >= PROTO_MOST_GROUPS)
         return Fail("too many groups in one another");
      for(;;)
        {
         int inner, kind;
         if(!Tag(bytes, end, inner, kind))
            return false;
         if(kind == 4)
            return inner == field || Fail("the end of another group");
         if(!Skip(bytes, end, inner, kind, groups + 1))
            return false;
        }
      return false;
     }
   bool              Forward(const int end, const int count)
     {
      if(count > end - at)
         return Fail("a number without its end");
      at += count;
      return true;
     }

   bool              Int32(const uchar &bytes[], const int end, int &value)
     {
      ulong number;
      if(!Varint(bytes, end, number))
         return false;
      value = (int)number;
      return true;
     }
   bool              Int64(const uchar &bytes[], const int end, long &value)
     {
      ulong number;
      if(!Varint(bytes, end, number))
         return false;
      value = (long)number;
      return true;
     }
   bool              UInt32(const uchar &bytes[], const int end, uint &value)
     {
      ulong number;
      if(!Varint(bytes, end, number))
         return false;
      value = (uint)number;
      return true;
     }
   bool              UInt64(const uchar &bytes[], const int end, ulong &value) { return Varint(bytes, end, value); }
   bool              SInt32(const uchar &bytes[], const int end, int &value)
     {
      uint number;
      if(!UInt32(bytes, end, number))
         return false;
      value = (int)((number & 1) == 1 ? ~(number >> 1) : number >> 1);
      return true;
     }
   bool              SInt64(const uchar &bytes[], const int end, long &value)
     {
      ulong number;
      if(!Varint(bytes, end, number))
         return false;
      value = (long)((number & 1) == 1 ? ~(number >> 1) : number >> 1);
      return true;
     }
   bool              Bool(const uchar &bytes[], const int end, bool &value)
     {
      ulong number;
      if(!Varint(bytes, end, number))
         return false;
      value = number != 0;
      return true;
     }
   bool              Fixed32(const uchar &bytes[], const int end, uint &value)
     {
      if(!Forward(end, 4))
         return false;
      value = 0;
      for(int i = 1; i <= 4; i++)
         value = (value << 8) | bytes[at - i];
      return true;
     }
   bool              Fixed64(const uchar &bytes[], const int end, ulong &value)
     {
      if(!Forward(end, 8))
         return false;
      value = 0;
      for(int i = 1; i <= 8; i++)
         value = (value << 8) | bytes[at - i];
      return true;
     }
   bool              SFixed32(const uchar &bytes[], const int end, int &value)
     {
      uint bits;
      if(!Fixed32(bytes, end, bits))
         return false;
      value = (int)bits;
      return true;
     }
   bool              SFixed64(const uchar &bytes[], const int end, long &value)
     {
      ulong bits;
      if(!Fixed64(bytes, end, bits))
         return false;
      value = (long)bits;
      return true;
     }
   bool              Double(const uchar &bytes[], const int end, double &value)
     {
      ProtoDouble as;
      if(!Fixed64(bytes, end, as.bits))
         return false;
      value = as.number;
      return true;
     }
   bool              Float(const uchar &bytes[], const int end, float &value)
     {
      ProtoFloat as;
      if(!Fixed32(bytes, end, as.bits))
         return false;
      value = as.number;
      return true;
     }
   // Character 0 is refused: a string of MQL5 would end there and be another one.
   bool              String(const uchar &bytes[], const int end, string &value)
     {
      int stop;
      if(!Length(bytes, end, stop))
         return false;
      if(ArraySize(units) < stop - at)
         ArrayResize(units, stop - at);
      int count = 0;
      while(at < stop)
        {
         uint code = bytes[at++];
         if(code == 0)
            return Fail("character 0");
         if(code >= 0x80)
           {
            const int more = code >= 0xF0 ? 3 : code >= 0xE0 ? 2 : 1;
            if(code < 0xC2 || code > 0xF4 || more > stop - at)
               return Fail("not UTF-8");
            code &= (uint)(63 >> more);
            for(int i = 0; i < more; i++)
              {
               const uint part = bytes[at++];
               if((part & 0xC0) != 0x80)
                  return Fail("not UTF-8");
               code = (code << 6) | (part & 63);
              }
            if((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) || code > 0x10FFFF)
               return Fail("not UTF-8");
            if(code >= 0xD800 && code <= 0xDFFF)
               return Fail("not UTF-8");
           }
         if(code < 0x10000)
            units[count++] = (ushort)code;
         else
           {
            units[count++] = (ushort)(0xD7C0 + (code >> 10));
            units[count++] = (ushort)(0xDC00 + (code & 0x3FF));
           }
        }
      value = count == 0 ? "" : ShortArrayToString(units, 0, count);
      return true;
     }
   bool              Bytes(const uchar &bytes[], const int end, uchar &value[])
     {
      int stop;
      if(!Length(bytes, end, stop))
         return false;
      ArrayResize(value, stop - at);
      for(int i = 0; at < stop; i++)
         value[i] = bytes[at++];
      return true;
     }
  };
//+------------------------------------------------------------------+

//+------------------------------------------------------------------+
//| Uses every part of the language that programs here may use.       |
//+------------------------------------------------------------------+
#property copyright "mt5-bridge"
#property version   "1.00"
#include "part.mqh"
#include "part.mqh"

#define LIMIT 16
#define TWICE(x) ((x) * 2)
#define NAME "a" + "b"

input group "Connection"
input string Address = "127.0.0.1"; // where
input int    Port = 50052;
sinput double MaxVolume = 0.5;
input bool Verbose = false;

enum ENUM_COLOUR
  {
   COLOUR_NONE,
   COLOUR_RED = 5, // five
   COLOUR_BLUE
  };

struct Inner
  {
   int               number;
   string            text;
   double            prices[];
  };

struct Outer
  {
   Inner             inner;
   Inner             list[];
   bool              has_inner;
   uchar             fixed[4];
   void              Reset() { number = 0; has_inner = false; inner.number = 0; ArrayResize(list, 0); }
   int               number;
                     Outer() { Reset(); }
  };

union Bits
  {
   double            number;
   ulong             bits;
   uchar             bytes[8];
  };

class CShape;
class CShape
  {
protected:
   string            m_name;
   static int        s_made;
public:
                     CShape(const string name) : m_name(name) { s_made++; }
                    ~CShape() { s_made--; }
   virtual double    Area() const { return 0.0; }
   string            Name() const { return m_name; }
   static int        Made() { return s_made; }
   CShape           *Self() { return GetPointer(this); }
  };
int CShape::s_made = 0;

class CSquare : public CShape
  {
   double            m_side;
public:
                     CSquare(double side) : CShape("square") { m_side = side; }
   virtual double    Area() const override;
   void              Grow(const double &by[], double &sides[]);
  };

double CSquare::Area() const { return this.m_side * m_side; }
void CSquare::Grow(const double &by[], double &sides[])
  {
   for(int i = 0; i < ArraySize(by); i++)
     {
      m_side += by[i];
      int n = ArraySize(sides);
      ArrayResize(sides, n + 1, 8);
      sides[n] = m_side;
     }
  }

class CHolder
  {
public:
   CShape           *m_items[];
   void              Add(CShape *item)
     {
      int n = ArraySize(m_items);
      ArrayResize(m_items, n + 1);
      m_items[n] = item;
     }
                    ~CHolder()
     {
      for(int i = 0; i < ArraySize(m_items); i++)
         if(CheckPointer(m_items[i]) == POINTER_DYNAMIC)
            delete m_items[i];
     }
  };

template<typename T>
T Larger(const T a, const T b) { return a > b ? a : b; }

int failures = 0;
void Check(const bool good, const string what)
  {
   if(good)
      return;
   failures++;
   Print("FAILED: ", what);
  }

int Default(int a, int b = 3, string s = "x") { return a + b + StringLen(s); }

const int table[] = {1, 2, 3};
const string words[2] = {"one", "two"};

void Arrays()
  {
   uchar a[], b[4], c[] = {1, 2, 3};
   Check(ArraySize(a) == 0 && ArraySize(b) == 4 && ArraySize(c) == 3, "sizes");
   Check(ArrayResize(a, 5) == 5 && ArraySize(a) == 5, "resize");
   Check(ArrayResize(b, 6) == -1 && ArrayResize(b, 2) == 2 && ArraySize(b) == 4, "a fixed one keeps its size");
   Check(ArrayCopy(a, c, 1) == 3 && a[1] == 1 && a[3] == 3, "copy");
   Check(ArrayCopy(a, a, 0, 1, 3) == 3 && a[0] == 1 && a[2] == 3, "copy within itself");
   Check(ArrayCopy(a, a, 1, 0, 3) == 3 && a[1] == 1 && a[3] == 1, "copy within itself is from left to right");
   int grid[2][3];
   ArrayInitialize(grid[0], 0);
   grid[1][2] = 7;
   grid[0][1] = grid[1][2] * 2;
   Check(grid[0][1] == 14, "two dimensions");
   Outer many[];
   ArrayResize(many, 2);
   ArrayResize(many[1].list, 3);
   many[1].list[2].text = "deep";
   Outer copy = many[1];
   many[1].list[2].text = "changed";
   Check(copy.list[2].text == "deep", "structures are copied whole");
   ArrayRemove(many, 0, 1);
   Check(ArraySize(many) == 1 && many[0].list[2].text == "changed", "remove");
   Check(table[2] == 3 && words[1] == "two", "constants");
  }

void Strings()
  {
   string s = "Gr\x00FC\x00DF" "e \x20AC";
   uchar bytes[];
   int n = StringToCharArray(s, bytes, 0, WHOLE_ARRAY, CP_UTF8);
   Check(n == 12 && bytes[11] == 0, "UTF-8 with its end");
   Check(CharArrayToString(bytes, 0, n - 1, CP_UTF8) == s, "and back");
   Check(StringLen(s) == 7 && s[0] == 'G' && StringGetCharacter(s, 99) == 0, "characters");
   Check(StringSubstr(s, 2, 3) == "\x00FC\x00DF" "e" && StringFind(s, "e ") == 4 && StringFind(s, "x") == -1, "parts");
   Check("n" + 1 == "n1" && "" + 0.1 == "0.1" && (string)true == "true", "numbers");
   Check(StringFormat("%d|%5.2f|%s|%-4s|%I64u|%02x", -1, 2.5, "x", "y", (ulong)-1, 10) == "-1| 2.50|x|y   |18446744073709551615|0a", "format");
   string parts[];
   Check(StringSplit("a,b,,c", ',', parts) == 4 && parts[3] == "c" && parts[2] == "", "split");
   Check(NAME == "ab" && "con" "cat" == "concat", "joined");
   string nothing = NULL;
   Check(nothing == NULL && nothing != "x" && StringLen(nothing) == 0, "NULL");
   Check(DoubleToString(1.005, 2) == "1.00" && IntegerToString(7, 3, '0') == "007", "digits");
   Check(StringToInteger("-12") == -12 && StringToDouble("1.5") == 1.5, "read");
   Check(D'2024.01.01 00:00:00' == 1704067200 && TimeToString(1704067200) == "2024.01.01 00:00", "time");
  }

void Pointers()
  {
   CShape *shape = new CSquare(2);
   Check(shape.Area() == 4.0 && shape.Name() == "square" && CShape::Made() == 1, "virtual");
   Check(CheckPointer(shape) == POINTER_DYNAMIC && shape.Self() == shape, "dynamic");
   CShape *same = shape;
   delete shape;
   Check(CheckPointer(same) == POINTER_INVALID && CShape::Made() == 0, "deleted");
   CSquare square(3);
   double by[] = {1.0, 2.0}, sides[];
   square.Grow(by, sides);
   Check(sides[1] == 6.0 && ::Larger(1, 2) == 2, "references");
   CShape *automatic = GetPointer(square);
   Check(CheckPointer(automatic) == POINTER_AUTOMATIC && automatic.Area() == 36.0 && automatic != NULL, "automatic");
   CHolder holder;
   holder.Add(new CShape("one"));
   Check(holder.m_items[0].Name() == "one", "pointers in arrays");
  }

void Numbers()
  {
   Bits bits;
   bits.number = 1.0;
   Check(bits.bits == 0x3FF0000000000000 && bits.bytes[7] == 0x3F, "union");
   ulong big = ULONG_MAX;
   int wrapped = INT_MAX;
   wrapped++;
   Check(big >> 63 == 1 && wrapped == INT_MIN && (uchar)300 == 44, "wrap");
   ENUM_COLOUR colour = (ENUM_COLOUR)6;
   switch(colour)
     {
      case COLOUR_BLUE: Check(true, ""); break;
      default: Check(false, "switch");
     }
   Check(MathMax(1, 2.5) == 2.5 && MathRound(-0.5) == -1.0 && TWICE(LIMIT) == 32, "maths");
   Check(Default(1) == 5 && Default(1, 1, "abc") == 5 && Later(2) == 4, "functions");
   Outer zero;
   Inner inner;
   ZeroMemory(inner);
   Check(inner.number == 0 && zero.number == 0 && timesIncluded == 1, "zero");
  }

int Later(int x) { return x * x; }

void Files()
  {
   uchar data[] = {1, 2, 3, 4, 5}, back[];
   int h = FileOpen("inbox\\a.bin", FILE_READ | FILE_WRITE | FILE_BIN);
   Check(h != INVALID_HANDLE && FileWriteArray(h, data) == 5, "write");
   FileSeek(h, 0, SEEK_END);
   FileWriteLong(h, -7);
   FileFlush(h);
   Check(FileSize(h) == 13, "size");
   FileSeek(h, 1, SEEK_SET);
   Check(FileReadArray(h, back, 0, 4) == 4 && back[3] == 5 && FileReadLong(h) == -7 && FileIsEnding(h), "read");
   Check(!FileMove("inbox\\a.bin", 0, "b.bin", FILE_REWRITE) && !FileDelete("inbox\\a.bin"), "an open file stays");
   Check(FileOpen("inbox\\a.bin", FILE_READ | FILE_BIN) == INVALID_HANDLE, "an open file is not shared");
   FileClose(h);
   Check(FileIsExist("inbox\\a.bin") && !FileIsExist("b.bin") && GetLastError() != 0, "exist");
   Check(FileMove("inbox\\a.bin", 0, "b.bin", FILE_REWRITE) && FileIsExist("b.bin") && FileDelete("b.bin"), "move");
   Check(FileOpen("..\\out.bin", FILE_WRITE | FILE_BIN) == INVALID_HANDLE, "the sandbox");
   ResetLastError();
  }

int OnInit()
  {
   Arrays();
   Strings();
   Pointers();
   Numbers();
   Files();
   Check(Address == "10.0.0.1" && Port == 50052 && MaxVolume == 0.25 && !Verbose, "inputs");
   Print(failures == 0 ? "good" : "bad");
   return failures;
  }

void OutOfRange(const int at)
  {
   uchar a[];
   ArrayResize(a, 4, 100);
   a[at] = 1;
  }
void ReadBehindWriting()
  {
   int h = FileOpen("c.bin", FILE_READ | FILE_WRITE | FILE_BIN);
   FileWriteLong(h, 1);
   FileSeek(h, 0, SEEK_SET);
   Print(FileReadLong(h));
  }
void Dangling()
  {
   CShape *none = NULL;
   Print(none.Name());
  }
//+------------------------------------------------------------------+

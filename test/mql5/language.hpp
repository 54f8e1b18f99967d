// What translated programs of MQL5 stand on: the language's types and its functions that need no terminal.
//
// Types: bool, char, uchar, short, ushort, int, uint, long, ulong, datetime, color, float, double, string, enum, struct,
// class, union, arrays of any of them (dynamic, fixed, of several dimensions), pointers to objects.
// Functions:
//   arrays    ArraySize Resize Free IsDynamic Copy Initialize Fill Remove Insert Reverse Sort Bsearch Maximum Minimum
//             Compare Swap, ZeroMemory
//   strings   StringLen GetCharacter SetCharacter Substr Find Replace Split TrimLeft TrimRight ToLower ToUpper Compare
//             Concatenate Add Init, ShortToString CharToString StringToCharArray CharArrayToString (CP_UTF8 only)
//             StringToShortArray ShortArrayToString
//   text      StringFormat Print PrintFormat IntegerToString DoubleToString StringToInteger StringToDouble
//   maths     Math* and their lower-case names, NormalizeDouble, MathRand, MathSrand
//   time      GetMicrosecondCount GetTickCount GetTickCount64 Sleep TimeGMT TimeLocal TimeGMTOffset TimeToStruct
//             StructToTime TimeToString StringToTime
//   files     FileOpen (FILE_BIN only) Close Flush Seek Tell Size IsEnding IsExist Delete Move ReadArray WriteArray
//             Read/WriteInteger Read/WriteLong Read/WriteDouble
//   others    GetPointer CheckPointer GetLastError ResetLastError SetUserError
// What stops a program in the terminal stops it here: an array out of range, an invalid pointer.
// Stricter than the terminal: formats must fit their arguments, no implicit number from or to a string or an enum but `+`.
// Left out: interfaces, dynamic_cast, casts between structures, structures in files, series, matrices, resources, DLLs.
#pragma once
#include "language/array.hpp"
#include "language/core.hpp"
#include "language/file.hpp"
#include "language/format.hpp"
#include "language/input.hpp"
#include "language/maths.hpp"
#include "language/pointer.hpp"
#include "language/string.hpp"
#include "language/time.hpp"

// What every part of the language needs: its integers, NULL, and how a program ends that has done what MQL5 forbids.
#pragma once
#include <fcntl.h>
#include <unistd.h>
#include <cfloat>
#include <climits>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <type_traits>

// The host's macros of these names would be found first.
#undef SEEK_SET
#undef SEEK_CUR
#undef SEEK_END
#undef CHAR_MIN
#undef CHAR_MAX
#undef UCHAR_MAX
#undef SHORT_MIN
#undef SHORT_MAX
#undef USHORT_MAX
#undef INT_MIN
#undef INT_MAX
#undef UINT_MAX
#undef LONG_MIN
#undef LONG_MAX
#undef ULONG_MAX
#undef DBL_MIN
#undef DBL_MAX
#undef DBL_EPSILON

namespace mql {

using uchar = unsigned char;
using ushort = unsigned short;
using uint = unsigned int;
using ulong = unsigned long;
using datetime = long;
using color = unsigned int;
static_assert(sizeof(long) == 8 && sizeof(int) == 4, "long has 8 bytes in MQL5");

inline constexpr int CHAR_MIN = -128, CHAR_MAX = 127, UCHAR_MAX = 255;
inline constexpr int SHORT_MIN = -32768, SHORT_MAX = 32767, USHORT_MAX = 65535;
inline constexpr int INT_MIN = std::numeric_limits<int>::min(), INT_MAX = std::numeric_limits<int>::max();
inline constexpr uint UINT_MAX = std::numeric_limits<uint>::max();
inline constexpr long LONG_MIN = std::numeric_limits<long>::min(), LONG_MAX = std::numeric_limits<long>::max();
inline constexpr ulong ULONG_MAX = std::numeric_limits<ulong>::max();
inline constexpr double DBL_MIN = std::numeric_limits<double>::min(), DBL_MAX = std::numeric_limits<double>::max();
inline constexpr double DBL_EPSILON = std::numeric_limits<double>::epsilon(), EMPTY_VALUE = DBL_MAX;
inline constexpr int WHOLE_ARRAY = -1, INVALID_HANDLE = -1;

/** The terminal stops a program at these; so do we, and the stack is told where the sanitizers are built in. */
[[noreturn]] inline void critical(const char *what) {
  std::fflush(nullptr);
  std::fprintf(stderr, "critical error: %s\n", what);
  std::abort();
}

struct Null {
  template <typename T>
    requires std::is_arithmetic_v<T>
  constexpr operator T() const {
    return T(0);
  }
};
/** NULL: the host's headers define that one again and again. */
inline constexpr Null null{};

template <typename T>
concept Number = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/** What is not yet written has a value that nobody wants: who reads it anyway is to notice. */
template <typename T>
void junk(T *from, long count) {
  if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    auto *bytes = reinterpret_cast<unsigned char *>(from);
    for (unsigned long at = 0; at < sizeof(T) * static_cast<unsigned long>(count); at++) bytes[at] = 0xCD;
  } else {
    for (long at = 0; at < count; at++) from[at] = T{};
  }
}

inline int lastError = 0;
inline int GetLastError() { return lastError; }
inline void ResetLastError() { lastError = 0; }
inline constexpr int ERR_USER_ERROR_FIRST = 65536;
inline void SetUserError(ushort user) { lastError = ERR_USER_ERROR_FIRST + user; }

/** Resets what it is given to nothing. */
template <typename T>
void ZeroMemory(T &value) {
  value = T{};
}

}  // namespace mql

// Structures and unions have this, so that one arrow does for objects and pointers: `a.b` is translated to `a->b`.
// The terminal's own structures need it too.
#define MQL_STRUCT(name)                 \
  name *operator->() { return this; }    \
  const name *operator->() const { return this; }

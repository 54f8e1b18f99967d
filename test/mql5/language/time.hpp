// Clocks of the computer, and the calendar. The broker's clocks are the terminal's.
#pragma once
#include <chrono>
#include <ctime>
#include <thread>
#include "format.hpp"

namespace mql {

struct MqlDateTime {
  MQL_STRUCT(MqlDateTime)
  int year, mon, day, hour, min, sec, day_of_week, day_of_year;
};

inline constexpr int TIME_DATE = 1, TIME_MINUTES = 2, TIME_SECONDS = 4;

/** What is timed together with other processes has to have their clock: the environment's MQL5_CLOCK is then `machine`. */
inline const auto programStart =
    std::getenv("MQL5_CLOCK") != nullptr ? std::chrono::steady_clock::time_point{} : std::chrono::steady_clock::now();

/** µs since the program began. */
inline ulong GetMicrosecondCount() {
  using namespace std::chrono;
  return static_cast<ulong>(duration_cast<microseconds>(steady_clock::now() - programStart).count());
}
inline ulong GetTickCount64() {
  using namespace std::chrono;
  return static_cast<ulong>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}
inline uint GetTickCount() { return static_cast<uint>(GetTickCount64()); }
inline void Sleep(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

inline bool TimeToStruct(datetime time, MqlDateTime &to) {
  std::tm tm{};
  if (gmtime_r(&time, &tm) == nullptr) return false;
  to.year = tm.tm_year + 1900;
  to.mon = tm.tm_mon + 1;
  to.day = tm.tm_mday;
  to.hour = tm.tm_hour;
  to.min = tm.tm_min;
  to.sec = tm.tm_sec;
  to.day_of_week = tm.tm_wday;
  to.day_of_year = tm.tm_yday;
  return true;
}
inline datetime StructToTime(const MqlDateTime &from) {
  std::tm tm{};
  tm.tm_year = from.year - 1900;
  tm.tm_mon = from.mon - 1;
  tm.tm_mday = from.day;
  tm.tm_hour = from.hour;
  tm.tm_min = from.min;
  tm.tm_sec = from.sec;
  return timegm(&tm);
}
inline datetime TimeGMT() { return std::time(nullptr); }
inline datetime TimeGMT(MqlDateTime &to) {
  const datetime now = TimeGMT();
  TimeToStruct(now, to);
  return now;
}
/** The computer's own zone; here it is UTC. */
inline datetime TimeLocal() { return TimeGMT(); }
inline int TimeGMTOffset() { return 0; }

inline String TimeToString(datetime time, int parts = TIME_DATE | TIME_MINUTES) {
  MqlDateTime at{};
  TimeToStruct(time, at);
  std::string text;
  char part[64];
  if (parts & TIME_DATE) {
    std::snprintf(part, sizeof part, "%04d.%02d.%02d", at.year, at.mon, at.day);
    text += part;
  }
  if (parts & (TIME_MINUTES | TIME_SECONDS)) {
    std::snprintf(part, sizeof part, parts & TIME_SECONDS ? "%02d:%02d:%02d" : "%02d:%02d", at.hour, at.min, at.sec);
    text += (text.empty() ? "" : " ") + std::string(part);
  }
  return String(std::string_view(text));
}
/** yyyy.mm.dd [hh:mi[:ss]]; 0 for anything else. */
inline datetime StringToTime(const String &text) {
  MqlDateTime at{};
  const int read = std::sscanf(text.bytes().c_str(), "%d.%d.%d %d:%d:%d", &at.year, &at.mon, &at.day, &at.hour, &at.min, &at.sec);
  return read >= 3 ? StructToTime(at) : 0;
}

}  // namespace mql

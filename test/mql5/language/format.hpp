// Numbers and times as text, and text as numbers; Print and its formats.
//
// StringFormat is stricter than the terminal: a format that does not fit its argument stops the program here, where
// the terminal would print something else.
#pragma once
#include <variant>
#include <vector>
#include "string.hpp"

namespace mql {

struct Argument {
  std::variant<long, ulong, double, String> value;
  template <Number T>
  Argument(T number) {
    if constexpr (std::is_floating_point_v<T>) value = static_cast<double>(number);
    else if constexpr (std::is_unsigned_v<T>) value = static_cast<ulong>(number);
    else value = static_cast<long>(number);
  }
  Argument(const String &text) : value(text) {}
  String text() const {
    return std::visit([](const auto &held) { return String(held); }, value);
  }
};

inline std::string padded(const std::string &spec, const std::string &text) {
  const bool left = spec.find('-') != std::string::npos;
  const auto digits = spec.find_first_of("123456789"), point = spec.find('.');
  const std::size_t width = digits == std::string::npos || digits > point ? 0 : std::stoul(spec.substr(digits));
  std::string shown = point == std::string::npos ? text : text.substr(0, static_cast<std::size_t>(std::atoi(spec.c_str() + point + 1)));
  if (shown.size() < width) shown.insert(left ? shown.size() : 0, width - shown.size(), ' ');
  return shown;
}

inline std::string formatted(const std::string &format, const std::vector<Argument> &arguments) {
  std::string out;
  std::size_t next = 0;
  const auto argument = [&]() -> const Argument & {
    if (next == arguments.size()) critical("StringFormat has fewer arguments than formats");
    return arguments[next++];
  };
  for (std::size_t at = 0; at < format.size(); at++) {
    if (format[at] != '%') {
      out += format[at];
      continue;
    }
    if (format.compare(at, 2, "%%") == 0) {
      out += '%';
      at++;
      continue;
    }
    std::string spec = "%";
    while (++at < format.size() && std::string_view("-+ #0123456789.*").find(format[at]) != std::string_view::npos) {
      if (format[at] != '*') spec += format[at];
      else if (const long *width = std::get_if<long>(&argument().value)) spec += std::to_string(*width);
      else critical("StringFormat: * is an int");
    }
    bool wide = false;
    if (format.compare(at, 3, "I64") == 0) wide = true, at += 3;
    else if (format.compare(at, 2, "ll") == 0) wide = true, at += 2;
    else if (format.compare(at, 3, "I32") == 0) at += 3;
    const char type = at < format.size() ? format[at] : '\0';
    const auto &value = argument().value;
    char text[512];
    if (std::string_view("diuxXoc").find(type) != std::string_view::npos && type != '\0') {
      long number = 0;
      if (const long *held = std::get_if<long>(&value)) number = *held;
      else if (const ulong *unsigned_ = std::get_if<ulong>(&value)) number = static_cast<long>(*unsigned_);
      else critical("StringFormat: a whole number is wanted");
      if (type == 'c') {
        out += ShortToString(static_cast<ushort>(number)).bytes();
        continue;
      }
      const bool negative = type == 'd' || type == 'i';
      const bool fits = negative ? number >= INT_MIN && number <= INT_MAX : number >= INT_MIN && number <= static_cast<long>(UINT_MAX);
      if (!wide && !fits) critical("StringFormat: a number of 8 bytes needs I64 before its letter");
      if (!wide && !negative) number = static_cast<long>(static_cast<uint>(number));
      std::snprintf(text, sizeof text, (spec + 'l' + type).c_str(), number);
      out += text;
    } else if (type == 's') {
      const String *held = std::get_if<String>(&value);
      if (held == nullptr) critical("StringFormat: %s wants a string");
      out += padded(spec, held->bytes());
    } else if (type != '\0' && std::string_view("fFeEgGaA").find(type) != std::string_view::npos) {
      const double *held = std::get_if<double>(&value);
      if (held == nullptr) critical("StringFormat: a double is wanted");
      std::snprintf(text, sizeof text, (spec + type).c_str(), *held);
      out += text;
    } else {
      critical("StringFormat: that format is not known");
    }
  }
  if (next < arguments.size()) critical("StringFormat has more arguments than formats");
  return out;
}

template <typename... More>
String StringFormat(const String &format, const More &...more) {
  return String(std::string_view(formatted(format.bytes(), {Argument(more)...})));
}

/** Where Print writes. */
inline std::FILE *&journal() {
  static std::FILE *file = stderr;
  return file;
}
inline void printLine(const String &line) {
  std::fprintf(journal(), "%s\n", line.bytes().c_str());
  std::fflush(journal());
}
template <typename... More>
void Print(const More &...more) {
  String line;
  ((line += more), ...);
  printLine(line);
}
template <typename... More>
void PrintFormat(const String &format, const More &...more) {
  printLine(StringFormat(format, more...));
}
template <typename... More>
void printf(const String &format, const More &...more) {
  PrintFormat(format, more...);
}

inline String IntegerToString(long number, int length = 0, ushort fill = u' ') {
  String text(number);
  while (text.size() < length) text = ShortToString(fill) + text;
  return text;
}
/** Positive digits are behind the point; negative ones are of a scientific form. */
inline String DoubleToString(double value, int digits = 8) {
  char text[400];
  std::snprintf(text, sizeof text, digits < 0 ? "%.*e" : "%.*f", std::min(std::abs(digits), 16), value);
  return String(text);
}
inline long StringToInteger(const String &text) { return std::strtol(text.bytes().c_str(), nullptr, 10); }
inline double StringToDouble(const String &text) { return std::strtod(text.bytes().c_str(), nullptr); }

}  // namespace mql

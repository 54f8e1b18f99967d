// Inputs: constant to the program, and set by name before it begins.
#pragma once
#include "format.hpp"

namespace mql {

/** What sets each input, from text; false when the text is not of its type. */
inline std::map<std::string, std::function<bool(const std::string &)>> &inputs() {
  static std::map<std::string, std::function<bool(const std::string &)>> setters;
  return setters;
}

template <typename T>
bool read(const std::string &text, T &to) {
  if constexpr (std::is_same_v<T, String>) {
    to = String(std::string_view(text));
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    const bool yes = text == "true" || text == "1", no = text == "false" || text == "0";
    if (yes || no) to = yes;
    return yes || no;
  } else {
    char *end = nullptr;
    T value;
    if constexpr (std::is_floating_point_v<T>) value = static_cast<T>(std::strtod(text.c_str(), &end));
    else if constexpr (std::is_unsigned_v<T>) value = static_cast<T>(std::strtoul(text.c_str(), &end, 10));
    else value = static_cast<T>(std::strtol(text.c_str(), &end, 10));
    const bool whole = end != text.c_str() && *end == '\0';
    if (whole) to = value;
    return whole;
  }
}

template <typename T>
T registered(const char *name, T &input, T initial) {
  inputs()[name] = [&input](const std::string &text) { return read(text, input); };
  return initial;
}

}  // namespace mql

#define MQL_INPUT(type, name, initial)                                        \
  type name##_input = mql::registered<type>(#name, name##_input, type(initial)); \
  const type &name = name##_input;

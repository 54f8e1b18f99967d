// Strings: UTF-16, as the terminal has them, and no character 0 within one.
#pragma once
#include <string>
#include <string_view>
#include "array.hpp"

namespace mql {

inline constexpr uint CP_ACP = 0, CP_UTF8 = 65001;

/** What is not UTF-8 becomes U+FFFD. */
inline std::u16string utf16(std::string_view bytes) {
  std::u16string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[at++]);
    const int more = first < 0x80 ? 0 : first >= 0xC2 && first < 0xE0 ? 1 : first >= 0xE0 && first < 0xF0 ? 2
                     : first >= 0xF0 && first < 0xF5 ? 3 : -1;
    if (more < 0) {
      text += u'\uFFFD';
      continue;
    }
    char32_t code = more == 0 ? first : first & (0x3F >> more);
    int read = 0;
    for (; read < more && at < bytes.size() && (static_cast<unsigned char>(bytes[at]) & 0xC0) == 0x80; read++) {
      code = code << 6 | (static_cast<unsigned char>(bytes[at++]) & 0x3F);
    }
    const bool shorter = more == 2 ? code < 0x800 : more == 3 && code < 0x10000;
    if (read < more || shorter || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) text += u'\uFFFD';
    else if (code < 0x10000) text += static_cast<char16_t>(code);
    else {
      text += static_cast<char16_t>(0xD7C0 + (code >> 10));
      text += static_cast<char16_t>(0xDC00 + (code & 0x3FF));
    }
  }
  return text;
}

inline std::string utf8(std::u16string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at++) {
    char32_t code = text[at];
    if (code >= 0xD800 && code < 0xE000) {
      const char32_t next = at + 1 < text.size() ? text[at + 1] : 0;
      const bool pair = code < 0xDC00 && next >= 0xDC00 && next < 0xE000;
      code = pair ? 0x10000 + ((code - 0xD800) << 10) + (next - 0xDC00) : 0xFFFD;
      if (pair) at++;
    }
    const auto put = [&](char32_t byte) { bytes += static_cast<char>(byte); };
    if (code < 0x80) put(code);
    else if (code < 0x800) put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
    else if (code < 0x10000) put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
    else put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }
  return bytes;
}

/** As Print writes a number: in 16 digits, what it is worth in 5 for float. */
template <Number T>
std::string printed(T value) {
  char text[40];
  if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
  else if constexpr (std::is_floating_point_v<T>) std::snprintf(text, sizeof text, sizeof(T) == 4 ? "%.5g" : "%.16g", static_cast<double>(value));
  else if constexpr (std::is_unsigned_v<T>) std::snprintf(text, sizeof text, "%lu", static_cast<ulong>(value));
  else std::snprintf(text, sizeof text, "%ld", static_cast<long>(value));
  return text;
}

class String {
 public:
  String() = default;
  String(Null) : null_(true) {}
  String(std::u16string_view text) : text_(text.substr(0, text.find(u'\0'))) {}
  String(const char *bytes) : String(std::string_view(bytes)) {}
  String(std::string_view bytes) : String(std::u16string_view(utf16(bytes))) {}
  template <Number T>
  explicit String(T value) : text_(utf16(printed(value))) {}

  const std::u16string &text() const { return text_; }
  std::string bytes() const { return utf8(text_); }
  bool null() const { return null_; }
  int size() const { return static_cast<int>(text_.size()); }

  /** 0 behind the end. */
  ushort operator[](long at) const { return at >= 0 && at < size() ? text_[static_cast<std::size_t>(at)] : 0; }

  String &operator+=(const String &more) {
    text_ += more.text_;
    null_ = false;
    return *this;
  }
  template <Number T>
  String &operator+=(T more) {
    return *this += String(more);
  }
  friend String operator+(String one, const String &other) { return one += other; }
  template <Number T>
  friend String operator+(String one, T other) {
    return one += other;
  }
  template <Number T>
  friend String operator+(T one, const String &other) {
    return String(one) += other;
  }
  friend bool operator==(const String &one, const String &other) { return one.null_ == other.null_ && one.text_ == other.text_; }
  friend auto operator<=>(const String &one, const String &other) { return one.text_ <=> other.text_; }

 private:
  std::u16string text_;
  bool null_ = false;  // differs from "" in the terminal too
};

inline String operator""_s(const char16_t *text, std::size_t size) { return String(std::u16string_view(text, size)); }

using string = String;

inline int StringLen(const String &text) { return text.size(); }
inline ushort StringGetCharacter(const String &text, long at) { return text[at]; }
/** Character 0 cuts it off; one behind the end is added. */
inline bool StringSetCharacter(String &text, long at, ushort character) {
  if (at < 0 || at > text.size()) return false;
  std::u16string changed = text.text();
  if (at == text.size()) changed += static_cast<char16_t>(character);
  else changed[static_cast<std::size_t>(at)] = static_cast<char16_t>(character);
  text = String(std::u16string_view(changed));
  return true;
}
inline String StringSubstr(const String &text, int from, int count = -1) {
  if (from < 0 || from >= text.size() || count == 0) return String();
  return String(std::u16string_view(text.text()).substr(static_cast<std::size_t>(from), count < 0 ? std::u16string::npos : static_cast<std::size_t>(count)));
}
inline int StringFind(const String &text, const String &what, int from = 0) {
  if (from < 0 || from > text.size()) return -1;
  const auto at = text.text().find(what.text(), static_cast<std::size_t>(from));
  return at == std::u16string::npos ? -1 : static_cast<int>(at);
}
inline int StringReplace(String &text, const String &what, const String &by) {
  if (what.size() == 0) return -1;
  std::u16string changed;
  int count = 0;
  std::size_t from = 0;
  for (std::size_t at; (at = text.text().find(what.text(), from)) != std::u16string::npos; count++) {
    changed.append(text.text(), from, at - from).append(by.text());
    from = at + what.text().size();
  }
  text = String(std::u16string_view(changed.append(text.text(), from)));
  return count;
}
inline int StringSplit(const String &text, ushort separator, Array<String> &parts) {
  ArrayResize(parts, 0);
  if (text.size() == 0) return 0;
  int from = 0;
  for (int at = 0; at <= text.size(); at++) {
    if (at < text.size() && text[at] != separator) continue;
    const int count = ArraySize(parts);
    ArrayResize(parts, count + 1, 16);
    parts[count] = StringSubstr(text, from, at - from);
    from = at + 1;
  }
  return ArraySize(parts);
}
inline bool isBlank(char16_t character) { return character == u' ' || (character >= 9 && character <= 13); }
inline int StringTrimLeft(String &text) {
  int count = 0;
  while (count < text.size() && isBlank(text[count])) count++;
  text = StringSubstr(text, count);
  return count;
}
inline int StringTrimRight(String &text) {
  int count = 0;
  while (count < text.size() && isBlank(text[text.size() - 1 - count])) count++;
  text = StringSubstr(text, 0, text.size() - count);
  return count;
}
template <typename F>
bool changeEach(String &text, F change) {
  std::u16string changed = text.text();
  for (char16_t &character : changed) character = change(character);
  text = String(std::u16string_view(changed));
  return true;
}
inline bool StringToLower(String &text) {
  return changeEach(text, [](char16_t c) { return c >= u'A' && c <= u'Z' ? static_cast<char16_t>(c + 32) : c; });
}
inline bool StringToUpper(String &text) {
  return changeEach(text, [](char16_t c) { return c >= u'a' && c <= u'z' ? static_cast<char16_t>(c - 32) : c; });
}
inline int StringCompare(const String &one, const String &other, bool caseMatters = true) {
  String a = one, b = other;
  if (!caseMatters) StringToLower(a), StringToLower(b);
  return a.text() < b.text() ? -1 : a.text() > b.text() ? 1 : 0;
}
template <typename... More>
int StringConcatenate(String &text, const More &...more) {
  String whole;
  ((whole += more), ...);
  text = whole;
  return text.size();
}
template <typename... More>
bool StringAdd(String &text, const More &...more) {
  ((text += more), ...);
  return true;
}
inline bool StringInit(String &text, int length = 0, ushort character = 0) {
  text = String(std::u16string_view(std::u16string(static_cast<std::size_t>(length), static_cast<char16_t>(character))));
  return true;
}

inline String ShortToString(ushort character) {
  const char16_t text[] = {static_cast<char16_t>(character)};
  return String(std::u16string_view(text, 1));
}
inline String CharToString(uchar character) { return ShortToString(character); }

/** How many were copied, the 0 at the end among them if it had room. */
template <typename T>
int copyCharacters(Array<T> &to, std::basic_string_view<T> from, int start, int count) {
  // With a count as many as that; without one all, and the 0 behind them.
  const long wanted = count < 0 ? static_cast<long>(from.size()) + 1 : std::min<long>(count, static_cast<long>(from.size()) + 1);
  if (start < 0) return 0;
  if (start + wanted > to.size()) to.resize(start + wanted);
  const long copied = std::max(0L, std::min(wanted, to.size() - start));
  for (long at = 0; at < copied; at++) to[start + at] = at < static_cast<long>(from.size()) ? from[static_cast<std::size_t>(at)] : T(0);
  return static_cast<int>(copied);
}
inline int StringToCharArray(const String &text, Array<uchar> &to, int start = 0, int count = -1, uint codepage = CP_ACP) {
  if (codepage != CP_UTF8) critical("StringToCharArray without CP_UTF8 depends on the computer it runs on");
  const std::string bytes = text.bytes();
  return copyCharacters<uchar>(to, {reinterpret_cast<const uchar *>(bytes.data()), bytes.size()}, start, count);
}
inline int StringToShortArray(const String &text, Array<ushort> &to, int start = 0, int count = -1) {
  return copyCharacters<ushort>(to, {reinterpret_cast<const ushort *>(text.text().data()), text.text().size()}, start, count);
}
/** Up to the count, the end, or character 0. */
inline String CharArrayToString(const Array<uchar> &from, int start = 0, int count = -1, uint codepage = CP_ACP) {
  if (codepage != CP_UTF8) critical("CharArrayToString without CP_UTF8 depends on the computer it runs on");
  if (start < 0 || start >= from.size()) return String();
  const long size = count < 0 ? from.size() - start : std::min<long>(count, from.size() - start);
  return String(std::string_view(reinterpret_cast<const char *>(from.data()) + start, static_cast<std::size_t>(size)));
}
inline String ShortArrayToString(const Array<ushort> &from, int start = 0, int count = -1) {
  if (start < 0 || start >= from.size()) return String();
  const long size = count < 0 ? from.size() - start : std::min<long>(count, from.size() - start);
  return String(std::u16string_view(reinterpret_cast<const char16_t *>(from.data()) + start, static_cast<std::size_t>(size)));
}

}  // namespace mql

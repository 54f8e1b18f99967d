// Arrays: dynamic ones, those of a fixed size, and the functions over them.
//
// A parameter `T &a[]` is `Array<T> &`, which either kind is. Whoever reaches past the end is stopped, as the terminal
// stops him. What ArrayResize adds is not set to anything, as in the terminal: it holds junk here.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <memory>
#include "core.hpp"

namespace mql {

template <typename T>
class Array {
 public:
  Array() = default;
  /** As with an initialiser: its size is then fixed. */
  Array(std::initializer_list<T> values) : fixed_(true) {
    reserve(static_cast<long>(values.size()));
    size_ = static_cast<long>(values.size());
    std::copy(values.begin(), values.end(), items_.get());
  }
  Array(const Array &other) : fixed_(other.fixed_) { assign(other); }
  Array(Array &&other) : fixed_(other.fixed_) {
    if (fixed_) assign(other);
    else *this = std::move(other);
  }
  Array &operator=(const Array &other) {
    if (this != &other) assign(other);
    return *this;
  }
  Array &operator=(Array &&other) {
    if (fixed_) assign(other);
    else {
      items_ = std::move(other.items_);
      size_ = other.size_;
      capacity_ = other.capacity_;
      other.size_ = other.capacity_ = 0;
    }
    return *this;
  }

  T &operator[](std::integral auto at) {
    check(at);
    return items_[at];
  }
  const T &operator[](std::integral auto at) const {
    check(at);
    return items_[at];
  }

  long size() const { return size_; }
  bool fixed() const { return fixed_; }
  T *data() { return items_.get(); }
  const T *data() const { return items_.get(); }

  bool resize(long size, long reserved = 0) {
    if (fixed_ || size < 0 || size > INT_MAX) return false;
    if (size > capacity_) reserve(size + std::max(reserved, 0L));
    if (size > size_) junk(items_.get() + size_, size - size_);
    for (long at = size; at < size_; at++) {
      if constexpr (!std::is_arithmetic_v<T>) items_[at] = T{};
    }
    size_ = size;
    return true;
  }
  void free() {
    if (fixed_) return;
    items_.reset();
    size_ = capacity_ = 0;
  }

 protected:
  /** Of a fixed size from the start. */
  explicit Array(long size) {
    reserve(size);
    size_ = size;
    junk(items_.get(), size);
    fixed_ = true;
  }

 private:
  template <typename I>
  void check(I at) const {
    if (static_cast<ulong>(at) >= static_cast<ulong>(size_)) critical("array out of range");
  }
  void reserve(long capacity) {
    std::unique_ptr<T[]> items(new T[static_cast<ulong>(capacity)]);
    std::move(items_.get(), items_.get() + size_, items.get());
    items_ = std::move(items);
    capacity_ = capacity;
  }
  void assign(const Array &other) {
    if (other.size_ > capacity_) {
      size_ = 0;
      reserve(other.size_);
    }
    size_ = other.size_;
    std::copy(other.items_.get(), other.items_.get() + size_, items_.get());
  }

  std::unique_ptr<T[]> items_;
  long size_ = 0;
  long capacity_ = 0;
  bool fixed_ = false;
};

template <typename T, long N>
class Fixed : public Array<T> {
 public:
  Fixed() : Array<T>(N) {}
  /** What an initialiser leaves out is zero. */
  Fixed(std::initializer_list<T> values) : Array<T>(N) {
    if (static_cast<long>(values.size()) > N) critical("too many initialisers");
    for (long at = 0; at < N; at++) (*this)[at] = T{};
    std::copy(values.begin(), values.end(), this->data());
  }
};

/** An array within a union: its bytes lie in the union. It cannot be handed on. */
template <typename T, long N>
struct Raw {
  T items[N];
  T &operator[](std::integral auto at) {
    if (static_cast<ulong>(at) >= N) critical("array out of range");
    return items[at];
  }
};

template <typename T>
int ArraySize(const Array<T> &array) {
  return static_cast<int>(array.size());
}
template <typename T>
int ArrayResize(Array<T> &array, long size, long reserved = 0) {
  if (array.fixed() && size >= 0 && size <= array.size()) return static_cast<int>(size);  // and nothing is changed
  return array.resize(size, reserved) ? static_cast<int>(size) : -1;
}
template <typename T>
void ArrayFree(Array<T> &array) {
  array.free();
}
template <typename T>
bool ArrayIsDynamic(const Array<T> &array) {
  return !array.fixed();
}

/** The terminal copies neither objects nor structures that hold strings or arrays this way. */
template <typename T>
concept Copied = std::is_trivially_copyable_v<T> || std::is_same_v<T, class String>;

/** How many were copied, from left to right. The target grows if it can; otherwise as many are copied as fit. */
template <Copied T, Copied S>
int ArrayCopy(Array<T> &target, const Array<S> &source, long to = 0, long from = 0, long count = WHOLE_ARRAY) {
  if (to < 0 || from < 0 || from > source.size()) return 0;
  const long available = source.size() - from;
  long wanted = count < 0 ? available : std::min(count, available);
  if (to + wanted > target.size() && !target.resize(to + wanted)) wanted = std::max(0L, target.size() - to);
  for (long at = 0; at < wanted; at++) target[to + at] = source[from + at];
  return static_cast<int>(wanted);
}

template <typename T, Number V>
int ArrayInitialize(Array<T> &array, V value) {
  std::fill(array.data(), array.data() + array.size(), static_cast<T>(value));
  return ArraySize(array);
}
template <typename T, typename V>
void ArrayFill(Array<T> &array, long start, long count, const V &value) {
  if (start < 0 || count < 0 || start + count > array.size()) critical("array out of range");
  std::fill(array.data() + start, array.data() + start + count, static_cast<T>(value));
}
template <typename T>
bool ArrayRemove(Array<T> &array, ulong start, ulong count = ULONG_MAX) {
  const ulong size = static_cast<ulong>(array.size());
  if (array.fixed() || start > size) return false;
  const ulong gone = std::min(count, size - start);
  std::move(array.data() + start + gone, array.data() + size, array.data() + start);
  return array.resize(static_cast<long>(size - gone));
}
template <Copied T>
bool ArrayInsert(Array<T> &array, const Array<T> &source, ulong to, ulong from = 0, ulong count = ULONG_MAX) {
  const ulong size = static_cast<ulong>(array.size()), offered = static_cast<ulong>(source.size());
  if (array.fixed() || &array == &source || to > size || from > offered) return false;
  const ulong more = std::min(count, offered - from);
  if (!array.resize(static_cast<long>(size + more))) return false;
  std::move_backward(array.data() + to, array.data() + size, array.data() + size + more);
  std::copy(source.data() + from, source.data() + from + more, array.data() + to);
  return true;
}
template <typename T>
bool ArrayReverse(Array<T> &array, ulong start = 0, ulong count = ULONG_MAX) {
  const ulong size = static_cast<ulong>(array.size());
  if (start > size) return false;
  std::reverse(array.data() + start, array.data() + start + std::min(count, size - start));
  return true;
}
template <Number T>
bool ArraySort(Array<T> &array) {
  std::sort(array.data(), array.data() + array.size());
  return true;
}
/** Of a sorted one: where the value is; otherwise the nearest place. */
template <Number T, Number V>
int ArrayBsearch(const Array<T> &array, V value) {
  if (array.size() == 0) return -1;
  const T *end = array.data() + array.size();
  const T *found = std::lower_bound(array.data(), end, static_cast<T>(value));
  if (found != end && *found == static_cast<T>(value)) return static_cast<int>(found - array.data());
  return static_cast<int>(found == array.data() ? 0 : found - array.data() - 1);
}
template <Number T>
int ArrayMaximum(const Array<T> &array) {
  return array.size() == 0 ? -1
                           : static_cast<int>(std::max_element(array.data(), array.data() + array.size()) - array.data());
}
template <Number T>
int ArrayMinimum(const Array<T> &array) {
  return array.size() == 0 ? -1
                           : static_cast<int>(std::min_element(array.data(), array.data() + array.size()) - array.data());
}
template <Number T>
int ArrayCompare(const Array<T> &one, const Array<T> &other) {
  const long shorter = std::min(one.size(), other.size());
  for (long at = 0; at < shorter; at++) {
    if (one[at] != other[at]) return one[at] < other[at] ? -1 : 1;
  }
  return one.size() == other.size() ? 0 : one.size() < other.size() ? -1 : 1;
}
template <typename T>
bool ArraySwap(Array<T> &one, Array<T> &other) {
  if (one.fixed() || other.fixed()) return false;
  std::swap(one, other);
  return true;
}
template <typename T>
void ZeroMemory(Array<T> &array) {
  for (long at = 0; at < array.size(); at++) ZeroMemory(array[at]);
}

}  // namespace mql

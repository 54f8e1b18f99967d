// Pointers to objects of classes: `CFoo *p` is `Ptr<CFoo>`, and `p.x` is `p->x`.
#pragma once
#include <new>
#include <unordered_set>
#include "core.hpp"

namespace mql {

enum ENUM_POINTER_TYPE : int { POINTER_INVALID = 0, POINTER_DYNAMIC = 1, POINTER_AUTOMATIC = 2 };

/** Objects made with `new`, until they are deleted. */
inline std::unordered_set<const void *> &living() {
  static auto *set = new std::unordered_set<const void *>; // outlives the program's own globals
  return *set;
}
inline void *allocate(std::size_t size) {
  void *object = ::operator new(size);
  living().insert(object);
  return object;
}
inline void release(void *object) {
  if (living().erase(object) == 0) critical("invalid pointer access");
  ::operator delete(object);
}

template <typename T>
class Ptr {
 public:
  Ptr() = default;
  Ptr(Null) {}
  Ptr(T *object) : object_(object), automatic_(object != nullptr && !living().contains(object)) {}
  template <typename U>
    requires std::is_convertible_v<U *, T *>
  Ptr(const Ptr<U> &other) : object_(other.object()), automatic_(other.automatic()) {}

  T *operator->() const { return valid(); }
  operator T &() const { return *valid(); }
  /** For `delete`. */
  operator T *() const { return object_; }

  T *object() const { return object_; }
  bool automatic() const { return automatic_; }
  friend bool operator==(const Ptr &one, Null) { return one.object_ == nullptr; }
  friend bool operator==(const Ptr &one, const Ptr &other) { return one.object_ == other.object_; }

 private:
  T *valid() const {
    if (object_ == nullptr) critical("invalid pointer access");
    return object_;
  }
  T *object_ = nullptr;
  bool automatic_ = false;
};

template <typename T>
Ptr<T> GetPointer(T &object) {
  return Ptr<T>(&object);
}
template <typename T>
Ptr<T> GetPointer(T *object) {
  return Ptr<T>(object);
}
template <typename T>
ENUM_POINTER_TYPE CheckPointer(const Ptr<T> &pointer) {
  if (pointer.object() == nullptr) return POINTER_INVALID;
  if (pointer.automatic()) return POINTER_AUTOMATIC;
  return living().contains(pointer.object()) ? POINTER_DYNAMIC : POINTER_INVALID;
}
template <typename T>
ENUM_POINTER_TYPE CheckPointer(T *object) {
  return CheckPointer(Ptr<T>(object));
}

}  // namespace mql

#define MQL_CLASS(name)                                                              \
 public:                                                                             \
  MQL_STRUCT(name)                                                                   \
  static void *operator new(std::size_t size) { return mql::allocate(size); }        \
  static void operator delete(void *object) { mql::release(object); }                \
                                                                                     \
 private:

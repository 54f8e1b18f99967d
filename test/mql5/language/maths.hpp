// The functions of mathematics that programs of a gateway use.
#pragma once
#include <cmath>
#include <random>
#include "core.hpp"

namespace mql {

using std::acos, std::asin, std::atan, std::ceil, std::cos, std::exp, std::fabs, std::floor, std::fmod, std::log,
    std::log10, std::pow, std::round, std::sin, std::sqrt, std::tan;

template <Number T>
T MathAbs(T value) {
  return value < 0 ? static_cast<T>(-value) : value;
}
template <Number A, Number B>
auto MathMax(A one, B other) -> std::common_type_t<A, B> {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(one) > static_cast<C>(other) ? static_cast<C>(one) : static_cast<C>(other);
}
template <Number A, Number B>
auto MathMin(A one, B other) -> std::common_type_t<A, B> {
  using C = std::common_type_t<A, B>;
  return static_cast<C>(one) < static_cast<C>(other) ? static_cast<C>(one) : static_cast<C>(other);
}
template <Number A, Number B>
auto fmax(A one, B other) { return MathMax(one, other); }
template <Number A, Number B>
auto fmin(A one, B other) { return MathMin(one, other); }

inline double MathCeil(double value) { return std::ceil(value); }
inline double MathExp(double value) { return std::exp(value); }
inline double MathFloor(double value) { return std::floor(value); }
inline double MathLog(double value) { return std::log(value); }
inline double MathLog10(double value) { return std::log10(value); }
inline double MathMod(double value, double by) { return std::fmod(value, by); }
inline double MathPow(double base, double exponent) { return std::pow(base, exponent); }
inline double MathRound(double value) { return std::round(value); }
inline double MathSqrt(double value) { return std::sqrt(value); }
inline bool MathIsValidNumber(double value) { return std::isfinite(value); }
inline double NormalizeDouble(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  const double scaled = std::round(value * scale) / scale;
  return std::isfinite(scaled) ? scaled : value;
}

inline std::minstd_rand &chance() {
  static std::minstd_rand generator(1);
  return generator;
}
inline void MathSrand(int seed) { chance().seed(static_cast<uint>(seed)); }
inline int MathRand() { return static_cast<int>(chance()() & 32767u); }

}  // namespace mql

#ifndef ARCQUEUE_VECTOR_EXP_H_
#define ARCQUEUE_VECTOR_EXP_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace arcqueue {

// exp(x) for x <= 0 to about 2 units in the last place, without a branch, so that a loop over it becomes vector
// instructions; NaN stays NaN. The library's exp is a call for each number. x = n * ln 2 + r with |r| <= ln 2 / 2;
// exp(r) by its Taylor polynomial, whose remainder there is below 2^-25; 2^n by setting the exponent's bits.
static inline __attribute__((always_inline)) float ExpOfNonPositive(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding and taking it away rounds to a whole number
  x = std::max(x, -87.0f);
  const float n = (x * kLog2E + kRound) - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const uint32_t bits = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof(power));
  return p * power;
}

}  // namespace arcqueue

#endif  // ARCQUEUE_VECTOR_EXP_H_

#include "instruction_sets.h"

#include <algorithm>
#include <atomic>

namespace arcqueue {
namespace {

std::atomic<int> limit{static_cast<int>(InstructionSet::kAvx512)};

InstructionSet DetectInstructionSet() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    return InstructionSet::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::kAvx2;
#endif
  return InstructionSet::kBaseline;
}

}  // namespace

InstructionSet BestInstructionSet() {
  static const InstructionSet detected = DetectInstructionSet();
  return std::min(detected, static_cast<InstructionSet>(limit.load()));
}

void LimitInstructionSet(InstructionSet widest) { limit = static_cast<int>(widest); }

}  // namespace arcqueue

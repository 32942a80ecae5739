#ifndef ARCQUEUE_INSTRUCTION_SETS_H_
#define ARCQUEUE_INSTRUCTION_SETS_H_

// A file that needs more than the loop vectoriser gives is written once, with vectors of ARCQUEUE_LANES floats, in a
// *_body.h. Its .cc includes the body once per instruction set, each time in a namespace of its own:
//
//   #define ARCQUEUE_BODY "gemm_body.h"
//   #include "for_each_instruction_set.h"
//
// and BestInstructionSet() says, when the library runs, which of them the processor can execute.

namespace arcqueue {

enum class InstructionSet { kBaseline, kAvx2, kAvx512 };

inline InstructionSet BestInstructionSet() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    return InstructionSet::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::kAvx2;
#endif
  return InstructionSet::kBaseline;
}

}  // namespace arcqueue

#endif  // ARCQUEUE_INSTRUCTION_SETS_H_

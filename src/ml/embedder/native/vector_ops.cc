#include "vector_ops.h"

#include "instruction_sets.h"

#define ARCQUEUE_BODY "vector_ops_body.h"
#include "for_each_instruction_set.h"

namespace arcqueue {

const VectorOps& BestVectorOps() {
#if defined(__x86_64__)
  static const InstructionSet best = BestInstructionSet();
  if (best == InstructionSet::kAvx512) return avx512::kVectorOps;
  if (best == InstructionSet::kAvx2) return avx2::kVectorOps;
#endif
  return baseline::kVectorOps;
}

}  // namespace arcqueue

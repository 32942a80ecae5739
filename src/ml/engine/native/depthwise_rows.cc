#include "depthwise_rows.h"

#include "instruction_sets.h"

#define ARCQUEUE_BODY "depthwise_body.h"
#include "for_each_instruction_set.h"

namespace arcqueue {

const DepthwiseRows& BestDepthwiseRows() {
#if defined(__x86_64__)
  const InstructionSet best = BestInstructionSet();
  if (best == InstructionSet::kAvx512) return avx512::kRows;
  if (best == InstructionSet::kAvx2) return avx2::kRows;
#endif
  return baseline::kRows;
}

}  // namespace arcqueue

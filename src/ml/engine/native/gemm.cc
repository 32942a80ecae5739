#include "gemm.h"

#include "instruction_sets.h"

#define ARCQUEUE_BODY "gemm_body.h"
#include "for_each_instruction_set.h"

namespace arcqueue {

const Gemm& BestGemm() {
#if defined(__x86_64__)
  const InstructionSet best = BestInstructionSet();
  if (best == InstructionSet::kAvx512) return avx512::kGemm;
  if (best == InstructionSet::kAvx2) return avx2::kGemm;
#endif
  return baseline::kGemm;
}

}  // namespace arcqueue

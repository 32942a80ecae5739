#include "winograd.h"

#include "instruction_sets.h"

#define ARCQUEUE_BODY "winograd_body.h"
#include "for_each_instruction_set.h"

namespace arcqueue {

const WinogradTransforms& BestWinogradTransforms() {
#if defined(__x86_64__)
  const InstructionSet best = BestInstructionSet();
  if (best == InstructionSet::kAvx512) return avx512::kTransforms;
  if (best == InstructionSet::kAvx2) return avx2::kTransforms;
#endif
  return baseline::kTransforms;
}

}  // namespace arcqueue

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

enum class InstructionSet : int { kBaseline, kAvx2, kAvx512 };

// The widest set that the processor has, or a narrower one if a test asked for it.
InstructionSet BestInstructionSet();

// For tests: from here on nothing wider is used.
void LimitInstructionSet(InstructionSet widest);

}  // namespace arcqueue

#endif  // ARCQUEUE_INSTRUCTION_SETS_H_

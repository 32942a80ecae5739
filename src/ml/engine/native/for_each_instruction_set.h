// Includes ARCQUEUE_BODY once per instruction set; see instruction_sets.h. Has no include guard: each .cc includes it
// once. The body must not instantiate templates of other headers, whose code would then need that instruction set too.

#define ARCQUEUE_LANES 4
#define ARCQUEUE_REGISTERS 16
namespace arcqueue {
namespace baseline {
#include ARCQUEUE_BODY
}  // namespace baseline
}  // namespace arcqueue
#undef ARCQUEUE_LANES

#if defined(__x86_64__)

#define ARCQUEUE_LANES 8
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace arcqueue {
namespace avx2 {
#include ARCQUEUE_BODY
}  // namespace avx2
}  // namespace arcqueue
#pragma GCC pop_options
#undef ARCQUEUE_LANES
#undef ARCQUEUE_REGISTERS

#define ARCQUEUE_LANES 16
#define ARCQUEUE_REGISTERS 32
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")
namespace arcqueue {
namespace avx512 {
#include ARCQUEUE_BODY
}  // namespace avx512
}  // namespace arcqueue
#pragma GCC pop_options
#undef ARCQUEUE_LANES

#endif  // defined(__x86_64__)

#undef ARCQUEUE_REGISTERS

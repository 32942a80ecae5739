#ifndef ARCQUEUE_VECTOR_CLONES_H_
#define ARCQUEUE_VECTOR_CLONES_H_

// Marks a loop to be compiled once per instruction set; the loader picks the widest one the processor has. The
// compiled file is kept in a cache folder that machines may share, so the set-up machine's processor must not be
// baked in. The body has to be written without branches and with restrict pointers, else it is not vectorised.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define ARCQUEUE_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ARCQUEUE_VECTOR_CLONES
#endif

#endif  // ARCQUEUE_VECTOR_CLONES_H_

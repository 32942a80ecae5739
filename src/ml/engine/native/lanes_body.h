// Vectors of ARCQUEUE_LANES floats, in GCC's vector extension: +, - and * work on all lanes. Part of a body (see
// instruction_sets.h), so it has no include guard.

constexpr long kLanes = ARCQUEUE_LANES;
typedef float Vector __attribute__((vector_size(ARCQUEUE_LANES * sizeof(float))));
typedef float UnalignedVector
    __attribute__((vector_size(ARCQUEUE_LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline Vector Load(const float* from) { return *reinterpret_cast<const UnalignedVector*>(from); }

static inline void Store(float* to, Vector value) { *reinterpret_cast<UnalignedVector*>(to) = value; }

// The first `count` lanes from memory, zeros in the others.
static inline Vector LoadFirst(const float* from, long count) {
  Vector value = {};
  __builtin_memcpy(&value, from, count * sizeof(float));
  return value;
}

static inline void StoreFirst(float* to, Vector value, long count) {
  __builtin_memcpy(to, &value, count * sizeof(float));
}

static inline Vector Splat(float value) { return Vector{} + value; }

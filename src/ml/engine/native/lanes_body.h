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

// The first `count` lanes; the whole vector when the compiler knows that there are so many.
static inline Vector LoadSome(const float* from, long count) {
  return count == kLanes ? Load(from) : LoadFirst(from, count);
}

static inline void StoreSome(float* to, Vector value, long count) {
  if (count == kLanes) {
    Store(to, value);
  } else {
    StoreFirst(to, value, count);
  }
}

// How many of `channels` one vector holds from `channel` on.
static inline long CountFrom(long channel, long channels) {
  return channels - channel < kLanes ? channels - channel : kLanes;
}

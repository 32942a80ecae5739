// One step of stochastic gradient descent with momentum and L2 weight decay, in PyTorch's form (torch.optim.SGD with
// dampening 0, no Nesterov), in one pass over the memory:
//   v' = momentum * v + g + weight_decay * w      w' = w - learning_rate * v'

#include <algorithm>
#include <cstdint>

#include "operation.h"
#include "parallel.h"
#include "vector_clones.h"

namespace arcqueue {
namespace {

// Threads get whole blocks: the compiler rounds what fills a vector and what is left over at a range's end differently
// (it fuses other multiplications with additions), so which elements those are must not depend on the number of threads.
constexpr int64_t kBlock = 1024;

struct Rates {
  float learning_rate;
  float momentum;
  float weight_decay;
};

ARCQUEUE_VECTOR_CLONES
void StepRange(const float* __restrict__ w, const float* __restrict__ v, const float* __restrict__ g,
               float* __restrict__ new_w, float* __restrict__ new_v, int64_t count, Rates rates) {
  for (int64_t i = 0; i < count; ++i) {
    const float velocity = rates.momentum * v[i] + (g[i] + rates.weight_decay * w[i]);
    new_v[i] = velocity;
    new_w[i] = w[i] - rates.learning_rate * velocity;
  }
}

class SgdMomentumOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& w = context->input(0);
    const Tensor& v = context->input(1);
    const Tensor& g = context->input(2);
    OP_REQUIRES(context, v.shape() == w.shape() && g.shape() == w.shape(),
                absl::InvalidArgumentError(absl::StrCat("SGD expects weights, velocity and gradient of one shape, found ",
                                                    w.shape().DebugString(), ", ", v.shape().DebugString(), " and ",
                                                    g.shape().DebugString())));
    for (int input = 3; input < 6; ++input) {
      OP_REQUIRES(context, context->input(input).NumElements() == 1,
                  absl::InvalidArgumentError(absl::StrCat("SGD expects scalar rates, found ",
                                                      context->input(input).shape().DebugString(), " as input ", input)));
    }
    const Rates rates{Scalar(context, 3), Scalar(context, 4), Scalar(context, 5)};
    Tensor* new_w = nullptr;
    Tensor* new_v = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, w.shape(), &new_w));
    OP_REQUIRES_OK(context, context->allocate_output(1, w.shape(), &new_v));

    const float* w_data = Data(w);
    const float* v_data = Data(v);
    const float* g_data = Data(g);
    float* new_w_data = Data(new_w);
    float* new_v_data = Data(new_v);
    const int64_t total = w.NumElements();
    ForEachRange(context, (total + kBlock - 1) / kBlock, 2 * kBlock, [=](int64_t first_block, int64_t end_block) {
      const int64_t begin = first_block * kBlock;
      const int64_t count = std::min(end_block * kBlock, total) - begin;
      StepRange(w_data + begin, v_data + begin, g_data + begin, new_w_data + begin, new_v_data + begin, count, rates);
    });
  }

 private:
  static float Scalar(OpKernelContext* context, int input) { return context->input(input).flat<float>()(0); }
};

}  // namespace

REGISTER_OP("ArcqueueSgdMomentum")
    .Input("weights: float")
    .Input("velocity: float")
    .Input("gradient: float")
    .Input("learning_rate: float")
    .Input("momentum: float")
    .Input("weight_decay: float")
    .Output("new_weights: float")
    .Output("new_velocity: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueSgdMomentum").Device(tensorflow::DEVICE_CPU), SgdMomentumOp);

}  // namespace arcqueue

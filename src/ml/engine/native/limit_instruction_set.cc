#include "instruction_sets.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace arcqueue {
namespace {

// Lets a test on one machine run what another machine would: from here on no wider set than `limit` is used (0 baseline,
// 1 AVX2, 2 AVX-512). Returns the set in use.
class LimitInstructionSetOp : public tensorflow::OpKernel {
 public:
  explicit LimitInstructionSetOp(tensorflow::OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("limit", &limit_));
  }

  void Compute(tensorflow::OpKernelContext* context) override {
    LimitInstructionSet(static_cast<InstructionSet>(limit_));
    tensorflow::Tensor* used = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, tensorflow::TensorShape({}), &used));
    used->scalar<int32_t>()() = static_cast<int32_t>(BestInstructionSet());
  }

 private:
  int32_t limit_;
};

}  // namespace

REGISTER_OP("ArcqueueLimitInstructionSet")
    .Attr("limit: int")
    .Output("used: int32")
    .SetIsStateful()
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* context) {
      context->set_output(0, context->Scalar());
      return absl::OkStatus();
    });

REGISTER_KERNEL_BUILDER(Name("ArcqueueLimitInstructionSet").Device(tensorflow::DEVICE_CPU), LimitInstructionSetOp);

}  // namespace arcqueue

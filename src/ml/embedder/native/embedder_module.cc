// The embedder's interface to JavaScript:
//   build({ height, width, channels, threads, winogradBudgetBytes, steps }) → embedder
//   embed(embedder, images: Float32Array, count) → Float32Array
// A step is { op, input, second, … } with the numbers of the values that it reads; see embedder.ts.

#include <node_api.h>

#include <stdexcept>
#include <string>

#include "network.h"

namespace arcqueue {
namespace {

// Thrown where JavaScript's call fails or gives something else than expected; the boundary turns it into an Error.
struct BadCall : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void Check(napi_status status, const char* what) {
  if (status != napi_ok) throw BadCall(std::string("expected ") + what);
}

class Object {
 public:
  Object(napi_env env, napi_value value) : env_(env), value_(value) {}

  napi_value Get(const char* key) const {
    napi_value result;
    Check(napi_get_named_property(env_, value_, key, &result), key);
    return result;
  }

  long Integer(const char* key) const {
    int64_t number;
    Check(napi_get_value_int64(env_, Get(key), &number), key);
    return number;
  }

  std::string Text(const char* key) const {
    char buffer[32];
    size_t length;
    Check(napi_get_value_string_utf8(env_, Get(key), buffer, sizeof buffer, &length), key);
    return std::string(buffer, length);
  }

  // A copy of a Float32Array; empty for null.
  Values Floats(const char* key, long expected) const {
    const napi_value value = Get(key);
    napi_valuetype kind;
    Check(napi_typeof(env_, value, &kind), key);
    if (kind == napi_null) return {};
    napi_typedarray_type type;
    size_t length;
    void* data;
    Check(napi_get_typedarray_info(env_, value, &type, &length, &data, nullptr, nullptr), key);
    if (type != napi_float32_array || static_cast<long>(length) != expected) {
      throw BadCall(std::string("expected ") + key + " of " + std::to_string(expected) + " floats; found " +
                    std::to_string(length));
    }
    const float* floats = static_cast<const float*>(data);
    return Values(floats, floats + length);
  }

 private:
  napi_env env_;
  napi_value value_;
};

std::unique_ptr<Step> ToStep(const Object& object, const Shape& input, long winograd_budget_bytes) {
  const std::string op = object.Text("op");
  const long channels = input.channels;
  if (op == "add") return MakeAdd(input);
  if (op == "prelu") return MakePrelu(input, object.Floats("slope", channels));
  if (op == "affine") return MakeAffine(input, object.Floats("scale", channels), object.Floats("shift", channels));
  const long out = object.Integer("outChannels");
  if (op == "dense") {
    return MakeDense(input, out, {object.Floats("kernel", input.Size() * out), object.Floats("bias", out), {}, 1, 1, 0, 1});
  }
  if (op != "conv") throw BadCall("expected a step of conv, dense, affine, prelu, add; found " + op);
  const long size = object.Integer("size");
  const long stride = object.Integer("stride");
  const long padding = object.Integer("padding");
  const long groups = object.Integer("groups");
  if (size < 1 || stride < 1 || padding < 0 || groups < 1 || channels % groups != 0 ||
      size > input.height + 2 * padding || size > input.width + 2 * padding) {
    throw BadCall("expected a convolution that fits its input");
  }
  ConvolutionWeights weights{object.Floats("kernel", size * size * (channels / groups) * out),
                             object.Floats("bias", out), object.Floats("slope", out), size, stride, padding, groups};
  std::unique_ptr<Step> step = MakeConvolution(input, out, std::move(weights), winograd_budget_bytes);
  if (step == nullptr) throw BadCall("expected groups of one or two channels; found " + std::to_string(groups) + " groups");
  return step;
}

void Release(napi_env, void* network, void*) { delete static_cast<Network*>(network); }

napi_value Build(napi_env env, napi_value argument) {
  const Object plan(env, argument);
  auto network = std::make_unique<Network>(
      Shape{plan.Integer("height"), plan.Integer("width"), plan.Integer("channels")}, static_cast<int>(plan.Integer("threads")));
  const napi_value steps = plan.Get("steps");
  uint32_t count;
  Check(napi_get_array_length(env, steps, &count), "steps to be a list");
  if (count == 0) throw BadCall("expected at least one step");
  long budget = plan.Integer("winogradBudgetBytes");
  for (uint32_t index = 0; index < count; ++index) {
    napi_value value;
    Check(napi_get_element(env, steps, index, &value), "a step");
    const Object object(env, value);
    const long input = object.Integer("input");
    const long second = object.Integer("second");
    if (input < 0 || input > index || second > static_cast<long>(index)) throw BadCall("expected values before they are read");
    std::unique_ptr<Step> step = ToStep(object, network->ShapeOf(static_cast<int>(input)), budget);
    if (second >= 0 && network->ShapeOf(static_cast<int>(second)).Size() != step->output_shape().Size()) {
      throw BadCall("expected two summands of one shape");
    }
    if (step->WeightBytes() > 0 && object.Text("op") == "conv") budget -= step->WeightBytes();
    network->Add(std::move(step), static_cast<int>(input), static_cast<int>(second));
  }
  network->Finish();
  napi_value external;
  Check(napi_create_external(env, network.get(), Release, nullptr, &external), "room for the embedder");
  network.release();
  return external;
}

napi_value Embed(napi_env env, const napi_value* arguments) {
  void* data;
  Check(napi_get_value_external(env, arguments[0], &data), "an embedder");
  Network* network = static_cast<Network*>(data);
  napi_typedarray_type type;
  size_t length;
  void* images;
  Check(napi_get_typedarray_info(env, arguments[1], &type, &length, &images, nullptr, nullptr), "images as a Float32Array");
  int64_t count;
  Check(napi_get_value_int64(env, arguments[2], &count), "a count");
  const long expected = count * network->ShapeOf(0).Size();
  if (type != napi_float32_array || count < 0 || static_cast<long>(length) != expected) {
    throw BadCall("expected images of " + std::to_string(expected) + " floats; found " + std::to_string(length));
  }
  const size_t size = static_cast<size_t>(count * network->EmbeddingSize());
  void* embeddings;
  napi_value buffer;
  napi_value result;
  Check(napi_create_arraybuffer(env, size * sizeof(float), &embeddings, &buffer), "room for the embeddings");
  network->Embed(static_cast<const float*>(images), count, static_cast<float*>(embeddings));
  Check(napi_create_typedarray(env, napi_float32_array, size, buffer, 0, &result), "room for the embeddings");
  return result;
}

template <size_t kCount, typename Function>
napi_value Guard(napi_env env, napi_callback_info info, const Function& function) {
  napi_value arguments[kCount];
  size_t count = kCount;
  try {
    Check(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr), "arguments");
    if (count != kCount) throw BadCall("expected " + std::to_string(kCount) + " arguments");
    return function(arguments);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

napi_value BuildCallback(napi_env env, napi_callback_info info) {
  return Guard<1>(env, info, [env](const napi_value* arguments) { return Build(env, arguments[0]); });
}

napi_value EmbedCallback(napi_env env, napi_callback_info info) {
  return Guard<3>(env, info, [env](const napi_value* arguments) { return Embed(env, arguments); });
}

napi_value Init(napi_env env, napi_value exports) {
  napi_value build;
  napi_value embed;
  napi_create_function(env, "build", NAPI_AUTO_LENGTH, BuildCallback, nullptr, &build);
  napi_create_function(env, "embed", NAPI_AUTO_LENGTH, EmbedCallback, nullptr, &embed);
  napi_set_named_property(env, exports, "build", build);
  napi_set_named_property(env, exports, "embed", embed);
  return exports;
}

}  // namespace
}  // namespace arcqueue

static napi_value InitModule(napi_env env, napi_value exports) { return arcqueue::Init(env, exports); }
NAPI_MODULE(arcqueue_embedder, InitModule)

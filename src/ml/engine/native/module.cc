// The entry that makes this library loadable with require(). The operations register themselves when the library is
// loaded; JavaScript calls them by name through tfjs-node, so nothing is exported.

#include <node_api.h>

#include <cstdlib>

#include "absl/base/log_severity.h"
#include "absl/log/globals.h"

namespace {

// TensorFlow prints notices of its processor options while it starts, whatever TF_CPP_MIN_LOG_LEVEL says. Applied
// here because this library is loaded before TensorFlow starts.
void ApplyLogLevel() {
  const char* level = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  if (level == nullptr) return;
  absl::SetMinLogLevel(static_cast<absl::LogSeverityAtLeast>(std::atoi(level)));
}

napi_value Init(napi_env env, napi_value exports) {
  ApplyLogLevel();
  return exports;
}

}  // namespace

NAPI_MODULE(arcqueue_kernels, Init)

// The entry that makes this library loadable with require(). The operations register themselves when the library is
// loaded; JavaScript calls them by name through tfjs-node, so nothing is exported.

#include <node_api.h>

namespace {

napi_value Init(napi_env env, napi_value exports) { return exports; }

}  // namespace

NAPI_MODULE(arcqueue_kernels, Init)

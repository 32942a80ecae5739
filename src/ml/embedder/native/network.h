#ifndef ARCQUEUE_NETWORK_H_
#define ARCQUEUE_NETWORK_H_

#include <memory>
#include <vector>

#include "step.h"
#include "thread_pool.h"

namespace arcqueue {

// A trained network, ready to embed images. Built once, step by step; then it does not change.
class Network {
 public:
  Network(const Shape& input, int threads);

  // Appends a step that reads the values `input` and, unless it is -1, `second`. Value 0 is the images; the returned
  // number is the step's output.
  int Add(std::unique_ptr<Step> step, int input, int second);
  const Shape& ShapeOf(int value) const { return value == 0 ? input_ : nodes_[value - 1].step->output_shape(); }
  // After the last step: decides where each value lies.
  void Finish();

  // images [count, h, w, c] → embeddings [count, size]. One call at a time.
  void Embed(const float* images, long count, float* embeddings);
  long EmbeddingSize() const { return ShapeOf(static_cast<int>(nodes_.size())).Size(); }

 private:
  struct Node {
    std::unique_ptr<Step> step;
    int input;
    int second;
    int slot;  // where the output lies
  };
  // The memory of one pass through the network: a slot holds one value at a time.
  using Arena = std::vector<Workspace>;

  void RunPass(const float* images, long count, float* embeddings, Arena* arena, Workspace* workspace);
  void RunPassTogether(const float* images, long count, float* embeddings);
  Pass PassOf(const Node& node, const float* images, long count, Arena* arena) const;
  float* ValueOf(int value, long count, Arena* arena) const;

  const Shape input_;
  std::vector<Node> nodes_;
  std::vector<long> slot_sizes_;  // floats an image
  long images_per_pass_ = 1;
  ThreadPool pool_;
  std::vector<Arena> arenas_;          // one a thread
  std::vector<Workspace> workspaces_;  // one a thread
};

}  // namespace arcqueue

#endif  // ARCQUEUE_NETWORK_H_

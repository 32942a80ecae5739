#include "network.h"

#include <algorithm>
#include <cstring>

namespace arcqueue {
namespace {

// A pass reads all weights once. With more images a pass, large weights are read less often; with fewer, the maps of small
// networks stay in the cache.
constexpr long kWeightBytesPerImage = 4 << 20;
constexpr long kMaxImagesPerPass = 8;
// Turns in which a thread takes its share of a step: a thread that is held up leaves the rest to the others.
constexpr long kTurns = 4;

}  // namespace

Network::Network(const Shape& input, int threads)
    : input_(input), pool_(threads), arenas_(pool_.size()), workspaces_(pool_.size()) {}

int Network::Add(std::unique_ptr<Step> step, int input, int second) {
  nodes_.push_back({std::move(step), input, second, -1});
  return static_cast<int>(nodes_.size());
}

void Network::Finish() {
  const int count = static_cast<int>(nodes_.size());
  std::vector<int> last_use(count + 1, count);
  for (int node = count - 1; node >= 0; --node) {
    for (const int value : {nodes_[node].input, nodes_[node].second}) {
      if (value >= 0 && last_use[value] == count) last_use[value] = node;
    }
  }
  last_use[count] = count;  // the embeddings
  std::vector<int> free_slots;
  long weight_bytes = 0;
  for (int node = 0; node < count; ++node) {
    weight_bytes += nodes_[node].step->WeightBytes();
    // A step's output never lies where one of its inputs does: a convolution reads around what it has written.
    const long size = nodes_[node].step->output_shape().Size();
    int slot;
    if (free_slots.empty()) {
      slot = static_cast<int>(slot_sizes_.size());
      slot_sizes_.push_back(0);
    } else {
      const auto fits_better = [&](int a, int b) {
        return std::labs(slot_sizes_[a] - size) < std::labs(slot_sizes_[b] - size);
      };
      const auto best = std::min_element(free_slots.begin(), free_slots.end(), fits_better);
      slot = *best;
      free_slots.erase(best);
    }
    slot_sizes_[slot] = std::max(slot_sizes_[slot], size);
    nodes_[node].slot = slot;
    const int input = nodes_[node].input;
    const int second = nodes_[node].second;
    if (input > 0 && last_use[input] == node) free_slots.push_back(nodes_[input - 1].slot);
    if (second > 0 && second != input && last_use[second] == node) free_slots.push_back(nodes_[second - 1].slot);
  }
  images_per_pass_ = std::min(kMaxImagesPerPass, std::max(1L, weight_bytes / kWeightBytesPerImage));
  for (Arena& arena : arenas_) arena = Arena(slot_sizes_.size());
}

void Network::Embed(const float* images, long count, float* embeddings) {
  if (count < pool_.size()) return RunPassTogether(images, count, embeddings);
  const long passes = (count + images_per_pass_ - 1) / images_per_pass_;
  pool_.Run(passes, 1, [&](int thread, long begin, long end) {
    for (long pass = begin; pass < end; ++pass) {
      const long first = pass * images_per_pass_;
      const long some = std::min(images_per_pass_, count - first);
      RunPass(images + first * input_.Size(), some, embeddings + first * EmbeddingSize(), &arenas_[thread],
              &workspaces_[thread]);
    }
  });
}

void Network::RunPass(const float* images, long count, float* embeddings, Arena* arena, Workspace* workspace) {
  for (const Node& node : nodes_) {
    node.step->Run(PassOf(node, images, count, arena), 0, node.step->Units(count), workspace);
  }
  std::memcpy(embeddings, ValueOf(static_cast<int>(nodes_.size()), count, arena), count * EmbeddingSize() * sizeof(float));
}

// Fewer images than threads: the threads share each step.
void Network::RunPassTogether(const float* images, long count, float* embeddings) {
  if (count == 0) return;
  Arena* arena = &arenas_[0];
  for (const Node& node : nodes_) {
    const Pass pass = PassOf(node, images, count, arena);
    const long units = node.step->Units(count);
    const long grain = std::max(1L, units / (pool_.size() * kTurns));
    pool_.Run(units, grain,
              [&](int thread, long begin, long end) { node.step->Run(pass, begin, end, &workspaces_[thread]); });
  }
  std::memcpy(embeddings, ValueOf(static_cast<int>(nodes_.size()), count, arena), count * EmbeddingSize() * sizeof(float));
}

Pass Network::PassOf(const Node& node, const float* images, long count, Arena* arena) const {
  const auto read = [&](int value) -> const float* {
    if (value < 0) return nullptr;
    return value == 0 ? images : ValueOf(value, count, arena);
  };
  return {read(node.input), read(node.second), ValueOf(static_cast<int>(&node - nodes_.data()) + 1, count, arena), count};
}

float* Network::ValueOf(int value, long count, Arena* arena) const {
  const int slot = nodes_[value - 1].slot;
  // As much as a pass ever needs, so that the memory never moves between two steps.
  return (*arena)[slot].Take(std::max(count, images_per_pass_) * slot_sizes_[slot]);
}

}  // namespace arcqueue

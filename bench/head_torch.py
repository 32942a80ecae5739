"""The other side of head: ArcFace with SGD in PyTorch eager, full and with sampled classes as arcface_torch has them.

Prints {"milliseconds", "stepBytes"} as JSON.
Arguments: classes, embedding size, batch, sample rate, steps, warm-up steps.
"""

import json
import math
import resource
import sys
import time

import torch
from torch.nn import functional as F

SCALE = 64.0
MARGIN = 0.5


def arcface_loss(embeddings, centres, labels):
    cosine = F.linear(F.normalize(embeddings), F.normalize(centres))
    target = cosine.gather(1, labels[:, None])
    sine = (1 - target * target).clamp_min(1e-9).sqrt()
    shifted = target * math.cos(MARGIN) - sine * math.sin(MARGIN)
    line = target - MARGIN * math.sin(MARGIN)
    moved = torch.where(target > math.cos(math.pi - MARGIN), shifted, line)
    return F.cross_entropy(cosine.scatter(1, labels[:, None], moved) * SCALE, labels)


def sample(labels, class_count, sample_rate):
    """All classes of the batch and random others, and the labels among them (partial_fc_v2.py's way)."""
    positives = torch.unique(labels, sorted=True)
    chances = torch.rand(class_count)
    chances[positives] = 2.0
    size = max(len(positives), int(sample_rate * class_count))
    index = torch.topk(chances, k=size)[1].sort()[0]
    return index, torch.searchsorted(index, labels)


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def main():
    class_count, size, batch = map(int, sys.argv[1:4])
    sample_rate, steps, warmup = float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
    torch.manual_seed(1)
    embeddings = torch.randn(batch, size, requires_grad=True)
    before = resident_bytes()
    centres = torch.nn.Parameter(torch.randn(class_count, size))
    optimizer = torch.optim.SGD([centres], lr=0.01, momentum=0.9, weight_decay=5e-4)
    times = []
    for _ in range(steps):
        labels = torch.randint(class_count, (batch,))
        start = time.perf_counter()
        optimizer.zero_grad()
        embeddings.grad = None
        if sample_rate < 1:
            index, labels = sample(labels, class_count, sample_rate)
            loss = arcface_loss(embeddings, centres[index], labels)
        else:
            loss = arcface_loss(embeddings, centres, labels)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append((time.perf_counter() - start) * 1000)
    counted = sorted(times[warmup:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"milliseconds": counted[len(counted) // 2], "stepBytes": peak - before}))


main()

"""One side of input-pipeline: images per second of torchvision's DataLoader, as JSON, over one epoch after one that is not counted.

The form that training scripts use: ImageFolder with PIL, a random flip, to a tensor, normalised to [-1, 1], batches collated by
workers that stay alive.
"""

import json
import sys
import time

import torch
from torchvision import datasets, transforms

folder, batch_size, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
transform = transforms.Compose(
    [
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
loader = torch.utils.data.DataLoader(
    datasets.ImageFolder(folder, transform),
    batch_size=batch_size,
    shuffle=True,
    num_workers=workers,
    persistent_workers=True,
)
seconds = 0.0
images = 0
for epoch in range(2):
    start = time.perf_counter()
    images = sum(len(batch) for batch, _ in loader)
    seconds = time.perf_counter() - start
print(json.dumps({"imagesPerSecond": images / seconds}))

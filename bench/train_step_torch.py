"""The other side of train-step: the same networks, loss and update in PyTorch eager.

Prints {"imagesPerSecond", "peakBytes"} as JSON.
Arguments: backbone, batch, steps, warm-up steps, contiguous | channels-last | bf16 (channels-last, under autocast).
"""

import json
import math
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

CLASS_COUNT = 100
EMBEDDING_SIZE = 512


def conv_block(inputs, out, kernel=1, stride=1, padding=0, groups=1):
    conv = nn.Conv2d(inputs, out, kernel, stride, padding, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(out), nn.PReLU(out)]


def bottleneck(inputs, groups, out, stride):
    depthwise = conv_block(groups, groups, 3, stride, 1, groups)
    project = [nn.Conv2d(groups, out, 1, bias=False), nn.BatchNorm2d(out)]
    return nn.Sequential(*conv_block(inputs, groups), *depthwise, *project)


class Residual(nn.Module):
    def __init__(self, branch, shortcut=None):
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut or nn.Identity()

    def forward(self, x):
        return self.branch(x) + self.shortcut(x)


def mobilefacenet():
    residuals = lambda count, c, g: [Residual(bottleneck(c, g, c, 1)) for _ in range(count)]
    return nn.Sequential(
        *conv_block(3, 64, 3, 2, 1),
        *conv_block(64, 64, 3, 1, 1, 64),
        bottleneck(64, 128, 64, 2),
        *residuals(4, 64, 128),
        bottleneck(64, 256, 128, 2),
        *residuals(6, 128, 256),
        bottleneck(128, 512, 128, 2),
        *residuals(2, 128, 256),
        *conv_block(128, 512),
        nn.Conv2d(512, 512, 7, groups=512, bias=False),
        nn.BatchNorm2d(512),
        nn.Flatten(),
        nn.Linear(512, EMBEDDING_SIZE, bias=False),
        nn.BatchNorm1d(EMBEDDING_SIZE),
    )


def basic_block(inputs, out, stride):
    branch = nn.Sequential(
        nn.BatchNorm2d(inputs),
        nn.Conv2d(inputs, out, 3, 1, 1, bias=False),
        nn.BatchNorm2d(out),
        nn.PReLU(out),
        nn.Conv2d(out, out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(out),
    )
    if stride == 1 and inputs == out:
        return Residual(branch)
    return Residual(branch, nn.Sequential(nn.Conv2d(inputs, out, 1, stride, bias=False), nn.BatchNorm2d(out)))


def iresnet(blocks):
    layers = conv_block(3, 64, 3, 1, 1)
    inputs = 64
    for channels, count in zip((64, 128, 256, 512), blocks):
        layers += [basic_block(inputs, channels, 2)]
        layers += [basic_block(channels, channels, 1) for _ in range(count - 1)]
        inputs = channels
    linear = nn.Linear(inputs * 7 * 7, EMBEDDING_SIZE)
    return nn.Sequential(*layers, nn.BatchNorm2d(inputs), nn.Flatten(), linear, nn.BatchNorm1d(EMBEDDING_SIZE))


class ArcFace(nn.Module):
    def __init__(self, scale=32.0, margin=0.5):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(CLASS_COUNT, EMBEDDING_SIZE) * 0.01)
        self.scale, self.margin = scale, margin

    def forward(self, embeddings, labels):
        cosine = F.linear(F.normalize(embeddings), F.normalize(self.centres))
        target = cosine.gather(1, labels[:, None])
        sine = (1 - target * target).clamp_min(1e-9).sqrt()
        shifted = target * math.cos(self.margin) - sine * math.sin(self.margin)
        line = target - self.margin * math.sin(self.margin)
        moved = torch.where(target > math.cos(math.pi - self.margin), shifted, line)
        return F.cross_entropy(cosine.scatter(1, labels[:, None], moved) * self.scale, labels)


def main():
    name, batch, steps, warmup, form = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
    blocks = {"iresnet18": (2, 2, 2, 2), "iresnet50": (3, 4, 14, 3)}
    network = mobilefacenet() if name == "mobilefacenet" else iresnet(blocks[name])
    images = torch.rand(batch, 3, 112, 112) * 2 - 1
    if form != "contiguous":
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    head = ArcFace()
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)
    labels = torch.arange(batch) % CLASS_COUNT
    for step in range(steps):
        if step == warmup:
            start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=form == "bf16"):
            embeddings = network(images)
        loss = head(embeddings.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"imagesPerSecond": (steps - warmup) * batch / seconds, "peakBytes": peak}))


main()

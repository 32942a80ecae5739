"""Median milliseconds of one query against a gallery, by a matrix product and a selection of the best five."""

import sys
import time

import numpy as np

rows, size, queries = map(int, sys.argv[1:])
gallery = np.random.default_rng(2).standard_normal((rows, size), dtype=np.float32)
gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
times = []
for query in gallery[:queries]:
    start = time.perf_counter()
    scores = gallery @ query
    np.argpartition(scores, -5)[-5:]
    times.append(time.perf_counter() - start)
print(1000 * sorted(times)[len(times) // 2])

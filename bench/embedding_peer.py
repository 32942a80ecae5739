"""Images per second of an ONNX network in another runtime: embedding_peer.py RUNTIME MODEL BATCH SECONDS."""

import os
import sys
import time

import numpy as np


def open_onnxruntime(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]


def open_openvino(path, batch):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    side = model.inputs[0].partial_shape[3].get_length()
    # A fixed shape is the faster one here.
    model.reshape([batch, 3, side, side])
    # Float32 throughout, as in the other runtimes: by default it may compute in bfloat16.
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    return lambda images: request.infer({0: images}, share_inputs=True)[0]


def main():
    runtime, path, batch, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    embed = open_openvino(path, batch) if runtime == "openvino" else open_onnxruntime(path)
    images = np.random.default_rng(1).uniform(-1, 1, (batch, 3, 112, 112)).astype(np.float32)
    for _ in range(3):
        embed(images)
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 3:
        start = time.perf_counter()
        embed(images)
        times.append(time.perf_counter() - start)
    print(batch / float(np.median(times)))


main()

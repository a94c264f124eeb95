"""ONNX Runtime on the CPU: com.microsoft.MultiHeadAttention (its flash path), fp32, inputs [1, L, H * d]."""
import subprocess
import sys

import numpy as np
import onnxruntime as ort

from inputs import uniform
from protocol import serve

# Debian's onnx and onnxruntime cannot share a process, so a child makes the model.
MODEL = """
import sys
from onnx import TensorProto, helper
H, d = map(int, sys.argv[1:])
tensor = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, H * d])
node = helper.make_node("MultiHeadAttention", ["q", "k", "v"], ["o"], domain="com.microsoft", num_heads=H)
graph = helper.make_graph([node], "attention", [tensor("q"), tensor("k"), tensor("v")], [tensor("o")])
opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
sys.stdout.buffer.write(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
"""


def make(case):
    if (case["op"], case["direction"], case["dtype"]) != ("cross-attention", "forward", "fp32"):
        raise ValueError("fp32 cross attention forward only")
    T, H, d, L = case["targets"], case["heads"], case["width"], case["length"]
    model = subprocess.run([sys.executable, "-c", MODEL, str(H), str(d)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    options = ort.SessionOptions()
    options.intra_op_num_threads = case["threads"]
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    arrays = {
        "q": uniform(T * H * d, 1).reshape(1, T, H * d),
        "k": uniform(L * H * d, 2).reshape(1, L, H * d),
        "v": uniform(L * H * d, 3).reshape(1, L, H * d),
    }
    binding = session.io_binding()
    values = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}
    for name, value in values.items():
        binding.bind_ortvalue_input(name, value)
    output = ort.OrtValue.ortvalue_from_numpy(np.zeros((1, T, H * d), np.float32))
    binding.bind_ortvalue_output("o", output)
    keep = (session, binding, values, arrays, output)
    return lambda: session.run_with_iobinding(binding), lambda: keep[-1].numpy()


serve(make)

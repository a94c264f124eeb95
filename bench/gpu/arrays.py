"""Where the tensors of a measurement live. `TorchArrays` keeps them in PyTorch (on the GPU, or over the emulated library's memory); `PlainArrays` needs
nothing but Python, for tiny shapes. Both give the library the same pointers that a peer reads, and float64 matrices to the reference.

Tensors are row-major; element values are standard normal numbers, the same for a seed within one kind of arrays."""
import array
import ctypes
import math
import random
import struct

from library import DEVICE_TO_HOST, HOST_TO_DEVICE, MEMORY_DEVICE

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}


def to_bits(value, dtype):
    """An element's bytes, rounded to nearest, ties to even."""
    if dtype == "fp16":
        return struct.pack("<e", value)
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    if dtype == "fp32":
        return struct.pack("<I", bits)
    return struct.pack("<H", 0x7FFF if math.isnan(value) else (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 & 0xFFFF)


def from_bits(data, dtype):
    """The elements of a row of bytes."""
    if dtype == "bf16":
        words = array.array("H", data)
        return list(struct.unpack(f"<{len(words)}f", b"".join(struct.pack("<I", word << 16) for word in words)))
    code, size = {"fp32": ("f", 4), "fp16": ("e", 2), "int8": ("b", 1)}[dtype]
    return [float(x) for x in struct.unpack(f"<{len(data) // size}{code}", data)]


class Matrix:
    """A float64 matrix with the few operations of torch.Tensor that the reference uses."""

    def __init__(self, rows):
        self.rows = rows

    @property
    def T(self):
        return Matrix([list(column) for column in zip(*self.rows)])

    def map(self, function):
        return Matrix([[function(x) for x in row] for row in self.rows])

    def combine(self, other, function):
        if not isinstance(other, Matrix):
            return self.map(lambda x: function(x, other))
        if other.rows and len(other.rows[0]) == 1:  # a column, for every column
            return Matrix([[function(x, column[0]) for x in row] for row, column in zip(self.rows, other.rows)])
        return Matrix([[function(x, y) for x, y in zip(row, others)] for row, others in zip(self.rows, other.rows)])

    def __add__(self, other):
        return self.combine(other, lambda x, y: x + y)

    def __sub__(self, other):
        return self.combine(other, lambda x, y: x - y)

    def __mul__(self, other):
        return self.combine(other, lambda x, y: x * y)

    def __truediv__(self, other):
        return self.combine(other, lambda x, y: x / y)

    def __matmul__(self, other):
        columns = list(zip(*other.rows))
        return Matrix([[sum(map(float.__mul__, row, column)) for column in columns] for row in self.rows])

    def exp(self):
        return self.map(math.exp)

    def log(self):
        return self.map(math.log)

    def sigmoid(self):
        return self.map(lambda x: 1 / (1 + math.exp(-x)))

    def amax(self, dimension, keepdim):
        assert dimension == 1 and keepdim
        return Matrix([[max(row)] for row in self.rows])

    def sum(self, dimension, keepdim):
        assert dimension == 1 and keepdim
        return Matrix([[math.fsum(row)] for row in self.rows])

    def norm(self):
        return math.sqrt(math.fsum(x * x for row in self.rows for x in row))


class PlainTensor:
    def __init__(self, device, shape, dtype):
        self.device, self.shape, self.dtype = device, tuple(shape), dtype
        self.bytes = math.prod(shape) * BYTES[dtype]
        self.buffer, self.pointer = device.buffer(MEMORY_DEVICE, self.bytes)

    def __del__(self):
        self.device.library.call("buffer_destroy", self.buffer)

    def write(self, data):
        self.device.copy(self.pointer, ctypes.cast(ctypes.create_string_buffer(data, self.bytes), ctypes.c_void_p).value, self.bytes, HOST_TO_DEVICE)

    def read(self):
        data = ctypes.create_string_buffer(max(1, self.bytes))
        self.device.copy(ctypes.cast(data, ctypes.c_void_p).value, self.pointer, self.bytes, DEVICE_TO_HOST)
        return data.raw[: self.bytes]


class PlainArrays:
    def __init__(self, device):
        self.device = device

    def normal(self, shape, dtype, seed, factor=1.0):
        generator = random.Random(seed)
        tensor = PlainTensor(self.device, shape, dtype)
        tensor.write(b"".join(to_bits(generator.gauss(0, factor), dtype) for _ in range(math.prod(shape))))
        return tensor

    def codes(self, shape, seed):
        """Normal rows in int8: codes [..., width], and scales [..., 1] (largest magnitude / 127)."""
        generator = random.Random(seed)
        codes, scales = PlainTensor(self.device, shape, "int8"), PlainTensor(self.device, (*shape[:-1], 1), "fp32")
        rows = [[generator.gauss(0, 1) for _ in range(shape[-1])] for _ in range(math.prod(shape[:-1]))]
        steps = [struct.unpack("<f", struct.pack("<f", max(map(abs, row)) / 127))[0] for row in rows]
        codes.write(b"".join(struct.pack("<b", max(-127, min(127, round(x / step)))) for row, step in zip(rows, steps) for x in row))
        scales.write(struct.pack(f"<{len(steps)}f", *steps))
        return codes, scales

    def poisoned(self, shape, dtype):
        """NaN in every element, so that one which is not written is seen."""
        tensor = PlainTensor(self.device, shape, dtype)
        tensor.write(b"\xff" * tensor.bytes)
        return tensor

    def zeros(self, shape, dtype):
        tensor = PlainTensor(self.device, shape, dtype)
        tensor.write(bytes(tensor.bytes))
        return tensor

    def pointer(self, tensor):
        return tensor.pointer

    def matrix(self, tensor, rows, head=None):
        """Rows of a tensor [rows, ...] (of one head, of a tensor [rows, heads, width]) as a float64 matrix. The device has been synchronised."""
        values = from_bits(tensor.read(), tensor.dtype)
        width = tensor.shape[-1]
        stride = math.prod(tensor.shape[1:])
        first = 0 if head is None else head * width
        count = stride if head is None else width
        return Matrix([values[row * stride + first : row * stride + first + count] for row in rows])

    def stack(self, matrices):
        return Matrix([row for matrix in matrices for row in matrix.rows])

    def free(self):
        pass


class TorchArrays:
    def __init__(self, torch, device):
        self.torch, self.device = torch, device
        self.on_gpu = device.library.target == "cuda"
        self.dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.int8}
        self.keep = []  # memory of the emulated library under CPU tensors

    def empty(self, shape, dtype):
        if self.on_gpu:
            return self.torch.empty(shape, dtype=self.dtypes[dtype], device="cuda")
        memory = PlainTensor(self.device, shape, dtype)
        self.keep.append(memory)
        view = (ctypes.c_char * memory.bytes).from_address(memory.pointer)
        return self.torch.frombuffer(view, dtype=self.dtypes[dtype]).view(shape)

    def normal(self, shape, dtype, seed, factor=1.0):
        tensor = self.empty(shape, dtype)
        generator = self.torch.Generator(device=tensor.device)
        generator.manual_seed(seed)
        return tensor.normal_(0, factor, generator=generator)

    def codes(self, shape, seed):
        rows = self.normal(shape, "fp32", seed)
        codes, scales = self.empty(shape, "int8"), self.empty((*shape[:-1], 1), "fp32")
        scales.copy_(rows.abs().amax(-1, keepdim=True) / 127)
        codes.copy_((rows / scales).round().clamp(-127, 127))
        return codes, scales

    def poisoned(self, shape, dtype):
        return self.empty(shape, dtype).fill_(math.nan)

    def zeros(self, shape, dtype):
        return self.empty(shape, dtype).zero_()

    def pointer(self, tensor):
        return tensor.data_ptr()

    def matrix(self, tensor, rows, head=None):
        whole = tensor.detach() if head is None else tensor.detach()[:, head]
        chosen = whole[rows.start : rows.stop] if isinstance(rows, range) else whole[list(rows)]
        return chosen.double().reshape(len(rows), -1)

    def stack(self, matrices):
        return self.torch.cat(matrices)

    def free(self):
        self.keep.clear()
        if self.on_gpu:
            self.torch.cuda.empty_cache()

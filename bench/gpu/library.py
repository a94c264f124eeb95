"""The C ABI (native/include/longseqkernels/lsk.h) through ctypes: what the measurements need of it. Every struct is compared with the library's own
table of layouts when it is loaded; unit tests compare it with the header."""
import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int32, c_int64, c_uint32, c_void_p, sizeof

DTYPES = {"fp32": 0, "bf16": 1, "fp16": 2}
FORMS = {"projected": 0, "shared": 1}
HISTORY_ENCODINGS = {"": 0, "fp16": 1, "int8": 2}
DIRECTIONS = {"forward": 0, "backward": 1}
MEMORY_DEVICE, MEMORY_WORKSPACE = 0, 2
HOST_TO_DEVICE, DEVICE_TO_HOST = 0, 1
UNSUPPORTED = 2
OFFSETS = POINTER(c_int64)


class DeviceInfo(Structure):
    abi_name = "lsk_device_info"
    _fields_ = [
        ("struct_size", c_uint32),
        ("compute_capability", c_int32),
        ("multiprocessors", c_int32),
        ("shared_memory_per_block", c_int32),
        ("memory_bytes", c_int64),
        ("l2_bytes", c_int64),
        ("driver_version", c_int32),
        ("runtime_version", c_int32),
        ("name", c_char_p),
    ]


class CrossAttentionShape(Structure):
    abi_name = "lsk_cross_attention_shape"
    _fields_ = [
        ("struct_size", c_uint32),
        ("dtype", c_int32),
        ("output_dtype", c_int32),
        ("form", c_int32),
        ("heads", c_int32),
        ("head_width", c_int32),
        ("key_value_heads", c_int32),
        ("queries_per_target", c_int32),
        ("broadcast_queries", c_int32),
        ("score", c_int32),
        ("scale", c_float),
        ("soft_cap", c_float),
        ("score_divisor", c_float),
        ("history_encoding", c_int32),
        ("segments", c_int64),
        ("target_offsets", OFFSETS),
        ("history_offsets", OFFSETS),
        ("history_limits", OFFSETS),
    ]


class CrossAttentionTensors(Structure):
    abi_name = "lsk_cross_attention_tensors"
    _fields_ = [("struct_size", c_uint32)] + [
        (name, c_void_p) for name in ("queries", "keys", "values", "key_scales", "value_scales", "key_bias", "output", "log_sum_exp")
    ]


class CrossAttentionGradients(Structure):
    abi_name = "lsk_cross_attention_gradients"
    _fields_ = [("struct_size", c_uint32)] + [
        (name, c_void_p)
        for name in ("output_gradient", "log_sum_exp_gradient", "query_gradient", "key_gradient", "value_gradient", "key_bias_gradient")
    ]


class LinearAttentionShape(Structure):
    abi_name = "lsk_linear_attention_shape"
    _fields_ = [
        ("struct_size", c_uint32),
        ("dtype", c_int32),
        ("heads", c_int32),
        ("key_width", c_int32),
        ("value_width", c_int32),
        ("row_activation", c_int32),
        ("state_activation", c_int32),
        ("state_scale", c_float),
        ("segments", c_int64),
        ("offsets", OFFSETS),
    ]


class LinearAttentionStateTensors(Structure):
    abi_name = "lsk_linear_attention_state_tensors"
    _fields_ = [("struct_size", c_uint32)] + [(name, c_void_p) for name in ("keys", "values", "state", "key_gradient", "value_gradient")]


class LinearShape(Structure):
    abi_name = "lsk_linear_shape"
    _fields_ = [("struct_size", c_uint32)] + [(name, c_int32) for name in ("dtype", "rows", "input_width", "output_width", "output_mode")]


class LinearTensors(Structure):
    abi_name = "lsk_linear_tensors"
    _fields_ = [("struct_size", c_uint32)] + [
        (name, c_void_p) for name in ("input", "weight", "bias", "output", "output_gradient", "input_gradient", "weight_gradient", "bias_gradient")
    ]


STRUCTS = (
    DeviceInfo,
    CrossAttentionShape,
    CrossAttentionTensors,
    CrossAttentionGradients,
    LinearAttentionShape,
    LinearAttentionStateTensors,
    LinearShape,
    LinearTensors,
)


class LibraryError(Exception):
    """A call that the library refused, with its status and its own words."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def layout_of(struct):
    """The struct as a line of lsk_struct_layouts."""
    fields = " ".join(f"{name}:{getattr(struct, name).offset}" for name, *_ in struct._fields_)
    return f"{struct.abi_name} {sizeof(struct)} {fields}"


def check_layouts(table):
    """Raises where a mirror differs from the library's table."""
    lines = {line.split(" ", 1)[0]: line for line in table.splitlines()}
    for struct in STRUCTS:
        if lines.get(struct.abi_name) != layout_of(struct):
            raise RuntimeError(f"library.py mirrors \"{layout_of(struct)}\" but the library has \"{lines.get(struct.abi_name, 'no such struct')}\"")


def make(struct, **values):
    """A struct with its size set; what is not named is zero or NULL."""
    return struct(struct_size=sizeof(struct), **values)


def offsets_of(lengths):
    """int64 offsets [len(lengths) + 1] in host memory."""
    values = [0]
    for length in lengths:
        values.append(values[-1] + length)
    return (c_int64 * len(values))(*values)


class Library:
    """A loaded library. `call("stream_create", ...)` is lsk_stream_create with its status checked."""

    def __init__(self, path):
        self.path = path
        self.functions = ctypes.CDLL(path)
        self.functions.lsk_last_error.restype = c_char_p
        check_layouts(self.text("struct_layouts"))
        self.target = self.text("build_target")

    def call(self, name, *arguments):
        status = getattr(self.functions, "lsk_" + name)(*arguments)
        if status:
            raise LibraryError(status, f"lsk_{name}: {self.functions.lsk_last_error().decode()}")

    def text(self, name, *arguments):
        result = c_char_p()
        self.call(name, *arguments, byref(result))
        return result.value.decode()

    def handle(self, name, *arguments):
        """Calls a function whose last argument receives a handle or a pointer."""
        result = c_void_p()
        self.call(name, *arguments, byref(result))
        return result


class Device:
    """A context with one stream on which everything is measured: the library's own, or a wrapped one of another library's."""

    def __init__(self, library, cuda_stream=None):
        self.library = library
        self.context = library.handle("context_create", c_int32(0))
        if cuda_stream is None:
            self.stream = library.handle("stream_create", self.context)
        else:
            self.stream = library.handle("stream_wrap", self.context, c_void_p(cuda_stream))
        self.start, self.end = library.handle("event_create", self.context), library.handle("event_create", self.context)

    def info(self):
        info = make(DeviceInfo)
        self.library.call("context_device_info", self.context, byref(info))
        return info

    def synchronize(self):
        self.library.call("stream_synchronize", self.stream)

    def elapsed(self, run):
        """Seconds between two events of the stream, recorded around `run`."""
        self.library.call("event_record", self.start, self.stream)
        run()
        self.library.call("event_record", self.end, self.stream)
        self.library.call("event_synchronize", self.end)
        milliseconds = c_float()
        self.library.call("event_elapsed", self.start, self.end, byref(milliseconds))
        return milliseconds.value / 1e3

    def capture(self, run):
        """Records what `run` enqueues; returns the graph."""
        self.library.call("stream_begin_capture", self.stream)
        try:
            run()
        finally:
            graph = self.library.handle("stream_end_capture", self.stream)
        return graph

    def buffer(self, memory, size):
        """(buffer, address) of newly allocated memory."""
        buffer = self.library.handle("buffer_create", self.context, c_int32(memory), c_int64(size))
        return buffer, self.library.handle("buffer_pointer", buffer).value or 0

    def copy(self, to, source, size, kind):
        self.library.call("copy", self.stream, c_void_p(to), c_void_p(source), c_int64(size), c_int32(kind))
        self.synchronize()

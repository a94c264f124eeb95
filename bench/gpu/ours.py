"""LongSeqKernels as a contender: plans once, then enqueues on the measured stream. The tensors are the problem's; nothing is copied."""
from ctypes import byref, c_int32, c_int64, c_void_p

from library import (
    DIRECTIONS,
    DTYPES,
    FORMS,
    HISTORY_ENCODINGS,
    MEMORY_WORKSPACE,
    CrossAttentionGradients,
    CrossAttentionShape,
    CrossAttentionTensors,
    LinearAttentionShape,
    LinearAttentionStateTensors,
    LinearShape,
    LinearTensors,
    make,
)


class Planned:
    """A plan with a workspace for either direction."""

    def __init__(self, device, operation, shape):
        self.device, self.library = device, device.library
        self.handle = self.library.handle(operation + "_plan", device.context, byref(shape))
        self.workspace = device.buffer(MEMORY_WORKSPACE, max(map(self.workspace_bytes, DIRECTIONS.values())))[0]

    def workspace_bytes(self, direction):
        size = c_int64()
        self.library.call("plan_workspace_bytes", self.handle, c_int32(direction), byref(size))
        return size.value

    def explain(self):
        return self.library.text("plan_explain", self.handle)

    def run(self, function, *structs):
        self.library.call(function, self.handle, *map(byref, structs), self.workspace, self.device.stream)

    def close(self):
        self.library.call("buffer_destroy", self.workspace)
        self.library.call("plan_destroy", self.handle)


class Ours:
    """One case on the library: `runs` has one callable per set of inputs."""

    name = "ours"

    def __init__(self, problem, device):
        self.problem, self.device, self.arrays, self.case = problem, device, problem.arrays, problem.case
        self.plans, self.outputs, self.runs = [], [], []

    def prepare(self):
        makers = {"cross attention": self.attention, "pooling": self.attention, "linear pooling": self.linear_pooling, "layer": self.layer}
        make_run = makers[self.case.operation]()
        self.runs = [make_run(tensors) for tensors in self.problem.sets]

    def plan(self, operation, shape):
        planned = Planned(self.device, operation, shape)
        self.plans.append(planned)
        return planned

    def explain(self):
        return "; ".join(plan.explain() for plan in self.plans)

    def result_of_first_run(self):
        self.runs[0]()
        return self.outputs[0]

    def close(self):
        for plan in self.plans:
            plan.close()
        self.plans, self.outputs, self.runs = [], [], []

    def pointer(self, tensor):
        return c_void_p(self.arrays.pointer(tensor))

    # ---- operations: each plans, and returns a function that makes the run of one set ----------------------------------------

    def attention_plan(self):
        case, problem = self.case, self.problem
        shape = make(
            CrossAttentionShape,
            dtype=DTYPES[case.dtype],
            output_dtype=DTYPES[case.dtype],
            form=FORMS[case.form],
            heads=case.heads,
            head_width=case.width,
            key_value_heads=case.history_heads,
            queries_per_target=1,
            broadcast_queries=int(case.operation == "pooling"),
            scale=problem.scale,
            history_encoding=HISTORY_ENCODINGS[case.encoding],
            segments=case.segments,
            target_offsets=problem.target_offsets,
            history_offsets=problem.history_offsets,
        )
        return self.plan("cross_attention", shape)

    def rows_tensor(self):
        case = self.case
        return self.arrays.poisoned((case.segments * case.targets, case.heads, case.width), case.dtype)

    def attention(self):
        plan, case = self.attention_plan(), self.case
        shared = case.form == "shared"

        def make_run(tensors):
            output, lse = self.rows_tensor(), self.arrays.poisoned((case.segments * case.targets, case.heads), "fp32")
            structs = make(
                CrossAttentionTensors,
                queries=self.pointer(tensors["queries"]),
                keys=self.pointer(tensors["history" if shared else "keys"]),
                values=None if shared else self.pointer(tensors["values"]),
                **{name: self.pointer(tensors[name]) for name in ("key_scales", "value_scales") if name in tensors},
                output=self.pointer(output),
                log_sum_exp=self.pointer(lse),
            )
            if case.direction == "backward":
                return self.attention_backward(plan, tensors, output, lse, structs)
            self.outputs.append({"output": output, "log_sum_exp": lse})
            return lambda: plan.run("cross_attention_forward", structs)

        return make_run

    def attention_backward(self, plan, tensors, output, lse, structs):
        """The backward of a shared history; its inputs come from a forward of the same shape, which is run here once."""
        plan.run("cross_attention_forward", structs)
        self.device.synchronize()
        of_queries, of_history = self.rows_tensor(), self.arrays.poisoned((self.problem.tokens, self.case.width), self.case.dtype)
        gradients = make(
            CrossAttentionGradients,
            output_gradient=self.pointer(tensors["output_gradient"]),
            query_gradient=self.pointer(of_queries),
            key_gradient=self.pointer(of_history),
        )
        self.outputs.append({"query_gradient": of_queries, "history_gradient": of_history, "output": output, "log_sum_exp": lse})
        return lambda: plan.run("cross_attention_backward", structs, gradients)

    def linear_pooling(self):
        case = self.case
        shape = make(
            LinearAttentionShape,
            dtype=DTYPES[case.dtype],
            heads=case.heads,
            key_width=case.width,
            value_width=case.width,
            state_scale=1.0,
            segments=case.segments,
            offsets=self.problem.history_offsets,
        )
        plan = self.plan("linear_attention_state", shape)

        def make_run(tensors):
            # States are added to; the first run after the zeros is the one that is checked.
            state = self.arrays.zeros((case.segments * case.heads * case.width, case.width), "fp32")
            self.outputs.append({"state": state})
            structs = make(
                LinearAttentionStateTensors, keys=self.pointer(tensors["keys"]), values=self.pointer(tensors["values"]), state=self.pointer(state)
            )
            return lambda: plan.run("linear_attention_state_forward", structs)

        return make_run

    def layer(self):
        """Keys and values from the history by two products, then projected attention."""
        case, tokens = self.case, self.problem.tokens
        width = case.heads * case.width
        shape = make(LinearShape, dtype=DTYPES[case.dtype], rows=tokens, input_width=width, output_width=width)
        linear, attention = self.plan("linear", shape), self.attention_plan()

        def make_run(tensors):
            keys, values, output = (self.arrays.poisoned((rows, case.heads, case.width), case.dtype) for rows in (tokens, tokens, self.problem.queries))
            self.outputs.append({"output": output, "keys": keys, "values": values})
            products = [
                make(LinearTensors, input=self.pointer(tensors["history"]), weight=self.pointer(tensors[weight]), output=self.pointer(result))
                for weight, result in (("key_weight", keys), ("value_weight", values))
            ]
            structs = make(
                CrossAttentionTensors, queries=self.pointer(tensors["queries"]), keys=self.pointer(keys), values=self.pointer(values), output=self.pointer(output)
            )

            def run():
                for product in products:
                    linear.run("linear_forward", product)
                attention.run("cross_attention_forward", structs)

            return run

        return make_run

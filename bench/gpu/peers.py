"""PyTorch as a contender, in every form that a team would reach for: its attention backends (each forced, never left to chance), variable-length and nested
attention, flex attention, and torch.compile of the plain formula. Shared histories are passed as key and value at once, their rows packed as the queries of
one head (and, as another contender, as grouped heads); copies that a form needs are made before anything is timed.

Every contender has `name`, `prepare()`, `runs` (one callable per set of inputs) and `result_of_first_run()`, tensors by name. One that cannot run says why; none is dropped silently.
"""
import contextlib
import warnings

BACKENDS = {"flash": "FLASH_ATTENTION", "cudnn": "CUDNN_ATTENTION", "efficient": "EFFICIENT_ATTENTION", "math": "MATH"}
# A contender that would write more than this for one batch is not run; the formula's logits are what can be so large.
MOST_BYTES = 16 << 30


class Unavailable(Exception):
    """Why a contender does not run here."""


class Peer:
    """`make_run(tensors)` gives a callable that runs one set and returns what `named` turns into tensors by name, in the library's layout."""

    def __init__(self, name, make_run, named, compiled=False):
        self.name, self.make_run, self.named, self.compiled = name, make_run, named, compiled
        self.runs = []

    def prepare(self, problem):
        self.runs = [self.make_run(tensors) for tensors in problem.sets]

    def result_of_first_run(self):
        return self.named(self.runs[0]())

    def close(self):
        self.runs = []


def load():
    """(torch, None), or (None, why not)."""
    try:
        import torch
    except ImportError as error:
        return None, f"PyTorch is not installed: {error}"
    # fp32 means fp32: no TF32 products, which are a thousand times less exact.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return torch, None


def versions(torch):
    found = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version() if torch.version.cuda else None}
    with contextlib.suppress(ImportError):
        import triton

        found["triton"] = triton.__version__
    return found


def peers_of(problem, torch):
    """The contenders of a case."""
    makers = {
        "sdpa": sdpa_peers,
        "decoded": decoded_peers,
        "flex": flex_peers,
        "naive": naive_peers,
        "varlen": varlen_peers,
        "nested": nested_peers,
        "per request": per_request_peers,
        "broadcast": broadcast_peers,
        "deterministic": deterministic_peers,
        "linear pooling": linear_pooling_peers,
        "layer": layer_peers,
    }
    return [peer for family in problem.case.peers for peer in makers[family](problem, torch)]


# ---- scaled_dot_product_attention --------------------------------------------------------------------------------------------


def forced(torch, backend):
    """A function that runs attention on one backend, and says in PyTorch's words why that is impossible."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    chosen = getattr(SDPBackend, BACKENDS[backend])

    def attention(q, k, v, **options):
        with warnings.catch_warnings(record=True) as said, sdpa_kernel([chosen]):
            warnings.simplefilter("always")
            try:
                return torch.nn.functional.scaled_dot_product_attention(q, k, v, **options)
            except RuntimeError as error:
                raise Unavailable("; ".join([str(error)] + [str(warning.message) for warning in said])) from error

    return attention


def views(problem, tensors, form):
    """(queries, keys, values, options) of a batch of equal lengths, [B, heads, rows, width], as views of the problem's tensors.

    Forms of a shared history: "rows" packs targets and heads as the queries of one head, "heads" leaves heads to grouped-query attention. Of a projected one:
    "tokens" reads it where it lies, "heads" copies it so that every head is contiguous.
    """
    case = problem.case
    batch, length, targets, heads, width = case.segments, case.length, case.targets, case.heads, case.width
    q = tensors["queries"]
    q = q.view(1, targets, heads, width).expand(batch, -1, -1, -1) if case.operation == "pooling" else q.view(batch, targets, heads, width)
    if case.form == "shared":
        x = tensors["history"].view(batch, 1, length, width)
        if form == "rows":
            return q.reshape(batch, 1, targets * heads, width), x, x, {}
        return q.transpose(1, 2), x, x, {"enable_gqa": True}
    q, k, v = q.transpose(1, 2), *(tensors[name].view(batch, length, heads, width).transpose(1, 2) for name in ("keys", "values"))
    return (q, k, v, {}) if form == "tokens" else (q.contiguous(), k.contiguous(), v.contiguous(), {})


def forms_of(case):
    if case.form == "shared":
        return ("rows",) if case.heads == 1 or case.targets == 1 else ("rows", "heads")
    return ("tokens", "heads") if case.heads > 1 else ("tokens",)


def packed(problem, form, output):
    """Attention's output as the library lays it out, [queries, heads, width]."""
    case = problem.case
    output = output if form == "rows" else output.transpose(1, 2)
    return output.reshape(problem.queries, case.heads, case.width)


def logits_bytes(case):
    return case.segments * case.rows * case.length * case.element_bytes


def needs_logits(case, make_run):
    """Refuses the forms that store the logits where these are too many."""

    def guarded(tensors):
        if logits_bytes(case) > MOST_BYTES:
            raise Unavailable(f"it stores the logits, {logits_bytes(case) / 2**30:.0f} GiB here")
        return make_run(tensors)

    return guarded


def sdpa_peers(problem, torch):
    case = problem.case
    for backend in BACKENDS:
        attention = forced(torch, backend)
        for form in forms_of(case):
            if backend == "math" and form != forms_of(case)[0]:
                continue  # the plain formula gains nothing from a second layout
            if case.direction == "backward":
                make_run, named = sdpa_backward(problem, torch, attention, form)
            else:
                make_run, named = sdpa_forward(problem, attention, form)
            yield Peer(f"{backend}, {form}", needs_logits(case, make_run) if backend == "math" else make_run, named)


def sdpa_forward(problem, attention, form):
    def make_run(tensors):
        q, k, v, options = views(problem, tensors, form)
        return lambda: attention(q, k, v, **options)

    return make_run, lambda output: {"output": packed(problem, form, output)}


def decoded_peers(problem, torch):
    """A cached history is decoded to the queries' type in every run, by plain operations or by a compiled function, and then attended to."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[problem.case.dtype]

    def decode(rows, scales):
        return rows.to(dtype) if scales is None else (rows * scales).to(dtype)

    def peer(name, attention, compiled):
        def make_run(tensors):
            decoder = torch.compile(decode, dynamic=False) if compiled else decode

            def run():
                decoded = {f"{part}s": decoder(tensors[f"{part}s"], tensors.get(f"{part}_scales")) for part in ("key", "value")}
                q, k, v, options = views(problem, {"queries": tensors["queries"], **decoded}, "tokens")
                return attention(q, k, v, **options)

            return run

        return Peer(name, make_run, lambda output: {"output": packed(problem, "tokens", output)}, compiled)

    for backend in ("flash", "cudnn", "efficient"):
        yield peer(f"decoded, {backend}", forced(torch, backend), False)
        yield peer(f"decoded by a compiled function, {backend}", forced(torch, backend), True)


def sdpa_backward(problem, torch, attention, form):
    """The backward alone: the forward's graph is made once and kept."""

    def make_run(tensors):
        leaves = {name: tensors[name].detach().requires_grad_() for name in ("queries", "history")}
        with torch.enable_grad():
            q, k, v, options = views(problem, leaves, form)
            output = packed(problem, form, attention(q, k, v, **options))
        return lambda: torch.autograd.grad(output, list(leaves.values()), tensors["output_gradient"], retain_graph=True)

    return make_run, lambda gradients: dict(zip(("query_gradient", "history_gradient"), gradients))


def deterministic_peers(problem, torch):
    """The backward in PyTorch's deterministic mode."""
    for peer in sdpa_peers(problem, torch):
        plain = peer.make_run

        def make_run(tensors, plain=plain):
            with deterministic(torch):
                run = plain(tensors)

            def deterministic_run():
                with deterministic(torch):
                    return run()

            return deterministic_run

        yield Peer("deterministic " + peer.name, make_run, peer.named)


@contextlib.contextmanager
def deterministic(torch):
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a help in debugging that would cost the peer time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def broadcast_peers(problem, torch):
    """What request-level batching avoids: a copy of the history for every target (made before the clock starts)."""
    case = problem.case
    for backend in ("flash", "cudnn", "efficient"):
        attention = forced(torch, backend)

        def make_run(tensors, attention=attention):
            pairs = case.segments * case.targets
            x = tensors["history"].view(case.segments, 1, case.length, case.width).expand(-1, case.targets, -1, -1).reshape(pairs, 1, case.length, case.width)
            q = tensors["queries"].view(pairs, 1, case.heads, case.width)
            return lambda: attention(q, x, x)

        yield Peer(f"{backend}, a copy per target", make_run, lambda output: {"output": output.reshape(problem.queries, case.heads, case.width)})


# ---- uneven lengths ----------------------------------------------------------------------------------------------------------


def varlen_peers(problem, torch):
    """Flash attention over packed sequences, PyTorch's public form of it."""
    case = problem.case

    def make_run(tensors):
        try:
            from torch.nn.attention.varlen import varlen_attn
        except ImportError as error:
            raise Unavailable(f"this PyTorch has no variable-length attention: {error}") from error
        q, x = tensors["queries"].view(-1, 1, case.width), tensors["history"].view(-1, 1, case.width)
        rows = torch.arange(case.segments + 1, device=q.device, dtype=torch.int32) * case.rows
        tokens = torch.tensor(list(problem.history_offsets), device=q.device, dtype=torch.int32)
        return lambda: varlen_attn(q, x, x, rows, tokens, case.rows, max(problem.lengths))

    yield Peer("flash, variable length", make_run, lambda output: {"output": output.reshape(problem.queries, case.heads, case.width)})


def nested_peers(problem, torch):
    """Jagged nested tensors, attention backend by backend."""
    case = problem.case
    for backend in ("flash", "cudnn", "efficient"):
        attention = forced(torch, backend)

        def make_run(tensors, attention=attention):
            def jagged(values, lengths, offsets):
                # With the extremes given, no run has to wait for the device to learn them.
                offsets = torch.tensor(offsets, device=values.device, dtype=torch.int64)
                nested = torch.nested.nested_tensor_from_jagged(values.view(-1, 1, case.width), offsets, min_seqlen=min(lengths), max_seqlen=max(lengths))
                return nested.transpose(1, 2)

            q = jagged(tensors["queries"], [case.rows], [segment * case.rows for segment in range(case.segments + 1)])
            x = jagged(tensors["history"], problem.lengths, list(problem.history_offsets))
            return lambda: attention(q, x, x)

        yield Peer(
            f"{backend}, nested", make_run, lambda output: {"output": output.transpose(1, 2).values().reshape(problem.queries, case.heads, case.width)}
        )


def per_request_peers(problem, torch):
    """One call per request, replayed as one graph. cuDNN is left to the nested form: it would build a plan for every length."""
    case = problem.case
    for backend in ("flash", "efficient"):
        attention = forced(torch, backend)

        def make_run(tensors, attention=attention):
            q = tensors["queries"].view(case.segments, 1, 1, case.rows, case.width)
            histories = [x.view(1, 1, -1, case.width) for x in tensors["history"].split(problem.lengths)]
            return lambda: [attention(q[segment], x, x) for segment, x in enumerate(histories)]

        yield Peer(
            f"{backend}, request by request", make_run, lambda outputs: {"output": torch.cat(outputs).reshape(problem.queries, case.heads, case.width)}
        )


# ---- compiled ----------------------------------------------------------------------------------------------------------------


def flex_peers(problem, torch):
    """flex_attention, compiled. Uneven histories are padded copies with a block mask of their lengths: it skips what is padded."""
    case = problem.case
    for form in ("rows",) if case.form == "shared" else ("tokens",):

        def make_run(tensors, form=form):
            from torch.nn.attention.flex_attention import create_block_mask, flex_attention

            compiled = torch.compile(flex_attention, dynamic=False)
            if case.lengths == "equal":
                q, k, v, _ = views(problem, tensors, form)
                return lambda: compiled(q, k, v)
            longest = max(problem.lengths)
            x = tensors["history"].new_zeros(case.segments, 1, longest, case.width)
            for segment, rows in enumerate(tensors["history"].split(problem.lengths)):
                x[segment, 0, : len(rows)] = rows
            lengths = torch.tensor(problem.lengths, device=x.device)
            q = tensors["queries"].view(case.segments, 1, case.rows, case.width)
            mask = create_block_mask(lambda b, h, row, token: token < lengths[b], case.segments, None, case.rows, longest, device=x.device)
            return lambda: compiled(q, x, x, block_mask=mask)

        yield Peer(f"flex, {form}", make_run, lambda output, form=form: {"output": packed(problem, form, output)}, compiled=True)


def naive_peers(problem, torch):
    """torch.compile of the formula as one writes it down."""
    case = problem.case
    form = forms_of(case)[0]

    def formula(q, k, v):
        return torch.softmax((q @ k.transpose(-1, -2)) * problem.scale, -1) @ v

    def make_run(tensors):
        q, k, v, _ = views(problem, tensors, form)
        compiled = torch.compile(formula, dynamic=False)
        return lambda: compiled(q, k, v)

    yield Peer("torch.compile of the formula", needs_logits(case, make_run), lambda output: {"output": packed(problem, form, output)}, compiled=True)


def linear_pooling_peers(problem, torch):
    """silu(K)^T V per head: as one batched product, and cut into pieces so that one user fills the chip."""
    case = problem.case

    def state(keys, values, pieces):
        shape = (case.segments * pieces, case.length // pieces, case.heads, case.width)
        k, v = torch.nn.functional.silu(keys).view(shape).permute(0, 2, 3, 1), values.view(shape).transpose(1, 2)
        return (k @ v).view(case.segments, pieces, case.heads, case.width, case.width).sum(1, dtype=torch.float32)

    def peer(name, pieces, compiled):
        def make_run(tensors):
            run = torch.compile(state, dynamic=False) if compiled else state
            return lambda: run(tensors["keys"], tensors["values"], pieces)

        return Peer(name, make_run, lambda result: {"state": result.reshape(-1, case.width)}, compiled)

    pieces = next((n for n in (1000, 100, 10, 7, 5) if case.length % n == 0 and case.length // n >= 10), 1)
    yield peer("one product", 1, False)
    yield peer(f"product in {pieces} pieces", pieces, False)
    yield peer("torch.compile, one product", 1, True)
    yield peer(f"torch.compile, {pieces} pieces", pieces, True)


def layer_peers(problem, torch):
    """Projections and attention. Projected: one product for keys and values, attention per head. Absorbed: the weights move to the side of the targets."""
    case = problem.case
    batch, length, targets, heads, width = case.segments, case.length, case.targets, case.heads, case.width
    model = heads * width

    def projected(tensors, attention):
        history = tensors["history"]
        weight = torch.cat([tensors[name].view(model, model) for name in ("key_weight", "value_weight")], 1)
        q = tensors["queries"].view(batch, targets, heads, width).transpose(1, 2)

        def run():
            k, v = (history @ weight).view(batch, length, 2, heads, width).permute(2, 0, 3, 1, 4)
            return attention(q, k, v).transpose(1, 2)

        return run

    def absorbed(tensors, attention):
        x = tensors["history"].view(batch, 1, length, model)
        key_weight, value_weight = (tensors[name].view(model, heads, width).permute(1, 0, 2).contiguous() for name in ("key_weight", "value_weight"))
        q = tensors["queries"].view(batch * targets, heads, width).transpose(0, 1).contiguous()

        def run():
            rows = (q @ key_weight.transpose(1, 2)).transpose(0, 1).reshape(batch, 1, targets * heads, model)
            output = attention(rows, x, x, scale=problem.scale).view(batch * targets, heads, model).transpose(0, 1)
            return (output @ value_weight).transpose(0, 1)

        return run

    for form in (projected, absorbed):
        for backend in ("flash", "cudnn", "efficient"):
            attention = forced(torch, backend)
            yield Peer(
                f"{form.__name__}, {backend}",
                lambda tensors, form=form, attention=attention: form(tensors, attention),
                lambda output: {"output": output.reshape(problem.queries, heads, width)},
            )

using System.Runtime.CompilerServices;

namespace LongSeqKernels.Cli;

/// <summary>Benchmarks of cross attention in its forms, and of pooling.</summary>
internal static class AttentionBenchmarks
{
    public static IEnumerable<PendingBench> All<T>(LongSeqContext context, BenchShape sizes)
        where T : unmanaged
    {
        JaggedLayout history = JaggedLayout.FromLengths(sizes.History);
        JaggedLayout targets = JaggedLayout.FromLengths(sizes.Targets);
        CrossAttentionShape Projected(JaggedLayout rows) => new() { Targets = rows, History = history, Heads = sizes.Heads, HeadWidth = sizes.HeadWidth };
        CrossAttentionShape Shared(JaggedLayout rows) =>
            new() { Targets = rows, History = history, Heads = sizes.Heads, HeadWidth = sizes.Width, Form = HistoryForm.Shared };
        JaggedLayout one = JaggedLayout.FromLengths(1);
        string heads = $"{sizes.Heads} heads of {sizes.HeadWidth}";
        string events = $"{Format.Count(sizes.History)} events";
        string many = Format.Count(sizes.Targets, "target");
        var shared = new CrossAttentionOptions { Scale = 1 / MathF.Sqrt(sizes.HeadWidth) };

        yield return new PendingBench("cross attention", () => Forward<T>(context, "cross attention", $"1 target, {events}, {heads}", Projected(one), default));
        yield return new PendingBench("cross attention", () => Forward<T>(context, "cross attention", $"{many}, {events}, {heads}", Projected(targets), default));
        yield return new PendingBench("cross attention", () => Backward<T>(context, "cross attention", $"{many}, {events}, {heads}", Projected(targets), default));
        yield return new PendingBench("shared history", () => Forward<T>(context, "shared history", $"{many}, {events}, {sizes.Heads} heads, D = {sizes.Width}", Shared(targets), shared));
        yield return new PendingBench("shared history", () => Backward<T>(context, "shared history", $"{many}, {events}, {sizes.Heads} heads, D = {sizes.Width}", Shared(targets), shared));
        yield return new PendingBench("summary pooling", () => Forward<T>(context, "summary pooling", $"{sizes.Seeds} seeds, {events}, {heads}", Projected(JaggedLayout.FromLengths(sizes.Seeds)) with { BroadcastQueries = true }, default));
    }

    private static BenchCase Forward<T>(LongSeqContext context, string operation, string name, CrossAttentionShape shape, CrossAttentionOptions options)
        where T : unmanaged
    {
        var tensors = new Tensors<T>(context, shape, options);
        return new BenchCase(operation, name, Direction.Forward, 2 * tensors.ProductFlops, tensors.Bytes, tensors.Forward);
    }

    /// <summary>Five products instead of two: logits again, dV, dP, dQ, dK.</summary>
    private static BenchCase Backward<T>(LongSeqContext context, string operation, string name, CrossAttentionShape shape, CrossAttentionOptions options)
        where T : unmanaged
    {
        var tensors = new Tensors<T>(context, shape, options);
        tensors.Forward();
        return new BenchCase(operation, name, Direction.Backward, 5 * tensors.ProductFlops, 2 * tensors.Bytes, tensors.Backward);
    }

    private sealed class Tensors<T>
        where T : unmanaged
    {
        private readonly CrossAttentionPlan _plan;
        private readonly T[] _queries;
        private readonly T[] _keys;
        private readonly T[] _values;
        private readonly T[] _output;
        private readonly float[] _logSumExp;
        private readonly T[] _outputGradient;
        private T[] _queryGradient = [];
        private T[] _keyGradient = [];
        private T[] _valueGradient = [];

        public Tensors(LongSeqContext context, CrossAttentionShape shape, CrossAttentionOptions options)
        {
            _plan = CrossAttention.Plan(context, shape, options);
            CrossAttentionShape checkedShape = _plan.Shape;
            var inputs = new InputSource(1, Element<T>.Type);
            _queries = inputs.Normal<T>(checkedShape.QueryTargets * checkedShape.TargetWidth);
            _keys = inputs.Normal<T>(checkedShape.History.Total * checkedShape.HistoryWidth);
            _values = checkedShape.Form == HistoryForm.Shared ? [] : inputs.Normal<T>(_keys.Length);
            _output = new T[checkedShape.Targets.Total * checkedShape.TargetWidth];
            _outputGradient = inputs.Normal<T>(_output.Length);
            _logSumExp = new float[checkedShape.Rows];
            ProductFlops = 2.0 * checkedShape.Rows / checkedShape.Targets.Count * checkedShape.History.Total * checkedShape.HeadWidth;
            Bytes = (double)Unsafe.SizeOf<T>() * (_queries.Length + _keys.Length + _values.Length + _output.Length);
        }

        /// <summary>Operations of one product of the query rows with the history.</summary>
        public double ProductFlops { get; }

        public double Bytes { get; }

        public void Forward() => CrossAttention.Forward<T>(_plan, _queries, _keys, _values, _output, _logSumExp);

        public void Backward()
        {
            if (_queryGradient.Length == 0)
            {
                _queryGradient = new T[_queries.Length];
                _keyGradient = new T[_keys.Length];
                _valueGradient = new T[_values.Length];
            }
            CrossAttention.Backward<T>(_plan, _queries, _keys, _values, _output, _logSumExp, _outputGradient, _queryGradient, _keyGradient, _valueGradient);
        }
    }
}

using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

/// <summary>Small configurations, one for each switch, and random batches that fit them.</summary>
internal static class StcaCases
{
    public static StcaConfig Default { get; } = new()
    {
        Items = 23,
        Categories = 5,
        Actions = 3,
        TimeGaps = new TimeBuckets(12),
        Width = 8,
        Heads = 2,
        Layers = 3,
        ScorerWidths = [6],
        ContextWidth = 2,
        Seed = 7,
    };

    /// <summary>Every switch away from its default.</summary>
    public static IEnumerable<TestCaseData> Configurations() => Named().Select(named => new TestCaseData(named.Config).SetArgDisplayNames(named.Name));

    /// <summary><see cref="Configurations"/> with both forms of the attention.</summary>
    public static IEnumerable<TestCaseData> Switches() =>
        from named in Named()
        from form in new[] { AttentionForm.Absorbed, AttentionForm.Projected }
        select new TestCaseData(named.Config with { Attention = form }).SetArgDisplayNames(named.Name, form.ToString());

    private static (string Name, StcaConfig Config)[] Named() =>
    [
        ("Defaults", Default),
        ("NoFusionLayerNorm", Default with { FusionLayerNorm = false }),
        ("NoNormAffine", Default with { NormAffine = false }),
        ("Biases", Default with { Biases = true }),
        ("SharedHistoryEncoder", Default with { HistoryEncoders = HistoryEncoders.Shared }),
        ("OutputLayerNorm", Default with { OutputLayerNorm = true }),
        ("Expansion3", Default with { FfnExpansion = 3 }),
        ("OneLayerOneHead", Default with { Layers = 1, Heads = 1 }),
        ("GatedActionFusion", Default with { ActionFusion = ActionFusion.GatedFfn }),
        ("GatedActionFusionWithBiases", Default with { ActionFusion = ActionFusion.GatedFfn, Biases = true }),
        ("ItemsOnly", Default with { Categories = 0, Actions = 1, TimeGaps = null, ContextWidth = 0 }),
        ("DeepScorer", Default with { ScorerWidths = [5, 4, 3] }),
        ("SiluScore", Default with { Score = AttentionScore.Silu }),
        ("LogLengthLogits", Default with { LogitScale = LogitScale.LogLength }),
        ("IdentityScore", Default with { Score = AttentionScore.Identity }),
    ];

    public static StcaModel Model(StcaConfig config) => StcaModel.Create(config, Categories(config));

    /// <summary>A random category for each item, or none.</summary>
    public static int[] Categories(ModelConfig config) => config.Categories == 0 ? [] : Indices(new RandomStream(config.Seed, 1000), config.Items, config.Categories);

    /// <summary>
    /// Moves every parameter off its special initial value (zeros, ones, tied copies), so that no gradient is zero by symmetry, and flattens the attention, whose
    /// initial logits are so large at these small widths that they would magnify rounding.
    /// </summary>
    public static StcaModel PerturbedModel(StcaConfig config)
    {
        StcaModel model = Model(config);
        Perturb(model.Parameters, config.Seed);
        return model;
    }

    /// <inheritdoc cref="PerturbedModel"/>
    public static void Perturb(ParameterSet parameters, long seed)
    {
        var random = new RandomStream(seed, 2000);
        foreach (Parameter parameter in parameters.Parameters)
        {
            if (parameter.Name.EndsWith(".query", StringComparison.Ordinal) || parameter.Name.EndsWith(".key", StringComparison.Ordinal))
            {
                System.Numerics.Tensors.TensorPrimitives.Multiply(parameter.Values, 0.5f, parameter.Values);
            }
            Perturb(parameter.Values, random);
        }
        foreach (EmbeddingTable table in parameters.Tables)
        {
            Perturb(table.Values, random);
        }
        parameters.MarkChanged();
    }

    /// <summary>A random batch with <paramref name="requestsPerSegment"/> requests of <paramref name="targetsPerRequest"/> targets in every segment.</summary>
    public static RequestBatch Batch(ModelConfig config, long seed, ReadOnlySpan<long> lengths, int requestsPerSegment = 2, int targetsPerRequest = 3)
    {
        var random = new RandomStream(seed);
        JaggedLayout history = JaggedLayout.FromLengths(lengths);
        int targets = history.Count * requestsPerSegment * targetsPerRequest;
        var limits = new long[targets];
        var times = new long[history.Total];
        var requestTimes = new long[history.Count];
        for (int segment = 0; segment < history.Count; segment++)
        {
            long time = 1_000_000;
            for (long row = history.Start(segment); row < history.Start(segment + 1); row++)
            {
                time += random.NextIndex(500);
                times[row] = time;
            }
            requestTimes[segment] = time + 30;
            for (int request = 0; request < requestsPerSegment; request++)
            {
                long limit = request == requestsPerSegment - 1 ? history.Length(segment) : random.NextIndex(history.Length(segment) + 1);
                limits.AsSpan(((segment * requestsPerSegment) + request) * targetsPerRequest, targetsPerRequest).Fill(limit);
            }
        }
        var labels = new float[targets];
        for (int i = 0; i < targets; i++)
        {
            labels[i] = i % targetsPerRequest == 0 ? 1 : 0;
        }
        return new RequestBatch
        {
            History = history,
            HistoryItems = Indices(random, (int)history.Total, config.Items),
            HistoryActions = config.Actions > 1 ? Indices(random, (int)history.Total, config.Actions) : default,
            HistoryTimes = times,
            RequestTimes = requestTimes,
            Targets = JaggedLayout.Uniform(history.Count, requestsPerSegment * targetsPerRequest),
            TargetItems = Indices(random, targets, config.Items),
            HistoryLimits = limits,
            TargetContext = Normals(random, targets * config.ContextWidth),
            Requests = JaggedLayout.Uniform(history.Count * requestsPerSegment, targetsPerRequest),
            Labels = labels,
        };
    }

    /// <summary>The gradients of all parameters, those of tables as dense tensors.</summary>
    public static List<(string Name, float[] Values)> Gradients(ParameterSet parameters)
    {
        var groups = new List<(string Name, float[] Values)>();
        foreach (Parameter parameter in parameters.Parameters)
        {
            groups.Add((parameter.Name, parameter.Gradient.ToArray()));
        }
        foreach (EmbeddingTable table in parameters.Tables)
        {
            var dense = new float[table.Rows * table.Width];
            for (int i = 0; i < table.TouchedRows.Length; i++)
            {
                table.Gradient.Slice(i * table.Width, table.Width).CopyTo(dense.AsSpan(table.TouchedRows[i] * table.Width));
            }
            groups.Add((table.Name, dense));
        }
        return groups;
    }

    public static float[] Normals(RandomStream random, int count)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (float)random.NextNormal();
        }
        return values;
    }

    private static int[] Indices(RandomStream random, int count, int bound)
    {
        var values = new int[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = random.NextIndex(bound);
        }
        return values;
    }

    private static void Perturb(Span<float> values, RandomStream random)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] += (float)(0.2 * random.NextNormal());
        }
    }
}

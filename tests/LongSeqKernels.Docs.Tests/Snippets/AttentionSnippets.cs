using NUnit.Framework;
using static LongSeqKernels.Docs.Tests.Snippets.Numbers;
using static LongSeqKernels.Tests.FiniteDifferences;
using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Docs.Tests.Snippets;

/// <summary>The attention of Operations/README.md: its code, and its formulas as plain loops in fp64.</summary>
[TestFixture]
public sealed class AttentionSnippets
{
    private const int Width = 8;
    private readonly LongSeqContext _context = LongSeqContext.Create(Backend.Managed);
    private readonly JaggedLayout _history = JaggedLayout.FromLengths(10, 5, 0);
    private readonly JaggedLayout _targets = JaggedLayout.FromLengths(3, 2, 1);

    [OneTimeTearDown]
    public void Dispose() => _context.Dispose();

    [Test]
    public void CrossAttentionForwardAndBackward()
    {
        (LongSeqContext context, JaggedLayout history, JaggedLayout targets) = (_context, _history, _targets);
        float[] queries = Normal(1, targets.Total * 4 * Width), keys = Normal(2, history.Total * 2 * Width), values = Normal(3, keys.Length), keyBias = Normal(4, history.Total);
        float[] outputGradient = Normal(5, queries.Length);
        var output = new float[queries.Length];
        var logSumExp = new float[targets.Total * 4];
        var queryGradient = new float[queries.Length];
        var keyGradient = new float[keys.Length];
        var valueGradient = new float[values.Length];
        var keyBiasGradient = new float[keyBias.Length];

        // <example>
        var shape = new CrossAttentionShape { History = history, Targets = targets, Heads = 4, KeyValueHeads = 2, HeadWidth = 8 };
        CrossAttentionPlan plan = CrossAttention.Plan(context, shape, new CrossAttentionOptions { SoftCap = 30 });
        CrossAttention.Forward<float>(plan, queries, keys, values, output, logSumExp, keyBias);
        CrossAttention.Backward<float>(
            plan, queries, keys, values, output, logSumExp, outputGradient, queryGradient, keyGradient, valueGradient, keyBias, keyBiasGradient);
        // </example>

        for (int user = 0; user < targets.Count; user++)
        {
            for (long target = targets.Start(user); target < targets.Start(user + 1); target++)
            {
                for (int head = 0; head < 4; head++)
                {
                    (double[] expected, double lse) = Attend(Row(queries, (target * 4) + head, Width), history, user, keys, values, keyBias, heads: 2, head * 2 / 4, softCap: 30);
                    AssertRow(Row(output, (target * 4) + head, Width), expected);
                    Assert.That(logSumExp[(target * 4) + head], Is.EqualTo((float)lse).Within(1e-5));
                }
            }
        }
        double Loss()
        {
            var moved = new float[output.Length];
            CrossAttention.Forward<float>(plan, queries, keys, values, moved, default, keyBias);
            return WeightedSum(moved, outputGradient);
        }
        AssertGradient("queries", queries, queryGradient, Loss);
        AssertGradient("keys", keys, keyGradient, Loss);
        AssertGradient("values", values, valueGradient, Loss);
        AssertGradient("key bias", keyBias, keyBiasGradient, Loss);
    }

    [Test]
    public void StatesOfTwoPartsMergeIntoThatOfTheWhole()
    {
        LongSeqContext context = _context;
        JaggedLayout olderLayout = JaggedLayout.FromLengths(6, 0, 0), newerLayout = JaggedLayout.FromLengths(4, 5, 0);
        CrossAttentionPlan Plan(JaggedLayout history) => CrossAttention.Plan(context, new CrossAttentionShape { History = history, Targets = _targets, Heads = 4, HeadWidth = Width });
        (CrossAttentionPlan older, CrossAttentionPlan newer) = (Plan(olderLayout), Plan(newerLayout));
        int rows = (int)older.Shape.Rows;
        int size = rows * Width;
        float[] queries = Normal(1, size), keys = Normal(2, _history.Total * 4 * Width), values = Normal(3, keys.Length);
        // User 0 has 6 older rows and 4 newer ones, user 1 only newer ones.
        int split = 6 * 4 * Width;
        (float[] olderKeys, float[] newerKeys) = (keys[..split], keys[split..]);
        (float[] olderValues, float[] newerValues) = (values[..split], values[split..]);
        var states = new float[2 * size];
        var logSumExps = new float[2 * rows];
        var output = new float[size];
        var logSumExp = new float[rows];

        // <example>
        // Two parts of every user's history, attended to one after the other; states lie part after part.
        CrossAttention.ForwardState<float>(older, queries, olderKeys, olderValues, states.AsSpan(0, size), logSumExps.AsSpan(0, rows));
        CrossAttention.ForwardState<float>(newer, queries, newerKeys, newerValues, states.AsSpan(size), logSumExps.AsSpan(rows));
        MergeStates.Forward(context, rows, width: 8, states, logSumExps, output, logSumExp);
        // </example>

        var whole = new float[size];
        var wholeLogSumExp = new float[rows];
        CrossAttention.Forward<float>(Plan(_history), queries, keys, values, whole, wholeLogSumExp);
        Assert.That(output, Is.EqualTo(whole).Within(1e-5));
        Assert.That(logSumExp, Is.EqualTo(wholeLogSumExp).Within(1e-5));
    }

    [Test]
    public void SeedsPoolEveryUser()
    {
        (LongSeqContext context, JaggedLayout history) = (_context, _history);
        float[] seeds = Normal(1, 16 * 4 * Width), keys = Normal(2, history.Total * 4 * Width), values = Normal(3, keys.Length);
        var summaries = new float[history.Count * seeds.Length];

        // <example>
        CrossAttentionPlan pooling = SummaryPooling.Plan(context, history, seeds: 16, heads: 4, headWidth: 8);
        CrossAttention.Forward<float>(pooling, seeds, keys, values, summaries);     // [users, 16, 1, 4, 8]
        // </example>

        for (int row = 0; row < history.Count * 16 * 4; row++)
        {
            (double[] expected, _) = Attend(Row(seeds, row % (16 * 4), Width), history, row / (16 * 4), keys, values, new float[history.Total], heads: 4, row % 4, softCap: 0);
            AssertRow(Row(summaries, row, Width), expected);
        }
    }

    [Test]
    public void AnEncodedHistoryIsAttendedToAsItsDecodedRowsAre()
    {
        LongSeqContext context = _context;
        var shape = new CrossAttentionShape { History = _history, Targets = _targets, Heads = 4, HeadWidth = 16, Form = HistoryForm.Shared };
        var options = new CrossAttentionOptions { Scale = 0.5f };
        float[] summaries = Normal(1, _history.Total * 16), queries = Normal(2, _targets.Total * 4 * 16);
        var codes = new byte[summaries.Length];
        var scales = new float[_history.Total];
        var output = new float[queries.Length];

        // <example>
        SummaryCodec.Encode(context, SummaryEncoding.Int8, width: 16, summaries, codes, scales);
        CrossAttentionPlan plan = CrossAttention.Plan(context, shape with { HistoryEncoding = SummaryEncoding.Int8 }, options);
        var stored = new EncodedRows { Codes = codes, Scales = scales };
        CrossAttention.ForwardEncoded<float>(plan, queries, stored, default, output);       // shared history: keys are the values
        // </example>

        var decoded = new float[summaries.Length];
        SummaryCodec.Decode(context, SummaryEncoding.Int8, width: 16, codes, scales, decoded);
        for (int i = 0; i < decoded.Length; i++)
        {
            Assert.That(Math.Abs(decoded[i] - summaries[i]), Is.LessThanOrEqualTo(scales[i / 16] * 0.5001f));
        }
        var expected = new float[output.Length];
        CrossAttention.Forward<float>(CrossAttention.Plan(context, shape, options), queries, decoded, default, expected);
        Assert.That(output, Is.EqualTo(expected).Within(1e-5));
    }

    /// <summary>The forward formulas of cross attention for one query row.</summary>
    private static (double[] Output, double LogSumExp) Attend(
        ReadOnlySpan<float> query, JaggedLayout history, int user, float[] keys, float[] values, float[] bias, int heads, int head, double softCap)
    {
        var logits = new double[history.Length(user)];
        for (int j = 0; j < logits.Length; j++)
        {
            long row = history.Start(user) + j;
            double z = WeightedSum(query, Row(keys, (row * heads) + head, Width)) / Math.Sqrt(Width);
            logits[j] = (softCap == 0 ? z : softCap * Math.Tanh(z / softCap)) + bias[row];
        }
        double lse = Math.Log(logits.Sum(Math.Exp));
        var output = new double[Width];
        for (int j = 0; j < logits.Length; j++)
        {
            ReadOnlySpan<float> value = Row(values, ((history.Start(user) + j) * heads) + head, Width);
            for (int i = 0; i < Width; i++)
            {
                output[i] += Math.Exp(logits[j] - lse) * value[i];
            }
        }
        return (output, lse);
    }

    private static void AssertRow(ReadOnlySpan<float> actual, double[] expected) => Assert.That(actual.ToArray(), Is.EqualTo(expected).Within(1e-5));
}

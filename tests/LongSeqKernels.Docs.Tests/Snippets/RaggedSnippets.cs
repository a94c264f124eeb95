using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Docs.Tests.Snippets;

/// <summary>Tensors/README.md: layouts, and requests that share a history.</summary>
[TestFixture]
public sealed class RaggedSnippets
{
    [Test]
    public void ALayoutCutsRowsIntoUsers()
    {
        float[] values = Normal(1, 15 * 4 * 32);

        // <example>
        JaggedLayout history = JaggedLayout.FromLengths(10, 5, 0);
        JaggedLayout same = JaggedLayout.FromOffsets([0, 10, 15, 15]);
        var tensor = new JaggedTensor<float>(values, history, 4, 32);                // rows of 4 heads, 32 wide: a view, nothing is copied
        Span<float> secondUser = tensor.Segment(1);
        // </example>

        Assert.That(same.Offsets.ToArray(), Is.EqualTo(history.Offsets.ToArray()));
        Assert.That(secondUser.ToArray(), Is.EqualTo(values[(10 * 128)..]));
        Assert.That(tensor.Segment(2).Length, Is.Zero);
    }

    [Test]
    public void AlignedMemoryIsMemory()
    {
        JaggedLayout history = JaggedLayout.FromLengths(10, 5, 0);

        // <example>
        Memory<float> keys = AlignedMemory.AllocateUninitialized<float>(history.Total * 128);
        // </example>

        Assert.That(keys.Length, Is.EqualTo(15 * 128));
    }

    [Test]
    public void ALimitIsAHistoryThatEndsThere()
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Managed);
        const int row = 2 * 16;
        float[] keys = Normal(1, 7 * row), values = Normal(2, 7 * row), queries = Normal(3, 3 * row);
        var output = new float[queries.Length];

        // <example>
        var shape = new CrossAttentionShape
        {
            History = JaggedLayout.FromLengths(7),                                   // one user
            Targets = JaggedLayout.FromLengths(3),                                   // two requests: t0 and t1, later t2
            HistoryLimits = new long[] { 4, 4, 7 },
            Heads = 2,
            HeadWidth = 16,
        };
        CrossAttention.Forward<float>(CrossAttention.Plan(context, shape), queries, keys, values, output);
        // </example>

        var earlier = new float[2 * row];
        CrossAttentionShape alone = shape with { History = JaggedLayout.FromLengths(4), Targets = JaggedLayout.FromLengths(2), HistoryLimits = default };
        CrossAttention.Forward<float>(CrossAttention.Plan(context, alone), queries.AsSpan(0, 2 * row), keys.AsSpan(0, 4 * row), values.AsSpan(0, 4 * row), earlier);
        Assert.That(output[..(2 * row)], Is.EqualTo(earlier).Within(1e-5));
    }
}

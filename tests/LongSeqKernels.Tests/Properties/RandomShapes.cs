using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Generators of ragged shapes, and how properties are run: many cases, always the same ones.</summary>
internal static class RandomShapes
{
    private const int Cases = 60;

    /// <summary>Short and long, on and off every tile, and none.</summary>
    public static Gen<long> Length { get; } = Gen.OneOf(
        Gen.Choose(0, 5).Select(n => (long)n),
        Gen.Choose(0, 300).Select(n => (long)n),
        Gen.Elements(16L, 32L, 63L, 64L, 65L, 127L, 128L, 129L, 256L));

    public static Gen<int> Width { get; } = Gen.OneOf(Gen.Choose(1, 70), Gen.Elements(8, 16, 32, 64));

    public static Gen<CrossAttentionOptions> Options { get; } =
        from score in Gen.Elements(AttentionScore.Softmax, AttentionScore.Softmax, AttentionScore.Silu, AttentionScore.Identity)
        from cap in Gen.Elements(0f, 0f, 4f)
        from scale in Gen.Elements(0.1f, 0.3f)
        select new CrossAttentionOptions { Score = score, SoftCap = cap, Scale = scale };

    public static Gen<CrossAttentionCase> Attention { get; } =
        from segments in Gen.Choose(1, 4)
        from targets in Gen.Choose(0, 20).ListOf(segments)
        from history in Length.ListOf(segments)
        from keyValueHeads in Gen.Choose(1, 3)
        from headsPerKey in Gen.Choose(1, 3)
        from width in Width
        from queries in Gen.Elements(1, 1, 2)
        from form in Gen.Elements(HistoryForm.Projected, HistoryForm.Shared)
        from options in Options
        from bias in Gen.Elements(CaseBias.None, CaseBias.Normal)
        from limits in Gen.Choose(0, 320).ListOf(targets.Sum())
        from limited in Gen.Elements(true, false)
        select new CrossAttentionCase("random", new CrossAttentionShape
        {
            Targets = JaggedLayout.FromLengths([.. targets.Select(n => (long)n)]),
            History = JaggedLayout.FromLengths([.. history]),
            Heads = keyValueHeads * headsPerKey,
            KeyValueHeads = form == HistoryForm.Shared ? 1 : keyValueHeads,
            HeadWidth = width,
            QueriesPerTarget = queries,
            Form = form,
            HistoryLimits = limited ? limits.Select(n => (long)n).ToArray() : default(ReadOnlyMemory<long>),
        })
        { Options = options, Bias = bias };

    /// <summary>Lengths of the parts of a history, some of them empty.</summary>
    public static Gen<long[]> Partition { get; } =
        from parts in Gen.Choose(1, 6)
        from lengths in Length.ListOf(parts)
        select lengths.ToArray();

    /// <summary>Checks a property on random cases; a failure prints the case. Cases that a backend must leave out are named at the end.</summary>
    public static void ForAll<TCase>(Gen<TCase> cases, Action<TCase> property)
    {
        string? leftOut = null;
        Prop.ForAll(cases.ToArbitrary(), one =>
            {
                try
                {
                    property(one);
                }
                catch (IgnoreException e)
                {
                    leftOut = e.Message;
                }
            })
            .Check(Config.QuickThrowOnFailure.WithMaxTest(Cases).WithQuietOnSuccess(true).WithReplay(20_251_121UL, 7_919UL));
        if (leftOut is not null)
        {
            Assert.Ignore(leftOut);
        }
    }
}

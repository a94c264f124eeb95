using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>
/// A part of the parity suite, every operation with it, over the native backend while the garbage collector never rests; and the same again over streams
/// that do nothing until somebody waits for them.
/// </summary>
public sealed class NativeStressTests
{
    private const string Native = BackendRegistry.NativeName;

    private static IEnumerable<TestCaseData> Parity =>
    [
        .. CrossAttentionCatalogue.Representative.Select(c => Case($"cross attention, {c}", () =>
        {
            new CrossAttentionParity<float>(Native).ForwardMatchesTheReference(c);
            new CrossAttentionParity<BFloat16>(Native).BackwardMatchesTheReference(c);
        })),
        .. EncodedCrossAttentionCase.Representative.Where(c => c.Encoding != SummaryEncoding.Float16).Select(c =>
            Case($"encoded history, {c}", () => new EncodedCrossAttentionParity<Half>(Native).ForwardMatchesAttentionToTheDecodedRows(c))),
        Case("concurrent callers", () => new CrossAttentionParity<float>(Native).ConcurrentCallsOnOneContextGiveTheSameBits()),
        Case("pooling", () => new SummaryPoolingParity<float>(Native).EveryUserIsPooledAsIfAlone()),
        Case("merge states", () => new MergeStatesParity(Native).AnEmptyPartIsTheIdentity()),
        Case("linear attention, state", () => new LinearAttentionParity<float>(Native).AppendedEventsGiveTheStateOfTheWholeHistory()),
        Case("linear attention, rows", () => new LinearAttentionParity<float>(Native).SameInputsGiveTheSameBits()),
        Case("sketch attention", () => new SketchAttentionParity<float>(Native).NeighbouringSegmentsAreNeverRead()),
        Case("gated FFN, forward", () => new GatedFfnParity<float>(Native).ForwardMatchesTheReference(new GatedFfnShape(33, 40, 24), true)),
        Case("gated FFN, backward", () => new GatedFfnParity<float>(Native).BackwardCanAddToItsGradients(new GatedFfnShape(33, 40, 24), true)),
        Case("linear", () => new LinearParity<float>(Native).BackwardMatchesTheReference(new LinearShape(65, 40, 24))),
        Case("layer norm", () => new LayerNormParity<float>(Native).BackwardMatchesTheReference(65, 40, true)),
        Case("segment reduction", () => new SegmentReduceParity<float>(Native).BackwardMatchesTheReference(SegmentReduction.Max, [3, 0, 70], 40)),
        Case("time embedding", () => new TimeEmbeddingParity<float>(Native).BackwardMatchesTheReference([3, 0, 70], 40)),
        Case("codec", () => new SummaryCodecParity(Native).EveryBackendWritesAndReadsTheSameBits(SummaryEncoding.Int4, 33, 65)),
    ];

    [OneTimeSetUp]
    public void TheLibraryIsThere() => EmulatedLibrary.Require(nameof(NativeStressTests));

    [TestCaseSource(nameof(Parity))]
    public void TheCollectorTakesNothingThatIsInUse(Action parity)
    {
        using var collector = new RestlessCollector();
        parity();
    }

    [Test]
    public void NothingReliesOnStreamsThatRunAtOnce() =>
        ChildTests.Run($".{nameof(NativeStressTests)}.{nameof(TheCollectorTakesNothingThatIsInUse)}", ("EMU_LAZY_STREAMS", "1"));

    private static TestCaseData Case(string name, Action parity) => new TestCaseData(parity).SetArgDisplayNames(name);
}

namespace LongSeqKernels.Tests;

/// <summary>What a case should give, exactly and naively: computed once and compared with by every backend.</summary>
internal sealed record CrossAttentionExpectation(
    CrossAttentionResult<float> Forward, CrossAttentionGradientResult<float> Backward, float[] NaiveOutput, CrossAttentionGradientResult<float> NaiveBackward)
{
    /// <param name="c">A case of the catalogue.</param>
    /// <typeparam name="T">Storage type of the inputs, and of the naive computation's intermediate results.</typeparam>
    public static CrossAttentionExpectation Of<T>(CrossAttentionCase c)
        where T : unmanaged => Cache<T>.Values.Of(c.Name, () =>
        {
            CrossAttentionData<float> data = CrossAttentionData<T>.Of(c).Widened();
            CrossAttentionResult<float> forward = CrossAttentionRun.Forward(BackendRegistry.Reference, data);
            CrossAttentionNaive<T> naive = new(data);
            return new CrossAttentionExpectation(
                forward,
                CrossAttentionRun.Backward(BackendRegistry.Reference, data, forward),
                naive.Output,
                naive.Backward(data.OutputGradient, data.LogSumExpGradient));
        });

    private static class Cache<T>
    {
        public static readonly Expected<CrossAttentionExpectation> Values = new();
    }
}
